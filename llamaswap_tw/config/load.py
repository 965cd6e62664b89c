"""
A file → the configuration.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Mapping
from dataclasses import replace

from .environment import fill_in
from .errors import Mark, Problems
from .expand import expand_macros
from .file_schema import File, ModelSection
from .nodes import MapNode, is_null, kind_of
from .parse import parse
from .resolve import resolve
from .schema import Config
from .validate import keys_of, validate

#: Larger files are no configuration.
SIZE_LIMIT = 16 * 1024 * 1024


def load_file(path: str, environ: Mapping[str, str]) -> Config:
    """
    Load one file.

    :param path: the file.
    :param environ: the environment, for ``${env.NAME}``.
    :raises ConfigError: with all that is wrong.
    """
    problems = Problems()
    text = _read(path, problems)
    root = None if text is None else _tree(text, path, environ, problems)
    if root is None:
        problems.check()
        root = MapNode(Mark(path, 1), {})
    return load_tree(root, problems)


def load_tree(root: MapNode, problems: Problems) -> Config:
    """
    Make the configuration out of its tree.

    :param root: all of it, before macros.
    :param problems: what is wrong with it so far.
    :raises ConfigError: with all that is wrong.
    """
    root, ports = expand_macros(root, keys_of(File), keys_of(ModelSection), problems)
    file = validate(root, problems)
    config = resolve(file, root, ports, problems)
    problems.check()
    return replace(config, warnings=problems.warnings)


def _tree(
    text: str, path: str, environ: Mapping[str, str], problems: Problems
) -> MapNode | None:
    """
    :returns: the file's tree; `None` where it is empty or cannot be read.
    """
    filled = fill_in(text, path, environ, problems)
    root = parse(filled.text, path, problems, filled.secret_lines, filled.hole)
    if root is None or is_null(root):
        return None
    if not isinstance(root, MapNode):
        problems.error(
            root.mark, "", f"must be a mapping of keys to values, not {kind_of(root)}"
        )
        return None
    return root


def _read(path: str, problems: Problems) -> str | None:
    whole = Mark(path, 0)
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as e:
        reason = os.strerror(e.errno) if isinstance(e, OSError) and e.errno else str(e)
        problems.error(whole, "", f"cannot be read: {reason}")
        return None
    if len(data) > SIZE_LIMIT:
        problems.error(whole, "", f"is larger than {SIZE_LIMIT >> 20} MiB")
        return None
    encoding = "utf-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        problems.error(Mark(path, line), "", "is not valid UTF-8; is it a text file?")
        return None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.error(Mark(path, line), "", "holds a NUL; is it a text file?")
        return None
    return text
