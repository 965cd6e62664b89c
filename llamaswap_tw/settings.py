"""
From the configuration to what each part of the daemon wants to know of it.
"""

from __future__ import annotations

from .config.schema import Config, Model
from .process.launch import Launch, Policy
from .routing.limits import Limits


def launch_of(model: Model) -> Launch:
    """
    How a model's process is started and stopped.
    """
    return Launch(
        command=model.command,
        stop_command=model.stop_command,
        environment=dict(model.env),
        proxy=model.proxy,
        check_endpoint=model.check_endpoint,
        port=model.port,
    )


def policy_of(model: Model, config: Config) -> Policy:
    """
    What may change about a process while it runs.
    """
    return Policy(
        health_check_timeout=float(config.health_check_timeout),
        unload_timeout=float(model.unload_timeout),
        ttl=float(model.ttl),
    )


def countable_models(config: Config) -> set[str]:
    """
    Every name that a metric may stand for: our models, and those of peers.
    """
    return {*config.models, *config.peer_models}


def limits_of(config: Config) -> dict[str, Limits]:
    """
    How many requests each model may have.
    """
    return {
        model.id: Limits(
            concurrency_limit=model.concurrency_limit,
            queue_limit=model.queue_limit,
            queue_timeout=model.queue_timeout,
        )
        for model in config.models.values()
    }
