"""
Tests for `llamaswap_tw.config.commands`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.commands import split_command, strip_comments

SPLITS: list[tuple[str, list[str]]] = [
    ("", []),
    (" \n\t ", []),
    ("a b  c", ["a", "b", "c"]),
    ("a\n  b\nc\n", ["a", "b", "c"]),
    ("a \\\n  b", ["a", "b"]),
    ("a\\\nb", ["a", "b"]),
    ("a \\  \t\nb", ["a", "b"]),
    ("a \\", ["a"]),
    ("a \\ ", ["a"]),
    ("a\r\nb\r\n", ["a", "b"]),
    ("# no\na\n  # no\nb # c", ["a", "b", "#", "c"]),
    ("a \\\n# no\nb", ["a", "b"]),
    ("a 'b c'd", ["a", "b cd"]),
    ("'' a \"\"", ["", "a", ""]),
    ("it's fine", ["its fine"]),
    ('a "b c', ["a", "b c"]),
    ('"a\\"', ['a"']),
    ('"', [""]),
    ("a\\ b", ["a b"]),
    ("\\'a", ["'a"]),
    ("'a\\b'", ["a\\b"]),
    ('"\\$x \\`y\\` \\" \\\\ \\n"', ['$x `y` " \\ \\n']),
    ('"$x ${y}"', ["$x ${y}"]),
    ('"a\\\nb"', ["ab"]),
    ('"a\nb"', ["a\nb"]),
    ("'a\\\nb'", ["a\\\nb"]),
    ("C:\\\\x", ["C:\\x"]),
    ("a\\\\\nb", ["a\\", "b"]),
    ("--json '{\"a\": [1, 2]}'", ["--json", '{"a": [1, 2]}']),
    ("a;b|c&d >e *", ["a;b|c&d", ">e", "*"]),
    ("ä\u00a0ö", ["ä\u00a0ö"]),
]


class CommandTests(SynchronousTestCase):
    """
    Commands are split as a shell would, without one.
    """

    def test_split(self) -> None:
        """
        Each command has the words that it should.
        """
        for text, words in SPLITS:
            self.assertEqual(split_command(text), tuple(words), repr(text))

    def test_long(self) -> None:
        """
        A large command is split in time that grows with its length only.
        """
        self.assertEqual(len(split_command('"' + "\\a" * 500_000)), 1)
        self.assertEqual(len(split_command("'a' " * 100_000)), 100_000)

    def test_strip_comments(self) -> None:
        """
        Comment lines go, everything else stays as it is.
        """
        self.assertEqual(strip_comments("# a\nb # c\n  # d\n\n e\n#"), "b # c\n\n e\n")
