"""
Tests for `llamaswap_tw.observe.exposition`.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.observe.exposition import HELP, expose
from llamaswap_tw.observe.gpus.reading import GpuReading
from llamaswap_tw.observe.machine import Now
from llamaswap_tw.observe.metrics import Metrics

from .gpus.fakes import reading
from .metrics_support import (
    ODD,
    PromtoolTestCase,
    full_exposition,
    full_metrics,
    gauges,
    series,
)


class ExpositionTests(SynchronousTestCase):
    """
    The metrics as Prometheus reads them.
    """

    def setUp(self) -> None:
        self.text = full_exposition()
        self.series = series(self.text)

    def test_all(self) -> None:
        """
        Every series that is named is there, with its help.
        """
        for name, text in HELP.items():
            self.assertIn(f"\n# HELP {name} {text}\n# TYPE {name} ", "\n" + self.text)

    def test_names(self) -> None:
        """
        There are no others but those of the daemon's own process.
        """
        families = text_string_to_metric_families(self.text)
        names = {
            family.name + "_total" if family.type == "counter" else family.name
            for family in families
        }
        ours = {name for name in names if not name.startswith("process_")}
        self.assertEqual(ours, set(HELP))
        self.assertIn("process_resident_memory_bytes", names)

    def test_values(self) -> None:
        """
        Each kind has its labels and its value.
        """
        for name, value in (
            (
                'llamaswap_requests_total{model="a",path="/v1/chat/completions",'
                'status="200"}',
                1,
            ),
            ('llamaswap_requests_total{model="",path="other",status="404"}', 1),
            ('llamaswap_requests_in_flight{model="a"}', 2),
            ('llamaswap_queue_length{model="org/b"}', 7),
            ('llamaswap_queue_seconds_bucket{le="0.1",model="a"}', 0),
            ('llamaswap_queue_seconds_bucket{le="0.5",model="a"}', 1),
            ('llamaswap_queue_seconds_bucket{le="+Inf",model="a"}', 1),
            ('llamaswap_queue_seconds_count{model="a"}', 1),
            ('llamaswap_queue_seconds_sum{model="a"}', 0.2),
            ('llamaswap_time_to_first_byte_seconds_sum{model="a"}', 0.3),
            ('llamaswap_tokens_total{kind="cached",model="a"}', 5),
            ('llamaswap_swaps_total{model="a",result="failed"}', 1),
            ('llamaswap_load_seconds_sum{model="a"}', 3.5),
            ('llamaswap_evictions_total{model="a"}', 1),
            ("llamaswap_forced_swaps_total", 1),
            ('llamaswap_model_state{model="a",state="ready"}', 1),
            ('llamaswap_model_state{model="a",state="stopped"}', 0),
            ('llamaswap_process_exits_total{model="a",reason="crashed"}', 1),
            ('llamaswap_cpu_util_percent{core="1"}', 12.34),
            ("llamaswap_memory_total_bytes", 64 * 1024**3),
            ('llamaswap_load_average{interval="15m"}', 2),
            (
                'llamaswap_network_bytes_total{direction="recv",interface="eth0"}',
                2**40,
            ),
            (
                'llamaswap_gpu_memory_used_bytes{id="1",name="GPU 1",uuid="uuid-1"}',
                6 * 1024**3,
            ),
            (
                'llamaswap_gpu_power_draw_watts{id="0",name="GPU 0",uuid="uuid-0"}',
                123.45,
            ),
        ):
            self.assertEqual(self.series.get(name), value, name)

    def test_odd_names(self) -> None:
        """
        A model's name may be anything.
        """
        found = {
            sample.labels["model"]
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if "model" in sample.labels
        }
        self.assertIn(ODD, found)

    def test_unknown_values(self) -> None:
        """
        What a GPU does not tell has no series, and is not 0.
        """
        bare = GpuReading(reading(1).gpu, temperature=40.0)
        asked = replace(gauges(), machine=lambda: Now(None, [bare]))
        text = expose(full_metrics().snapshot(asked), "")[1].decode()
        self.assertEqual(
            [name for name in series(text) if name.startswith("llamaswap_gpu")],
            ['llamaswap_gpu_temperature_celsius{id="1",name="GPU 1",uuid="uuid-1"}'],
        )
        self.assertNotIn("llamaswap_memory", text)

    def test_disabled(self) -> None:
        """
        Where the machine is not sampled, its series are left out, and the others
        are there.
        """
        asked = replace(gauges(), machine=lambda: None)
        text = expose(full_metrics().snapshot(asked), "")[1].decode()
        for part in ("_cpu_", "_memory_total", "_network_", "_gpu_", "_load_average"):
            self.assertNotIn(f"llamaswap{part}", text)
        self.assertIn("llamaswap_requests_total", text)

    def test_empty(self) -> None:
        """
        A daemon without a model has metrics too.
        """
        asked = replace(gauges(), in_flight=dict, queue=dict, states=dict)
        text = expose(Metrics((), ()).snapshot(asked), "")[1].decode()
        self.assertIn("llamaswap_forced_swaps_total 0.0", text)

    def test_content_types(self) -> None:
        """
        Who takes OpenMetrics gets that, and others the older form.
        """
        snapshot = full_metrics().snapshot(gauges())
        plain, _ = expose(snapshot, "*/*")
        self.assertTrue(plain.startswith("text/plain; version="), plain)
        accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        content_type, body = expose(snapshot, accept)
        self.assertTrue(content_type.startswith("application/openmetrics-text;"))
        families = {family.name for family in parse_openmetrics(body.decode())}
        self.assertIn("llamaswap_requests", families)
        self.assertTrue(body.endswith(b"# EOF\n"))

    def test_imported_late(self) -> None:
        """
        Neither the library nor the binding for GPUs is there before somebody needs
        it.
        """
        code = (
            "import sys, llamaswap_tw.service, llamaswap_tw.web.machine\n"
            "print(*sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        for module in ("prometheus_client", "pynvml", "psutil"):
            self.assertNotIn(module, done.stdout.split())


class PromtoolTests(PromtoolTestCase):
    """
    What Prometheus' own tool says.
    """

    def test_no_complaint(self) -> None:
        """
        It has nothing to say about the metrics, GPUs and all.
        """
        self.promtool("check", "metrics", stdin=full_exposition())
