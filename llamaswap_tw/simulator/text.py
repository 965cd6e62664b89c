"""
What the simulated model says, and how its tokens are counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

#: The rest of every answer, over and over.
_WORDS = (
    *(" I", " only", " pretend", " to", " be", " a", " model", ","),
    *(" but", " this", " stream", " is", " real", "."),
)

#: An answer's length where the request gives none: the whole sentence, once.
DEFAULT_TOKENS = len(_WORDS) + 2

#: Under these names requests limit an answer's length; the first one given counts.
_LIMITS = (
    "max_completion_tokens",
    "max_tokens",
    "max_output_tokens",
    "n_predict",
)


class Vocabulary:
    """
    The tokens of a model's answers, in order, as text and ready for JSON.

    :param name: the model's name; its answers begin with it.
    """

    def __init__(self, name: str) -> None:
        self._opening = (name, " here:")
        self._opening_json = tuple(map(_in_json, self._opening))
        self._words_json = tuple(map(_in_json, _WORDS))

    def text(self, index: int) -> str:
        """
        :param index: the token's place in the answer, from 0 on.
        """
        return self._opening[index] if index < 2 else _WORDS[(index - 2) % len(_WORDS)]

    def json(self, index: int) -> bytes:
        """
        The same, as it stands between the quotes of a JSON string.
        """
        if index < 2:
            return self._opening_json[index]
        return self._words_json[(index - 2) % len(_WORDS)]


class Script:
    """
    Tokens that are said as they are, and no others.

    :param tokens: in their order.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens)

    def text(self, index: int) -> str:
        """
        :param index: the token's place in the answer, from 0 on.
        """
        return self._tokens[index]

    def json(self, index: int) -> bytes:
        """
        The same, as it stands between the quotes of a JSON string.
        """
        return _in_json(self._tokens[index])


def _in_json(text: str) -> bytes:
    return orjson.dumps(text)[1:-1]


def tokens_wanted(asked: dict[str, Any]) -> tuple[int, bool]:
    """
    How long an answer is to be.

    :param asked: the request's JSON.
    :returns: the number of tokens, and whether the request limits it to that.
    """
    for name in _LIMITS:
        limit = asked.get(name)
        if isinstance(limit, int) and limit >= 0:
            return limit, True
    return DEFAULT_TOKENS, False


def tokens_in(prompt: Any) -> int:
    """
    How many tokens a prompt has: a word is one, and so is a number.

    :param prompt: text, token numbers, messages or parts of them, at any depth.
    """
    if isinstance(prompt, str):
        return len(prompt.split())
    if isinstance(prompt, list):
        return sum(map(tokens_in, prompt))
    if isinstance(prompt, dict):
        return tokens_in(prompt.get("content")) + tokens_in(prompt.get("text"))
    return int(isinstance(prompt, int))


@dataclass(slots=True)
class Generation:
    """
    One answer, as it comes about; times are in seconds of the reactor's clock.

    :ivar model: the model's name.
    :ivar vocabulary: what is said.
    :ivar prompt_tokens: the prompt's length.
    :ivar tokens: how many are generated in all.
    :ivar limited: whether the request's limit ends it.
    :ivar arrived: when the request came.
    :ivar began: when generating began.
    :ivar ended: when the last token came.
    :ivar stamped: whether each token is, in place of a word, the time at which
        it is sent, in nanoseconds of the monotonic clock.
    """

    model: str
    vocabulary: Vocabulary | Script
    prompt_tokens: int
    tokens: int
    limited: bool
    arrived: float
    began: float = 0.0
    ended: float = 0.0
    stamped: bool = False

    def json(self, index: int) -> bytes:
        """
        A token, as it stands between the quotes of a JSON string.
        """
        if self.stamped:
            return b"%d " % time.monotonic_ns()
        return self.vocabulary.json(index)

    def text(self) -> str:
        """
        The whole answer.
        """
        return "".join(map(self.vocabulary.text, range(self.tokens)))

    def timings(self) -> dict[str, float]:
        """
        llama-server's ``timings`` object.
        """
        # Never 0, as with a real model, so that a rate can always be given.
        prompt_ms = max((self.began - self.arrived) * 1000, 0.001)
        predicted_ms = max((self.ended - self.began) * 1000, 0.001)
        return {
            "cache_n": 0,
            "prompt_n": self.prompt_tokens,
            "prompt_ms": prompt_ms,
            "prompt_per_token_ms": prompt_ms / max(self.prompt_tokens, 1),
            "prompt_per_second": self.prompt_tokens / prompt_ms * 1000,
            "predicted_n": self.tokens,
            "predicted_ms": predicted_ms,
            "predicted_per_token_ms": predicted_ms / max(self.tokens, 1),
            "predicted_per_second": self.tokens / predicted_ms * 1000,
        }
