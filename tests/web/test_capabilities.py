"""
Tests for `llamaswap_tw.web.capabilities`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.config.schema import Capabilities
from llamaswap_tw.web.capabilities import FIELDS, capability_fields


class CapabilityFieldsTests(SynchronousTestCase):
    """
    What a record tells of a model's capabilities.
    """

    def test_all(self) -> None:
        """
        Modalities, flags, parameters and context.
        """
        can = Capabilities(("text", "image"), ("text",), True, False, 8192)
        fields = capability_fields(can)
        self.assertEqual(
            fields,
            {
                "architecture": {
                    "input_modalities": ["text", "image"],
                    "output_modalities": ["text"],
                    "modality": "text+image->text",
                },
                "capabilities": {"vision": True, "function_calling": True},
                "supported_parameters": ["tools", "tool_choice"],
                "context_length": 8192,
            },
        )
        self.assertEqual(tuple(fields), FIELDS)

    def test_flags(self) -> None:
        """
        Only flags that are true are told.
        """
        text, audio, image = ("text",), ("audio",), ("image",)
        for can, flags in (
            (Capabilities(text, text), set()),
            (Capabilities(image, text), {"vision"}),
            (Capabilities(audio, text), {"audio_transcriptions"}),
            (Capabilities(text, audio), {"audio_speech"}),
            (Capabilities(text, image), {"image_generation"}),
            (Capabilities(image, image), {"vision", "image_to_image"}),
            (
                Capabilities(text + image, image),
                {"vision", "image_generation", "image_to_image"},
            ),
            (Capabilities(tools=True), {"function_calling"}),
            (Capabilities(text, text, reranker=True), {"reranker"}),
        ):
            told = capability_fields(can).get("capabilities", {})
            self.assertEqual(set(told), flags, can)
            self.assertEqual(set(told.values()) - {True}, set())

    def test_nothing(self) -> None:
        """
        What is not known is not told.
        """
        self.assertEqual(capability_fields(Capabilities()), {})
