"""
What a client takes, and how gladly: ``Accept`` and its kin (RFC 9110, 12.4.2).
"""

from __future__ import annotations


def weighed(header: bytes) -> list[tuple[bytes, float]]:
    """
    Take such a header apart.

    :param header: its value.
    :returns: each name, lower case and without parameters, with its weight, in their
        order; a weight that is no number is 0.
    """
    found = []
    for part in header.lower().split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith(b"q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        found.append((name, weight))
    return found
