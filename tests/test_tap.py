"""
Tests for `llamaswap_tw.tap`.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
from typing import Any
from unittest import mock

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins, pluginPackagePaths
from twisted.python.usage import Options as UsageOptions
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw import __version__
from llamaswap_tw.tap import Options, makeService
from llamaswap_tw.web.listen import Certificate


class GivesUp(SynchronousTestCase):
    """
    A test that sees what is told when the program ends.
    """

    def given_up(self, function: Any, *args: Any) -> str:
        """
        The line with which the program ends, with status 1.
        """
        stderr = io.StringIO()
        self.patch(sys, "__stderr__", stderr)
        with self.assertRaises(SystemExit) as raised:
            function(*args)
        self.assertEqual(raised.exception.code, 1)
        text = stderr.getvalue()
        self.assertTrue(text.endswith("\n"))
        self.assertNotIn("Traceback", text)
        return text[:-1]


class OptionsTests(GivesUp):
    """
    What stands after ``llamaswap``.
    """

    def parsed(self, *args: str) -> Options:
        options = Options()
        options.parseOptions(list(args))
        return options

    def listens(self, *args: str) -> list[str]:
        addresses = self.parsed("--config", "x", *args).addresses
        return [address.text for address in addresses]

    def test_config(self) -> None:
        """
        The configuration may be named in each of the usual ways, and as
        llama-swap's scripts do.
        """
        for args in (
            *(("--config", "x.yaml"), ("--config=x.yaml",), ("-c", "x.yaml")),
            *(("-cx.yaml",), ("-config", "x.yaml"), ("-config=x.yaml",)),
        ):
            self.assertEqual((args, self.parsed(*args).config), (args, "x.yaml"))

    def test_sources(self) -> None:
        """
        A file, a directory, or both; and whether to watch them.
        """
        options = self.parsed("-config-dir", "d")
        self.assertEqual((options.sources, options.watch_config), (["d"], False))
        options = self.parsed("--config=c", "--config-dir=d", "-watch-config")
        self.assertEqual((options.sources, options.watch_config), (["c", "d"], True))

    def test_tls(self) -> None:
        """
        With a certificate it listens on another port, unless told where.
        """
        files = ("--tls-cert-file", "cert.pem", "-tls-key-file=key.pem")
        options = self.parsed("-c", "x", *files)
        self.assertEqual(options.certificate, Certificate("cert.pem", "key.pem"))
        self.assertEqual(self.listens(*files), ["127.0.0.1:8443"])
        self.assertEqual(self.listens("-l", "1", *files), ["127.0.0.1:1"])

    def test_listen(self) -> None:
        """
        It listens on loopback unless told where, and there in any number of
        places.
        """
        self.assertEqual(self.listens(), ["127.0.0.1:8080"])
        self.assertEqual(
            self.listens(
                "--listen", ":1", "-l", "2", "-listen=unix:/x", "-listen", "3"
            ),
            [":1", "127.0.0.1:2", "unix:/x", "127.0.0.1:3"],
        )

    def test_mistakes(self) -> None:
        """
        A mistake is one line.
        """
        for args, told in (
            (("--confg", "x"), "--confg"),
            (("--config", "x", "--listen", "nowhere"), "nowhere"),
            (("--config", "x", "--listen", "host.example:80"), "host.example"),
            (("--config", "x", "surplus"), "arguments"),
            (("--config",), "requires argument"),
            ((), "--config FILE or --config-dir DIR"),
            (("--config", "x", "--tls-cert-file", "y"), "give both"),
            (("--config", "x", "--tls-key-file", "y"), "give both"),
        ):
            line = self.given_up(self.parsed, *args)
            self.assertNotIn("\n", line)
            self.assertTrue(line.startswith("llamaswap: "), line)
            self.assertIn(told, line)

    def test_version(self) -> None:
        """
        The version is told, with Twisted's and Python's, without a
        configuration.
        """
        for option in ("--version", "-version"):
            stdout = io.StringIO()
            with (
                mock.patch("sys.stdout", stdout),
                self.assertRaises(SystemExit) as raised,
            ):
                self.parsed(option)
            self.assertEqual(raised.exception.code, 0)
            for part in (__version__, "Twisted", "Python"):
                self.assertIn(part, stdout.getvalue())


class PrintingTests(GivesUp):
    """
    Options that print something and end the program.
    """

    def printed(self, *args: str) -> tuple[str, str]:
        """
        What is printed to standard output and standard error.
        """
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            mock.patch("sys.stdout", stdout),
            mock.patch("sys.stderr", stderr),
            self.assertRaises(SystemExit) as raised,
        ):
            Options().parseOptions(list(args))
        self.assertEqual(raised.exception.code, 0)
        return stdout.getvalue(), stderr.getvalue()

    def test_schema(self) -> None:
        """
        The schema is JSON, and needs no configuration.
        """
        for option in ("--print-schema", "-print-schema"):
            document = json.loads(self.printed(option)[0])
            self.assertIn("models", document["properties"])

    def test_check(self) -> None:
        """
        A good configuration is told in a few lines, with its warnings; nothing is
        started.
        """
        folder = self.mktemp()
        os.mkdir(folder)
        with open(os.path.join(folder, "a.yaml"), "w") as file:
            file.write("oddity: 1\nmodels: {a: {cmd: 'x ${PORT}'}}")
        for option in ("--check", "-check"):
            out, err = self.printed("--config-dir", folder, option)
            self.assertIn("port 5800", out)
            self.assertIn("a.yaml:1: oddity: ", err)

    def test_check_of_a_bad_one(self) -> None:
        """
        Mistakes are told as they are at a start.
        """
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("models: 5\nstartPort: 0")
        text = self.given_up(Options().parseOptions, ["-c", path, "--check"])
        self.assertEqual(len(text.splitlines()), 2)


class MakeServiceTests(GivesUp):
    """
    The service that the options make.
    """

    def setUp(self) -> None:
        hung_up = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, hung_up)

    def options(self, text: str | None, *args: str) -> Options:
        path = self.mktemp()
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
        options = Options()
        options.parseOptions(["--config", path, *args])
        return options

    def test_service(self) -> None:
        """
        A good configuration makes a service that is not running yet.
        """
        service: Any = makeService(self.options("models: {a: {cmd: 'x ${PORT}'}}"))
        self.assertFalse(service.running)

    def test_takes_hang_ups(self) -> None:
        """
        From the time that the configuration is read, SIGHUP ends nothing.
        """
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.given_up(makeService, self.options("models: 5"))
        self.assertTrue(callable(signal.getsignal(signal.SIGHUP)))

    def test_missing_file(self) -> None:
        """
        A configuration that is not there is one line that names it.
        """
        options = self.options(None)
        line = self.given_up(makeService, options)
        self.assertNotIn("\n", line)
        self.assertIn(str(options.config), line)
        self.assertIn("No such file", line)

    def test_bad_file(self) -> None:
        """
        Mistakes in it are a line each.
        """
        text = self.given_up(
            makeService, self.options("healthCheckTimeout: x\nmodels: 5\n")
        )
        self.assertEqual(len(text.split("\n")), 2)
        self.assertIn(":1: healthCheckTimeout: ", text)
        self.assertIn(":2: models: ", text)

    def test_address_in_use(self) -> None:
        """
        An address in use ends the program with one line, and leaves no file
        that says it runs.
        """
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        options = self.options("{}", "--listen", address)
        pidfile = self.mktemp()
        with open(pidfile, "w") as file:
            file.write(str(os.getpid()))
        twistd: Any = UsageOptions()
        twistd["pidfile"] = pidfile
        options.parent = twistd
        service: Any = makeService(options)
        line = self.given_up(service.startService)
        self.assertEqual(
            line, f"llamaswap: cannot listen on {address}: Address already in use"
        )
        self.assertFalse(os.path.exists(pidfile))


class PluginTests(SynchronousTestCase):
    """
    How twistd finds us.
    """

    def test_found(self) -> None:
        """
        The plugin is found, names this module, and importing it imports
        nothing of the daemon.
        """
        maker: Any
        (maker,) = [
            plugin
            for plugin in getPlugins(IServiceMaker)
            if plugin.tapname == "llamaswap"
        ]
        verifyObject(IServiceMaker, maker)
        self.assertEqual(maker.module, "llamaswap_tw.tap")
        self.assertIs(maker.options, Options)

    def test_no_package_of_ours(self) -> None:
        """
        ``twisted`` and ``twisted.plugins`` stay Twisted's own.
        """
        import twisted

        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.assertFalse((twisted.__file__ or "").startswith(here))
        for folder in ("twisted", "twisted/plugins"):
            self.assertFalse(os.path.exists(os.path.join(here, folder, "__init__.py")))
        self.assertTrue(pluginPackagePaths("twisted.plugins"))
