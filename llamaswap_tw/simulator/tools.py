"""
Calls of tools: what the simulated model calls, and what it makes of the result.

Where a request offers tools and a user has the last word, the model calls one: the
first, or the one that ``tool_choice`` names, with an argument for each property of its
schema; text is the last word that the user has said.  Where a tool has the last word,
the model repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .text import Script

#: How much of the arguments is in one token.
_PIECE = 6

#: What stands for a property, by its type.
_VALUES: Mapping[str, Any] = {
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


@dataclass(frozen=True)
class Call:
    """
    A call that the model makes.

    :ivar name: the tool's.
    :ivar arguments: for it.
    """

    name: str
    arguments: dict[str, Any]

    @property
    def json(self) -> str:
        """
        The arguments, in JSON.
        """
        return orjson.dumps(self.arguments).decode()

    @property
    def script(self) -> Script:
        """
        The same, as it is streamed.
        """
        text = self.json
        return Script([text[at : at + _PIECE] for at in range(0, len(text), _PIECE)])


def call_of(asked: dict[str, Any]) -> Call | None:
    """
    The call that a request leads to, or `None`.

    :param asked: the request's JSON, OpenAI's or Anthropic's.
    """
    chosen = _choice(asked.get("tool_choice"))
    tools = [_parts(tool) for tool in _list(asked.get("tools"))]
    if chosen is None or _result_in(asked) is not None:
        return None
    for name, schema in tools:
        if name and chosen in ("", name):
            return Call(name, _arguments(schema, _last_word(asked)))
    return None


def script_for(name: str, asked: dict[str, Any]) -> Script | None:
    """
    What a model says of a tool's result, where that is the last word; else `None`.

    :param name: the model's.
    :param asked: the request's JSON, OpenAI's or Anthropic's.
    """
    result = _result_in(asked)
    if result is None:
        return None
    return Script([name, " here:", *(f" {word}" for word in result.split())])


def _result_in(asked: dict[str, Any]) -> str | None:
    last = _last(asked)
    if last.get("role") == "tool":
        return _text(last.get("content"))
    results = [
        block.get("content")
        for block in _list(last.get("content"))
        if isinstance(block, dict) and block.get("type") == "tool_result"
    ]
    return " ".join(map(_text, results)) if results else None


def _choice(choice: Any) -> str | None:
    """
    The name of the one tool that is to be called, ``""`` for any, `None` for none.
    """
    if isinstance(choice, dict):
        if choice.get("type") == "none":
            return None
        function = choice.get("function")
        named = function if isinstance(function, dict) else choice
        return str(named.get("name", ""))
    return None if choice == "none" else ""


def _parts(tool: Any) -> tuple[str, dict[str, Any]]:
    """
    A tool's name and its arguments' schema; ``""`` where it has no name.
    """
    if not isinstance(tool, dict):
        return "", {}
    function = tool.get("function")
    declared = function if isinstance(function, dict) else tool
    schema = declared.get("parameters", declared.get("input_schema"))
    return str(declared.get("name", "")), schema if isinstance(schema, dict) else {}


def _arguments(schema: dict[str, Any], text: str) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: _value(declared, text) for name, declared in properties.items()}


def _value(declared: Any, text: str) -> Any:
    declared = declared if isinstance(declared, dict) else {}
    allowed = _list(declared.get("enum"))
    if allowed:
        return allowed[0]
    kind = declared.get("type")
    return _VALUES.get(kind, text) if isinstance(kind, str) else text


def _last(asked: dict[str, Any]) -> dict[str, Any]:
    messages = _list(asked.get("messages"))
    return messages[-1] if messages and isinstance(messages[-1], dict) else {}


def _last_word(asked: dict[str, Any]) -> str:
    words = _text(_last(asked).get("content")).split()
    return words[-1].strip(".,;:!?\"'") if words else ""


def _text(content: Any) -> str:
    """
    The text of a message or of a part of one.
    """
    if isinstance(content, list):
        return " ".join(map(_text, content))
    if isinstance(content, dict):
        return _text(content.get("text"))
    return content if isinstance(content, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
