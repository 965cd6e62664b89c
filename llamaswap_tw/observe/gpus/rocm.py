"""
AMD's GPUs, by ``rocm-smi``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zope.interface import implementer

from .bounded import run_bounded
from .reading import Accelerator, Gpu, GpuReading, IGpuReader

#: How long it may take, in seconds: it is a program in Python.
_LIMIT = 10.0

#: Where it is where it is on no path.
_USUAL = "/opt/rocm/bin/rocm-smi"

_STATIC = (
    *("--showproductname", "--showuniqueid", "--showdriverversion"),
    *("--showmaxpower", "--showmeminfo", "vram"),
)
_CHANGING = (
    *("--showtemp", "--showuse", "--showmemuse", "--showmeminfo", "vram"),
    *("--showfan", "--showpower"),
)

# What its versions call the same thing, the preferred name first; in lower case.
_NAME = ("card series", "device name", "card model", "card sku")
_TEMPERATURE = (
    "temperature (sensor junction) (c)",
    "temperature (sensor edge) (c)",
    "temperature (sensor hotspot) (c)",
)
_MEMORY_TEMPERATURE = ("temperature (sensor memory) (c)",)
_BUSY = ("gpu use (%)",)
_MEMORY_BUSY = ("gpu memory read/write activity (%)", "gpu memory use (%)")
_MEMORY_TOTAL = ("vram total memory (b)",)
_MEMORY_USED = ("vram total used memory (b)",)
_FAN = ("fan speed (%)", "fan level")
_POWER = (
    "average graphics package power (w)",
    "current socket graphics package power (w)",
    "average socket power (w)",
)
_POWER_LIMIT = ("max graphics package power (w)",)

_CARD = re.compile(r"card(\d+)")
_GFX = ("gfx version",)

Run = Callable[[Sequence[str], float], bytes]


def find_rocm_smi() -> str | None:
    """
    Where it is, if it is installed.
    """
    return shutil.which("rocm-smi") or shutil.which(_USUAL)


def open_rocm(
    find: Callable[[], str | None] = find_rocm_smi, run: Run = run_bounded
) -> Rocm | None:
    """
    :param find: where the program is.
    :param run: runs it, for at most some seconds.
    :returns: `None` where it is not installed, does not work, or knows of no GPU.
    """
    program = find()
    if program is None:
        return None
    reader = Rocm(program, run)
    try:
        accelerators = reader.describe()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return reader if accelerators else None


@implementer(IGpuReader)
class Rocm:
    """
    Reads what ``rocm-smi`` prints.

    :param program: where it is.
    :param run: runs it.
    """

    source = "rocm-smi"

    def __init__(self, program: str, run: Run) -> None:
        self._program = program
        self._run = run
        self._gpus: dict[int, Gpu] = {}

    def close(self) -> None:
        """
        Nothing is open.
        """

    def describe(self) -> list[Accelerator]:
        """
        What GPUs there are.
        """
        cards, system = self._ask(_STATIC)
        version = system.get("driver version")
        found = []
        for index, card in cards:
            name = _first(card, _NAME) or "AMD GPU"
            uuid = card.get("unique id")
            known = uuid if isinstance(uuid, str) and uuid != "N/A" else ""
            self._gpus[index] = Gpu(index, name, known)
            total = _number(card, _MEMORY_TOTAL)
            found.append(
                Accelerator(
                    index=index,
                    vendor="AMD",
                    model=name,
                    architecture=_first(card, _GFX),
                    memory_kind=None if total is None else "dedicated",
                    capacity=None if total is None else int(total),
                    driver="amdgpu",
                    driver_version=version if isinstance(version, str) else None,
                    power_limit=_number(card, _POWER_LIMIT),
                )
            )
        return found

    def sample(self) -> list[GpuReading]:
        """
        How they are.
        """
        cards, _ = self._ask(_CHANGING)
        readings = [
            GpuReading(
                self._gpus.get(index) or Gpu(index, "AMD GPU", ""),
                temperature=_number(card, _TEMPERATURE),
                memory_temperature=_number(card, _MEMORY_TEMPERATURE),
                busy=_number(card, _BUSY),
                memory_busy=_number(card, _MEMORY_BUSY),
                memory_used=_number(card, _MEMORY_USED),
                memory_total=_number(card, _MEMORY_TOTAL),
                fan=_number(card, _FAN),
                power=_number(card, _POWER),
            )
            for index, card in cards
        ]
        return [reading for reading in readings if not reading.is_empty()]

    def _ask(
        self, flags: Sequence[str]
    ) -> tuple[list[tuple[int, Mapping[str, Any]]], Mapping[str, Any]]:
        """
        Every card's values by their names in lower case, and the machine's.
        """
        output = self._run([self._program, *flags, "--json"], _LIMIT)
        # Warnings stand before it: "AMD GPU device(s) is/are in a low-power state".
        start = output.find(b"{")
        document = json.loads(output[start:]) if start >= 0 else {}
        if not isinstance(document, dict):
            raise ValueError("rocm-smi printed no object")
        cards, system = [], {}
        for key, values in document.items():
            if not isinstance(values, dict):
                continue
            lowered = {str(name).lower(): value for name, value in values.items()}
            card = _CARD.fullmatch(key)
            if card is not None:
                cards.append((int(card[1]), lowered))
            elif key == "system":
                system = lowered
        return sorted(cards, key=lambda card: card[0]), system


def _first(card: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        value = card.get(name)
        if isinstance(value, str) and value and value != "N/A":
            return value
    return None


def _number(card: Mapping[str, Any], names: Sequence[str]) -> float | None:
    for name in names:
        try:
            return float(card[name])
        except (KeyError, TypeError, ValueError):
            # Absent, null, or "N/A".
            continue
    return None
