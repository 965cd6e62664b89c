"""
Tests for `llamaswap_tw.version`.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw import __version__
from llamaswap_tw.version import build_info


class BuildInfoTests(SynchronousTestCase):
    """
    Which build runs.
    """

    def install(self, origin: object) -> dict[str, str]:
        """
        What is told of a package that was installed.
        """
        site = Path(self.mktemp()).absolute()
        folder = site / "some_thing-1.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Name: some-thing\nVersion: 1\n")
        (folder / "RECORD").write_text("some_thing-1.dist-info/METADATA,,\n")
        if origin is not None:
            (folder / "direct_url.json").write_text(json.dumps(origin))
        os.utime(folder / "METADATA", (1_700_000_000, 1_700_000_000))
        self.patch(sys, "path", [str(site), *sys.path])
        return build_info("some-thing")

    def test_repository(self) -> None:
        """
        What was installed from a repository has its commit, and the time.
        """
        info = self.install(
            {"url": "https://h/r", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
        )
        self.assertEqual(
            info,
            {
                "version": __version__,
                "commit": "abc",
                "build_date": "2023-11-14T22:13:20+00:00",
            },
        )

    def test_elsewhere(self) -> None:
        """
        What was installed from elsewhere has the time alone.
        """
        for origin in (None, {"url": "file:///x", "dir_info": {}}):
            info = self.install(origin)
            self.assertEqual(info["commit"], "unknown")
            self.assertEqual(datetime.fromisoformat(info["build_date"]).year, 2023)

    def test_sources(self) -> None:
        """
        What runs from its sources has neither.
        """
        info = build_info("nothing-of-that-name")
        self.assertEqual((info["commit"], info["build_date"]), ("unknown",) * 2)
