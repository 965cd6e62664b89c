"""
Tests for `llamaswap_tw.simulator.llamacpp`.
"""

from __future__ import annotations

from .support import SimulatorTestCase


class NativeTests(SimulatorTestCase):
    """
    llama-server's own endpoints.
    """

    def test_completion(self) -> None:
        """
        The answer is text, with counts and timings.
        """
        value = self.post("/completion", prompt="one two", n_predict=3).json
        self.assertEqual(value["content"], "alice here: I")
        self.assertEqual((value["stop"], value["stop_type"]), (True, "limit"))
        self.assertEqual((value["tokens_predicted"], value["tokens_evaluated"]), (3, 2))
        self.assertEqual(value["timings"]["predicted_n"], 3)

    def test_stream(self) -> None:
        """
        The last event alone has the timings, and nothing follows it.
        """
        answer = self.post("/completion", prompt="x", n_predict=3, stream=True)
        values = [value for _, value in answer.events]
        contents = [value["content"] for value in values]
        self.assertEqual(contents, ["alice", " here:", " I", ""])
        self.assertEqual([v["stop"] for v in values], [False, False, False, True])
        self.assertEqual([("timings" in v) for v in values], [False] * 3 + [True])

    def test_infill(self) -> None:
        """
        Infill answers as a completion does.
        """
        value = self.post("/infill", input_prefix="a b", input_suffix="c").json
        self.assertEqual(value["tokens_evaluated"], 3)
        self.assertEqual(value["stop_type"], "eos")

    def test_listings(self) -> None:
        """
        Models, properties and slots are listed, with the model's name.
        """
        self.assertEqual(self.get("/v1/models").json["data"][0]["id"], "alice")
        self.assertEqual(self.get("/props").json["model_alias"], "alice")
        self.assertFalse(self.get("/slots").json[0]["id"])
