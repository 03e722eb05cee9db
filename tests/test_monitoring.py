"""Prometheus' alerts and Grafana's dashboard ask for what the service tells, in PromQL."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.errors import TABLE
from service.jobs.types import Job
from service.settings import Settings
from tests.service.http.conftest import fill, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.sampling import RecallSampler

    Labels: TypeAlias = dict[str, set[str]]

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GRAFANA, PROMETHEUS = (COMPOSE["services"][name] for name in ("grafana", "prometheus"))
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/meari.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"][0]["rules"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
QUESTIONS = [*TARGETS, *((rule["alert"], rule["expr"]) for rule in ALERTS)]
VALUES = {"code": {code for _, code, _ in TABLE.values()} | {"internal_error"}}
"""Of labels that a service which just began has not shown all of."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Labels]:
    """Labels and their values by the names of all series that the service tells."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("data", "backups")}
    with started(Settings(**folders, encoder="hash:64")) as client:
        fill(client)
        client.post("/v1/collections/animals/search", {"query": "a cat"})
        client.post("/v1/collections/animals/search", {"query": "a cat", "limit": 0})
        engine = client.app.state.engine
        sampler: RecallSampler = engine.folder.collection("animals").storage.sampler
        sampler._recalls.append(1.0)  # as if a live query had been checked
        for state in ("done", "failed"):
            job = Job("1", "clusters", "animals", {}, "2026-11-30T00:00:00Z", state=state)
            engine.metrics.count_job(job, 1.0)
        text = client.get("/metrics").text
    found: dict[str, Labels] = {"up": {"job": {"meari"}, "instance": set()}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def selectors(expression: object) -> Iterator[promql_parser.VectorSelector]:
    """All series that an expression asks for."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
        return
    for part in ("lhs", "rhs", "expr", "vector_selector", "vs", "param"):
        child = getattr(expression, part, None)
        if child is not None:
            yield from selectors(child)
    for argument in getattr(expression, "args", None) or ():
        yield from selectors(argument)


def groupings(expression: object) -> Iterator[tuple[set[str], object]]:
    """Labels that series are grouped by, and what is grouped."""
    if isinstance(expression, promql_parser.AggregateExpr) and expression.modifier is not None:
        yield set(expression.modifier.labels), expression.expr
    for part in ("lhs", "rhs", "expr"):
        child = getattr(expression, part, None)
        if child is not None:
            yield from groupings(child)
    for argument in getattr(expression, "args", None) or ():
        yield from groupings(argument)


def parsed(question: str) -> object:
    return promql_parser.parse(question.replace("$__rate_interval", "5m"))


@pytest.mark.parametrize(("where", "question"), QUESTIONS)
def test_what_is_asked_is_told(served: dict[str, Labels], where: str, question: str):
    """Names, labels and, where few are possible, their values."""
    expression = parsed(question)
    asked = list(selectors(expression))
    names = set(re.findall(r"\b(?:meari|process|python)_\w+|\bup\b", question))
    assert {each.name for each in asked} == names, "none is overlooked"
    for each in asked:
        assert each.name in served, f"{where} asks for {each.name}, which nobody tells"
        for matcher in each.matchers.matchers:
            assert matcher.name in served[each.name], f"{each.name} has no {matcher.name}"
            if matcher.op == promql_parser.MatchOp.Equal:
                known = served[each.name][matcher.name] | VALUES.get(matcher.name, set())
                assert matcher.value in known, f"{each.name}{{{matcher}}}"
    for labels, inner in groupings(expression):
        for each in selectors(inner):
            assert labels <= served[each.name].keys(), f"{each.name} has no {labels}"


def test_nothing_that_is_told_of_is_looked_at_nowhere(served: dict[str, Labels]):
    shown = {each.name for _, question in QUESTIONS for each in selectors(parsed(question))}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    told = {re.sub(r"_(bucket|sum|count)$", "", name) for name in served}
    assert {name for name in told - families if name.startswith("meari_")} == set()


def test_legends_name_labels_that_are_left(served: dict[str, Labels]):
    for panel in PANELS:
        for target in panel["targets"]:
            wanted = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            expression = parsed(target["expr"])
            grouped = [labels for labels, _ in groupings(expression)]
            left = grouped[0] if grouped else served[next(selectors(expression)).name].keys()
            assert wanted <= left, panel["title"]


def test_panels_stand_beside_each_other_and_ask_the_one_source():
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in DASHBOARD["panels"]]
    for number, (x, y, width, _) in enumerate(places):
        assert x + width <= 24
        for other_x, other_y, other_width, other_height in places[:number]:
            beside = x >= other_x + other_width or other_x >= x + width
            assert beside or y >= other_y + other_height
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    source = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    )
    (prometheus,) = source["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {prometheus["uid"]}
    assert prometheus["url"] == "http://prometheus:9090"
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_alerts_say_what_to_do():
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS) >= 10
    for rule in ALERTS:
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "remedy"}
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))


def test_files_are_where_the_containers_look():
    mounted = dict(volume.split(":")[:2] for volume in GRAFANA["volumes"])
    assert all(volume.endswith(":ro") for volume in GRAFANA["volumes"])
    for source in mounted:
        assert (ROOT / source).is_dir()
    provider = yaml.safe_load(
        (ROOT / "deploy/grafana/provisioning/dashboards/meari.yml").read_text()
    )
    (files,) = provider["providers"]
    assert files["options"]["path"] == mounted["./deploy/grafana/dashboards"]
    home = GRAFANA["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{files['options']['path']}/meari.json"
    asks = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    (rules,) = asks["rule_files"]
    assert f"./deploy/alerts.yml:{rules}:ro" in PROMETHEUS["volumes"]
