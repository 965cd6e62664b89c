"""
Tests for `llamaswap_tw.web.listing`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Config, Model
from llamaswap_tw.interfaces import ProcessState
from llamaswap_tw.web.listing import model_list, running_list

from .support import configured


class ModelListTests(SynchronousTestCase):
    """
    ``/v1/models``.
    """

    def setUp(self) -> None:
        self.config = configured()
        self.states = dict.fromkeys(self.config.models, ProcessState.STOPPED)

    def test_record(self) -> None:
        """
        A record has the model's name, description and metadata, and its
        aliases.
        """
        listed = model_list(self.config, self.states, 1234)
        self.assertEqual(listed["object"], "list")
        self.assertEqual(
            listed["data"][0],
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
        records = model_list(self.config, self.states, 0)["data"]
        self.assertEqual(
            [record["id"] for record in records], ["llama", "org/model", "zébra"]
        )
        self.assertNotIn("name", records[1])
        self.assertNotIn("description", records[1])
        self.assertEqual(
            records[1]["meta"], {"llamaswap": {"type": "model", "aliases": []}}
        )

    def test_status(self) -> None:
        """
        Only a model whose process is down is unloaded.
        """
        for state in ProcessState:
            self.states["llama"] = state
            status = model_list(self.config, self.states, 0)["data"][0]["status"]
            down = state in (ProcessState.STOPPED, ProcessState.SHUTDOWN)
            self.assertEqual(status, {"value": "unloaded" if down else "loaded"})

    def test_odd_metadata(self) -> None:
        """
        Metadata that is no mapping has no place in the record.
        """
        config = Config(models={"a": Model("a", metadata=[1, 2])})
        listed = model_list(config, {"a": ProcessState.READY}, 0)
        self.assertEqual(
            listed["data"][0]["meta"], {"llamaswap": {"type": "model", "aliases": []}}
        )


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
