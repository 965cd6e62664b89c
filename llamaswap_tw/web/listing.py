"""
The models, as clients list them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config.schema import Config, Model
from ..interfaces import ProcessState

_DOWN = (ProcessState.STOPPED, ProcessState.SHUTDOWN)


def model_record(model: Model, state: ProcessState, created: int) -> dict[str, Any]:
    """
    One record of ``/v1/models``.

    :param model: the model's configuration.
    :param state: where its process stands.
    :param created: when the daemon started, in seconds since the epoch.
    """
    record: dict[str, Any] = {
        "id": model.id,
        "object": "model",
        "created": created,
        "owned_by": "llama-swap",
    }
    if model.name:
        record["name"] = model.name
    if model.description:
        record["description"] = model.description
    record["status"] = {"value": "unloaded" if state in _DOWN else "loaded"}
    about: dict[str, Any] = {}
    if isinstance(model.metadata, Mapping):
        about.update(model.metadata)
    about["type"] = "model"
    about["aliases"] = list(model.aliases)
    record["meta"] = {"llamaswap": about}
    return record


def model_list(
    config: Config, states: Mapping[str, ProcessState], created: int
) -> dict[str, Any]:
    """
    The answer of ``/v1/models``: every listed model, by id.

    :param config: what is configured.
    :param states: where each model's process stands.
    :param created: when the daemon started, in seconds since the epoch.
    """
    return {
        "object": "list",
        "data": [
            model_record(model, states[model.id], created)
            for model in config.models.values()
            if not model.unlisted
        ],
    }


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
