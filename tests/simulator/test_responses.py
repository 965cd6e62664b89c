"""
Tests for `llamaswap_tw.simulator.responses`.
"""

from __future__ import annotations

from .support import SimulatorTestCase


class ResponseTests(SimulatorTestCase):
    """
    ``/v1/responses``.
    """

    def test_whole(self) -> None:
        """
        The response has one message with one part, and the usage.
        """
        value = self.post("/v1/responses", input="one two").json
        self.assertEqual((value["object"], value["status"]), ("response", "completed"))
        (item,) = value["output"]
        self.assertEqual(item["role"], "assistant")
        self.assertTrue(item["content"][0]["text"].startswith("alice here: I"))
        usage = value["usage"]
        self.assertEqual((usage["input_tokens"], usage["output_tokens"]), (2, 16))

    def test_limit(self) -> None:
        """
        A response that the limit ends is incomplete, and says why.
        """
        value = self.post("/v1/responses", input="x", max_output_tokens=2).json
        self.assertEqual(value["status"], "incomplete")
        details = {"reason": "max_output_tokens"}
        self.assertEqual(value["incomplete_details"], details)

    def test_stream(self) -> None:
        """
        Everything that begins ends, in order, numbered without a gap, and each
        event is named by its type.
        """
        answer = self.post("/v1/responses", input="one", stream=True)
        names = [name for name, _ in answer.events]
        values = [value for _, value in answer.events]
        delta = "response.output_text.delta"
        self.assertEqual(
            names,
            [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
                *[delta] * 16,
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.completed",
            ],
        )
        self.assertEqual([value["type"] for value in values], names)
        numbers = [value["sequence_number"] for value in values]
        self.assertEqual(numbers, list(range(len(values))))
        text = "".join(value.get("delta", "") for value in values)
        self.assertEqual(values[-4]["text"], text)
        response = values[-1]["response"]
        self.assertEqual(response["output"][0]["content"][0]["text"], text)
        self.assertEqual(response["id"], values[0]["response"]["id"])
