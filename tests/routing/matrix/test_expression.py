"""
Tests for `llamaswap_tw.routing.matrix.expression` and
`llamaswap_tw.routing.matrix.link`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.routing.matrix.expression import (
    And,
    BadExpression,
    Name,
    Or,
    Reference,
    parse,
)
from llamaswap_tw.routing.matrix.link import (
    TOTAL_LIMIT,
    BadSets,
    Mistake,
    Model,
    link,
    models_of,
)


def shown(node: Any) -> str:
    """
    A tree as text, with a parenthesis around each And and Or.
    """
    if isinstance(node, And | Or):
        sign = " & " if isinstance(node, And) else " | "
        return f"({sign.join(map(shown, node.parts))})"
    if isinstance(node, Reference):
        return f"+{node.name}"
    return node.text if isinstance(node, Name) else f"<{node.id}>"


GOOD = [
    ("a", "a"),
    ("a&b", "(a & b)"),
    ("a & b & c", "(a & b & c)"),
    ("a | b | c", "(a | b | c)"),
    ("a & b | c", "((a & b) | c)"),
    ("a | b & c", "(a | (b & c))"),
    ("a & (b | c)", "(a & (b | c))"),
    ("((a))", "a"),
    ("(a | b) & (c | d)", "((a | b) & (c | d))"),
    ("+x & a", "(+x & a)"),
    ("+ x|+y", "(+x | +y)"),
    ("\n  qwen2.5-7b\n & _a-1\n", "(qwen2.5-7b & _a-1)"),
]

#: Expression, what is beneath it, words of the message.
BAD = [
    ("", "^", "the expression is empty"),
    ("  ", "^", "the expression is empty"),
    ("a &", "   ^", "there must be a model, +set or ( here, not the end"),
    ("& a", "^", "here, not '&'"),
    ("a | | b", "    ^", "here, not '|'"),
    ("a b", "  ^", "there must be & or | before this"),
    ("a (b)", "  ^", "there must be & or | before this"),
    ("(a b)", "   ^", "there must be & or | before this"),
    ("(a | b", "      ^", "the one opened in column 1 is never closed"),
    ("a & (b | (c)", "            ^", "the one opened in column 5 is never closed"),
    ("a)", " ^", "this parenthesis was never opened"),
    ("()", " ^", "here, not ')'"),
    ("+", " ^", "after + there must be a set's name"),
    ("a & +(b)", "     ^", "after + there must be a set's name"),
    ("a & org/b", "       ^", "the character '/' cannot be used here"),
    ("a, b", " ^", "the character ',' cannot be used here"),
    ("a & ü", "    ^", "the character 'ü' cannot be used here"),
    ("(" * 101, "…" + " " * 30, "nested more than 100 deep"),
]

#: Sets, the set with the mistake, what is beneath it, the kind, words.
UNLINKED = [
    ({"s": "a & zz"}, "s", "    ^", Mistake.UNKNOWN, "'zz' is neither a var nor"),
    ({"s": "a & +t"}, "s", "     ^", Mistake.UNDEFINED, "there is no set 't'"),
    ({"s": "+s"}, "s", " ^", Mistake.CIRCULAR, "circular: s → s"),
    (
        {"s": "a & +t", "t": "+u", "u": "b | +t"},
        *("u", "     ^", Mistake.CIRCULAR, "circular: t → u → t"),
    ),
    ({"s": "a &", "t": "+s"}, "s", "   ^", Mistake.SYNTAX, "not the end"),
]


class ParseTests(SynchronousTestCase):
    """
    Expressions become trees.
    """

    def test_good(self) -> None:
        """
        And binds tighter than or, and blanks do not matter.
        """
        for text, expected in GOOD:
            self.assertEqual(shown(parse(text)), expected, text)

    def test_bad(self) -> None:
        """
        A mistake is told with its column, and a caret stands beneath it.
        """
        for text, beneath, words in BAD:
            error = self.assertRaises(BadExpression, parse, text)
            self.assertIn(words, str(error), text)
            self.assertTrue(str(error).startswith(f"column {error.at + 1}: "))
            line, caret = error.pointed()
            if not beneath.startswith("…"):
                self.assertEqual((line, caret), (text.strip(), beneath))

    def test_long(self) -> None:
        """
        Of a long expression the part around the mistake is shown.
        """
        text = "&".join(f"model{n}" for n in range(100)) + " ! " + "a|" * 100
        error = self.assertRaises(BadExpression, parse, text)
        line, caret = error.pointed()
        self.assertLess(len(line), 80)
        self.assertEqual(line[len(caret) - 1], "!")
        self.assertRaises(BadExpression, parse, "a&" * 100_000)

    def test_any_text(self) -> None:
        """
        Whatever the text, there is a tree or a mistake within it.
        """

        @settings(deadline=None, max_examples=300, database=None)
        @given(st.text("ab.&|()+ \n/é", max_size=30))
        def run(text: str) -> None:
            try:
                parse(text)
            except BadExpression as e:
                self.assertLessEqual(e.at, len(text))
                self.assertEqual(len(e.pointed()), 2)

        run()


class LinkTests(SynchronousTestCase):
    """
    Sets become sets of models.
    """

    def test_link(self) -> None:
        """
        Short names win over ids, and references are what they refer to.
        """
        sets = link(
            {"one": "x & b", "two": "+one | a"}, {"x": "org/x", "a": "b"}, {"a", "b"}
        )
        self.assertEqual(
            [shown(each.node) for each in sets],
            ["(<org/x> & <b>)", "((<org/x> & <b>) | <b>)"],
        )
        self.assertEqual([each.text for each in sets], ["x & b", "+one | a"])
        assert isinstance(sets[1].node, Or)
        self.assertIs(sets[1].node.parts[0], sets[0].node)

    def test_order(self) -> None:
        """
        Sets are in the order of their definition, save that a set comes after
        those that it refers to.
        """
        sets = link(
            {"a": "m", "b": "+d & +c", "c": "m", "d": "+e", "e": "m", "f": "m"},
            {},
            {"m"},
        )
        self.assertEqual([each.name for each in sets], ["a", "e", "d", "c", "b", "f"])

    def test_bad(self) -> None:
        """
        Each mistake is told once, with its set, and a caret stands beneath it.
        """
        for sets, name, beneath, mistake, words in UNLINKED:
            error = self.assertRaises(BadSets, link, sets, {}, {"a", "b"})
            self.assertEqual(len(error.errors), 1, str(error))
            (found,) = error.errors
            self.assertEqual(
                (found.set, found.pointed(), found.mistake),
                (name, (sets[name], beneath), mistake),
            )
            self.assertIn(words, str(found))

    def test_all_at_once(self) -> None:
        """
        The mistakes of all sets are told together.
        """
        error = self.assertRaises(
            BadSets, link, {"s": "(a", "t": "x & y", "u": "+v | +w"}, {}, {"a"}
        )
        self.assertEqual(
            [(each.set, each.name) for each in error.errors],
            [("s", ""), ("t", "x"), ("t", "y"), ("u", "v"), ("u", "w")],
        )

    def test_not_multiplied_out(self) -> None:
        """
        Sets that refer to one another over and over are linked as they are.
        """
        sets = {"s0": "a | b"}
        for n in range(1, 5000):
            sets[f"s{n}"] = f"+s{n - 1} & +s{n - 1}"
        linked = link(sets, {}, {"a", "b"})
        self.assertEqual(models_of(linked[-1].node), {"a", "b"})
        self.assertNotIn("Or", repr(linked))

    def test_circles(self) -> None:
        """
        Many circles are told in bounded time and text.
        """
        sets = {f"s{n}": f"+s{n + 1} | +s0" for n in range(2000)} | {"s2000": "a"}
        error = self.assertRaises(BadSets, link, sets, {}, {"a"})
        self.assertEqual(len(error.errors), 2000)
        self.assertLess(len(str(error)), 200_000)

    def test_too_much(self) -> None:
        """
        All sets together have a limit.
        """
        text = "a&" * 49_000 + "a"
        count = TOTAL_LIMIT // len(text) + 2
        error = self.assertRaises(
            BadSets, link, {f"s{n}": text for n in range(count)}, {}, {"a"}
        )
        self.assertEqual(error.errors[-1].mistake, Mistake.TOO_MUCH)

    def test_model(self) -> None:
        """
        A set may be a single model.
        """
        (only,) = link({"s": "a"}, {}, {"a"})
        assert isinstance(only.node, Model)
        self.assertEqual(models_of(only.node), {"a"})
