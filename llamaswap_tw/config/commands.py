"""
Command lines → words, as a POSIX shell splits them, without a shell.
"""

from __future__ import annotations

import re

#: What can stand at one place of a command line, by the first character.
_PIECE = re.compile(
    r"""
      (?P<join>\\[ \t\r]*(?:\n|\Z))      # a backslash at the end of a line
    | \\(?P<escaped>.)
    | '(?P<single>[^']*)(?:'|\Z)         # a quote that is never closed ends here
    | "(?P<double>(?:\\.|[^"\\])*\\?)(?:"|\Z)
    | (?P<space>[ \t\r\n]+)
    | (?P<plain>[^\\'" \t\r\n]+)
    """,
    re.VERBOSE | re.DOTALL,
)

_IN_DOUBLE_QUOTES = re.compile(r"""\\([ \t\r]*\n|["\\$`])""")


def strip_comments(text: str) -> str:
    """
    A command without the lines that begin with ``#``.

    :param text: as it is in the configuration.
    """
    if "#" not in text:
        return text
    return "".join(
        line for line in re.split(r"(?<=\n)", text) if not line.lstrip().startswith("#")
    )


def split_command(text: str) -> tuple[str, ...]:
    """
    A command's words.

    Nothing is expanded.  Unlike `shlex.split`, this joins lines, takes a quote
    that is never closed, and lets a backslash in double quotes escape ``$`` and
    the backquote.

    :param text: may have several lines.
    :returns: program and arguments; nothing, for a blank text.
    """
    words: list[str] = []
    word: list[str] | None = None
    for piece in _PIECE.finditer(strip_comments(text)):
        kind, found = piece.lastgroup, piece[piece.lastgroup or 0]
        if kind in ("space", "join"):
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        if word is None:
            word = []
        if kind == "double":
            found = _IN_DOUBLE_QUOTES.sub(
                lambda match: "" if match[1].endswith("\n") else match[1], found
            )
        word.append(found)
    if word is not None:
        words.append("".join(word))
    return tuple(words)
