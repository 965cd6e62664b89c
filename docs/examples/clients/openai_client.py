"""
OpenAI's own client: models, chat, streams, tools, embeddings, and what fails.

    python openai_client.py --base-url http://127.0.0.1:8080 --model qwen
"""

import argparse
import json
import os

import openai

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}


def weather(city):
    return f"17 degrees in {city}"


def tell(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def chat(client, model):
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hello"}]
    )
    tokens = answer.usage.completion_tokens
    tell("chat", text=answer.choices[0].message.content, tokens=tokens)


def stream(client, model):
    pieces, tokens = [], 0
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hello"}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        pieces += [choice.delta.content or "" for choice in chunk.choices]
        if chunk.usage:
            tokens = chunk.usage.completion_tokens
    tell("stream", text="".join(pieces), pieces=len(pieces), tokens=tokens)


def tools(client, model):
    answer = client.chat.completions.create(
        model=model, messages=[QUESTION], tools=[WEATHER]
    )
    message = answer.choices[0].message
    results = [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": weather(**json.loads(call.function.arguments)),
        }
        for call in message.tool_calls
    ]
    final = client.chat.completions.create(
        model=model, messages=[QUESTION, message, *results], tools=[WEATHER]
    )
    tell("tools", text=final.choices[0].message.content)


def streamed_tools(client, model):
    names, arguments, ids = {}, {}, {}
    for chunk in client.chat.completions.create(
        model=model, messages=[QUESTION], tools=[WEATHER], stream=True
    ):
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                if call.id:
                    ids[call.index], names[call.index] = call.id, call.function.name
                arguments.setdefault(call.index, "")
                arguments[call.index] += call.function.arguments or ""
    calls = [
        {
            "id": ids[index],
            "type": "function",
            "function": {"name": names[index], "arguments": arguments[index]},
        }
        for index in sorted(ids)
    ]
    results = [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": weather(**json.loads(call["function"]["arguments"])),
        }
        for call in calls
    ]
    called = {"role": "assistant", "content": None, "tool_calls": calls}
    pieces = []
    for chunk in client.chat.completions.create(
        model=model, messages=[QUESTION, called, *results], stream=True
    ):
        pieces += [choice.delta.content or "" for choice in chunk.choices]
    tell("streamed tools", text="".join(pieces))


def embeddings(client, model):
    answer = client.embeddings.create(model=model, input=["one", "two"])
    tell("embeddings", sizes=[len(entry.embedding) for entry in answer.data])


def failure(client, model):
    try:
        chat(client, model)
    except openai.APIStatusError as error:
        # A class for each status: AuthenticationError, NotFoundError,
        # RateLimitError, InternalServerError …
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

    client = openai.OpenAI(
        # A swap may take a while, and a retry would only wait again.
        base_url=f"{given.base_url}/v1",
        api_key=given.key,
        timeout=600,
        max_retries=0,
    )
    tell("models", ids=[model.id for model in client.models.list()])
    for step in (chat, stream, tools, streamed_tools, embeddings):
        step(client, given.model)
    if given.wrong_key:
        failure(client.with_options(api_key=given.wrong_key), given.model)
    for model in given.failing:
        failure(client, model)


if __name__ == "__main__":
    main()
