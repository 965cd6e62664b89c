"""
Anthropic's own client: models, messages, streams, tools, and what fails.

    python anthropic_client.py --base-url http://127.0.0.1:8080 --model qwen
"""

import argparse
import json
import os

import anthropic

WEATHER = {
    "name": "weather",
    "description": "Tell the weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
HELLO = {"role": "user", "content": "Hello"}
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}


def weather(city):
    return f"17 degrees in {city}"


def tell(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def results_of(message):
    """
    What the tools answer that a message calls.
    """
    return {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": block.id,
                "content": weather(**block.input),
            }
            for block in message.content
            if block.type == "tool_use"
        ],
    }


def chat(client, model):
    message = client.messages.create(model=model, max_tokens=100, messages=[HELLO])
    tell("chat", text=text_of(message), tokens=message.usage.output_tokens)


def stream(client, model):
    with client.messages.stream(
        model=model, max_tokens=100, messages=[HELLO]
    ) as events:
        pieces = list(events.text_stream)
        tokens = events.get_final_message().usage.output_tokens
    tell("stream", text="".join(pieces), pieces=len(pieces), tokens=tokens)


def tools(client, model):
    asked = {"model": model, "max_tokens": 100, "tools": [WEATHER]}
    called = client.messages.create(messages=[QUESTION], **asked)
    final = client.messages.create(
        messages=[
            QUESTION,
            {"role": "assistant", "content": called.content},
            results_of(called),
        ],
        **asked,
    )
    tell("tools", text=text_of(final))


def streamed_tools(client, model):
    asked = {"model": model, "max_tokens": 100, "tools": [WEATHER]}
    with client.messages.stream(messages=[QUESTION], **asked) as events:
        called = events.get_final_message()
    with client.messages.stream(
        messages=[
            QUESTION,
            {"role": "assistant", "content": called.content},
            results_of(called),
        ],
        **asked,
    ) as events:
        tell("streamed tools", text="".join(events.text_stream))


def failure(client, model):
    try:
        chat(client, model)
    except anthropic.APIStatusError as error:
        # A class for each status: AuthenticationError, NotFoundError,
        # RateLimitError, ServiceUnavailableError …
        kind = type(error).__name__
        tell("failure", kind=kind, status=error.status_code, message=error.message)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    env = os.environ.get
    parser.add_argument("--base-url", default=env("LLAMASWAP_URL"))
    parser.add_argument("--key", default=env("LLAMASWAP_KEY", "none"))
    parser.add_argument("--model", default=env("LLAMASWAP_MODEL"))
    parser.add_argument("--wrong-key", help="ask with this one too")
    parser.add_argument("--failing", nargs="*", default=[], help="ask these models too")
    given = parser.parse_args()

    client = anthropic.Anthropic(
        # A swap may take a while, and a retry would only wait again.
        base_url=given.base_url,
        api_key=given.key,
        timeout=600,
        max_retries=0,
    )
    tell("models", ids=[model.id for model in client.models.list()])
    for step in (chat, stream, tools, streamed_tools):
        step(client, given.model)
    if given.wrong_key:
        failure(client.with_options(api_key=given.wrong_key), given.model)
    for model in given.failing:
        failure(client, model)


if __name__ == "__main__":
    main()
