"""
LangChain: models, chat, streams, tools, embeddings, and what fails.

    python langchain_client.py --base-url http://127.0.0.1:8080 --model qwen
"""

import argparse
import json
import os

import openai
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

FAILURES = (
    openai.AuthenticationError,
    openai.NotFoundError,
    openai.RateLimitError,
    openai.InternalServerError,
)
QUESTION = HumanMessage("What is the weather in Paris?")


@tool
def weather(city: str) -> str:
    """
    Tell the weather in a city.
    """
    return f"17 degrees in {city}"


def tell(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def chat(model):
    answer = model.invoke("Hello")
    tell("chat", text=answer.text, tokens=answer.usage_metadata["output_tokens"])


def stream(model):
    whole, pieces = None, 0
    for chunk in model.stream("Hello", stream_usage=True):
        whole = chunk if whole is None else whole + chunk
        pieces += 1
    tokens = whole.usage_metadata["output_tokens"]
    tell("stream", text=whole.text, pieces=pieces, tokens=tokens)


def tools(model):
    knowing = model.bind_tools([weather])
    called = knowing.invoke([QUESTION])
    results = [weather.invoke(call) for call in called.tool_calls]
    tell("tools", text=knowing.invoke([QUESTION, called, *results]).text)


def streamed_tools(model):
    knowing = model.bind_tools([weather])
    called = None
    for chunk in knowing.stream([QUESTION]):
        called = chunk if called is None else called + chunk
    results = [weather.invoke(call) for call in called.tool_calls]
    pieces = knowing.stream([QUESTION, called, *results])
    tell("streamed tools", text="".join(piece.text for piece in pieces))


def embeddings(how, name):
    # It would count tokens as OpenAI's models do, with files that it fetches.
    model = OpenAIEmbeddings(model=name, check_embedding_ctx_length=False, **how)
    vectors = model.embed_documents(["one", "two"])
    tell("embeddings", sizes=[len(vector) for vector in vectors])


def failure(model):
    try:
        chat(model)
    except FAILURES as error:
        # LangChain's own are subclasses of these.
        kind = next(kind.__name__ for kind in FAILURES if isinstance(error, kind))
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

    # A swap may take a while, and a retry would only wait again.
    how = {"base_url": f"{given.base_url}/v1", "timeout": 600, "max_retries": 0}
    known = {**how, "api_key": given.key}
    model = ChatOpenAI(model=given.model, **known)
    # LangChain has no listing; the client beneath it does.
    tell("models", ids=[entry.id for entry in model.root_client.models.list()])
    for step in (chat, stream, tools, streamed_tools):
        step(model)
    embeddings(known, given.model)
    if given.wrong_key:
        failure(ChatOpenAI(model=given.model, api_key=given.wrong_key, **how))
    for name in given.failing:
        failure(ChatOpenAI(model=name, **known))


if __name__ == "__main__":
    main()
