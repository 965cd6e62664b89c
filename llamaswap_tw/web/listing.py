"""
The models, as clients list them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..config.schema import Config, Model, Selector
from ..interfaces import ProcessState
from ..routing.directory import Directory
from .capabilities import FIELDS, capability_fields

_DOWN = (ProcessState.STOPPED, ProcessState.SHUTDOWN)


class Listing:
    """
    The records of all that a request can ask for, at one moment.

    :param config: what is configured.
    :param directory: knows the active profile, and which selectors are loaded.
    :param states: where each model's process stands.
    :param created: when the daemon started, in seconds since the epoch.
    """

    def __init__(
        self,
        config: Config,
        directory: Directory,
        states: Mapping[str, ProcessState],
        created: int,
    ) -> None:
        self._config = config
        self._directory = directory
        self._states = states
        self._created = created

    def whole(self) -> dict[str, Any]:
        """
        The answer of ``/v1/models``: what is listed, by id.
        """
        records = [self._record(name) for name in sorted(self.names())]
        return {"object": "list", "data": records}

    def names(self) -> Iterator[str]:
        """
        What is listed, in no order.
        """
        config = self._config
        for model in config.models.values():
            if not model.unlisted:
                yield model.id
        if config.include_aliases_in_list:
            for alias, model_id in config.aliases.items():
                if not config.models[model_id].unlisted:
                    yield alias
        for name, peers in config.peer_models.items():
            # They have bare names too, where those are clear.
            if name == f"{peers.peer}/{peers.model}":
                yield name
        yield from self._directory.selectors.listed()
        for pin, target in self._directory.profiles.pins.items():
            if target is not None and not self._is_configured(pin):
                yield pin

    def record(self, name: str) -> dict[str, Any] | None:
        """
        The answer of ``/v1/models/<id>``.

        :param name: whatever a request can ask for, listed or not.
        :returns: `None` if there is nothing of that name.
        """
        target = self._directory.profiles.pins.get(name)
        if target is None and not self._is_configured(name):
            return None
        return self._record(name)

    def _is_configured(self, name: str) -> bool:
        """
        Whether a name stands for something without a profile.
        """
        config = self._config
        return (
            name in config.models
            or name in config.aliases
            or name in config.selectors
            or name in config.peer_models
        )

    def _record(self, name: str) -> dict[str, Any]:
        config = self._config
        record: dict[str, Any] = {
            "id": name,
            "object": "model",
            "created": self._created,
            "owned_by": "llama-swap",
        }
        if name in config.selectors:
            return self._of_selector(record, config.selectors[name])
        if name in config.models:
            model = config.models[name]
            kind = {"type": "model", "aliases": list(model.aliases)}
            return self._of_model(record, model, kind)
        if name in config.aliases:
            model = config.models[config.aliases[name]]
            kind = {"type": "alias", "modelID": model.id}
            return self._of_model(record, model, kind)
        if name in config.peer_models:
            peers = config.peer_models[name]
            record["name"] = f"{peers.peer}: {peers.model}"
            kind = {"type": "peer", "peerID": peers.peer}
            return self._finish(record, False, None, kind)
        target = self._directory.profiles.pins[name]
        loaded = target is not None and self._is_loaded(target)
        return self._finish(record, loaded, None, {"type": "profile"})

    def _of_model(
        self, record: dict[str, Any], model: Model, kind: Mapping[str, Any]
    ) -> dict[str, Any]:
        _describe(record, model)
        metadata = model.metadata
        can = model.capabilities
        if can is not None:
            record.update(capability_fields(can))
            if isinstance(metadata, Mapping):
                # Told twice, and differently perhaps, they would be of no use.
                metadata = {
                    key: value for key, value in metadata.items() if key not in FIELDS
                }
        loaded = self._states[model.id] not in _DOWN
        self._finish(record, loaded, metadata, kind)
        if can is not None and can.context:
            record["meta"]["n_ctx"] = can.context
        return record

    def _of_selector(
        self, record: dict[str, Any], selector: Selector
    ) -> dict[str, Any]:
        _describe(record, selector)
        kind = {
            "type": "selector",
            "strategy": selector.strategy,
            "targets": list(selector.targets),
            "spillover": selector.spillover,
        }
        loaded = self._directory.selectors.is_loaded(selector.id)
        return self._finish(record, loaded, selector.metadata, kind)

    def _finish(
        self,
        record: dict[str, Any],
        loaded: bool,
        metadata: Any,
        kind: Mapping[str, Any],
    ) -> dict[str, Any]:
        record["status"] = {"value": "loaded" if loaded else "unloaded"}
        about = dict(metadata) if isinstance(metadata, Mapping) else {}
        record["meta"] = {"llamaswap": {**about, **kind}}
        return record

    def _is_loaded(self, target: str) -> bool:
        """
        Whether that to which a profile pins an id is loaded.  Of a peer's model
        we do not know.
        """
        if target in self._config.selectors:
            return self._directory.selectors.is_loaded(target)
        model_id = self._config.resolve(target)
        return model_id is not None and self._states[model_id] not in _DOWN


def _describe(record: dict[str, Any], what: Model | Selector) -> None:
    if what.name:
        record["name"] = what.name
    if what.description:
        record["description"] = what.description


def running_list(
    config: Config, states: Mapping[str, ProcessState]
) -> dict[str, list[dict[str, Any]]]:
    """
    The answer of ``/running``: every model whose process is not down, by id.

    :param config: what is configured.
    :param states: where each model's process stands.
    """
    return {
        "running": [
            {
                "model": model.id,
                "state": states[model.id].value,
                "cmd": model.command_text,
                "proxy": model.proxy,
                "ttl": model.ttl,
                "name": model.name,
                "description": model.description,
            }
            for model in config.models.values()
            if states[model.id] not in _DOWN
        ]
    }
