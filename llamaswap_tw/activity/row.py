"""
What is told of a request when it has ended.

Tuples with names: a frozen dataclass is made in four times the time, and each request
makes some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Tokens(NamedTuple):
    """
    The tokens of a response and how fast they came; -1 is unknown.  Where the
    response told nothing at all, every number is 0.

    :ivar cache_tokens: of the input, those that were not computed again.
    :ivar draft_tokens: proposed by a draft model.
    :ivar draft_acc_tokens: of those, the accepted ones.
    :ivar input_tokens: of the prompt.
    :ivar output_tokens: of the answer.
    :ivar prompt_per_second: the speed of the input.
    :ivar tokens_per_second: the speed of the output.
    """

    cache_tokens: int = 0
    draft_tokens: int = 0
    draft_acc_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    prompt_per_second: float = 0.0
    tokens_per_second: float = 0.0


class Row(NamedTuple):
    """
    One request that has ended, however it did.

    :ivar timestamp: its end, in seconds since the epoch.
    :ivar model: the model's real id; a peer's model as it was asked for.
    :ivar req_path: the path as it was sent up.
    :ivar resp_content_type: of the response, or ``""``.
    :ivar resp_status_code: of the response.
    :ivar tokens: what the response told of tokens.
    :ivar duration_ms: from the request to the end, in milliseconds.
    :ivar error_msg: what went wrong, or ``""``.
    :ivar metadata: more that is known of it, by name.
    """

    timestamp: float
    model: str
    req_path: str
    resp_content_type: str
    resp_status_code: int
    tokens: Tokens
    duration_ms: int
    error_msg: str
    metadata: Mapping[str, str]
