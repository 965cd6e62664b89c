"""
Tests for `llamaswap_tw.observe.logs`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.interfaces import IOutput
from llamaswap_tw.observe.logs import Logs, LogToStdout


class LogsTests(SynchronousTestCase):
    """
    Each log has what belongs to it.
    """

    def written(self, to_stdout: LogToStdout) -> tuple[Logs, bytes]:
        stdout: list[bytes] = []
        logs = Logs(["a", "b"], to_stdout, stdout.append)
        logs.proxy.write(b"ours\n")
        logs.output_of("a").write(b"from a\n")
        logs.output_of("b").write(b"from b\n")
        return logs, b"".join(stdout)

    def test_separate(self) -> None:
        """
        A model's log has that model's output, and ``upstream`` all models'.
        """
        logs, _ = self.written("proxy")
        self.assertEqual(logs.output_of("a").ring.history(), b"from a\n")
        self.assertEqual(logs.upstream.history(), b"from a\nfrom b\n")
        self.assertEqual(logs.proxy.history(), b"ours\n")

    def test_to_stdout(self) -> None:
        """
        ``logToStdout`` decides what reaches standard output and the combined
        history, which are the same.
        """
        expected: dict[LogToStdout, bytes] = {
            "proxy": b"ours\n",
            "upstream": b"from a\nfrom b\n",
            "both": b"ours\nfrom a\nfrom b\n",
            "none": b"",
        }
        for name, text in expected.items():
            logs, stdout = self.written(name)
            self.assertEqual((name, stdout), (name, text))
            self.assertEqual(logs.combined.history(), text)

    def test_follower_outlives_removal(self) -> None:
        """
        Who follows a model's log goes on when the model is gone and there again.
        """
        logs, _ = self.written("none")
        followed: list[bytes] = []
        unfollow = logs.output_of("a").ring.follow(followed.append)
        logs.reconfigure(["b"], "none")
        self.assertRaises(KeyError, logs.output_of, "a")
        logs.reconfigure(["a", "b"], "none")
        logs.output_of("a").write(b"again\n")
        self.assertEqual(followed, [b"again\n"])
        unfollow()


class ModelOutputTests(SynchronousTestCase):
    """
    The end of a model's output, for the reason of a failure.
    """

    def test_interface(self) -> None:
        """
        It is what a process writes to.
        """
        verifyObject(IOutput, Logs(["a"], "none", lambda _: None).output_of("a"))

    def test_since_start(self) -> None:
        """
        Nothing that an earlier process wrote is taken for the last one's.
        """
        output = Logs(["a"], "none", lambda _: None).output_of("a")
        output.write(b"out of memory\n")
        self.assertEqual(output.tail(100), "out of memory")
        output.began()
        self.assertEqual(output.tail(100), "")
        output.write(b"loading\n")
        self.assertEqual(output.tail(100), "loading")
