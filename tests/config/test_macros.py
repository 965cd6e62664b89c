"""
Tests for macros: `llamaswap_tw.config.macros`, ``expand`` and ``environment``.
"""

from __future__ import annotations

from typing import Any

from .support import ConfigTestCase

#: global macros, a model's macros, metadata → what becomes of it.
VALUES: list[tuple[str, str, str, Any]] = [
    ("a: 4096", "", "${a}", 4096),
    ("a: 4096", "", "x ${a} ${a}", "x 4096 4096"),
    ("a: 0.70", "", "${a}", 0.7),
    ("a: 0.70", "", "t=${a}", "t=0.7"),
    ("a: true", "", "['${a}', '${a}!']", [True, "true!"]),
    ("a: '1'", "", "${a}", "1"),
    ("a: 1", "", "'${a}'", 1),
    ("a: x, b: '${a}y', c: '${b}z'", "", "${c}", "xyz"),
    ("a: 1, b: '${a}'", "", "${b}", 1),
    ("a: 1", "a: 2", "${a}", 2),
    ("a: x, b: '<${a}>'", "a: y", "${b}", "<y>"),
    ("a: x, b: '<${a}>', c: 1", "a: 'y${c}'", "${b}", "<y1>"),
    ("a: x", "b: '${a}${a}'", "${b}", "xx"),
    ("a: 1", "", "{'${a}': '${a}'}", {"${a}": 1}),
    ("m: 'id=${MODEL_ID}'", "", "${m} ${MODEL_ID}", "id=m m"),
    ("p: '--port ${PORT}'", "", "{p: '${PORT}', q: '${p}'}", {"p": 1, "q": "--port 1"}),
    ("a-b_C9: 1", "", "${a-b_C9}", 1),
    ("a: 1", "", "'${x.y} ${} $a ${ a } $${a}'", "${x.y} ${} $a ${ a } $1"),
]


class MacroTests(ConfigTestCase):
    """
    Macros are filled in, with their types.
    """

    def test_values(self) -> None:
        """
        Each use has the value and the type that it should.
        """
        for macros, own, text, expected in VALUES:
            config = self.load(
                f"macros: {{{macros}}}\nstartPort: 1\nmodels:\n  m:\n    cmd: 'x "
                f"${{PORT}}'\n    macros: {{{own}}}\n    metadata: {text}\n"
            )
            self.assertEqual(config.models["m"].metadata, expected, (macros, own, text))

    def test_everywhere(self) -> None:
        """
        Macros work at the top, in groups, and in the keys of setParamsByID.
        """
        config = self.load("""
            macros: {start: 7000, n: 30, who: m, key: secret1}
            startPort: ${start}
            healthCheckTimeout: ${n}
            apiKeys: ["${key}"]
            groups: {g: {members: ["${who}"]}}
            models:
              m:
                cmd: x ${PORT}
                ttl: ${n}
                filters:
                  setParamsByID:
                    "${MODEL_ID}:high": {effort: high, "${n}": "${n}"}
            """)
        model = config.models["m"]
        self.assertEqual(model.port, 7000)
        self.assertEqual(model.ttl, 30)
        self.assertEqual(config.health_check_timeout, 30)
        self.assertEqual(config.api_keys, ("secret1",))
        self.assertEqual(config.groups["g"].members, ("m",))
        self.assertEqual(
            model.filters.set_params_by_id, {"m:high": {"effort": "high", "${n}": 30}}
        )
        self.assertEqual(config.resolve("m:high"), "m")

    def test_ports(self) -> None:
        """
        Ports go to the models whose command holds one, in the order of the ids,
        and are filled in everywhere in the model.
        """
        config = self.load("""
            macros: {server: "srv --port ${PORT}"}
            models:
              c:
                cmd: ${server}
                proxy: http://127.0.0.1:${PORT}/x
                env: ["P=${PORT}"]
              a: {cmd: "${server}", cmdStop: "stop ${PORT} ${PID}"}
              b: {cmd: "srv", proxy: "http://localhost:99"}
              d:
                cmd: |
                  srv
                  # --port ${PORT} ${nothing}
                proxy: http://localhost:98
            """)
        self.assertEqual(
            [(m.id, m.port, m.proxy) for m in config.models.values()],
            [
                ("a", 5800, "http://localhost:5800"),
                ("b", None, "http://localhost:99"),
                ("c", 5801, "http://127.0.0.1:5801/x"),
                ("d", None, "http://localhost:98"),
            ],
        )
        self.assertEqual(config.models["a"].stop_command, ("stop", "5800", "${PID}"))
        self.assertEqual(config.models["c"].env, {"P": "5801"})
        self.assertEqual(config.models["d"].command_text, "srv\n")

    def test_anchors(self) -> None:
        """
        Anchors and merges work across macros, and a home for them is left alone.
        """
        config = self.load("""
            x-common: &c
              cmd: "srv ${PORT} ${who}"
              macros: &m {who: me}
            models:
              a: {<<: *c}
              b:
                <<: *c
                macros: {<<: *m, who: you}
            """)
        self.assertEqual(config.models["a"].command, ("srv", "5800", "me"))
        self.assertEqual(config.models["b"].command, ("srv", "5801", "you"))
        self.assertEqual(config.warnings, ())

    def test_bad(self) -> None:
        """
        A macro that is not known, or cannot be, is an error with its path.
        """
        for macros, text, words in [
            ("{}", "${no}", "models.m.metadata: unknown macro ${no}"),
            ("{}", "[1, 'a ${no}']", "models.m.metadata[1]: unknown macro ${no}"),
            ("{}", "${no}", "unknown macro ${no}; declare it under macros"),
            ("{Server: 1}", "${sever}", "macro ${sever}, did you mean ${Server}?"),
            ("{a: '${srver}', server: 1}", "${a}", "macro a), did you mean ${server}?"),
            ("{}", "${port}", "unknown macro ${port}, did you mean ${PORT}?"),
            ("{a: '${b}', b: 1}", "${a}", "${b} (in the macro a)"),
            ("{a: '${a}'}", "1", "macros.a: a macro cannot use itself"),
            ("{a: [1]}", "1", "macros.a: must be text, a number, true or false"),
            ("{a: null}", "1", "macros.a: must be text"),
            ("{PORT: 1}", "1", "macros.PORT: PORT is reserved"),
            ("{PID: 1}", "1", "macros.PID: PID is reserved"),
            ("{MODEL_ID: 1}", "1", "macros.MODEL_ID: MODEL_ID is reserved"),
            ("{'a.b': 1}", "1", "macros.a.b: a macro's name has letters"),
            ("{'" + "a" * 64 + "': 1}", "1", "at most 63"),
            ("[a]", "1", "macros: must be a mapping"),
            ("{}", "${PID}", "models.m.metadata: ${PID} is only available in cmdStop"),
        ]:
            lines = self.report(
                f"macros: {macros}\nmodels:\n  m:\n    cmd: x ${{PORT}}\n"
                f"    metadata: {text}\n"
            )
            self.assertEqual(len(lines), 1, lines)
            self.assertIn(words, lines[0])
            self.assertTrue(
                lines[0].startswith(
                    "1:" if "macros" in words[:6] or "at most" in words else "5:"
                )
            )

    def test_many_unknown(self) -> None:
        """
        Thousands of unknown names next to thousands of macros take no long time: only
        the first ones are compared with them.
        """
        macros = "".join(f"  server-{number}: 1\n" for number in range(2000))
        uses = "".join(f"      - ${{servr-{number}}}\n" for number in range(2000))
        lines = self.report(
            f"macros:\n{macros}models:\n  m:\n    cmd: x ${{PORT}}\n"
            f"    metadata:\n{uses}"
        )
        self.assertIn("did you mean ${server-0}?", lines[0])
        hinted = sum("did you mean" in line for line in lines)
        self.assertTrue(0 < hinted <= 40, hinted)

    def test_bomb(self) -> None:
        """
        Macros that pile up are an error, not a full memory.
        """
        declared = ["a0: 0123456789"]
        for number in range(19):
            uses = f"${{a{number}}}" * 10
            declared.append(f"a{number + 1}: '{uses}'")
        lines = self.report(
            f"macros: {{{', '.join(declared)}}}\nlogLevel: '${{a19}}'\n"
        )
        self.assertEqual(
            lines, ["1: macros: they expand to more than 64 MiB; do they pile up?"]
        )


class EnvironmentTests(ConfigTestCase):
    """
    The environment's values are filled in before the text is YAML.
    """

    def test_types(self) -> None:
        """
        A value takes the type that YAML gives it, and may be several.
        """
        config = self.load(
            """
            globalTTL: ${env.T}
            apiKeys: [${env.KEYS}]
            models:
              "${env.ID}": {cmd: "a ${PORT}", metadata: "${env.Q}"}
            """,
            T="60",
            KEYS="k1, k2",
            ID="m",
            Q="x # y",
        )
        self.assertEqual(config.models["m"].ttl, 60)
        self.assertEqual(config.api_keys, ("k1", "k2"))
        self.assertEqual(config.models["m"].metadata, "x # y")

    def test_comments(self) -> None:
        """
        In comments, YAML's and a command's, a variable need not be set.
        """
        config = self.load(
            """
            # ${env.NO}
            logLevel: warn # ${env.NO}
            logTimeFormat: 'kitchen' #${env.NO}
            models:
              m:
                cmd: |
                  srv ${PORT} # ${env.YES}
                  # ${env.NO}
                # ${env.NO}
                description: "a # ${env.YES} 'b"
                name: it's # ${env.NO}
            """,
            YES="v",
        )
        model = config.models["m"]
        self.assertEqual(model.command, ("srv", "5800", "#", "v"))
        self.assertEqual(model.description, "a # v 'b")
        self.assertEqual(model.name, "it's")

    def test_bad(self) -> None:
        """
        A variable that is not set, or has a line break or a NUL, is an error
        that names it and its line.
        """
        self.assertEqual(
            self.report("\nglobalTTL: 1 # ${env.NO}\nlogLevel: ${env.NO}\n"),
            [
                "3: the environment variable NO is not set; set it, or take ${env.NO} "
                "out"
            ],
        )
        for value in (
            "geheim\nx",
            "geheim\r",
            "geheim\0",
            "geheim\u2028",
            "geheim\udc80",
        ):
            (line,) = self.report("\nlogLevel: ${env.V}\n", V=value)
            self.assertTrue(line.startswith("2: the environment variable V"), line)
            self.assertNotIn("geheim", line)
        (line,) = self.report("\nmodels:\n  m:\n    cmd: |\n      # ${env.V}\n")
        self.assertIn("is missing or empty", line)

    def test_path_of_a_value(self) -> None:
        """
        A report names the key beside a value of the environment, and not one that it
        may have brought along.
        """
        for text, value, path in (
            ("globalTTL: ${env.V}", "geheim", "globalTTL"),
            ("globalTTL: ${env.V}", '"geheim"', "globalTTL"),
            ("apiKeys: ['${env.V} x']", "geheim", "apiKeys[0]"),
            ("store: {path: 3, x: ${env.V}}\nui: 3", "geheim", "ui"),
            ("{x: é${env.V}, globalTTL: ${env.V}}", "geheim", "globalTTL"),
            ("${env.V}", "ui: {activity: geheim}", "(from the environment)."),
            ("ui: ${env.V}", "{activity: geheim}", "ui.(from the environment)"),
            ("ui: ${env.V} 3}", "{activity: ", "ui.(from the environment)"),
        ):
            lines = self.report(text, V=value)
            self.assertTrue(any(f" {path}" in line for line in lines), (text, lines))
            self.assertNotIn("geheim", "".join(lines))
            self.assertNotIn("activity", "".join(lines))

    def test_no_value_in_a_report(self) -> None:
        """
        Whatever is wrong with a value of the environment, no report shows it.
        """
        secret = "geheim"
        for text in (
            "a: [${env.V}",
            "a: *${env.V}",
            "a: !!${env.V} 3",
            "a: !!int ${env.V}",
            "${env.V}: 1",
            "{${env.V}: 1, ${env.V}: 2}",
            "macros: {x: '${env.V}'}\nhealthCheckTimeout: ${x}",
            "logLevel: ${env.V}",
            "logToStdout: ${env.V}",
            "globalTTL: ${env.V}",
            "macros: {'${env.V}.': 1}",
            "groups: {'${env.V}': {members: ['${env.V}']}}",
            "models: {'${env.V}': {}}",
            "models: {'${env.V}': {aliases: 3, cmd: 'a ${MODEL_ID} ${no}'}}",
            "models: {a: {cmd: x, proxy: '${env.V}'}}",
            "models: {a: {cmd: x, aliases: ['${env.V}', '${env.V}']}}",
            "models: {a: {cmd: x, env: ['${env.V}'], setup: 1, ${env.V}: 2}}",
            "models: {a: {cmd: x, filters: {setParamsByID: {'${env.V}': {}}}}, "
            "b: {cmd: x, aliases: ['${env.V}']}}",
            "routing: {scheduler: {settings: {fifo: {priority: {'${env.V}': x}}}}}",
            "routing: {router: {use: '${env.V}'}}",
            "upstream: {ignorePaths: ['[${env.V}']}",
            "apiKeys: ['${env.V} x']",
            "store: {path: '/nowhere/${env.V}'}",
            "hooks: {on_startup: {preload: ['${env.V}']}}",
            "performance: {every: '${env.V}'}",
            "logLevel: '${${env.V}}'",
            "models: {a: {cmd: '${${env.V}}'}}",
        ):
            text += "\ncaptureBuffer: -1\n"
            lines = "\n".join(self.report(text, V=secret))
            self.assertNotIn(secret, lines, text)
