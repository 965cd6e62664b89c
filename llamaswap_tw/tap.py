"""
The twistd face: options, and the service they make.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, NoReturn

from twisted.application.service import IService
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

import twisted

from . import (
    __version__,
    lean,  # noqa: F401 - what it does must be done before the other imports
)
from .config.errors import ConfigError
from .config.load import NO_PORTS, load_files
from .config.schema import Config
from .config.watch import Sources
from .notify import Notifier
from .observe.logs import Logs
from .observe.observer import LineObserver
from .observe.stdout import PatientWriter
from .planners import Planners
from .program import HangUps, Program, give_up
from .service import LlamaSwapService
from .web.listen import (
    DEFAULT_PORT,
    DEFAULT_TLS_PORT,
    Address,
    BadAddress,
    Certificate,
    parse_address,
)


class Options(UsageOptions):
    """
    The options after ``twistd … llamaswap``.
    """

    synopsis = "[options]"
    longdesc = (
        "Many local model servers behind one port, started and swapped on demand."
    )

    def __init__(self) -> None:
        super().__init__()
        self.config: str | None = None
        self.config_dir: str | None = None
        self.watch_config = False
        self.check = False
        self.certificate: Certificate | None = None
        self.addresses: list[Address] = []
        self._cert_file: str | None = None
        self._key_file: str | None = None

    def opt_config(self, path: str) -> None:
        """
        The configuration, a YAML file.
        """
        self.config = path

    opt_c = opt_config

    def opt_config_dir(self, path: str) -> None:
        """
        A directory with more of it: every *.yaml and *.yml.
        """
        self.config_dir = path

    def opt_watch_config(self) -> None:
        """
        Reload when a file of the configuration changes; SIGHUP always does.
        """
        self.watch_config = True

    def opt_listen(self, address: str) -> None:
        """
        Where to listen: HOST:PORT, :PORT for all interfaces, PORT for loopback,
        systemd for the sockets that were passed, or a Twisted endpoint string;
        may be given more than once
        [default: 127.0.0.1:8080].
        """
        try:
            self.addresses.append(parse_address(address))
        except BadAddress as e:
            raise UsageError(str(e))

    opt_l = opt_listen

    def opt_tls_cert_file(self, path: str) -> None:
        """
        Serve HTTPS: a PEM file with the certificate, and those that vouch for it.
        """
        self._cert_file = path

    def opt_tls_key_file(self, path: str) -> None:
        """
        Serve HTTPS: a PEM file with the certificate's private key.
        """
        self._key_file = path

    def opt_check(self) -> None:
        """
        Load the configuration, tell what it has or what is wrong, and exit.
        """
        self.check = True

    def opt_print_schema(self) -> NoReturn:
        """
        Print the JSON Schema of the configuration and exit.
        """
        # Few want it, and it takes a while to make.
        from .config.json_schema import schema

        # It is long, and whoever reads it may have read enough.
        with suppress(BrokenPipeError):
            print(json.dumps(schema(), indent=2), flush=True)
        raise SystemExit(0)

    def opt_version(self) -> NoReturn:
        """
        Tell the versions and exit.
        """
        print(
            f"llamaswap-tw {__version__} (Twisted {twisted.__version__}, "
            f"Python {platform.python_version()})"
        )
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse; a mistake ends the program with one line rather than a page.
        """
        # Scripts written for llama-swap use long options with one dash, which
        # getopt would read as ``-c onfig``.
        given = [_with_two_dashes(option) for option in options or ()]
        try:
            super().parseOptions(given)
        except UsageError as e:
            give_up(f"llamaswap: {e}")

    def postOptions(self) -> None:
        """
        Complete what was not given.
        """
        if self.config is None and self.config_dir is None:
            raise UsageError(
                "no configuration: give one with --config FILE or --config-dir DIR"
            )
        if self._cert_file is not None and self._key_file is not None:
            self.certificate = Certificate(self._cert_file, self._key_file)
        elif self._cert_file is not None or self._key_file is not None:
            raise UsageError(
                "--tls-cert-file and --tls-key-file belong together: give both"
            )
        if not self.addresses:
            port = DEFAULT_PORT if self.certificate is None else DEFAULT_TLS_PORT
            self.addresses.append(parse_address(str(port)))
        if self.check:
            # Not later: twistd would mind a daemon that runs here.
            _check(self)

    @property
    def sources(self) -> list[str]:
        """
        What the configuration is loaded from.
        """
        return [path for path in (self.config, self.config_dir) if path is not None]

    def load(self, held_ports: Mapping[str, int] = NO_PORTS) -> Config:
        """
        Load the configuration that the command line names.

        :param held_ports: as for `load_files`.
        :raises ConfigError: with all that is wrong.
        """
        config = load_files(
            self.config, self.config_dir, os.environ, self.planners.names, held_ports
        )
        # Settings that its planner cannot use are a mistake of the file's.
        self.planners.make(config)
        return config

    @cached_property
    def planners(self) -> Planners:
        """
        The planners that can be used.
        """
        return Planners()


#: What llama-swap's scripts write with one dash.
_LONG_OPTIONS = frozenset(
    [
        *("check", "config", "config-dir", "listen", "print-schema"),
        *("tls-cert-file", "tls-key-file", "version", "watch-config"),
    ]
)


def _with_two_dashes(option: str) -> str:
    name = option.partition("=")[0]
    if name.startswith("-") and name[1:] in _LONG_OPTIONS:
        return "-" + option
    return option


def makeService(options: Options) -> IService:
    """
    Make the daemon's service; twistd calls this.

    :param options: what the command line says.
    :returns: the service.
    """
    # Not before: whoever imports it decides which reactor there is.
    from twisted.internet import reactor

    hang_ups, notifier = HangUps(reactor), Notifier(os.environ)
    # Before the first load: what is changed after that is seen.
    sources = Sources(options.sources) if options.watch_config else None
    config = _load(options)
    writer = PatientWriter(os.dup(1)) if _owns_stdout(options) else None
    logs = Logs(
        config.models,
        config.log_to_stdout,
        writer.write if writer is not None else lambda _: None,
    )
    observer = LineObserver(logs.proxy.write, config.log_level, config.log_time_format)

    def configured(config: Config) -> None:
        observer.reconfigure(config.log_level, config.log_time_format)

    daemon = LlamaSwapService(
        reactor,
        config,
        options.addresses,
        logs,
        options.load,
        options.planners,
        options.certificate,
        sources,
        configured,
    )
    twistd: Any = options.parent or {}
    pidfile = twistd.get("pidfile")
    return Program(reactor, daemon, observer, writer, pidfile, hang_ups, notifier)


def _load(options: Options) -> Config:
    """
    Load the configuration, or end the program with all that is wrong.
    """
    try:
        return options.load()
    except ConfigError as e:
        give_up("\n".join([str(e), *options.planners.complaints]))


def _check(options: Options) -> NoReturn:
    """
    What ``--check`` does.
    """
    from .config.check import summary

    config, planners = _load(options), options.planners
    for warning in (*config.warnings, *planners.complaints):
        print(warning, file=sys.stderr)
    # Whoever reads it may have read enough.
    with suppress(BrokenPipeError):
        print(summary(config, planners.names), flush=True)
    raise SystemExit(0)


def _owns_stdout(options: Options) -> bool:
    """
    Whether twistd was left to log to standard output.
    """
    twistd: Any = options.parent or {}
    return bool(twistd.get("nodaemon")) and not any(
        twistd.get(name) for name in ("logfile", "syslog", "logger")
    )


def main() -> None:
    """
    The console script: ``twistd -n --pidfile= llamaswap`` and its options.
    """
    from twisted.scripts.twistd import run

    sys.argv[:1] = ["twistd", "--nodaemon", "--pidfile=", "llamaswap"]
    run()
