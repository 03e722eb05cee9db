"""Dockerfile and docker-compose.yml hold together, as far as can be told without Docker."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from service.cli.app import command
from service.server import GRACE_SECONDS
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
MEARI, PROMETHEUS, GRAFANA = (
    COMPOSE["services"][name] for name in ("meari", "prometheus", "grafana")
)


def instructions() -> list[tuple[str, str]]:
    """Word and arguments of each instruction of the Dockerfile, lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)
    ]


STEPS = instructions()
LAST_STAGE = STEPS[max(n for n, (word, _) in enumerate(STEPS) if word == "FROM") :]


def last(word: str) -> str:
    """Arguments of the last such instruction of the image that is shipped."""
    return [rest for each, rest in LAST_STAGE if each == word][-1]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(last("ENV")))


def sources() -> list[str]:
    """What is copied from the repository."""
    copies = [rest.split() for word, rest in STEPS if word == "COPY" and "--from" not in rest]
    return [source for parts in copies for source in parts[:-1]]


def pins(lines: list[str]) -> dict[str, str]:
    found = (line.partition(";")[0].split("==") for line in lines if "==" in line)
    return {name.lower().replace("_", "-"): number for name, number in found}


PINS = pins(PROJECT["dependencies"])


def test_what_is_compiled_is_kept_where_the_process_may_write():
    """The rest of the file system is read-only: elsewhere it would be compiled at each start."""
    assert "MEARI_CACHE=/data/.cache" in last("ENV")
    assert "data:/data" in MEARI["volumes"]


def test_the_process_owns_nothing_but_the_data():
    assert last("USER") == "meari"
    users = [n for n, (word, _) in enumerate(LAST_STAGE) if word == "USER"]
    assert not [word for word, _ in LAST_STAGE[users[-1] :] if word in {"RUN", "COPY", "ADD"}]
    assert any("useradd" in rest and "install -d -o meari" in rest for _, rest in LAST_STAGE)
    for service in (MEARI, PROMETHEUS, GRAFANA):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_data_outlives_the_container():
    data = environment()["MEARI_DATA"]
    assert last("VOLUME") == data
    assert f"data:{data}" in MEARI["volumes"]
    assert COMPOSE["volumes"].keys() == {"data", "measurements"}
    made = next(rest for word, rest in LAST_STAGE if word == "RUN")
    assert made.endswith(data), "the folder belongs to the user before it is a volume"
    assert environment()["HF_HOME"].startswith(f"{data}/."), "hidden, so no collection"


def test_the_command_is_one_that_meari_knows():
    assert json.loads(last("ENTRYPOINT")) == ["meari"]
    verb, *arguments = json.loads(last("CMD"))
    with command().commands[verb].make_context(f"meari {verb}", arguments) as context:
        assert context.params["host"] == "0.0.0.0"  # noqa: S104 - inside the container
        assert context.params["port"] == int(last("EXPOSE"))
    for name in MEARI["environment"]:
        assert name == "OMP_NUM_THREADS" or name.removeprefix("MEARI_").lower() in (
            Settings.model_fields
        )


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything with `status`; its port, and the paths it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def check_health(port: int, **variables: str) -> int:
    """What the health check says, asked of another port."""
    program = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert program[0] == "python"
    expected = last("EXPOSE")
    assert program[-1].count(expected) == 1
    arguments = [part.replace(expected, str(port)) for part in program[1:]]
    done = subprocess.run(
        [sys.executable, *arguments], env=variables, stderr=subprocess.DEVNULL, check=False
    )
    return done.returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_asks_whether_it_is_ready(status: int, code: int):
    with answering(status) as (port, asked):
        proxy = "http://127.0.0.1:9"  # a proxy is no way to oneself
        assert check_health(port, http_proxy=proxy, HTTP_PROXY=proxy) == code
    assert asked == ["/readyz"]


def test_the_health_check_fails_where_nothing_answers():
    with answering(200) as (port, _):
        pass
    assert check_health(port) != 0


def test_every_service_has_limits():
    limits = {
        name: service["deploy"]["resources"]["limits"]
        for name, service in COMPOSE["services"].items()
    }
    assert limits == {
        "meari": {"cpus": "2", "memory": "4g"},
        "prometheus": {"cpus": "0.5", "memory": "512m"},
        "grafana": {"cpus": "0.5", "memory": "512m"},
    }
    assert MEARI["environment"]["OMP_NUM_THREADS"] == limits["meari"]["cpus"]
    assert int(MEARI["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS


def test_ports_are_open_to_this_machine_alone():
    published = [port for service in COMPOSE["services"].values() for port in service["ports"]]
    assert published == ["127.0.0.1:8080:8080", "127.0.0.1:9090:9090", "127.0.0.1:3000:3000"]
    assert published[0].endswith(f":{last('EXPOSE')}")
    for service in COMPOSE["services"].values():
        assert "network_mode" not in service


def test_what_monitors_is_there_only_if_asked_for():
    profiles = {name: service.get("profiles") for name, service in COMPOSE["services"].items()}
    monitoring = ["monitoring"]
    assert profiles == {"meari": None, "prometheus": monitoring, "grafana": monitoring}
    assert re.fullmatch(r"grafana/grafana:\d+\.\d+\.\d+", GRAFANA["image"])
    assert re.fullmatch(r"prom/prometheus:v\d+\.\d+\.\d+", PROMETHEUS["image"])


def test_prometheus_asks_meari():
    mounted = dict(volume.split(":", 1) for volume in PROMETHEUS["volumes"])
    where, mode = mounted["./deploy/prometheus.yml"].split(":")
    assert mode == "ro"
    assert f"--config.file={where}" in PROMETHEUS["command"]
    assert f"--storage.tsdb.path={mounted['measurements']}" in PROMETHEUS["command"]
    told: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    (job,) = told["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"meari:{last('EXPOSE')}"]}]
    assert job.get("metrics_path", "/metrics") == "/metrics"


def test_what_is_copied_is_there_and_let_through():
    everything, *lines = (ROOT / ".dockerignore").read_text().split()
    assert everything == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert set(sources()) == allowed
    for source in sources():
        assert (ROOT / source).exists(), source
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    needed = {*wheel["targets"]["wheel"]["packages"], PROJECT["readme"], *PROJECT["license-files"]}
    assert needed <= set(sources()), "or the wheel cannot be built"


def test_versions_agree():
    assert version("meari") == PROJECT["version"]
    assert MEARI["image"] == f"meari:{PROJECT['version']}"
    installed = [rest for word, rest in STEPS if word == "RUN" and " torch==" in rest]
    assert [rest.split()[-1] for rest in installed] == [f"torch=={PINS['torch']}"]
    base = {rest.split()[0] for word, rest in STEPS if word == "FROM"}
    assert base == {"python:3.11-slim-bookworm"}, "one base, or the environment does not fit it"
    assert PROJECT["requires-python"] == ">=3.11"
    fixed = pins((ROOT / "constraints.txt").read_text().split())
    for name, number in PINS.items():
        if name != "torch":  # CPU and CUDA builds differ in their local version
            assert fixed[name] == number, name
