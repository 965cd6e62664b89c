"""
What the tests of the configuration share.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.errors import ConfigError
from llamaswap_tw.config.load import load_file
from llamaswap_tw.config.schema import Config


class ConfigTestCase(SynchronousTestCase):
    """
    Loads texts as files.
    """

    def load_bytes(
        self, data: bytes, environ: Mapping[str, str] | None = None
    ) -> Config:
        """
        Load a file with these bytes.

        :raises ConfigError: if there is something wrong with it.
        """
        path = self.mktemp()
        os.makedirs(path)
        path = os.path.join(path, "c.yaml")
        with open(path, "wb") as file:
            file.write(data)
        return load_file(path, environ or {})

    def load(self, text: str, **environ: str) -> Config:
        """
        Load a file with this text, whose indentation is taken away.

        :raises ConfigError: if there is something wrong with it.
        """
        return self.load_bytes(dedent(text).encode(), environ)

    def report(self, text: str, **environ: str) -> list[str]:
        """
        The lines of a bad file's report, from the line number on.
        """
        error = self.assertRaises(ConfigError, self.load, text, **environ)
        return [
            line.partition("c.yaml")[2].lstrip(":") for line in str(error).splitlines()
        ]

    def warnings(self, config: Config) -> list[str]:
        """
        A configuration's warnings, from the line number on.
        """
        return [line.partition("c.yaml:")[2] for line in config.warnings]
