"""
Which filters a request goes through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...config.schema import Model, Peer
from .paths import Path, parse_path

#: Neither stripped nor set: by it the request has found its model.
_PROTECTED = "model"

_STREAM: Path = ("stream",)


@dataclass(frozen=True, slots=True)
class Filters:
    """
    What is changed in a body, in this order.

    :ivar model_name: what goes up as ``model``, or `None` for what came.
    :ivar strip: paths of the parameters to take out.
    :ivar set: parameters to set, by path; any JSON-like value.
    :ivar set_by_id: the same, for the id that was asked for.
    """

    model_name: str | None = None
    strip: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    set_by_id: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """
        Whether every body goes up as it came.
        """
        return self.model_name is None and self.only_model

    @property
    def only_model(self) -> bool:
        """
        Whether nothing but the model's name is changed.
        """
        return not (self.strip or self.set or self.set_by_id)

    def strips(self) -> Iterator[Path]:
        """
        What to take out; never ``model``, nor anything in it.
        """
        for text in self.strip:
            path = parse_path(text)
            if path[0] != _PROTECTED:
                yield path

    def sets(self) -> Iterator[tuple[Path, Any]]:
        """
        What to set, and to which value; never ``model``, nor anything in it.
        """
        for parameters in (self.set, self.set_by_id):
            for text, value in parameters.items():
                path = parse_path(text)
                if path[0] != _PROTECTED:
                    yield path, value

    def streams(self, asked: bool) -> bool:
        """
        Whether the JSON body that goes up asks for a stream.

        :param asked: whether the one that came does.
        """
        if self.only_model:
            return asked
        if _STREAM in self.strips():
            asked = False
        for path, value in self.sets():
            if path == _STREAM:
                asked = value is True
        return asked


#: Changes nothing.
NO_FILTERS = Filters()


def filters_of(model: Model, asked_id: str) -> Filters:
    """
    The filters of a model of ours.

    :param asked_id: the id that was asked for: after profile and selector,
        before aliases.
    """
    rules = model.filters
    return Filters(
        model.use_model_name or None,
        rules.strip_params,
        rules.set_params,
        rules.set_params_by_id.get(asked_id, {}),
    )


def filters_of_peer(peer: Peer, own_name: str, asked_id: str) -> Filters:
    """
    The filters of a peer's model.

    :param own_name: the model's name, as the peer calls it.
    :param asked_id: as for `filters_of`.
    """
    rules = peer.filters
    return Filters(
        own_name,
        rules.strip_params,
        rules.set_params,
        rules.set_params_by_id.get(asked_id, {}),
    )
