"""
The dashboard and the alerts under ``docs/examples`` hold against the metrics that there
are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from .metrics_support import PromtoolTestCase, full_exposition, series

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PROMETHEUS = EXAMPLES / "prometheus"

_SERIES = re.compile(r"\b(?:llamaswap|process)_\w+")
_MATCHERS = re.compile(r"\{[^{}]*\}")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
_BY = re.compile(r"\b(?:by|on) \(([^)]*)\)")

#: Labels that Prometheus adds.
_ADDED = {"instance", "job"}


def dashboard() -> Any:
    """
    The dashboard.
    """
    return json.loads((EXAMPLES / "grafana/llamaswap.json").read_text("utf-8"))


def panels() -> list[dict[str, Any]]:
    """
    Its panels, without the headings of rows.
    """
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard_queries() -> Iterator[str]:
    """
    What its panels ask, with Grafana's variables replaced by what they may be.
    """
    for panel in panels():
        for target in panel["targets"]:
            query = target["expr"]
            for variable in ("$__rate_interval", "$__range"):
                query = query.replace(f"[{variable}]", "[5m]")
            yield re.sub(r"\$(instance|model|job)\b", ".*", query)


def alerts() -> list[dict[str, Any]]:
    """
    The alerts.
    """
    text = (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8")
    (group,) = yaml.safe_load(text)["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


class SeriesTests(SynchronousTestCase):
    """
    What they ask for exists.
    """

    def setUp(self) -> None:
        self.labels: dict[str, set[str]] = {}
        for name in series(full_exposition()):
            plain, _, labels = name.partition("{")
            self.labels.setdefault(plain, set()).update(_LABEL.findall(labels))

    def check(self, query: str) -> None:
        for name in _SERIES.findall(_MATCHERS.sub("", query)):
            self.assertIn(name, self.labels, query)
        for name, matchers in re.findall(r"(\w+)(\{[^{}]*\})", query):
            unknown = set(_LABEL.findall(matchers)) - self.labels[name] - _ADDED
            self.assertEqual(unknown, set(), query)
        known = set().union(*self.labels.values()) | _ADDED
        for labels in _BY.findall(query):
            self.assertEqual(set(labels.split(", ")) - known, set(), query)

    def test_dashboard(self) -> None:
        """
        Every series and every label of the dashboard.
        """
        queries = list(dashboard_queries())
        self.assertGreater(len(queries), 30)
        for query in queries:
            self.assertNotIn("$", query)
            self.check(query)

    def test_dashboard_shows_all(self) -> None:
        """
        Every series of ours is on the dashboard.
        """
        shown = set(_SERIES.findall(" ".join(dashboard_queries())))
        for name in self.labels:
            if name.startswith("llamaswap_"):
                histogram = re.sub(r"_(count|sum)$", "_bucket", name)
                self.assertTrue({name, histogram} & shown, name)

    def test_alerts(self) -> None:
        """
        Every series and every label of the alerts.
        """
        for rule in alerts():
            self.check(rule["expr"].replace("up{", "").replace("up ==", ""))

    def test_alerts_are_tested(self) -> None:
        """
        Each is shown to speak.
        """
        text = (PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8")
        spoken = {
            case["alertname"]
            for test in yaml.safe_load(text)["tests"]
            for case in test["alert_rule_test"]
            if case.get("exp_alerts")
        }
        self.assertEqual(spoken, {rule["alert"] for rule in alerts()})


class DashboardTests(SynchronousTestCase):
    """
    The dashboard as Grafana wants it.
    """

    def test_panels(self) -> None:
        """
        Each has a number of its own, and asks the data source that was chosen.
        """
        every = dashboard()["panels"]
        numbers = [panel["id"] for panel in every]
        self.assertEqual(len(numbers), len(set(numbers)))
        chosen = {"type": "prometheus", "uid": "${datasource}"}
        for panel in panels():
            self.assertEqual(panel["datasource"], chosen, panel["title"])
            names = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(names), len(set(names)))
            for target in panel["targets"]:
                self.assertEqual(target["datasource"], chosen, panel["title"])

    def test_places(self) -> None:
        """
        They lie within the width of a dashboard, and on no other.
        """
        taken: set[tuple[int, int]] = set()
        for panel in dashboard()["panels"]:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24)
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_variables(self) -> None:
        """
        Every variable that is used is one that can be chosen, and every one is used.
        """
        whole = dashboard()
        known = {variable["name"] for variable in whole["templating"]["list"]}
        queries = " ".join(
            target["expr"] for panel in panels() for target in panel["targets"]
        )
        used = set(re.findall(r"\$(?!__)(\w+)", queries)) | {"datasource"}
        self.assertEqual(used, known)
        self.assertIsNone(whole["id"])


class PromtoolTests(PromtoolTestCase):
    """
    What Prometheus' own tool says.
    """

    def test_queries(self) -> None:
        """
        Every query of the dashboard can be parsed.
        """
        rules = [
            {"record": f"query:{number}", "expr": query}
            for number, query in enumerate(dashboard_queries())
        ]
        path = Path(self.mktemp())
        path.write_text(yaml.safe_dump({"groups": [{"name": "q", "rules": rules}]}))
        said = self.promtool("check", "rules", str(path))
        self.assertIn(f"{len(rules)} rules found", said)

    def test_alerts(self) -> None:
        """
        The alerts can be read, and speak when they should.
        """
        self.promtool("check", "rules", "alerts.yml", folder=PROMETHEUS)
        self.promtool("test", "rules", "alerts_test.yml", folder=PROMETHEUS)

    def test_configuration(self) -> None:
        """
        The example of a configuration is one.
        """
        self.promtool("check", "config", "prometheus.yml", folder=PROMETHEUS)
