"""
Files → the configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from .environment import fill_in
from .errors import Mark, Problems
from .expand import expand_macros
from .file_schema import File, ModelSection
from .merge import merge
from .nodes import MapNode, is_null, kind_of
from .parse import parse
from .resolve import PLANNERS, resolve
from .schema import Config
from .sources import files_of, read, shown
from .validate import keys_of, validate

#: No model has a port yet.
NO_PORTS: Mapping[str, int] = MappingProxyType({})


def load_file(
    path: str, environ: Mapping[str, str], planners: Collection[str] = PLANNERS
) -> Config:
    """
    Load one file.

    :param path: the file.
    :param environ: the environment, for ``${env.NAME}``.
    :param planners: the names of the planners that can be used.
    :raises ConfigError: with all that is wrong.
    """
    return load_files(path, None, environ, planners)


def load_files(
    config: str | None,
    config_dir: str | None,
    environ: Mapping[str, str],
    planners: Collection[str] = PLANNERS,
    held_ports: Mapping[str, int] = NO_PORTS,
) -> Config:
    """
    Load a file, the files of a directory, or both as one.

    :param config: the path of a file.
    :param config_dir: the path of a directory, of which all ``*.yml`` and
        ``*.yaml`` are added, by name.
    :param environ: the environment, for ``${env.NAME}``.
    :param planners: the names of the planners that can be used.
    :param held_ports: model → the port that it has already, and keeps if it still
        wants one; no other model gets that.
    :raises ConfigError: with all that is wrong.
    """
    problems = Problems()
    if config is None and config_dir is None:
        problems.error(
            Mark("no configuration", 0),
            "",
            "give a file with --config, a directory with --config-dir, or both",
        )
    files = files_of(config, config_dir, problems)
    trees = [_tree(path, environ, problems) for path in files]
    root = merge([tree for tree in trees if tree is not None], problems)
    if root is None:
        problems.check()
        root = MapNode(Mark(shown((*files, config_dir or "")[0]), 1), {})
    loaded = load_tree(root, problems, planners, held_ports)
    directory = () if config_dir is None else (config_dir,)
    return replace(loaded, sources=(*files, *directory))


def load_tree(
    root: MapNode,
    problems: Problems,
    planners: Collection[str] = PLANNERS,
    held_ports: Mapping[str, int] = NO_PORTS,
) -> Config:
    """
    Make the configuration out of its tree.

    :param root: all of it, before macros.
    :param problems: what is wrong with it so far.
    :param planners: the names of the planners that can be used.
    :param held_ports: as for `load_files`.
    :raises ConfigError: with all that is wrong.
    """
    root, ports = expand_macros(
        root, keys_of(File), keys_of(ModelSection), held_ports, problems
    )
    file = validate(root, problems)
    config = resolve(file, root, ports, problems, planners)
    problems.check()
    return replace(config, warnings=problems.warnings)


def _tree(path: str, environ: Mapping[str, str], problems: Problems) -> MapNode | None:
    """
    :returns: the file's tree; `None` where it is empty or cannot be read.
    """
    before = problems.count
    text = read(path, problems)
    root = None
    if text is not None:
        name = shown(path)
        filled = fill_in(text, name, environ, problems)
        root = parse(filled.text, name, problems, filled.secrets, filled.hole)
        if root is not None and not is_null(root) and not isinstance(root, MapNode):
            problems.error(
                root.mark,
                "",
                f"must be a mapping of keys to values, not {kind_of(root)}",
            )
    if isinstance(root, MapNode):
        return root
    if problems.count > before:
        problems.incomplete = True
    return None
