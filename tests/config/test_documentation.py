"""
The documentation knows every key, and its examples load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from pydantic.alias_generators import to_camel

from llamaswap_tw.config.errors import Problems
from llamaswap_tw.config.fields import Section
from llamaswap_tw.config.file_schema import File
from llamaswap_tw.config.parse import parse
from llamaswap_tw.config.validate import keys_of

from .support import ConfigTestCase

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "docs" / "configuration.rst"

_ENTRY = re.compile(
    r"^\.\. confval:: (\S+)\n   :type: \S.*\n   :default: \S.*\n\n   \S", re.MULTILINE
)
_EXAMPLE = re.compile(
    r"^( *)\.\. code-block:: yaml\n\n((?:\1   .*\n|\n)+)", re.MULTILINE
)
_DEFAULT = re.compile(
    r"^\.\. confval:: (\S+)\n   :type: .*\n   :default: ``(.+?)``", re.MULTILINE
)
_VARIABLE = re.compile(r"\$\{env\.(\w+)\}")


def paths_of(
    section: type[Section], path: str = ""
) -> Iterator[tuple[str, type[Section], str]]:
    """
    Every key: its path, its section and its name.
    """
    for name, below in keys_of(section).items():
        whole = f"{path}{name}"
        yield whole, section, name
        if below is not None:
            inner = f"{whole}.<id>." if below.many else f"{whole}."
            yield from paths_of(below.section, inner)


class DocumentationTests(ConfigTestCase):
    """
    The reference of the configuration.
    """

    def test_every_key(self) -> None:
        """
        Every key of the schema is documented with its type, its default and what
        it means, where it is; what is the same in two places, in one of them.
        """
        documented = _ENTRY.findall(REFERENCE.read_text(encoding="utf-8"))
        self.assertEqual(len(documented), len(set(documented)))
        known = [*paths_of(File)]
        told = {(section, name) for path, section, name in known if path in documented}
        for path, section, name in known:
            self.assertTrue(
                any((base, name) in told for base in section.__mro__),
                f"docs/configuration.rst lacks {path}",
            )
        self.assertEqual(set(documented) - {path for path, *_ in known}, set())

    def test_defaults(self) -> None:
        """
        A default that is written as one would write it is the schema's.
        """
        defaults = dict(_DEFAULT.findall(REFERENCE.read_text(encoding="utf-8")))
        self.assertGreater(len(defaults), 40)
        for path, section, name in paths_of(File):
            (attribute,) = [
                attribute
                for attribute, field in section.model_fields.items()
                if (field.alias or to_camel(attribute)) == name
            ]
            default = section.model_fields[attribute].default
            if path in defaults and default is not None:
                node = parse(f"{name}: {defaults[path]}", path, Problems())
                found = getattr(section.model_validate(node), attribute)
                self.assertEqual(found, default, path)

    def test_well_formed(self) -> None:
        """
        No entry lacks its type, its default or a meaning.
        """
        text = REFERENCE.read_text(encoding="utf-8")
        self.assertEqual(len(_ENTRY.findall(text)), text.count(".. confval::"))

    def test_examples(self) -> None:
        """
        Every YAML example of the documentation loads without a warning.
        """
        found = 0
        for path in [*REPOSITORY.glob("docs/*.rst"), REPOSITORY / "README.rst"]:
            if not path.exists():
                continue
            for _, example in _EXAMPLE.findall(path.read_text(encoding="utf-8")):
                environ = dict.fromkeys(_VARIABLE.findall(example), "60")
                config = self.load_bytes(dedent(example).encode(), environ)
                self.assertEqual(config.warnings, (), f"{path.name}:\n{example}")
                found += 1
        self.assertGreater(found, 10)
