"""
LiteLLM: models, chat, streams, tools, embeddings, and what fails.

    python litellm_client.py --base-url http://127.0.0.1:8080 --model qwen
"""

import argparse
import json
import os

# Before it is imported: it would fetch the prices of hosted models.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

litellm.telemetry = False
litellm.suppress_debug_info = True

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
HELLO = {"role": "user", "content": "Hello"}
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}


def weather(city):
    return f"17 degrees in {city}"


def tell(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


class Client:
    """
    Asks the daemon.
    """

    def __init__(self, base_url, key):
        # The daemon speaks OpenAI's API: so does each model, whatever it is.
        self.how = {"api_base": f"{base_url}/v1", "api_key": key}

    def models(self):
        return litellm.get_valid_models(
            check_provider_endpoint=True, custom_llm_provider="openai", **self.how
        )

    def complete(self, model, messages, **more):
        return litellm.completion(
            model=f"openai/{model}",
            messages=messages,
            timeout=600,
            max_retries=0,
            **self.how,
            **more,
        )

    def embed(self, model, texts):
        return litellm.embedding(
            model=f"openai/{model}",
            input=texts,
            encoding_format="float",
            max_retries=0,
            **self.how,
        )


def results_of(message):
    """
    What the tools answer that a message calls.
    """
    return [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": weather(**json.loads(call.function.arguments)),
        }
        for call in message.tool_calls
    ]


def chat(client, model):
    answer = client.complete(model, [HELLO])
    tokens = answer.usage.completion_tokens
    tell("chat", text=answer.choices[0].message.content, tokens=tokens)


def stream(client, model):
    options = {"include_usage": True}
    chunks = list(client.complete(model, [HELLO], stream=True, stream_options=options))
    pieces = [choice.delta.content or "" for c in chunks for choice in c.choices]
    usage = litellm.stream_chunk_builder(chunks).usage
    tell(
        "stream",
        text="".join(pieces),
        pieces=len(pieces),
        tokens=usage.completion_tokens,
    )


def tools(client, model):
    called = client.complete(model, [QUESTION], tools=[WEATHER]).choices[0].message
    messages = [QUESTION, called, *results_of(called)]
    final = client.complete(model, messages, tools=[WEATHER])
    tell("tools", text=final.choices[0].message.content)


def streamed_tools(client, model):
    chunks = list(client.complete(model, [QUESTION], tools=[WEATHER], stream=True))
    called = litellm.stream_chunk_builder(chunks).choices[0].message
    messages = [QUESTION, called, *results_of(called)]
    final = client.complete(model, messages, tools=[WEATHER], stream=True)
    pieces = [choice.delta.content or "" for c in final for choice in c.choices]
    tell("streamed tools", text="".join(pieces))


def embeddings(client, model):
    answer = client.embed(model, ["one", "two"])
    tell("embeddings", sizes=[len(entry["embedding"]) for entry in answer.data])


def failure(client, model):
    try:
        chat(client, model)
    except (
        litellm.AuthenticationError,
        litellm.NotFoundError,
        litellm.RateLimitError,
        litellm.ServiceUnavailableError,
    ) as error:
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

    client = Client(given.base_url, given.key)
    tell("models", ids=client.models())
    for step in (chat, stream, tools, streamed_tools, embeddings):
        step(client, given.model)
    if given.wrong_key:
        failure(Client(given.base_url, given.wrong_key), given.model)
    for model in given.failing:
        failure(client, model)


if __name__ == "__main__":
    main()
