"""
Which files a configuration is read from, and their texts.
"""

from __future__ import annotations

import codecs
import os

from .errors import Mark, Problems

#: Larger files are no configuration.
SIZE_LIMIT = 16 * 1024 * 1024

_ENDINGS = (".yml", ".yaml")


def shown(path: str) -> str:
    """
    A path for messages: on one line, and such that it can be encoded.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text
    )


def is_source(entry: os.DirEntry[str]) -> bool:
    """
    Whether what stands in a directory is a part of the configuration.  Hidden
    files are not: editors leave some.
    """
    return (
        entry.name.endswith(_ENDINGS)
        and not entry.name.startswith(".")
        and not entry.is_dir()
    )


def files_of(
    config: str | None, config_dir: str | None, problems: Problems
) -> tuple[str, ...]:
    """
    The files to read, in their order.

    :param config: the path of a file.
    :param config_dir: the path of a directory, of which all ``*.yml`` and
        ``*.yaml`` count.
    :param problems: takes a directory that cannot be read, and files that are
        there twice, whatever they are called.
    """
    found = [] if config is None else [config]
    if config_dir is not None:
        whole = Mark(shown(config_dir), 0)
        try:
            names = sorted(
                entry.name for entry in os.scandir(config_dir) if is_source(entry)
            )
        except (OSError, ValueError) as e:
            problems.error(whole, "", f"cannot be read: {_reason(e)}")
            problems.incomplete = True
        else:
            if not names:
                problems.warn(whole, "", "has no *.yml or *.yaml file in it")
            found += [os.path.join(config_dir, name) for name in names]
    known: dict[str, str] = {}
    for path in found:
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            # It cannot be read either, which is told then.
            real = path
        if real in known:
            problems.error(
                Mark(shown(path), 0),
                "",
                f"is the same file as {shown(known[real])}; each can be given once",
            )
        else:
            known[real] = path
    return tuple(known.values())


def read(path: str, problems: Problems) -> str | None:
    """
    A file's text.

    :param problems: takes why there is none.
    :returns: with ``\\n`` only as line ends; `None` where it is no text.
    """
    file = shown(path)
    try:
        with open(path, "rb") as opened:
            data = opened.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as e:
        problems.error(Mark(file, 0), "", f"cannot be read: {_reason(e)}")
        return None
    if len(data) > SIZE_LIMIT:
        problems.error(Mark(file, 0), "", f"is larger than {SIZE_LIMIT >> 20} MiB")
        return None
    encoding = "utf-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        problems.error(Mark(file, line), "", "is not valid UTF-8; is it a text file?")
        return None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.error(Mark(file, line), "", "holds a NUL; is it a text file?")
        return None
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error)
