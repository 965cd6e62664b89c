"""
What can be wrong with a configuration, and how it is reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Mark(NamedTuple):
    """
    A place in a source.

    :ivar file: the file's name, as it was given.
    :ivar line: counted from 1; 0 for the file as a whole.
    """

    file: str
    line: int


class Problem(NamedTuple):
    """
    Something that is wrong, or odd.

    :ivar mark: where.
    :ivar path: which key: ``models.foo.ttl``, or ``""`` for the file.
    :ivar message: what is wrong, and what is allowed.  It may have further lines
        that show the place.
    """

    mark: Mark
    path: str
    message: str

    def __str__(self) -> str:
        file, line = self.mark
        where = f"{file}:{line}" if line else file
        message, *more = self.message.split("\n")
        parts = (where, self.path, message)
        # Each line has its place: whoever searches the report finds all of it.
        return "\n".join(
            [
                ": ".join(part for part in parts if part),
                *(f"{where}:   {extra}" for extra in more),
            ]
        )


class ConfigError(Exception):
    """
    A configuration that cannot be used; its text is the whole report, a line
    for each problem.

    :param problems: the errors.
    :param warnings: what else is odd: a misspelt key may be why another is
        missing.
    """

    def __init__(
        self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()
    ) -> None:
        self.problems = tuple(problems)
        lines = [
            *self.problems,
            *(p._replace(message=f"warning: {p.message}") for p in warnings),
        ]
        super().__init__("\n".join(map(str, _in_order(lines))))


class Problems:
    """
    Collects what is wrong, so that it is reported together.

    :ivar incomplete: whether a part could not be read, which was complained
        about: then names that are not known may be in that part.
    """

    def __init__(self) -> None:
        self.incomplete = False
        self._errors: dict[Problem, None] = {}
        self._warnings: dict[Problem, None] = {}

    def error(
        self, mark: Mark, path: str, message: str, *, doubtful: bool = False
    ) -> None:
        """
        Note what makes the configuration unusable.

        :param doubtful: whether it is only wrong if everything was read.
        """
        if not (doubtful and self.incomplete):
            self._errors[Problem(mark, path, message)] = None

    def warn(
        self, mark: Mark, path: str, message: str, *, doubtful: bool = False
    ) -> None:
        """
        Note what is odd, but harmless.

        :param doubtful: whether it is only odd if everything was read.
        """
        if not (doubtful and self.incomplete):
            self._warnings[Problem(mark, path, message)] = None

    @property
    def count(self) -> int:
        """
        How many errors there are.
        """
        return len(self._errors)

    @property
    def warnings(self) -> tuple[str, ...]:
        """
        The lines of the warnings, in the order of their places.
        """
        return tuple(map(str, _in_order(self._warnings)))

    def give_up(self) -> ConfigError:
        """
        The report of what was found so far.
        """
        return ConfigError(_in_order(self._errors), self._warnings)

    def check(self) -> None:
        """
        :raises ConfigError: if there was any error.
        """
        if self._errors:
            raise self.give_up()


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.mark)
