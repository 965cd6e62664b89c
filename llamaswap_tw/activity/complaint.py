"""
What an error response says, in a few words.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import orjson

#: How much of it is kept, in characters.
_LONGEST = 500

#: The control characters, and what else ends a line.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

#: Codes that servers use and no standard has.
_UNOFFICIAL = {499: "Client Closed Request"}


class Complaint:
    """
    Finds the text of an error in a response's body.

    :ivar text: it, or nothing.
    """

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""

    def take(self, document: Any) -> None:
        """
        Take a document; the first one that has a text counts.

        :param document: its JSON.
        """
        if not self.text and isinstance(document, dict):
            self.text = _text_in(document)


def status_text(code: int) -> str:
    """
    What stands in for the text of an error that has none.

    :param code: the response's status.
    """
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return _UNOFFICIAL.get(code, f"status {code}")


def _text_in(document: dict[str, Any]) -> str:
    values = [document.get(key) for key in ("error", "message", "detail")]
    texts = [value for value in values if isinstance(value, str)]
    if isinstance(values[0], dict) and isinstance(values[0].get("message"), str):
        texts.insert(0, values[0]["message"])
    # Validation errors are lists: better as they are than nothing.
    texts += [_json(value) for value in values if isinstance(value, dict | list)]
    return next(filter(None, map(_tidy, texts)), "")


def _json(value: dict[str, Any] | list[Any]) -> str:
    try:
        return orjson.dumps(value).decode() if value else ""
    except orjson.JSONEncodeError:
        # A lone surrogate, or nested beyond use.
        return ""


def _tidy(text: str) -> str:
    text = _CONTROLS.sub(" ", text).strip()[:_LONGEST]
    # A lone surrogate could not be stored.
    return text.encode("utf-8", "replace").decode().rstrip()
