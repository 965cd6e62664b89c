"""
From the configuration to what each part of the daemon wants to know of it.
"""

from __future__ import annotations

from .config.schema import Config, Model
from .interfaces import ISwapPlanner
from .process.launch import Launch, Policy
from .proxy.timeouts import Timeouts
from .routing.group import Group, GroupPlanner
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


def timeouts_of(model: Model) -> Timeouts:
    """
    How long a model's server may take for what.
    """
    return Timeouts(
        connect=model.timeouts.connect,
        keepalive=model.timeouts.keepalive,
        response_header=model.timeouts.response_header,
        tls_handshake=model.timeouts.tls_handshake,
        idle_conn=model.timeouts.idle_conn,
    )


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


def planner_of(config: Config) -> ISwapPlanner:
    """
    What says which models may run beside each other.
    """
    groups = {
        name: Group(group.swap, group.exclusive, group.persistent, group.members)
        for name, group in config.groups.items()
    }
    planner: ISwapPlanner = GroupPlanner(groups, config.models)
    return planner
