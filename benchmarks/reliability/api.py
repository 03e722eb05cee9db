"""Requests after the OpenAPI document, valid and not, counted by operation and status.

    python -m benchmarks.reliability api --cases 20000

Schemathesis makes them in its four phases: the document's examples, every boundary of every
parameter, random ones, and chains of operations that hand ids on. A case is one request that was
answered. The document is read without its `default` answers, which would make every status a
documented one. What is wrong is told with a command that asks again; the exit status is 1 then.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.record import RESULTS, save
from benchmarks.reliability.api_tally import COUNTED, KEPT, Tally
from benchmarks.reliability.served import (
    CLASSIFIER,
    COLLECTIONS,
    COLOURS,
    ENCODER,
    PICTURES,
    SPOKEN,
    WORDS,
    analyse,
    fill,
    served,
)

if TYPE_CHECKING:
    from collections.abc import Callable


CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "use_after_free",
    "ensure_resource_availability",
    "unsupported_method",
    "allow_header_conformance",
)
"""What every answer is held against."""
LEFT_OUT = {
    "ignored_auth": "the document names no security scheme; tests/service/http/test_access.py",
    "object_level_authorization": "as above",
    "missing_required_header": "no operation has a required header",
    "max_response_time": "tests do not look at the clock",
}
_BESIDE_BACKUPS = [f"restored-{number}" for number in range(8)]
"""Names that backups are restored under."""
_DROPPING = "DELETE /v1/collections/{collection}"
_BESIDE_IDS = "/documents/(count|delete|states|trim)$"
"""Documents may have those ids: their paths answer GET and DELETE too, as `Allow` says there."""
_PHASES = ("examples", "coverage", "fuzzing", "stateful")


def configure(seed: int, examples: int, phases: tuple[str, ...], backups: list[str]) -> Any:  # noqa: ANN401 - no stubs
    """How Schemathesis works: most requests name what is there, some what is not."""
    import schemathesis

    models = [CLASSIFIER, WORDS, ENCODER]
    words = {"collections": [*COLLECTIONS, PICTURES], "documents": ["cat", "a/b", "red"]}
    words |= {"models": models, "spare": [*COLLECTIONS[1:], "spare", *_BESIDE_BACKUPS]}
    words |= {"spoken": list(SPOKEN), "pictures": [PICTURES], "colours": list(COLOURS)}
    words |= {"backups": backups or ["none"], "free": _BESIDE_BACKUPS}
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "request-timeout": 120,
            "dictionaries": {name: {"values": values} for name, values in words.items()},
            "parameters": {
                "path.collection": {"dictionary": "collections", "probability": 0.8},
                "path.document_id": {"dictionary": "documents", "probability": 0.7},
                "path.model": {"dictionary": "models", "probability": 0.8},
                "path.backup": {"dictionary": "backups", "probability": 0.8},
            },
            "operations": [
                {
                    "include-name": _DROPPING,
                    "parameters": {"path.collection": {"dictionary": "spare", "probability": 0.9}},
                },
                {
                    "include-path-regex": "/restore$",
                    "parameters": {"body.name": {"dictionary": "free", "probability": 0.8}},
                },
                {
                    "include-path-regex": "/recommend$",
                    "parameters": {
                        f"body.{name}[*]": {"dictionary": "documents", "probability": 0.8}
                        for name in ("positive", "negative")
                    },
                },
                {
                    "include-path-regex": "/words/[^/]*/similarity$",
                    "parameters": {
                        f"query.{name}": {"dictionary": "spoken", "probability": 0.8}
                        for name in ("a", "b")
                    },
                },
                {
                    "include-path-regex": "/thumbnails/",
                    "parameters": {
                        "path.collection": {"dictionary": "pictures", "probability": 0.8},
                        "path.document_id": {"dictionary": "colours", "probability": 0.8},
                    },
                },
                {
                    "include-path-regex": _BESIDE_IDS,
                    "checks": {"allow_header_conformance": {"enabled": False}},
                },
            ],
            "checks": {"enabled": False} | {name: {"enabled": True} for name in (*CHECKS, COUNTED)},
            "phases": {name: {"enabled": name in phases} for name in _PHASES},
            "generation": {"max-examples": examples, "database": "none"},
        }
    )


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document without the answers that would document every status."""
    told = copy.deepcopy(document)
    for methods in told["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("default", None)
    return told


def try_round(
    url: str,
    client: httpx.Client,
    tally: Tally,
    *,
    seed: int,
    examples: int,
    phases: tuple[str, ...],
) -> None:
    """One pass over every operation in the phases named; what was dropped is made again."""
    import schemathesis
    from schemathesis.engine import events, from_schema

    document = strict(client.get("/openapi.json").json())
    backups = [each["id"] for each in client.get("/v1/backups").json()["backups"]]
    config = configure(seed, examples, phases, backups)
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.config.update(base_url=url)
    made_again: list[tuple[float, float]] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tally.add(event.phase.name.lower(), event.recorder, made_again)
            if any(case.operation.label == _DROPPING for case in event.recorder.find_all_cases()):
                begun = time.time()
                fill(client)
                made_again.append((begun, time.time()))
        elif isinstance(event, events.NonFatalError):
            tally.broken.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception


def try_all(
    url: str,
    *,
    cases: int,
    examples: int,
    seed: int,
    first: tuple[str, ...] = _PHASES,
    analysed: bool = True,
    after: Callable[[Tally], None] | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Rounds until that many cases were answered.

    Args:
        url: of the server.
        cases: at least so many.
        examples: of an operation in a round.
        seed: of the first round.
        first: the phases of the first round; no seed changes what the others leave out.
        after: called after each round.
        tally: counts to go on from.
        analysed: have clusters and the like found before a round, so that there are some to show.
    """
    from hypothesis import HealthCheck, settings

    settings.register_profile("api", suppress_health_check=list(HealthCheck), deadline=None)
    settings.load_profile("api")
    tally = tally or Tally()
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        for number in itertools.count():
            phases = first if number == 0 else _PHASES[2:]
            fill(client)
            if analysed:
                analyse(client)
            try_round(url, client, tally, seed=seed + number, examples=examples, phases=phases)
            told = f"{tally.cases:,} cases, {len(tally.wrong)} kinds of fault"
            print(f"round {number}: {told}", file=sys.stderr, flush=True)
            for key, found in tally.wrong.items():
                print(f"{key} {found[0]} times: {found[1]}\n{found[2]}", file=sys.stderr)
            if after is not None:
                after(tally)
            if tally.cases >= cases:
                return tally
    raise AssertionError


def main(arguments: list[str]) -> int:
    """Ask, print what is wrong, and keep the counts."""
    parser = argparse.ArgumentParser(prog="benchmarks.reliability api", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="at least so many requests")
    parser.add_argument("--examples", type=int, default=80, help="of an operation, a round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="reliability_api", help="of the file of results")
    parser.add_argument(
        "--add", action="store_true", help="go on from the counts kept, with another seed"
    )
    chosen = parser.parse_args(arguments)
    kept = RESULTS / f"{chosen.name}.json"
    before = json.loads(kept.read_bytes()) if chosen.add else {"seeds": [], "seconds": 0}
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), pictures=True) as server:

        def keep(tally: Tally) -> None:
            """After each round, so that a run that is stopped leaves what it did."""
            result = tally.to_json() | {
                "log_faults": server.faults()[:KEPT],
                "left_out": LEFT_OUT,
                "seeds": [*before["seeds"], chosen.seed],
                "examples": chosen.examples,
                "seconds": round(before["seconds"] + time.perf_counter() - begun, 1),
                "schemathesis": version("schemathesis"),
            }
            print(save(chosen.name, result))

        tally = try_all(
            server.url,
            cases=chosen.cases,
            examples=chosen.examples,
            seed=chosen.seed,
            first=_PHASES[2:] if chosen.add else _PHASES,
            after=keep,
            tally=Tally.of(before) if chosen.add else None,
        )
        faults = server.faults()
    clean = not tally.wrong and not faults and not tally.broken and tally.cases >= chosen.cases
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
