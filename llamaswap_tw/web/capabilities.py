"""
What a model can do, as listings tell it.
"""

from __future__ import annotations

from typing import Any

from ..config.schema import Capabilities

#: The keys of a record that tell it.
FIELDS = ("architecture", "capabilities", "supported_parameters", "context_length")


def capability_fields(can: Capabilities) -> dict[str, Any]:
    """
    What a record has for a model's capabilities.

    :param can: they.
    :returns: by `FIELDS`; those that have nothing to tell are missing.
    """
    fields: dict[str, Any] = {}
    if can.input or can.output:
        fields["architecture"] = {
            "input_modalities": list(can.input),
            "output_modalities": list(can.output),
            "modality": f"{'+'.join(can.input)}->{'+'.join(can.output)}",
        }
    flags = {
        "vision": "image" in can.input,
        "audio_transcriptions": _turns(can, "audio", "text"),
        "audio_speech": _turns(can, "text", "audio"),
        "image_generation": _turns(can, "text", "image"),
        "image_to_image": _turns(can, "image", "image"),
        "function_calling": can.tools,
        "reranker": can.reranker,
    }
    true = {name: True for name, flag in flags.items() if flag}
    if true:
        fields["capabilities"] = true
    if can.tools:
        fields["supported_parameters"] = ["tools", "tool_choice"]
    if can.context:
        fields["context_length"] = can.context
    return fields


def _turns(can: Capabilities, one: str, other: str) -> bool:
    """
    Whether it makes the one into the other.
    """
    return one in can.input and other in can.output
