"""
``${env.NAME}`` in a source's text, before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import yaml

from .errors import Mark, Problems
from .parse import DEPTH_LIMIT, LOADER

#: A use of a variable of the environment.
ENVIRONMENT_MACRO = re.compile(r"\$\{env\.([a-zA-Z_][a-zA-Z0-9_]*)\}")

#: What begins a new line for YAML; a source has no carriage returns any more.
_BREAK = re.compile("[\n\x85\u2028\u2029]")

#: What would begin a new line, or end the text for somebody.
_REFUSED = re.compile("[\n\r\0\x85\u2028\u2029]")

#: A character that nobody writes, and that is a word to YAML.
_HOLE = "\ue0e5"

_OPENING = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)


class Filled(NamedTuple):
    """
    A text with the environment's values in it.

    :ivar text: has the same lines.
    :ivar secrets: by line, from 1 on, where in it there are values which no message
        may show: columns from 0 on, the first and the one behind the last.
    :ivar hole: stands where a value could not be filled in, which was complained
        about; ``""`` where there is none.
    """

    text: str
    secrets: Mapping[int, Sequence[tuple[int, int]]]
    hole: str = ""


def fill_in(
    text: str, file: str, environ: Mapping[str, str], problems: Problems
) -> Filled:
    """
    Put the environment's values in, anywhere but in comments.

    :param text: a source.
    :param file: its name.
    :param environ: the environment.
    :param problems: takes variables that are not set or hold what cannot stand
        on one line.
    """
    used = list(ENVIRONMENT_MACRO.finditer(text))
    if not used:
        return Filled(text, {})
    content = _outside_comments(text, used)
    pieces: list[str] = []
    secrets: dict[int, list[tuple[int, int]]] = {}
    line, column, end, hole = 1, 0, 0, ""
    for number, match in enumerate(used):
        before = text[end : match.start()]
        *lines, last = _BREAK.split(before)
        line += len(lines)
        column = len(last) if lines else column + len(last)
        end = match.end()
        pieces.append(before)
        value = match[0]
        if number in content:
            found = environ.get(match[1])
            wrong = _what_is_wrong(match[1], found)
            # In a command, a line that begins with # is a comment as well.
            if wrong and not _begins_with_hash(text, match.start()):
                problems.error(Mark(file, line), "", wrong)
                value = hole = _HOLE
            elif found is not None and not wrong:
                value = found
                secrets.setdefault(line, []).append((column, column + len(value)))
        pieces.append(value)
        column += len(value)
    pieces.append(text[end:])
    return Filled("".join(pieces), secrets, hole)


def _what_is_wrong(name: str, value: str | None) -> str:
    if value is None:
        return (
            f"the environment variable {name} is not set; set it, or take "
            f"${{env.{name}}} out"
        )
    if _REFUSED.search(value):
        return (
            f"the environment variable {name} holds a line break or a NUL; its "
            "value must be a single line"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"the environment variable {name} is not valid UTF-8"
    return ""


def _begins_with_hash(text: str, position: int) -> bool:
    start = text.rfind("\n", 0, position) + 1
    return text[start:position].lstrip().startswith("#")


def _outside_comments(text: str, used: list[re.Match[str]]) -> set[int]:
    """
    Which of the uses are not in a comment.

    YAML's own scanner decides: each use is replaced by a word, and comments are
    where the words do not come back from.  What it cannot scan is no comment:
    the parser will complain about it.
    """
    mark = "E0"
    while mark in text:
        mark += "0"
    pieces: list[str] = []
    end = 0
    for number, match in enumerate(used):
        pieces += (text[end : match.start()], f"{mark}x{number}x")
        end = match.end()
    pieces.append(text[end:])
    word = re.compile(rf"{mark}x([0-9]+)x")
    found: set[int] = set()
    depth = 0
    try:
        for token in yaml.scan("".join(pieces), Loader=LOADER):
            if isinstance(token, _OPENING):
                depth += 1
                if depth > DEPTH_LIMIT:
                    break
            elif isinstance(token, _CLOSING):
                depth -= 1
            value = getattr(token, "value", None)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, str):
                    found.update(map(int, word.findall(part)))
        else:
            return found
    except yaml.YAMLError:
        pass
    return found | set(range(max(found, default=-1) + 1, len(used)))
