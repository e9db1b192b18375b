"""The alert rules and the Grafana dashboard in etc/: what they ask for is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from proxy.observe.metrics_table import ALL, HISTOGRAM

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = (ROOT / "docs" / "operations.rst").read_text()
RULES = yaml.safe_load((ROOT / "etc" / "prometheus-alerts.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "etc" / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ADDED = {"instance", "job"}
"""Labels that Prometheus adds itself."""


def known():
    """The labels of each series, by its name as it is asked for."""
    found = {"up": set()}
    for one in ALL:
        if one.kind == HISTOGRAM:
            found |= {
                f"{one.name}_{end}": {*one.labels, *more}
                for end, more in (("sum", ()), ("count", ()), ("bucket", ("le",)))
            }
        else:
            found[one.shown] = {*one.labels}
    registry = CollectorRegistry()
    for collector in (ProcessCollector, GCCollector):
        collector(registry=registry)
    for family in registry.collect():
        found |= {sample.name: {*sample.labels} for sample in family.samples}
    return found


KNOWN = known()


def selectors(expression):
    """All selectors of series in an expression; raises where that is no PromQL."""
    # Grafana fills its variables in before Prometheus sees them.
    plain = expression.replace("$__rate_interval", "1m").replace("$__interval", "1m")
    found = []

    def note(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(plain), note)
    return found


def check(expression):
    """See that each series is there, and has the labels that are asked for."""
    names = re.findall(r"\b((?:mysqlproxy|process|python)_\w+|up)\b", expression)
    assert names
    for name in names:
        assert name in KNOWN, name
    found = selectors(expression)
    assert {one.name for one in found} == set(names)
    for one in found:
        asked = {matcher.name for matcher in one.matchers.matchers}
        assert asked <= KNOWN[one.name] | ADDED, (one.name, asked)
    allowed = set().union(ADDED, *(KNOWN[name] for name in names))
    for labels in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
        assert {label.strip() for label in labels.split(",")} <= allowed


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_asks_for_what_there_is(alert):
    """Its expression is PromQL over series that the proxy has, with their labels."""
    check(alert["expr"])


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_says_what_is_wrong_in_words(alert):
    """Who is woken by it reads a sentence, and labels that the expression leaves."""
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert {*alert["annotations"]} == {"summary", "description"}
    kept = re.match(r"\s*sum by \(([^)]*)\)", alert["expr"])
    names = re.findall(r"\b((?:mysqlproxy|process)_\w+|up)\b", alert["expr"])
    there = ADDED | (set(kept[1].replace(",", " ").split()) if kept else KNOWN[names[0]])
    for text in alert["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= there


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_the_manual_says_what_to_do_about_every_alert(alert):
    """A heading of its own, and more than a line below it."""
    name = alert["alert"]
    heading = f"{name}\n{'~' * len(name)}\n"
    assert heading in OPERATIONS
    assert len(OPERATIONS.partition(heading)[2].partition("~~~")[0]) > 200


def test_the_manual_has_no_alert_that_is_gone():
    """What has a heading there is in the rules."""
    headings = re.findall(r"^(Mysqlproxy\w+)\n~+$", OPERATIONS, re.MULTILINE)
    assert sorted(headings) == sorted(alert["alert"] for alert in ALERTS)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_shows_what_there_is(panel):
    """Each of its expressions is PromQL over series that the proxy has."""
    assert panel["description"]
    for target in panel["targets"]:
        check(target["expr"])
        shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert shown <= set().union(ADDED, *KNOWN.values())


def test_the_dashboard_holds_together():
    """Ids are unique, panels do not lie on each other, and its variables ask for what is."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (at["x"] + column, at["y"] + line)
            for column in range(at["w"])
            for line in range(at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.match(
                r"label_values\((\w+).*, (\w+)\)", variable["query"]["query"]
            ).groups()
            assert label in KNOWN[name] | ADDED
