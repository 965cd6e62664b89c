"""
Tests for `llamaswap_tw.config.watch`.
"""

from __future__ import annotations

import os

from twisted.python.filepath import FilePath
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.watch import Sources


class SourcesTests(SynchronousTestCase):
    """
    Whether what the configuration is loaded from has changed.
    """

    def setUp(self) -> None:
        self.folder = FilePath(self.mktemp())
        self.folder.makedirs()
        self.file = self.folder.sibling(self.folder.basename() + "-config.yaml")
        self.file.setContent(b"a: 1\n")
        self.one = self.folder.child("one.yaml")
        self.two = self.folder.child("two.yml")
        for file in (self.one, self.two):
            file.setContent(b"b: 1\n")
        self.sources = Sources([self.file.path, self.folder.path])

    def looks(self, count: int) -> list[bool]:
        """
        What is found at each of the next looks.
        """
        return [self.sources.changed() for _ in range(count)]

    def replace(self, file: FilePath[str], content: bytes) -> None:
        """
        Replace a file as editors do.
        """
        draft = file.sibling("draft")
        draft.setContent(content)
        draft.moveTo(file)

    def test_same(self) -> None:
        """
        Nothing has changed at first, nor later where nothing was written.
        """
        self.assertEqual(self.looks(3), [False, False, False])

    def test_written(self) -> None:
        """
        A file that was written is a change, once; so is one that was replaced,
        though its size and times be the same.
        """
        self.file.setContent(b"a: 12\n")
        self.assertEqual(self.looks(2), [True, False])
        known = os.stat(self.one.path)
        self.replace(self.one, b"b: 2\n")
        os.utime(self.one.path, ns=(known.st_atime_ns, known.st_mtime_ns))
        self.assertEqual(self.looks(2), [True, False])

    def test_readable(self) -> None:
        """
        A file that other people may read than before is a change: it may not have
        been readable.
        """
        os.chmod(self.one.path, 0o600)
        self.assertTrue(self.looks(1)[0])
        os.chmod(self.one.path, 0o644)
        self.assertEqual(self.looks(2), [True, False])

    def test_vanishes(self) -> None:
        """
        A file that vanishes for a moment is no change, nor is one that is empty
        for a moment; what comes in its place is.
        """
        for file in (self.file, self.one):
            moved = file.sibling("moved")
            file.moveTo(moved)
            self.assertEqual(self.looks(1), [False])
            moved.moveTo(file)
            self.assertEqual(self.looks(2), [False, False])
            file.setContent(b"")
            self.assertEqual(self.looks(1), [False])
            file.setContent(b"other: 1\n")
            self.assertEqual(self.looks(2), [True, False])

    def test_file_is_gone(self) -> None:
        """
        The one file is never gone.
        """
        self.file.remove()
        self.assertEqual(self.looks(5), [False] * 5)
        self.file.setContent(b"a: 2\n")
        self.assertEqual(self.looks(2), [True, False])

    def test_added_and_removed(self) -> None:
        """
        A file that comes into the directory is a change, and one that stays away
        is one at the second look; others than YAML, and hidden ones, are not.
        """
        for name in ("notes.txt", ".one.yaml.swp", ".hidden.yaml"):
            self.folder.child(name).setContent(b"x: 1\n")
        self.assertEqual(self.looks(2), [False, False])
        self.folder.child("three.yaml").setContent(b"c: 1\n")
        self.assertEqual(self.looks(2), [True, False])
        self.one.remove()
        self.assertEqual(self.looks(4), [False, True, False, False])

    def test_renamed(self) -> None:
        """
        A file with another name is a change.
        """
        self.one.moveTo(self.folder.child("uno.yaml"))
        self.assertTrue(self.looks(1)[0])

    def test_emptied(self) -> None:
        """
        A directory that is emptied, or away, is no change, however long and with
        however many files; what comes then is.
        """
        away = self.folder.sibling(self.folder.basename() + "-away")
        self.folder.moveTo(away)
        self.assertEqual(self.looks(5), [False] * 5)
        away.moveTo(self.folder)
        self.assertEqual(self.looks(2), [False, False])
        for file in (self.one, self.two):
            file.remove()
        self.assertEqual(self.looks(5), [False] * 5)
        self.folder.child("new.yaml").setContent(b"c: 1\n")
        self.assertEqual(self.looks(3)[0], True)
        self.assertEqual(self.looks(2), [False, False])
