"""
What was measured, and what it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Bound:
    """
    What a figure has to keep.

    :ivar relation: ``"≤"``, ``"≥"`` or ``"="``.
    :ivar value: the figure allowed, in the figure's own unit.
    """

    relation: str
    value: float | str

    def kept_by(self, value: float | str) -> bool:
        """
        :param value: what was measured.
        :returns: whether that is within the bound.
        """
        if isinstance(value, str) or isinstance(self.value, str):
            return value == self.value
        if self.relation == "≤":
            return value <= self.value
        if self.relation == "≥":
            return value >= self.value
        return value == self.value


@dataclass(frozen=True)
class Figure:
    """
    One thing that was measured.

    :ivar name: what it is, for the reader of the table.
    :ivar value: a number, or a word.
    :ivar unit: of the number.
    :ivar bound: what it has to keep; `None` where it is there to compare with.
    """

    name: str
    value: float | str
    unit: str = ""
    bound: Bound | None = None

    @property
    def verdict(self) -> str:
        """
        ``ok``, ``MISSED``, or nothing where there is no bound.
        """
        if self.bound is None:
            return ""
        return "ok" if self.bound.kept_by(self.value) else "MISSED"


def at_most(value: float) -> Bound:
    """
    A bound from above.
    """
    return Bound("≤", value)


def at_least(value: float) -> Bound:
    """
    A bound from below.
    """
    return Bound("≥", value)


def exactly(value: float | str) -> Bound:
    """
    The one figure that is right.
    """
    return Bound("=", value)


def share(values: Sequence[float], part: float) -> float:
    """
    A percentile, by the nearest rank.

    :param values: at least one.
    :param part: 0.95 for the 95th.
    :returns: the smallest value that so many do not exceed.
    """
    ordered = sorted(values)
    rank = -int(-part * len(ordered) // 1)
    return ordered[max(0, min(len(ordered), rank) - 1)]


def as_json(figure: Figure) -> dict[str, object]:
    """
    A figure as an object for JSON, its verdict included.
    """
    return {**asdict(figure), "verdict": figure.verdict}


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < 1000:
        return str(int(value))
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def table(title: str, figures: Sequence[Figure]) -> str:
    """
    :param title: what stands above.
    :param figures: one line each.
    :returns: the lines, with columns for figure, bound and verdict.
    """
    rows = [
        (
            figure.name,
            f"{_number(figure.value)} {figure.unit}".rstrip(),
            ""
            if figure.bound is None
            else f"{figure.bound.relation} {_number(figure.bound.value)}",
            figure.verdict,
        )
        for figure in figures
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines = [title]
    for name, value, bound, verdict in rows:
        lines.append(
            f"  {name:<{widths[0]}}  {value:>{widths[1]}}  "
            f"{bound:<{widths[2]}}  {verdict}".rstrip()
        )
    return "\n".join(lines)
