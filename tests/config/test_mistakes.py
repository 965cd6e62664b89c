"""
Mistakes in what refers to something else: profiles, selectors, peers, the matrix.
"""

from __future__ import annotations

from llamaswap_tw.config.errors import ConfigError

from .support import ConfigTestCase

#: Before each text; its lines do not count.
MODELS = (
    "models: {a: {cmd: 'x ${PORT}', aliases: [al]}, abc: {cmd: 'x ${PORT}'}, "
    "p/m: {cmd: 'x ${PORT}'}}\n"
)
PEER = "peers: {q: {proxy: 'http://q', models: [r]}}\n"
GROUP = "groups: {g: {swap: false, members: [a, abc]}}\n"

#: Text after `MODELS`, the report's line in it, words in it.  Each is the only
#: mistake in its file.
BAD: list[tuple[str, int, str]] = [
    ("profiles: [a]", 1, "profiles: must be a mapping, not a list"),
    (
        "profiles:\n  p: [a]",
        2,
        "profiles.p: must be a mapping, not a list: a profile has pins now, like {desc",
    ),
    ("profiles: {p: 1}", 1, "profiles.p: must be a mapping, not a whole number"),
    ("profiles:\n  p:\n", 2, "profiles.p.pins: there must be at least one pin"),
    ("profiles: {p: {pins: {}}}", 1, "profiles.p.pins: there must be at least one pin"),
    ("profiles: {p: {pins: [a]}}", 1, "profiles.p.pins: must be a mapping, not a list"),
    ("profiles: {p: {pins: {x: [a]}}}", 1, "pins.x: must be text, not a list"),
    ("profiles: {p: {pins: {' ': a}}}", 1, "pins. : the id that is pinned cannot be"),
    ("profiles: {' ': {pins: {x: a}}}", 1, "a profile's id cannot be blank"),
    ("profiles: {p: {pins: {x: ' '}}}", 1, "pins.x: is blank; give a target, or not"),
    (
        "profiles:\n  p:\n    pins:\n      x: abd",
        4,
        "profiles.p.pins.x: there is no model, alias, peer's model or selector 'abd', "
        "did you mean abc?",
    ),
    (
        PEER + "profiles: {p: {pins: {q/r: a}}}",
        2,
        "pins.q/r: this is the qualified name of a peer's model, and cannot be pinned",
    ),
    ("profiles: {p: {pins: {x: a}, description: []}}", 1, "description: must be text"),
    ("selectors: {s: {targets: [a]}}", 1, "s.strategy: is missing; it must be one of"),
    (
        "selectors: {s: {strategy: best, targets: [a]}}",
        1,
        "selectors.s.strategy: must be one of 'pin', 'warm', 'spillover'",
    ),
    ("selectors: {s: {strategy: pin}}", 1, "s.targets: there must be at least one tar"),
    (
        "selectors: {s: {strategy: pin, targets: []}}",
        1,
        "selectors.s.targets: there must be at least one target: an id, an alias or",
    ),
    ("selectors: {s: {strategy: pin, targets: a}}", 1, "s.targets: must be a list"),
    ("selectors: {s: {strategy: pin, targets: [[a]]}}", 1, "targets[0]: must be text"),
    (
        "selectors: {s: {strategy: pin, targets: [a, ' ']}}",
        1,
        "targets[1]: cannot be b",
    ),
    (
        "selectors:\n  s:\n    strategy: pin\n    targets:\n    - a\n    - abd",
        6,
        "selectors.s.targets[1]: there is no model, alias or peer's model 'abd', did",
    ),
    (
        "selectors: {s: {strategy: pin, targets: [t]}, "
        "t: {strategy: pin, targets: [a]}}",
        1,
        "selectors.s.targets[0]: is a selector; targets are ids, aliases or peers' mod",
    ),
    (
        "selectors: {a: {strategy: pin, targets: [abc]}}",
        1,
        "selectors.a: its id is the id of a model already; rename one of them",
    ),
    (
        "selectors: {al: {strategy: pin, targets: [a]}}",
        1,
        "al: its id is an alias of a",
    ),
    (
        PEER + "selectors: {q/r: {strategy: pin, targets: [a]}}",
        2,
        "selectors.q/r: its id is the qualified name of a peer's model already",
    ),
    (
        "selectors: {' ': {strategy: pin, targets: [a]}}",
        1,
        "selector's id cannot be bl",
    ),
    (
        PEER + "selectors: {s: {strategy: warm, targets: [a, r]}}",
        2,
        "selectors.s.targets[1]: is a peer's model; the strategy warm only takes",
    ),
    (
        "selectors: {s: {strategy: pin, targets: [a], settings: {spillover: 0}}}",
        1,
        "selectors.s.settings.spillover: must be at least 1",
    ),
    (
        "selectors: {s: {strategy: pin, targets: [a], settings: {spillover: 1.5}}}",
        1,
        "settings.spillover: must be a whole number, not a number",
    ),
    (
        "selectors: {s: {strategy: spillover, targets: [a, abc]}}",
        1,
        "s.targets: the targets of a spillover must be able to run together; make them "
        "members of one group with swap: false",
    ),
    (
        GROUP + "selectors: {s: {strategy: spillover, targets: [a, p/m]}}",
        2,
        "selectors.s.targets: the targets of a spillover must be able to run together",
    ),
    (
        GROUP + "selectors: {s: {strategy: spillover, targets: [a, abc, al]}}",
        2,
        "selectors.s.targets[2]: is the same model as targets[0]; each can be there on",
    ),
    (
        PEER + "selectors: {s: {strategy: spillover, targets: [r, q/r]}}",
        2,
        "selectors.s.targets[1]: is the same model as targets[0]",
    ),
    (
        "matrix: {sets: {x: a | abc}}\n"
        "selectors: {s: {strategy: spillover, targets: [a, abc]}}",
        2,
        "must be able to run together; make them in one set",
    ),
    ("peers: [a]", 1, "peers: must be a mapping, not a list"),
    ("peers:\n  o: {models: [x]}", 2, "peers.o.proxy: is missing; give the peer's URL"),
    (
        "peers: {o: {proxy: o, models: [x]}}",
        1,
        "peers.o.proxy: must be a URL of http or https with a host, like http://other",
    ),
    (
        "peers: {o: {proxy: 'http://o'}}",
        1,
        "o.models: there must be at least one model",
    ),
    (
        "peers: {o: {proxy: 'http://o', models: []}}",
        1,
        "peers.o.models: there must be at least one model, as the peer calls it",
    ),
    ("peers: {o: {proxy: 'http://o', models: x}}", 1, "o.models: must be a list, not"),
    (
        "peers: {o: {proxy: 'http://o', models: [x, ' ']}}",
        1,
        "peers.o.models[1]: cannot be blank",
    ),
    (
        "peers: {' ': {proxy: 'http://o', models: [x]}}",
        1,
        "a peer's id cannot be blank",
    ),
    (
        'peers: {o: {proxy: "http://o", models: [x], apiKey: "geheim\\n"}}',
        1,
        "peers.o.apiKey: cannot have a line break or a control character",
    ),
    (
        "peers: {o: {proxy: 'http://o', models: [x], timeouts: {connect: -1}}}",
        1,
        "peers.o.timeouts.connect: must be at least 0",
    ),
    (
        "peers: {o: {proxy: 'http://o', models: [x], filters: {setParams: [1]}}}",
        1,
        "peers.o.filters.setParams: must be a mapping, not a list",
    ),
    (
        "peers: {p: {proxy: 'http://p', models: [m]}}",
        1,
        "peers.p.models[0]: it can be asked for as p/m, and that is a name of "
        "the model p/m already",
    ),
    (
        "peers:\n  a: {proxy: 'http://p', models: [b/c]}\n"
        "  a/b: {proxy: 'http://p', models: [c]}",
        3,
        "peers.a/b.models[0]: it can be asked for as a/b/c, and that is a name of "
        "a model of the peer a already",
    ),
    ("matrix: [a]", 1, "matrix: must be a mapping, not a list"),
    (
        "matrix: {sets: {}}",
        1,
        "matrix.sets: there must be at least one set, like chat:",
    ),
    ("matrix: {vars: {v: a}}", 1, "matrix.sets: there must be at least one set"),
    (
        "routing: {router: {use: matrix}}",
        1,
        "routing.router.settings.matrix.sets: there must be at least one set",
    ),
    ("matrix: {sets: [a]}", 1, "matrix.sets: must be a mapping, not a list"),
    ("matrix: {sets: {s: [a]}}", 1, "matrix.sets.s: must be text, not a list"),
    ("matrix: {sets: {s: [a], t: +s}}", 1, "matrix.sets.s: must be text, not a list"),
    ("matrix: {sets: {s: }}", 1, "sets.s: column 1: the expression is empty; give mod"),
    (
        "matrix:\n  sets:\n    s: a &",
        3,
        "sets.s: column 4: there must be a model, +set",
    ),
    ("matrix: {sets: {s: a b}}", 1, "sets.s: column 3: there must be & or | before"),
    ("matrix: {sets: {s: (a}}", 1, "sets.s: column 3: a parenthesis is missing"),
    (
        "matrix: {sets: {s: p/m}}",
        1,
        "sets.s: column 2: the character '/' cannot be use",
    ),
    (
        "matrix: {sets: {s: a & abd}}",
        1,
        "s: column 5: 'abd' is neither a var nor the id of a model, did you mean abc?",
    ),
    ("matrix: {sets: {s: al}}", 1, "s: column 1: 'al' is an alias; only the ids of mo"),
    ("matrix: {sets: {s: +t}}", 1, "s: column 2: there is no set 't' to refer to"),
    ("matrix: {sets: {s: +t, t: +s}}", 1, "the reference is circular: s → t → s"),
    (
        "matrix:\n  vars:\n    v: abd\n  sets: {s: v}",
        3,
        "matrix.vars.v: there is no model 'abd', did you mean abc?",
    ),
    ("matrix: {vars: {v: al}, sets: {s: v}}", 1, "matrix.vars.v: 'al' is an alias; on"),
    ("matrix: {vars: {a_b: a}, sets: {s: a}}", 1, "vars.a_b: a short name has letters"),
    (
        f"matrix: {{vars: {{{'v' * 33}: a}}, sets: {{s: a}}}}",
        1,
        "a short name has letters, digits, . and - only, and at most 32 of them",
    ),
    (
        "matrix: {evict_costs: {a: 0}, sets: {s: a}}",
        1,
        "matrix.evict_costs.a: must be at least 1",
    ),
    (
        "matrix: {evict_costs: {abd: 2}, sets: {s: a}}",
        1,
        "matrix.evict_costs.abd: there is no var or model 'abd', did you mean abc?",
    ),
    (
        "matrix: {vars: {v: a}, evict_costs: {a: 2, v: 3}, sets: {s: a}}",
        1,
        "matrix.evict_costs.v: this model has another cost already, under another name",
    ),
    (
        "hooks: {on_startup: {preload: a}}",
        1,
        "hooks.on_startup.preload: must be a list",
    ),
    (
        "routing: {router: {settings: {matrix: {sets: {s: [1]}}}}}",
        1,
        "routing.router.settings.matrix.sets.s: must be text, not a list",
    ),
    (
        "routing: {router: {use: matrix, settings: {matrix: {sets: {s: a}}, "
        "groups: {g: {members: a}}}}}",
        1,
        "routing.router.settings.groups.g.members: must be a list, not text",
    ),
    (
        "matrix: {sets: {s: a}}\nrouting: {router: {settings: {}}}",
        1,
        "matrix: cannot be used together with routing.router; move it to "
        "routing.router.settings.matrix",
    ),
]

#: Texts after `MODELS` that only look wrong.
FINE = [
    # The settings of a planner that is not in use may be about anything.
    "routing: {router: {settings: {matrix: {sets: {s: '((nobody'}}}}}",
    "routing: {router: {use: matrix, settings: {matrix: {sets: {s: a}}, "
    "groups: {g: {members: [nobody]}}}}}",
    # A bare name of two peers' is nobody's, and that of a selector is the selector's.
    "peers: {b: {proxy: 'http://b', models: [a, z]}, c: {proxy: 'http://c', "
    "models: [z]}}\nselectors: {z: {strategy: pin, targets: [a, a]}}",
    # One target can always run.
    PEER + "selectors: {s: {strategy: spillover, targets: [a, r]}}",
    GROUP + "selectors: {s: {strategy: spillover, targets: [al, abc]}}",
    "profiles: {p: {pins: {a: abc, x: al, y: , z: s}}}\n"
    "selectors: {s: {strategy: warm, targets: [al]}}",
]


class MistakesTests(ConfigTestCase):
    """
    Names that mean nothing, clash, or do not go together are found.
    """

    def test_bad(self) -> None:
        """
        Each mistake is reported once, with its line, path and what is allowed.
        """
        for text, number, words in BAD:
            error = self.assertRaises(ConfigError, self.load, MODELS + text)
            self.assertEqual(len(error.problems), 1, (text, str(error)))
            (problem,) = error.problems
            self.assertEqual(problem.mark.line, number + 1, (text, str(error)))
            self.assertIn(words, str(problem).splitlines()[0], text)
            self.assertNotIn("geheim", str(error))

    def test_fine(self) -> None:
        """
        What only looks wrong loads without a warning.
        """
        for text in FINE:
            self.assertEqual(self.load(MODELS + text).warnings, (), text)

    def test_caret(self) -> None:
        """
        A mistake in an expression is shown with a caret beneath it, and each line
        of the report has its place.
        """
        self.assertEqual(
            self.report(
                MODELS + "matrix:\n  sets:\n    s: >-\n      a &\n      (abc | zz)"
            ),
            [
                "4: matrix.sets.s: column 12: 'zz' is neither a var nor the id of a "
                "model",
                "4:   a & (abc | zz)",
                "4:              ^",
            ],
        )

    def test_secret_expressions(self) -> None:
        """
        Nothing of an expression or a name that comes from the environment is told.
        """
        for text in (
            "matrix: {sets: {s: '${env.X}'}}",
            "matrix: {sets: {'${env.X}': +t}}",
            "matrix: {vars: {v: '${env.X}'}, sets: {s: v}}",
            "matrix: {evict_costs: {'${env.X}': 2}, sets: {s: a}}",
            "macros: {x: '${env.X}'}\nmatrix: {sets: {s: 'a & ${x}'}}",
            "profiles: {p: {pins: {x: '${env.X}'}}}",
            "profiles: {p: {pins: {'${env.X}': b}}}",
            "selectors: {s: {strategy: '${env.X}', targets: ['${env.X}']}}",
            "peers: {'${env.X}': {proxy: '${env.X}', models: ['${env.X}', a b]}}",
            "routing: {scheduler: {settings: {fifo: {priority: {'${env.X}': 1}}}}}",
            "routing: {router: {use: '${env.X}'}}",
        ):
            lines = self.report(MODELS + text, X="geheim")
            self.assertNotIn("geheim", "\n".join(lines), text)

    def test_secret_names(self) -> None:
        """
        A clash, or a near name, tells no name that comes from the environment.
        """
        for text, told in (
            (
                "models: {a: {cmd: 'x ${PORT}', aliases: ['${env.X}/${env.X}']}}\n"
                "peers: {p: {proxy: 'http://p', models: [m]},"
                " '${env.X}': {proxy: 'http://p', models: ['${env.X}']}}",
                "it can be asked for as peer/model, and",
            ),
            (
                "macros: {'${env.X}': 1}\nmodels: {a: {cmd: 'x ${gehim} ${PORT}'}}",
                "unknown macro ${gehim}; declare it",
            ),
            ("routing: {router: {use: '${env.X}'}}", "no planner (from the environ"),
        ):
            lines = "\n".join(self.report(text, X="geheim"))
            self.assertNotIn("geheim", lines)
            self.assertIn(told, lines)

    def test_repeated_peer_model(self) -> None:
        """
        A model that a peer has twice is told, and there once.
        """
        config = self.load("peers: {o: {proxy: 'http://o', models: [x, x]}}")
        self.assertEqual(config.peers["o"].models, ("x",))
        (warning,) = self.warnings(config)
        self.assertIn("peers.o.models[1]: is there already, and ignored", warning)

    def test_no_echo(self) -> None:
        """
        Names in a part that could not be read are not complained about.
        """
        for text, words in [
            ("models: []\nprofiles: {p: {pins: {x: a}}}", "models: must be a mapping"),
            ("peers: []\nselectors: {s: {strategy: pin, targets: [x]}}", "peers: must"),
            (
                "models: {a: {cmd: 'x ${PORT}', aliases: [[b], c]}}\n"
                "groups: {g: {members: [c]}}\nmatrix:\n",
                "models.a.aliases[0]: must be text",
            ),
            (
                MODELS + "groups: {g: {swap: false, members: [a, [abc]]}}\n"
                "selectors: {s: {strategy: spillover, targets: [a, abc]}}",
                "groups.g.members[1]: must be text",
            ),
        ]:
            (line,) = self.report(text)
            self.assertIn(words, line)
