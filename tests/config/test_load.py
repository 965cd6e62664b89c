"""
Tests for `llamaswap_tw.config.load`: whole files.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from llamaswap_tw.config.errors import ConfigError
from llamaswap_tw.config.fields import Section
from llamaswap_tw.config.file_schema import File
from llamaswap_tw.config.load import load_file
from llamaswap_tw.config.schema import (
    Capabilities,
    Compat,
    Filters,
    GroupSettings,
    Peer,
    Profile,
    Selector,
    ServerLimits,
    Timeouts,
)
from llamaswap_tw.config.validate import keys_of

from .support import ConfigTestCase

REPOSITORY = Path(__file__).parents[2]

EVERYTHING = """\
healthCheckTimeout: 5
logLevel: DEBUG
logTimeFormat: RFC3339
logToStdout: both
logRequests: true
store: {path: activity.db}
metricsMaxInMemory: 0
captureBuffer: 0
ui: {activity: {session_id: [" X-One ", "", x-one, X-Two]}}
performance: {disabled: off, every: 1m}
startPort: 6000
sendLoadingState: on
includeAliasesInList: yes
globalTTL: 5.0
unloadTimeout: 0
macros: {a: 1}
apiKeys: [123, abc]
cors: {origins: ["https://example.org"]}
allowedHosts: [example.org]
maxRequestBody: 2GiB
server: {headTimeout: 5s, bodyTimeout: 1m30s, maxHeaderBytes: 128KiB}
upstream: {ignorePaths: ['[[:alpha:]]\\z']}
profiles:
  p:
    description: for work
    pins: {x: full, y: "", z: ~, w: s, v: other/x, plain: f1}
selectors:
  s:
    strategy: spillover
    targets: [f1, plain, x]
    settings: {spillover: 3}
    name: S
    description: either
    unlisted: true
    metadata: {k: [1]}
peers:
  other:
    proxy: https://other/api
    apiKey: 12345
    models: [x, a/b, full]
    filters: {stripParams: seed, setParams: {t: 1}}
    timeouts: {connect: 7}
  second: {proxy: "http://second:81", models: [a/b, c]}
hooks: {on_startup: {preload: [f1, " ", full, nobody]}}
routing:
  router:
    use: group
    settings:
      groups: {g: {swap: false, exclusive: no, persistent: y, members: [full, plain]}}
      matrix: {vars: {_: 1}, evict_costs: {none: 3}, sets: {s: nobody}}
  scheduler:
    use: fifo
    settings: {fifo: {priority: {f1: 3, plain: -1}, maxWait: 2m}}
models:
  full:
    cmd: server --port ${PORT}
    cmdStop: stop ${PID}
    proxy: http://127.0.0.1:${PORT}/base?x=1
    checkEndpoint: none
    aliases: [f1, 3.10]
    env: [A=b=c, "D="]
    ttl: 0
    unloadTimeout: 3
    unlisted: true
    useModelName: other
    name: 3.10
    description: 0x1F
    concurrencyLimit: 4
    queueLimit: 7
    queueTimeout: 90s
    filters:
      stripParams: " a, b ,,a"
      strip_params: c
      setParams: {t: 0.5, n: ~, l: [1, yes]}
      setParamsByID: {full: {x: 1}, f3: {y: 017}}
    macros: {b: 2}
    metadata: {when: 2024-01-02, n: null, list: [1e-3]}
    sendLoadingState: false
    timeouts: {connect: 1, keepalive: 2, responseHeader: 3.5, tlsHandshake: 4,
      expectContinue: 5, idleConn: 0}
    compat: {ignoreWebsockets: true}
    capabilities: {in: [text, image], out: [audio], tools: true, reranker: true,
      context: 4096}
  plain: {cmd: "server ${PORT}"}
  comfyui_auto: {cmd: "comfy ${PORT}", ttl: ~}
  remote: {proxy: "http://10.0.0.1:80"}
"""

#: text, the report's line, words in it.  Each is the only mistake in its file.
BAD: list[tuple[str, int, str]] = [
    ("- a", 1, "must be a mapping of keys to values, not a list"),
    ("just text", 1, "must be a mapping of keys to values, not text"),
    ("\nhealthCheckTimeout: soon", 2, "healthCheckTimeout: must be a whole number"),
    ("healthCheckTimeout: '30'", 1, "must be a whole number, not text"),
    ("healthCheckTimeout: 1.5", 1, "must be a whole number, not a number"),
    ("healthCheckTimeout: true", 1, "a whole number, not true or false"),
    ("healthCheckTimeout: [1]", 1, "must be a whole number, not a list"),
    ("logToStdout: stdout", 1, "must be one of 'proxy', 'upstream', 'both', 'none'"),
    ("logLevel: {a: 1}", 1, "logLevel: must be text, not a mapping"),
    ("store: {path: ''}", 1, "store.path: cannot be empty"),
    ("store: {path: /}", 1, "store.path: is a directory"),
    ("store: {path: /nowhere/at/all}", 1, "store.path: cannot be written to"),
    ("captureBuffer: -1", 1, "captureBuffer: must be at least 0"),
    ("ui: {activity: {session_id: X-A}}", 1, "ui.activity.session_id: must be a list"),
    ("performance: {every: 1s}", 1, "performance.every: must be at least 5s"),
    ("performance: {every: 10}", 1, "a duration with a unit, like 500ms, 30s or 1h30m"),
    ("performance: {every: 10d}", 1, "performance.every: must be a duration"),
    ("performance: {every: -10s}", 1, "and not negative"),
    ("performance: 5s", 1, "performance: must be a mapping, not text"),
    ("startPort: 0", 1, "startPort: must be at least 1"),
    ("startPort: 70000", 1, "startPort: must be at most 65535"),
    ("sendLoadingState: maybe", 1, "sendLoadingState: must be true or false, not text"),
    ("globalTTL: -1", 1, "globalTTL: must be at least 0"),
    ("unloadTimeout: -1", 1, "unloadTimeout: must be at least 0"),
    ("apiKeys:\n- a\n- ''", 3, "apiKeys[1]: cannot be empty or have a space"),
    ("apiKeys: [a b]", 1, "apiKeys[0]: cannot be empty or have a space"),
    ("apiKeys: a", 1, "apiKeys: must be a list, not text"),
    ("allowedHosts: ['h:80']", 1, "allowedHosts[0]: must be a host's name or address"),
    ("allowedHosts: [h, 'http://h']", 1, "allowedHosts[1]: must be a host's name or"),
    ("allowedHosts: ['*']", 1, "without a port or a path; an empty list is for any"),
    ("allowedHosts: ['']", 1, "allowedHosts[0]: must be a host's name or address"),
    ("allowedHosts: ['[::1]:80']", 1, "allowedHosts[0]: must be a host's name or"),
    ("allowedHosts: ['[::1']", 1, "allowedHosts[0]: must be a host's name or"),
    ("cors: {origins: 1}", 1, "cors.origins: must be a list, not a whole number"),
    ("cors:\n  origins:\n  - h.example", 3, "cors.origins[0]: must be * or an origin"),
    ("cors: {origins: ['*', 'https://h/']}", 1, "cors.origins[1]: must be * or an"),
    ("cors: {origins: ['https://*.h']}", 1, "cors.origins[0]: must be * or an origin"),
    ("maxRequestBody: 1 elephant", 1, "maxRequestBody: must be a size like 64KiB"),
    ("maxRequestBody: 0", 1, "maxRequestBody: must be at least one byte"),
    ("server: {headTimeout: 0s}", 1, "server.headTimeout: must be above 0"),
    ("server: {bodyTimeout: 60}", 1, "server.bodyTimeout: must be a duration"),
    ("upstream: {ignorePaths: ['a', '[']}", 1, "ignorePaths[1]: is no valid RE2"),
    ("upstream: {ignorePaths: ['(?<=a)b']}", 1, "ignorePaths[0]: is no valid RE2"),
    ("models: [a]", 1, "models: must be a mapping, not a list"),
    ("models: {a: 3}", 1, "models.a: must be a mapping, not a whole number"),
    ("models:\n  a:\n", 2, "models.a.cmd: is missing or empty"),
    ("models:\n  a:\n    cmd: |\n      # x\n", 3, "models.a.cmd: is missing or empty"),
    ("models: {a: {cmd: [x]}}", 1, "models.a.cmd: must be text, not a list"),
    ("models: {a: {cmd: x}}", 1, "a.proxy: cmd holds no ${PORT}, so it must be given"),
    (
        "models:\n  a:\n    cmd: x\n    proxy: http://h:${PORT}",
        4,
        "${PORT} has no value",
    ),
    ("models: {a: {cmd: x, proxy: 'ftp://h'}}", 1, "must be a URL of http or https"),
    ("models: {a: {cmd: x, proxy: 'http://h:99999'}}", 1, "a.proxy: must be a URL"),
    ("models: {a: {cmd: x, proxy: 'h:80'}}", 1, "a.proxy: must be a URL"),
    ("models: {a: {cmd: 'x ${PORT}', ttl: -2}}", 1, "a.ttl: must be at least -1"),
    ("models: {a: {cmd: 'x ${PORT}', env: [A]}}", 1, "a.env[0]: must be NAME=value"),
    ("models: {a: {cmd: 'x ${PORT}', env: [=b]}}", 1, "a.env[0]: must be NAME=value"),
    ("models: {a: {cmd: 'x ${PORT}', aliases: a}}", 1, "aliases: must be a list"),
    ("models: {a: {cmd: 'x ${PORT}', aliases: [[b]]}}", 1, "aliases[0]: must be text"),
    ("models: {a: {cmd: 'x ${PORT}', queueLimit: -1}}", 1, "must be at least 0"),
    ("models: {a: {cmd: 'x ${PORT}', queueTimeout: 5}}", 1, "must be a duration"),
    ("models: {a: {cmd: 'x ${PORT}', timeouts: {connect: -1}}}", 1, "connect: must be"),
    (
        "models: {a: {cmd: 'x ${PORT}', timeouts: {connect: .inf}}}",
        1,
        "connect: must be",
    ),
    (
        "models: {a: {cmd: 'x ${PORT}', capabilities: {in: [smell]}}}",
        1,
        "in[0]: must be",
    ),
    ("models: {a: {cmd: 'x ${PORT}', capabilities: {context: -1}}}", 1, "at least 0"),
    (
        "models: {a: {cmd: 'x ${PORT}', filters: {setParams: 1}}}",
        1,
        "setParams: must be",
    ),
    ("models: {' ': {cmd: 'x ${PORT}'}}", 1, "models. : a model's id cannot be blank"),
    (
        "startPort: 65535\nmodels:\n  a: {cmd: '${PORT}'}\n  b: {cmd: '${PORT}'}",
        4,
        "models.b.cmd: no port is left",
    ),
    (
        "models:\n  a: {cmd: 'x ${PORT}', aliases: [z]}\n"
        "  b: {cmd: 'x ${PORT}', aliases: [z]}",
        3,
        "models.b.aliases[0]: 'z' is an alias of the model a already",
    ),
    (
        "models:\n  a: {cmd: 'x ${PORT}'}\n"
        "  b: {cmd: 'x ${PORT}', filters: {setParamsByID: {a: {}}}}",
        3,
        "models.b.filters.setParamsByID.a: its keys become aliases",
    ),
    ("groups: {g: {members: [a]}}", 1, "groups.g.members[0]: there is no model 'a'"),
    (
        "models: {abc: {cmd: 'x ${PORT}'}}\ngroups:\n  g: {members: [abd]}",
        3,
        "there is no model 'abd', did you mean abc?",
    ),
    (
        "models: {a: {cmd: 'x ${PORT}'}}\ngroups:\n  g: {members: [a]}\n"
        "  h: {members: [a]}",
        4,
        "groups.h.members[0]: the model a is a member of the group g already",
    ),
    ("groups: {}\nmatrix: {}", 2, "groups and matrix cannot both be used"),
    ("groups: {}\nrouting: {router: {use: group}}", 1, "cannot be used together"),
    ("routing: {router: {use: mine}}", 1, "routing.router.use: there is no planner"),
    ("routing: {scheduler: {use: mine}}", 1, "routing.scheduler.use: must be one of"),
    (
        "routing:\n  scheduler:\n    settings:\n      fifo:\n        priority: {x: 1}",
        5,
        "settings.fifo.priority.x: there is no model 'x'",
    ),
    (
        "routing: {scheduler: {settings: {fifo: {maxWait: 5}}}}",
        1,
        "maxWait: must be a duration with a unit",
    ),
]


class LoadTests(ConfigTestCase):
    """
    A file becomes a configuration, or a report.
    """

    def test_everything(self) -> None:
        """
        A file with every key has its values where they belong.
        """
        config = self.load(EVERYTHING)
        self.assertEqual(config.health_check_timeout, 15)
        self.assertEqual((config.log_level, config.log_to_stdout), ("debug", "both"))
        self.assertEqual(config.log_time_format, "rfc3339")
        self.assertEqual(config.store_path, "activity.db")
        self.assertEqual(
            (config.metrics_max_in_memory, config.capture_buffer), (1000, 0)
        )
        self.assertEqual(config.session_headers, ("X-One", "X-Two"))
        self.assertEqual(config.performance_every, 60.0)
        self.assertTrue(config.include_aliases_in_list)
        self.assertEqual(config.api_keys, ("123", "abc"))
        self.assertEqual(config.cors_origins, ("https://example.org",))
        self.assertEqual(config.allowed_hosts, ("example.org",))
        self.assertEqual(config.max_request_body, 2 * 1024**3)
        self.assertEqual(config.server, ServerLimits(5.0, 90.0, 128 * 1024))
        self.assertEqual(config.ignore_paths, (r"[[:alpha:]]\z",))
        self.assertEqual(config.preload, ("full",))
        self.assertEqual(config.planner, "group")
        self.assertEqual(
            config.groups, {"g": GroupSettings(False, False, True, ("full", "plain"))}
        )
        self.assertIsNone(config.matrix)
        self.assertEqual(config.priorities, {"full": 3, "plain": -1})
        self.assertEqual(config.max_wait, 120.0)
        self.assertEqual(
            list(config.models), ["comfyui_auto", "full", "plain", "remote"]
        )
        self.assertEqual(
            [warning.partition(": ")[2] for warning in self.warnings(config)],
            [
                "hooks.on_startup.preload[1]: is blank, and ignored",
                "hooks.on_startup.preload[3]: there is no model 'nobody'; it is "
                "ignored",
                "models.remote.cmd: is missing or empty; requests for this model will "
                "be refused",
            ],
        )

    def test_full_model(self) -> None:
        """
        A model with every key has its values where they belong.
        """
        model = self.load(EVERYTHING).models["full"]
        self.assertEqual(model.command, ("server", "--port", "6001"))
        self.assertEqual(model.command_text, "server --port 6001")
        self.assertEqual(model.stop_command, ("stop", "${PID}"))
        self.assertEqual(model.proxy, "http://127.0.0.1:6001/base?x=1")
        self.assertEqual((model.check_endpoint, model.port), ("none", 6001))
        self.assertEqual(model.aliases, ("f1", "3.10", "f3"))
        self.assertEqual(model.env, {"A": "b=c", "D": ""})
        self.assertEqual((model.ttl, model.unload_timeout), (0, 3))
        self.assertTrue(model.unlisted)
        self.assertEqual(model.use_model_name, "other")
        self.assertEqual((model.name, model.description), ("3.10", "0x1F"))
        self.assertEqual((model.concurrency_limit, model.queue_limit), (4, 7))
        self.assertEqual(model.queue_timeout, 90.0)
        self.assertEqual(
            model.filters,
            Filters(
                ("a", "b"),
                {"t": 0.5, "n": None, "l": [1, "yes"]},
                {"full": {"x": 1}, "f3": {"y": 15}},
            ),
        )
        self.assertEqual(
            model.metadata, {"when": "2024-01-02", "n": None, "list": [0.001]}
        )
        self.assertFalse(model.send_loading_state)
        self.assertEqual(model.timeouts, Timeouts(1.0, 2.0, 3.5, 4.0, 5.0, 0.0))
        self.assertEqual(model.compat, Compat(ignore_websockets=True))
        self.assertEqual(
            model.capabilities,
            Capabilities(("text", "image"), ("audio",), True, True, 4096),
        )

    def test_virtual(self) -> None:
        """
        Profiles, selectors and peers with every key have their values where they
        belong, and peers' models have their names.
        """
        config = self.load(EVERYTHING)
        pins = {"x": "full", "y": None, "z": None, "w": "s", "v": "other/x"}
        self.assertEqual(
            config.profiles, {"p": Profile("p", "for work", pins | {"plain": "f1"})}
        )
        self.assertEqual(
            config.selectors,
            {
                "s": Selector(
                    id="s",
                    strategy="spillover",
                    targets=("f1", "plain", "x"),
                    spillover=3,
                    name="S",
                    description="either",
                    unlisted=True,
                    metadata={"k": [1]},
                )
            },
        )
        self.assertEqual(
            config.peers,
            {
                "other": Peer(
                    id="other",
                    proxy="https://other/api",
                    api_key="12345",
                    models=("x", "a/b", "full"),
                    filters=Filters(("seed",), {"t": 1}),
                    timeouts=Timeouts(connect=7.0, response_header=60.0),
                ),
                "second": Peer("second", "http://second:81", models=("a/b", "c")),
            },
        )
        self.assertEqual(
            config.peer_models,
            {
                "other/x": ("other", "x"),
                "other/a/b": ("other", "a/b"),
                "other/full": ("other", "full"),
                "second/a/b": ("second", "a/b"),
                "second/c": ("second", "c"),
                "x": ("other", "x"),
                "c": ("second", "c"),
            },
        )

    def test_matrix(self) -> None:
        """
        A matrix in use is linked, its costs are the models', in its old place as
        in its new one.
        """
        models = "models: {a: {cmd: 'x ${PORT}'}, o/b: {cmd: 'x ${PORT}'}}\n"
        matrix = (
            "matrix: {vars: {b: o/b}, evict_costs: {b: 3, a: 2}, "
            "sets: {two: +one & a, one: b | a}}"
        )
        new = f"routing: {{router: {{use: matrix, settings: {{{matrix}}}}}}}"
        for text in (matrix, new):
            config = self.load(models + text)
            self.assertEqual(config.planner, "matrix")
            assert config.matrix is not None
            self.assertEqual(config.matrix.costs, {"o/b": 3, "a": 2})
            self.assertEqual(config.matrix.vars, {"b": "o/b"})
            self.assertEqual(
                [(each.name, each.text) for each in config.matrix.sets],
                [("one", "b | a"), ("two", "+one & a")],
            )

    def test_spillover_in_sets(self) -> None:
        """
        The targets of a spillover may be in one set of the matrix.
        """
        self.load("""
            models:
              a: {cmd: "x ${PORT}"}
              b: {cmd: "x ${PORT}"}
            matrix: {sets: {s: (a | c1) & b}, vars: {c1: b}}
            selectors: {s: {strategy: spillover, targets: [a, b]}}
            """)

    def test_every_key_is_tested(self) -> None:
        """
        The file with every key has every key.
        """
        File.model_rebuild()
        sections: list[type[Section]] = [File, *_sections(File)]
        for cls in sections:
            for name, field in cls.model_fields.items():
                if cls is File and name in ("groups", "matrix"):
                    continue
                self.assertIn(f"{field.alias or name}:", EVERYTHING)
                self.assertTrue(field.description, f"{cls}.{name}")

    def test_defaults(self) -> None:
        """
        What is not said has its default, and what is global holds for a model.
        """
        config = self.load(EVERYTHING)
        plain = config.models["plain"]
        self.assertEqual((plain.ttl, plain.unload_timeout), (5, 10))
        self.assertEqual((plain.concurrency_limit, plain.queue_timeout), (10, None))
        self.assertTrue(plain.send_loading_state)
        self.assertEqual(plain.check_endpoint, "/health")
        self.assertIsNone(plain.capabilities)
        comfy = config.models["comfyui_auto"]
        self.assertEqual((comfy.ttl, comfy.concurrency_limit), (5, 50))
        self.assertTrue(comfy.compat.ignore_websockets)
        remote = config.models["remote"]
        self.assertEqual((remote.command, remote.port), ((), None))
        self.assertEqual(remote.proxy, "http://10.0.0.1:80")

    def test_empty(self) -> None:
        """
        An empty file is a configuration without models.
        """
        for text in ("", "# nothing\n", "---\n", "null\n", "models:\n"):
            config = self.load(text)
            self.assertEqual(dict(config.models), {})
            self.assertEqual(config.health_check_timeout, 120)
            self.assertEqual(config.log_to_stdout, "proxy")
            self.assertEqual(config.max_wait, 60.0)
            self.assertEqual(
                config.session_headers, ("X-Session-ID", "X-Litellm-Session-Id")
            )
            self.assertEqual(
                config.ignore_paths, (r"\.(js|json|css|png|gif|jpg|jpeg|ico|txt)$",)
            )

    def test_max_wait_off(self) -> None:
        """
        A maxWait of 0, with a unit or without, is none.
        """
        for text in ("0", "0s", "'0'"):
            config = self.load(
                f"routing: {{scheduler: {{settings: {{fifo: {{maxWait: {text}}}}}}}}}"
            )
            self.assertIsNone(config.max_wait)

    def test_repository(self) -> None:
        """
        The configuration that comes with the project loads without a warning.
        """
        config = load_file(str(REPOSITORY / "config.yaml"), {})
        self.assertEqual(list(config.models), ["alice", "bob"])
        self.assertEqual(config.warnings, ())
        self.assertEqual(config.resolve("gpt-4o-mini"), "alice")
        self.assertIsNone(config.resolve("zzz"))

    def test_bad(self) -> None:
        """
        Each mistake is reported once, with its line, path and what is allowed.
        """
        for text, number, words in BAD:
            lines = self.report(text)
            self.assertEqual(len(lines), 1, (text, lines))
            self.assertTrue(lines[0].startswith(f"{number}: "), (text, lines))
            self.assertIn(words, lines[0], text)

    def test_all_at_once(self) -> None:
        """
        All mistakes of a file are reported together, in the order of the lines,
        with the warnings that may explain them.
        """
        lines = self.report("""\
            logToStdout: x
            startPort: 0
            models:
              a:
                cdm: server
                ttl: -2
              b: {cmd: "${no}", aliases: [z, z]}
            groups: {g: {members: [c]}}
            """)
        self.assertEqual(
            [line.split(": ")[:2] for line in lines],
            [
                ["1", "logToStdout"],
                ["2", "startPort"],
                ["4", "models.a.cmd"],
                ["5", "models.a.cdm"],
                ["6", "models.a.ttl"],
                ["7", "models.b.cmd"],
                ["7", "models.b.aliases[1]"],
                ["8", "groups.g.members[0]"],
            ],
        )
        self.assertIn("warning: unknown key, did you mean cmd?", lines[3])

    def test_warnings(self) -> None:
        """
        What is odd loads, and is told with its line and path.
        """
        config = self.load("""\
            logLevel: loud
            logTimeFormat: noon
            helthCheckTimeout: 3
            zzz: 1
            x-mine: {a: 1}
            models:
              foo: {cmd: "x ${PORT}", conccurencyLimit: 3, aliases: [bar, ""]}
              bar: {cmd: "x ${PORT}", timeouts: {conect: 1}, aliases: [baz]}
            groups: {g: {members: [baz, foo], swop: true}}
            """)
        self.assertEqual((config.log_level, config.log_time_format), ("info", ""))
        self.assertEqual(config.resolve("bar"), "bar")
        self.assertEqual(config.groups["g"].members, ("foo",))
        expected = [
            "1: logLevel: must be one of debug, info, warn, error",
            "2: logTimeFormat: must be empty or one of ansic",
            "3: helthCheckTimeout: unknown key, did you mean healthCheckTimeout?",
            "4: zzz: unknown key",
            "7: models.foo.conccurencyLimit: unknown key, did you mean concurrencyL",
            "7: models.foo.aliases[0]: 'bar' is also a model's id",
            "7: models.foo.aliases[1]: is blank",
            "8: models.bar.timeouts.conect: unknown key, did you mean connect?",
            "9: groups.g.swop: unknown key, did you mean swap?",
            "9: groups.g.members[0]: is an alias, and without effect",
        ]
        found = self.warnings(config)
        self.assertEqual(len(found), len(expected), found)
        for line, words in zip(found, expected, strict=True):
            self.assertTrue(line.startswith(words), line)

    def test_legacy_groups(self) -> None:
        """
        Groups at the top mean the same as where they are now.
        """
        config = self.load("""
            models: {a: {cmd: "x ${PORT}"}}
            groups: {g: {swap: false, members: [a]}}
            routing: {scheduler: {use: fifo}}
            """)
        self.assertEqual(
            config.groups, {"g": GroupSettings(swap=False, members=("a",))}
        )

    def test_old_spelling(self) -> None:
        """
        strip_params is taken where stripParams is absent.
        """
        config = self.load(
            "models: {a: {cmd: 'x ${PORT}', filters: {strip_params: 'a,b'}}}"
        )
        self.assertEqual(config.models["a"].filters.strip_params, ("a", "b"))

    def test_secrets_stay_out_of_repr(self) -> None:
        """
        Keys and environments are not in what a log may show.
        """
        config = self.load(
            "apiKeys: [geheim]\nmodels: {a: {cmd: 'x ${PORT}', env: ['A=geheim']}}"
        )
        self.assertNotIn("geheim", repr(config))

    def test_unreadable(self) -> None:
        """
        A file that cannot be read is one line.
        """
        for path, words in [
            ("/nowhere/c.yaml", "No such file or directory"),
            ("/", "Is a directory"),
            ("a\0b", "cannot be read"),
        ]:
            error = self.assertRaises(ConfigError, load_file, path, {})
            self.assertIn(words, str(error))
            self.assertEqual(len(str(error).splitlines()), 1)

    def test_no_text(self) -> None:
        """
        What is no text is an error with its line.
        """
        for data, words in [
            (b"a: 1\n\xff\xfe", "c.yaml:2: is not valid UTF-8"),
            (b"a: 1\nb: \0", "c.yaml:2: holds a NUL"),
            (b"\xff\xfea", "is not valid UTF-8"),
        ]:
            error = self.assertRaises(ConfigError, self.load_bytes, data)
            self.assertIn(words, str(error))

    def test_encodings(self) -> None:
        """
        A byte order mark, UTF-16 and foreign line ends are no obstacle.
        """
        text = "\ufefflogLevel: warn\r\nlogToStdout: none\r\n"
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            config = self.load_bytes(text.encode(encoding))
            self.assertEqual((config.log_level, config.log_to_stdout), ("warn", "none"))

    def test_many_models(self) -> None:
        """
        A thousand models are loaded, each with a port of its own.
        """
        text = "macros: {s: 'srv --port ${PORT}'}\nmodels:\n" + "".join(
            f"  m{n}:\n    cmd: ${{s}} --model ${{MODEL_ID}}\n    aliases: [a{n}]\n"
            f"    name: N{n}\n    filters: {{setParams: {{t: 0.5}}}}\n"
            for n in range(1000)
        )
        config = self.load(text)
        self.assertEqual(config.models["m999"].port, 5800 + 999)


def _sections(cls: type[Section]) -> set[type[Section]]:
    found: set[type[Section]] = set()
    for below in keys_of(cls).values():
        if below is not None:
            found |= {below.section, *_sections(below.section)}
    return found


class HostileTests(ConfigTestCase):
    """
    Whatever the bytes, there is a configuration or a report.
    """

    def setUp(self) -> None:
        self.path = self.mktemp()

    def attempt(self, data: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(data)
        try:
            load_file(self.path, {"A": "b"})
        except ConfigError as e:
            self.assertTrue(str(e))
            self.assertTrue(
                all(line.startswith(self.path) for line in str(e).split("\n"))
            )

    def test_bytes(self) -> None:
        """
        Random bytes and texts give no traceback.
        """

        @settings(deadline=None, max_examples=150, database=None)
        @given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
        def run(data: bytes) -> None:
            self.attempt(data)

        run()

    def test_mutated(self) -> None:
        """
        A good file with a piece replaced gives no traceback.
        """
        good = EVERYTHING.encode()
        pieces = st.sampled_from(
            [
                *(
                    b"",
                    b"[",
                    b"{",
                    b"}",
                    b": ",
                    b"\n",
                    b"- ",
                    b"&a ",
                    b"*a",
                    b"<<: ",
                    b"~",
                ),
                *(
                    b"${PORT}",
                    b"${env.A}",
                    b"${env.NO}",
                    b"${no}",
                    b"1e999",
                    b"!!int ",
                    b"#",
                ),
                *(
                    b"'",
                    b'"',
                    b"\t",
                    b"|\n",
                    b"? ",
                    b"9" * 50,
                    b"{}",
                    b"[]",
                    b"-1",
                    b"x",
                ),
            ]
        ) | st.binary(max_size=3)

        @settings(deadline=None, max_examples=200, database=None)
        @given(st.integers(0, len(good)), st.integers(0, 30), pieces)
        def run(at: int, length: int, piece: bytes) -> None:
            self.attempt(good[:at] + piece + good[at + length :])

        run()

    def test_any_shape(self) -> None:
        """
        Known keys with values of any shape give no traceback.
        """
        lines = [line for line in EVERYTHING.splitlines() if ":" in line]
        values = st.sampled_from(
            [
                "1",
                "-1",
                "x",
                "~",
                "[]",
                "[~]",
                "{}",
                "{a: ~}",
                "[[1]]",
                "[{a: 1}]",
                "${a}",
            ]
        )

        @settings(deadline=None, max_examples=200, database=None)
        @given(st.sampled_from(range(len(lines))), values)
        def run(number: int, value: str) -> None:
            key = lines[number].partition(":")[0]
            changed = [*lines[:number], f"{key}: {value}", *lines[number + 1 :]]
            self.attempt("\n".join(changed).encode())

        run()

    def test_device(self) -> None:
        """
        A file without an end is refused.
        """
        if not os.path.exists("/dev/zero"):
            self.skipTest("there is no /dev/zero here")
        error = self.assertRaises(ConfigError, load_file, "/dev/zero", {})
        self.assertIn("larger than 16 MiB", str(error))
