"""
The endpoints that reach a model, by their exact paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """
    An endpoint that reaches a model.

    :ivar sent_up: the path that goes up.
    :ivar methods: those it takes.
    :ivar is_chat: whether a stream of it can tell that its model is loading.
    """

    sent_up: bytes
    methods: tuple[bytes, ...]
    is_chat: bool = False


_POST = (b"POST",)
_GET = (b"GET", b"HEAD")

_POSTED = (
    *("/v1/chat/completions", "/v1/responses", "/v1/completions"),
    *("/v1/messages", "/v1/messages/count_tokens", "/v1/embeddings"),
    *("/reranking", "/rerank", "/v1/rerank", "/v1/reranking"),
    *("/infill", "/completion", "/v1/audio/speech"),
    *("/v1/images/generations", "/sdapi/v1/txt2img", "/sdapi/v1/img2img"),
    *("/v1/audio/transcriptions", "/v1/images/edits"),
)

#: These go up without their ``/v``.
_POSTED_WITHOUT_VERSION = (
    *("/v/chat/completions", "/v/responses", "/v/completions"),
    *("/v/messages", "/v/messages/count_tokens"),
    *("/v/embeddings", "/v/rerank", "/v/reranking"),
)

_CHATS = ("/v1/chat/completions", "/v/chat/completions")

_GOTTEN = ("/sdapi/v1/loras", "/props")


def model_routes() -> Mapping[bytes, ModelRoute]:
    """
    Every endpoint that reaches a model, by the exact path that clients use.
    """
    routes = {path: ModelRoute(path.encode(), _POST) for path in _POSTED}
    for path in _POSTED_WITHOUT_VERSION:
        routes[path] = ModelRoute(path.removeprefix("/v").encode(), _POST)
    for path in _GOTTEN:
        routes[path] = ModelRoute(path.encode(), _GET)
    both = "/v1/audio/voices"
    routes[both] = ModelRoute(both.encode(), _POST + _GET)
    routes["/audioapi/v1/tasks/run"] = ModelRoute(b"/v1/tasks/run", _POST)
    for path in _CHATS:
        routes[path] = replace(routes[path], is_chat=True)
    return {path.encode(): route for path, route in routes.items()}
