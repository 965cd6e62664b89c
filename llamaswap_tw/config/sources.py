"""
Which files a configuration is read from, and their texts.
"""

from __future__ import annotations

import codecs
import os
import select
import stat

from .errors import Mark, Problems

#: Larger files are no configuration.
SIZE_LIMIT = 16 * 1024 * 1024

#: How long a pipe may give nothing, in seconds.
_PIPE_PATIENCE = 10.0

_ENDINGS = (".yml", ".yaml")


def shown(path: str) -> str:
    """
    A path for messages: on one line, such that it can be encoded, and not empty.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace") or "''"
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
        data = _contents(path)
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


def _contents(path: str) -> bytes:
    """
    What is in a file, and of one that is too large a byte more than it may be.

    :raises OSError: if it cannot be read.
    :raises ValueError: if it is a pipe from which nothing comes, as when one that the
        shell has made (``<(command)``) is read again.
    """
    with open(path, "rb", buffering=0, opener=_open) as opened:
        waiting = select.poll()
        waiting.register(opened, select.POLLIN)
        data = bytearray()
        while len(data) <= SIZE_LIMIT:
            if not waiting.poll(_PIPE_PATIENCE * 1000):
                raise ValueError(f"nothing came from it in {_PIPE_PATIENCE:g} s")
            piece = opened.read(SIZE_LIMIT + 1 - len(data))
            if not piece:
                break
            data += piece
        if not data and stat.S_ISFIFO(os.fstat(opened.fileno()).st_mode):
            raise ValueError("it is a pipe, and nothing came from it")
        return bytes(data)


def _open(path: str, flags: int) -> int:
    # A pipe that nobody writes to would hold the thread for ever.
    return os.open(path, flags | os.O_NONBLOCK)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error)
