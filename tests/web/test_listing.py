"""
Tests for `llamaswap_tw.web.listing`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Config, Model, Selector
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.routing.directory import Directory
from llamaswap_tw.web.listing import Listing, running_list

from .support import configured

EVERYTHING = """
groups: {together: {swap: false, members: [small, large, hidden]}}
models:
  small:
    cmd: serve --port ${PORT}
    aliases: [mini]
    name: Small one
    metadata: {size: 1, context_length: 5, architecture: odd}
    capabilities: {in: [text, image], out: [text], tools: true, context: 8192}
  large:
    cmd: serve --port ${PORT}
    metadata: {context_length: 5}
  hidden:
    cmd: serve --port ${PORT}
    aliases: [hidden-alias]
    unlisted: true
selectors:
  auto:
    strategy: spillover
    targets: [small, large]
    settings: {spillover: 2}
    name: Whatever is free
    description: The least busy
    metadata: {team: red}
  best: {strategy: pin, targets: [large, small]}
  secret: {strategy: warm, targets: [small], unlisted: true}
peers:
  far: {proxy: "http://far.example", models: [org/big, tiny]}
profiles:
  work:
    pins:
      chat: large
      code: far/tiny
      draw: auto
      small: large
      mini: large
      auto: small
      tiny: small
      secret: small
      off: ""
      hidden: ""
"""


class ListingTestCase(SynchronousTestCase):
    """
    A listing of some configuration.
    """

    def setUp(self) -> None:
        self.use(configured())

    def use(self, config: Config) -> None:
        self.config = config
        self.states = dict.fromkeys(config.models, ProcessState.STOPPED)
        self.directory = Directory(config, lambda model: self.states[model])

    def listing(self) -> Listing:
        return Listing(self.config, self.directory, self.states, 1234)

    def records(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self.listing().whole()["data"]
        return records

    def ids(self) -> list[str]:
        return [record["id"] for record in self.records()]

    def record(self, name: str) -> dict[str, Any]:
        record = self.listing().record(name)
        assert record is not None
        return record

    def about(self, name: str) -> Any:
        return self.record(name)["meta"]["llamaswap"]

    def status(self, name: str) -> str:
        status: str = self.record(name)["status"]["value"]
        return status


class ModelsTests(ListingTestCase):
    """
    The models of ours.
    """

    def test_record(self) -> None:
        """
        A record has the model's name, description and metadata, and its
        aliases.
        """
        whole = self.listing().whole()
        self.assertEqual(whole["object"], "list")
        self.assertEqual(
            whole["data"][0],
            {
                "id": "llama",
                "object": "model",
                "created": 1234,
                "owned_by": "llama-swap",
                "name": "A llama",
                "description": "Big & woolly",
                "status": {"value": "unloaded"},
                "meta": {
                    "llamaswap": {
                        "family": "camels",
                        "legs": 4,
                        "type": "model",
                        "aliases": ["llama-alias", "org/alias"],
                    }
                },
            },
        )

    def test_order(self) -> None:
        """
        They come by id, without the unlisted ones; a name that is not set is
        left out.
        """
        self.assertEqual(self.ids(), ["llama", "org/model", "zébra"])
        record = self.records()[1]
        self.assertNotIn("name", record)
        self.assertNotIn("description", record)
        self.assertEqual(
            record["meta"], {"llamaswap": {"type": "model", "aliases": []}}
        )

    def test_status(self) -> None:
        """
        Only a model whose process is down is unloaded.
        """
        for state in ProcessState:
            self.states["llama"] = state
            down = state in (ProcessState.STOPPED, ProcessState.SHUTDOWN)
            self.assertEqual(self.status("llama"), "unloaded" if down else "loaded")

    def test_odd_metadata(self) -> None:
        """
        Metadata that is no mapping has no place in the record.
        """
        self.use(Config(models={"a": Model("a", metadata=[1, 2])}))
        self.assertEqual(self.about("a"), {"type": "model", "aliases": []})

    def test_capabilities(self) -> None:
        """
        They are told beside the metadata, which does not tell them otherwise then,
        and the context once more among what is about the model.
        """
        self.use(configured(EVERYTHING))
        record = self.record("small")
        self.assertEqual(record["architecture"]["modality"], "text+image->text")
        self.assertEqual(
            record["capabilities"], {"vision": True, "function_calling": True}
        )
        self.assertEqual(record["supported_parameters"], ["tools", "tool_choice"])
        self.assertEqual(record["context_length"], 8192)
        self.assertEqual(
            record["meta"],
            {
                "llamaswap": {"size": 1, "type": "model", "aliases": ["mini"]},
                "n_ctx": 8192,
            },
        )

    def test_no_capabilities(self) -> None:
        """
        Where they are not given the metadata is as it is.
        """
        self.use(configured(EVERYTHING))
        record = self.record("large")
        self.assertNotIn("context_length", record)
        self.assertEqual(
            record["meta"],
            {"llamaswap": {"context_length": 5, "type": "model", "aliases": []}},
        )

    def test_unlisted(self) -> None:
        """
        One that is not listed has a record, for those who know its name.
        """
        self.assertEqual(self.record("hidden")["id"], "hidden")

    def test_unknown(self) -> None:
        """
        What is not there has none.
        """
        for name in ("lama", "", "llama/", "LLAMA"):
            self.assertIsNone(self.listing().record(name))


class AliasesTests(ListingTestCase):
    """
    The models' other names.
    """

    def test_listed(self) -> None:
        """
        They are listed where that is asked for, but for those of a model that is
        not.
        """
        self.use(configured("includeAliasesInList: true\n" + EVERYTHING))
        self.assertIn("mini", self.ids())
        self.assertNotIn("hidden-alias", self.ids())
        self.assertEqual(self.ids(), sorted(self.ids()))
        self.use(configured(EVERYTHING))
        self.assertNotIn("mini", self.ids())

    def test_record(self) -> None:
        """
        A record is the model's, with the model's id in place of its aliases.
        """
        self.use(configured(EVERYTHING))
        self.states["small"] = ProcessState.READY
        alias, model = self.record("mini"), self.record("small")
        about = {"size": 1, "type": "alias", "modelID": "small"}
        model["id"] = "mini"
        model["meta"]["llamaswap"] = about
        self.assertEqual(alias, model)


class PeersTests(ListingTestCase):
    """
    The models of peers.
    """

    def setUp(self) -> None:
        self.use(configured(EVERYTHING))

    def test_record(self) -> None:
        """
        They are listed by their qualified names only.
        """
        self.assertEqual(
            [name for name in self.ids() if "big" in name or "tiny" in name],
            ["far/org/big", "far/tiny"],
        )
        self.assertEqual(
            self.record("far/org/big"),
            {
                "id": "far/org/big",
                "object": "model",
                "created": 1234,
                "owned_by": "llama-swap",
                "name": "far: org/big",
                "status": {"value": "unloaded"},
                "meta": {"llamaswap": {"type": "peer", "peerID": "far"}},
            },
        )

    def test_bare_name(self) -> None:
        """
        A bare name has a record too.
        """
        record = self.record("tiny")
        self.assertEqual((record["id"], record["name"]), ("tiny", "far: tiny"))


class SelectorsTests(ListingTestCase):
    """
    Virtual models.
    """

    def setUp(self) -> None:
        self.use(configured(EVERYTHING))

    def test_record(self) -> None:
        """
        A record tells how it chooses, and among what.
        """
        self.assertEqual(
            self.record("auto"),
            {
                "id": "auto",
                "object": "model",
                "created": 1234,
                "owned_by": "llama-swap",
                "name": "Whatever is free",
                "description": "The least busy",
                "status": {"value": "unloaded"},
                "meta": {
                    "llamaswap": {
                        "team": "red",
                        "type": "selector",
                        "strategy": "spillover",
                        "targets": ["small", "large"],
                        "spillover": 2,
                    }
                },
            },
        )

    def test_listed(self) -> None:
        """
        They stand among the models, but for those that are not to be listed; these
        have a record all the same.
        """
        self.assertEqual(
            self.ids(), ["auto", "best", "far/org/big", "far/tiny", "large", "small"]
        )
        self.assertEqual(self.about("secret")["strategy"], "warm")

    def test_status(self) -> None:
        """
        One is loaded when a target is ready or starting; for a pin the first target
        counts alone.
        """
        for state in ProcessState:
            self.states["small"] = state
            up = state in (ProcessState.READY, ProcessState.STARTING)
            self.assertEqual(self.status("auto"), "loaded" if up else "unloaded")
            self.assertEqual(self.status("best"), "unloaded")
        self.states["large"] = ProcessState.STARTING
        self.assertEqual(self.status("best"), "loaded")

    def test_odd_metadata(self) -> None:
        """
        Metadata that is no mapping has no place in the record.
        """
        selector = Selector("s", "pin", ("a",), metadata="text")
        self.use(Config(models={"a": Model("a")}, selectors={"s": selector}))
        self.assertEqual(
            self.about("s"),
            {"type": "selector", "strategy": "pin", "targets": ["a"], "spillover": 1},
        )


class ProfilesTests(ListingTestCase):
    """
    What the active profile adds.
    """

    def setUp(self) -> None:
        self.use(configured(EVERYTHING))

    def test_none_active(self) -> None:
        """
        Pins of a profile that is not active are not there.
        """
        self.assertNotIn("chat", self.ids())
        self.assertIsNone(self.listing().record("chat"))

    def test_listed(self) -> None:
        """
        Its pins are listed but for those that hide something, be that listed or not;
        what these hide stays as it is.
        """
        before = set(self.ids())
        self.directory.profiles.activate("work")
        self.assertEqual(set(self.ids()) - before, {"chat", "code", "draw"})
        self.assertLessEqual(before, set(self.ids()))
        self.assertEqual(len(self.ids()), len(set(self.ids())))
        for name, kind in (
            ("small", "model"),
            ("mini", "alias"),
            ("auto", "selector"),
            ("secret", "selector"),
            ("tiny", "peer"),
            ("hidden", "model"),
        ):
            self.assertEqual(self.about(name)["type"], kind)
        self.assertIsNone(self.listing().record("off"))

    def test_record(self) -> None:
        """
        A record is loaded when the pin's target is.
        """
        self.directory.profiles.activate("work")
        self.assertEqual(
            self.record("chat"),
            {
                "id": "chat",
                "object": "model",
                "created": 1234,
                "owned_by": "llama-swap",
                "status": {"value": "unloaded"},
                "meta": {"llamaswap": {"type": "profile"}},
            },
        )
        self.states["large"] = ProcessState.READY
        self.assertEqual(self.status("chat"), "loaded")
        self.assertEqual(self.status("draw"), "loaded")
        self.assertEqual(self.status("code"), "unloaded")


class RunningListTests(SynchronousTestCase):
    """
    ``/running``.
    """

    def test_running(self) -> None:
        """
        It tells of every model that is not down, unlisted ones too, by id.
        """
        config = configured()
        states = dict.fromkeys(config.models, ProcessState.STOPPED)
        self.assertEqual(running_list(config, states), {"running": []})
        states["zébra"] = ProcessState.STARTING
        states["llama"] = ProcessState.READY
        states["hidden"] = ProcessState.STOPPING
        running = running_list(config, states)["running"]
        self.assertEqual(
            [(one["model"], one["state"]) for one in running],
            [("hidden", "stopping"), ("llama", "ready"), ("zébra", "starting")],
        )
        model = config.models["llama"]
        self.assertEqual(
            running[1],
            {
                "model": "llama",
                "state": "ready",
                "cmd": f"serve --port {model.port}",
                "proxy": f"http://localhost:{model.port}",
                "ttl": 60,
                "name": "A llama",
                "description": "Big & woolly",
            },
        )
