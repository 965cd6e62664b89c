"""
Tests for `llamaswap_tw.observe.gpus.rocm` and `llamaswap_tw.observe.gpus.bounded`.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from llamaswap_tw.observe.gpus.bounded import run_bounded
from llamaswap_tw.observe.gpus.reading import Gpu, GpuReading, IGpuReader
from llamaswap_tw.observe.gpus.rocm import Rocm, open_rocm

from .outputs import NEW, OLD


class RocmTests(SynchronousTestCase):
    """
    What ``rocm-smi`` prints, in what version so ever.
    """

    def open(self, document: Any, before: bytes = b"") -> Rocm | None:
        self.ran: list[Sequence[str]] = []

        def run(command: Sequence[str], limit: float) -> bytes:
            self.ran.append(command)
            return before + json.dumps(document).encode()

        return open_rocm(lambda: "/usr/bin/rocm-smi", run)

    def reader(self, document: Any, before: bytes = b"") -> Rocm:
        reader = self.open(document, before)
        assert reader is not None
        verifyObject(IGpuReader, reader)
        return reader

    def test_old(self) -> None:
        """
        An older version.
        """
        (reading,) = self.reader(OLD).sample()
        self.assertEqual(
            reading,
            GpuReading(
                Gpu(0, "Radeon RX 7900 XTX", "0x7f1"),
                temperature=57,
                memory_temperature=64,
                busy=97,
                memory_busy=31,
                memory_used=9_000_000_000,
                memory_total=25_753_026_560,
                fan=22,
                power=101,
            ),
        )
        self.assertTrue(all("--json" in command for command in self.ran))

    def test_new(self) -> None:
        """
        A newer version, with warnings before what it prints; what is not available
        is unknown.
        """
        (reading,) = self.reader(NEW, b"WARNING: in a low-power state\n\n").sample()
        self.assertEqual(
            reading,
            GpuReading(
                Gpu(1, "AMD Instinct MI300X", ""),
                temperature=41,
                busy=0,
                memory_busy=3,
                memory_used=297_000_000,
                memory_total=206_141_652_992,
                power=141,
            ),
        )

    def test_describe(self) -> None:
        """
        What the GPUs are.
        """
        (accelerator,) = self.reader(OLD).describe()
        self.assertEqual(accelerator.driver_version, "6.3.6")
        self.assertEqual(accelerator.capacity, 25_753_026_560)
        self.assertEqual(accelerator.power_limit, 303)
        (accelerator,) = self.reader(NEW).describe()
        self.assertEqual(accelerator.architecture, "gfx942")

    def test_none(self) -> None:
        """
        A program that knows of no GPU, or prints something else, is not asked again.
        """
        documents: tuple[Any, ...] = ({}, [], {"system": {}}, {"card0": None}, "no")
        for document in documents:
            self.assertIsNone(self.open(document), document)

    def test_card_appears(self) -> None:
        """
        A GPU that was not there at first has a number at least.
        """
        reader = self.reader(OLD)
        document = {**OLD, "card3": {"GPU use (%)": "5"}}
        reader._run = lambda command, limit: json.dumps(document).encode()
        self.assertEqual([found.gpu.id for found in reader.sample()], [0, 3])


def lives(pid: int) -> bool:
    """
    Whether a process runs; one that nobody has waited for does not.
    """
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class ProgramTests(SynchronousTestCase):
    """
    A program that stands where ``rocm-smi`` would.
    """

    def program(self, script: str) -> str:
        path = Path(self.mktemp()).absolute()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def test_works(self) -> None:
        """
        It is run, and what it prints is read.
        """
        program = self.program(f"cat <<'END'\n{json.dumps(OLD)}\nEND")
        reader = open_rocm(lambda: program)
        assert reader is not None
        self.assertEqual(len(reader.sample()), 1)

    def test_fails(self) -> None:
        """
        One that fails, prints nothing, or cannot be run, knows of no GPU.
        """
        for script in ("exit 1", "exit 0", "echo '{broken'"):
            found = partial(str, self.program(script))
            self.assertIsNone(open_rocm(found), script)
        self.assertIsNone(open_rocm(lambda: "/nonexistent/rocm-smi"))
        self.assertIsNone(open_rocm(lambda: None))

    def test_hangs(self) -> None:
        """
        One that does not end is killed, and so is what it started.
        """
        note = Path(self.mktemp()).absolute()
        program = self.program(f"sleep 600 & echo $! > '{note}'; wait")
        limit = 0.25
        # On a machine that is busy it may not have come that far.
        while not note.exists() or not note.read_text(encoding="utf-8"):
            limit *= 2
            began = time.monotonic()
            with self.assertRaises(subprocess.TimeoutExpired):
                run_bounded([program], limit=limit)
            self.assertLess(time.monotonic() - began, limit + 30)
        child = int(note.read_text(encoding="utf-8"))
        while lives(child):
            self.assertLess(time.monotonic() - began, limit + 60)
            time.sleep(0.01)
