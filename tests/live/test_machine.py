"""
The machine and the metrics of a real daemon.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

from tests.observe.gpus.outputs import OLD
from tests.observe.metrics_support import PromtoolTestCase, series

from .support import (
    Daemon,
    LiveTestCase,
    is_alive,
    simulator,
    undisturbed,
    wait_for,
    with_rocm_smi,
)

MODELS = f"""
models:
  alice:
    cmd: {simulator("--model alice --load-time 0.1")}
  bob:
    cmd: {simulator("--model bob --load-time 0.1")}
  broken:
    cmd: sh -c "exit 3" ${{PORT}}
"""


class MachineTestCase(LiveTestCase):
    """
    Reads what a daemon tells of its machine.
    """

    def metrics(self, daemon: Daemon) -> dict[str, float]:
        answer = daemon.ask("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        return series(answer.body.decode())

    def samples(self, daemon: Daemon, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = daemon.ask("GET", "/api/performance").json[kind]
        return found


class SamplesTests(MachineTestCase):
    """
    Samples of this machine, and what it is.
    """

    def test_samples(self) -> None:
        """
        They come, and one can ask for those after the last.
        """
        daemon = self.daemon(MODELS)
        undisturbed(lambda: self.newest(daemon))

    def newest(self, daemon: Daemon) -> None:
        """
        Look at the last sample, with no other one meanwhile.
        """
        *_, last = wait_for(lambda: self.samples(daemon, "sys_stats"), "a sample")
        self.assertEqual(len(last["cpu_util_per_core"]), os.cpu_count())
        self.assertGreater(last["mem_total_mb"], last["mem_used_mb"])
        later = daemon.ask("GET", f"/api/performance?after={last['timestamp']}")
        self.assertEqual(later.json, {**later.json, "sys_stats": []})

    def test_hardware(self) -> None:
        """
        The machine is described.
        """
        found = self.daemon(MODELS).ask("GET", "/api/hardware").json
        self.assertEqual(found["schema_version"], 1)
        self.assertEqual(found["cpu"]["logical_thread_count"], os.cpu_count())
        self.assertIsInstance(found["accelerators"], list)

    def test_disabled(self) -> None:
        """
        Without samples there is no history, and no series of the machine; a reload
        brings them.
        """
        daemon = self.daemon(MODELS + "performance: {disabled: true}\n")
        answer = daemon.ask("GET", "/api/performance")
        self.assertEqual((answer.status, answer.json), (503, {"enabled": False}))
        self.assertNotIn("llamaswap_memory_total_bytes", self.metrics(daemon))
        daemon.config.write_text(f"startPort: {daemon.start_port}\n{MODELS}")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_for(
            lambda: "llamaswap_memory_total_bytes" in self.metrics(daemon), "samples"
        )


class MetricsTests(MachineTestCase, PromtoolTestCase):
    """
    What is counted of swaps and processes.
    """

    def test_swaps(self) -> None:
        """
        A swap, an eviction, a crash and a start that fails: each is counted, and
        promtool has no complaint.
        """
        daemon = self.daemon(MODELS)
        for model in ("alice", "bob"):
            self.assertEqual(daemon.chat(model).status, 200)
        (pid,) = daemon.model_pids()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not daemon.running(), "the crash to be seen")
        self.assertEqual(daemon.chat("broken").status, 502)
        # It counts as ended once nothing of it lives.
        failed = 'llamaswap_process_exits_total{model="broken",reason="failed"}'
        wait_for(lambda: self.metrics(daemon)[failed], "its end to be counted")
        text = daemon.ask("GET", "/metrics").body.decode()
        self.promtool("check", "metrics", stdin=text)
        found = series(text)
        for name, value in (
            ('llamaswap_swaps_total{model="alice",result="ready"}', 1),
            ('llamaswap_swaps_total{model="broken",result="failed"}', 1),
            ('llamaswap_load_seconds_count{model="bob"}', 1),
            ('llamaswap_evictions_total{model="alice"}', 1),
            ('llamaswap_evictions_total{model="bob"}', 0),
            ('llamaswap_process_exits_total{model="alice",reason="stopped"}', 1),
            ('llamaswap_process_exits_total{model="bob",reason="crashed"}', 1),
            (failed, 1),
            ('llamaswap_model_state{model="alice",state="stopped"}', 1),
            ('llamaswap_requests_in_flight{model="alice"}', 0),
        ):
            self.assertEqual(found.get(name), value, name)
        self.assertGreater(found["process_resident_memory_bytes"], 0)


class GpuTests(MachineTestCase):
    """
    GPUs that a program tells of which stands where ``rocm-smi`` would.
    """

    def started(self, script: str) -> Daemon:
        folder = self.folder()
        (folder / "cards").write_text(json.dumps(OLD))
        daemon = Daemon(folder, MODELS, (), with_rocm_smi(folder, script))
        self.addCleanup(daemon.end)
        daemon.wait_until_listening()
        return daemon

    def test_samples(self) -> None:
        """
        They are told of in samples, metrics and the description.
        """
        daemon = self.started('cat "${0%/bin/*}/cards"')
        sample, *_ = wait_for(lambda: self.samples(daemon, "gpu_stats"), "a sample")
        self.assertEqual(sample["name"], "Radeon RX 7900 XTX")
        self.assertEqual(sample["gpu_util_pct"], 97)
        (accelerator,) = daemon.ask("GET", "/api/hardware").json["accelerators"]
        self.assertEqual(accelerator["vendor"], "AMD")
        labels = 'id="0",name="Radeon RX 7900 XTX",uuid="0x7f1"'
        name = f"llamaswap_gpu_power_draw_watts{{{labels}}}"
        self.assertEqual(self.metrics(daemon).get(name), 101)
        daemon.wait_for_output("GPUs: Radeon RX 7900 XTX, by rocm-smi")

    def test_hangs(self) -> None:
        """
        A program that hangs stops neither samples of the system nor the end of the
        daemon, and ends with that.
        """
        daemon = self.started(
            'case "$*" in *--showuniqueid*) cat "${0%/bin/*}/cards";; '
            '*) echo $$ > "${0%/bin/*}/pid"; exec sleep 600;; esac'
        )
        wait_for(lambda: len(self.samples(daemon, "sys_stats")) > 1, "two samples")
        self.assertEqual(self.samples(daemon, "gpu_stats"), [])
        told = daemon.config.parent / "pid"
        wait_for(lambda: told.exists() and told.read_text(), "the program's pid")
        began = time.monotonic()
        daemon.process.terminate()
        self.assertEqual(daemon.wait(), 0)
        # Half a minute is what requests would be given.
        self.assertLess(time.monotonic() - began, 20)
        pid = int(told.read_text())
        wait_for(lambda: not is_alive(pid), "the end of the program")
