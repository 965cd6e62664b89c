"""
A configuration in a few lines, for ``--check``.
"""

from __future__ import annotations

from collections.abc import Collection

from .planner import PLANNERS
from .schema import Config, Model

#: The longest name that columns are made for.
_WIDEST = 40


def summary(config: Config, planners: Collection[str] = PLANNERS) -> str:
    """
    Tell what a configuration has: a line for each model, with its port, its group
    or sets, and its ttl; then the planners that there are.

    :param planners: the names of the planners that can be used.
    """
    where = _sets(config) if config.matrix is not None else _groups(config)
    rows = [
        (
            _shown(model.id),
            f"port {model.port or '-'}",
            where.get(model.id, _nowhere(config)),
            _ttl(model),
        )
        for model in config.models.values()
    ]
    widths = [min(max(map(len, column)), _WIDEST) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    if not rows:
        lines.append("no models")
    names = (
        f"{name} (in use)" if name == config.planner else name for name in planners
    )
    lines.append(f"planners: {', '.join(names)}")
    return "\n".join(lines)


def _shown(name: str) -> str:
    return name if name.isprintable() else repr(name)


def _ttl(model: Model) -> str:
    return f"ttl {model.ttl} s" if model.ttl else "ttl never"


def _nowhere(config: Config) -> str:
    if config.matrix is not None:
        return "no set, runs alone"
    return "group (default)" if config.planner == "group" else "-"


def _groups(config: Config) -> dict[str, str]:
    if config.planner != "group":
        return {}
    return {
        member: f"group {_shown(name)}"
        for name, group in config.groups.items()
        for member in group.members
    }


def _sets(config: Config) -> dict[str, str]:
    # Only a configuration with sets needs it.
    from ..routing.matrix.link import models_of

    assert config.matrix is not None
    found: dict[str, list[str]] = {}
    for each in config.matrix.sets:
        for model_id in models_of(each.node):
            found.setdefault(model_id, []).append(_shown(each.name))
    return {
        model_id: f"{'set' if len(names) == 1 else 'sets'} {', '.join(names)}"
        for model_id, names in found.items()
    }
