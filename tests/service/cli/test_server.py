"""`meari serve` in a process of its own, and every verb that takes `--url` against it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from indexing.types import Document, Parent
from service.cli.errors import FAILED, MISUSE
from service.cli.remote import RemoteCollection
from service.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.service.cli.conftest import Meari

COMMAND = [sys.executable, "-m", "service.cli", "serve"]


@dataclass(frozen=True)
class Served:
    """A running server and the folder it owns."""

    url: str
    data: Path
    said: list[str]
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("served")
    arguments = ["--data", str(data), "--port", "0", "--encoder", "hash:64"]
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "MEARI_JOB_NICENESS": "0"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(300, process.kill)
        watchdog.start()
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Meari answers at "):
                break
        else:
            pytest.fail(f"the server did not start: {said}")
        url = said[-1].split()[3]
        rest = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        rest.start()
        yield Served(url, data, said, process)
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=60)
        watchdog.cancel()
        rest.join(timeout=10)
    assert status == 0
    assert not any("Traceback" in line for line in said)


@pytest.fixture
def filled(served: Served, meari: Meari, corpus: Path) -> Iterator[Served]:
    """The server with the collection `faq` of four documents."""
    ran = meari.done("index", corpus, "--into", "faq", "--url", served.url)
    assert ran.err.startswith("new collection faq: encoder hash:64, metric cosine\n")
    yield served
    meari.done("collections", "drop", "faq", "--yes", "--url", served.url)


def test_the_address_said_is_where_it_answers(served: Served) -> None:
    assert served.said[-1].startswith(f"Meari answers at {served.url} (API: {served.url}/docs)")
    assert httpx.get(f"{served.url}/livez", trust_env=False).json() == {"status": "ok"}


def test_a_server_encodes_a_collection_anew(filled: Served, meari: Meari) -> None:
    at = ("--url", filled.url)
    ask = ("collections", "reembed", "faq", "--encoder", "hash:32", *at)
    told = meari.done(*ask, "--swap", "--json").json
    assert (told["documents"], told["overlap_at_10"], told["judged"]) == (4, 1.0, None)
    assert (told["swapped"], told["kept_as"]) == (True, "faq.before")
    again = meari(*ask)
    assert (again.status, "holds vectors of encoder 'hash:32' already" in again.err) == (1, True)
    judged = meari(*ask, "--judged", "x")
    assert (judged.status, "a server does not read judged data" in judged.err) == (2, True)
    back = meari.done(*ask[:3], "--encoder", "hash:64", "--as", "faq.64", *at)
    assert "nothing was swapped; --swap lets faq.64 take the name" in back.out
    for name in ("faq.64", "faq.before"):
        meari.done("collections", "drop", name, "--yes", *at)


def without_size(answer: object) -> object:
    """The answer without `bytes`: the word index merges its segments when it likes."""
    if isinstance(answer, dict):
        return {key: without_size(value) for key, value in answer.items() if key != "bytes"}
    return [without_size(item) for item in answer] if isinstance(answer, list) else answer


def test_json_is_the_servers_own_answer(filled: Served, meari: Meari) -> None:
    def answered(path: str) -> object:
        return without_size(httpx.get(f"{filled.url}{path}", trust_env=False).json())

    def printed(*arguments: str) -> object:
        return without_size(meari.done(*arguments, "--url", filled.url, "--json").json)

    assert printed("collections", "list") == answered("/v1/collections")
    assert printed("collections", "show", "faq") == answered("/v1/collections/faq")
    assert printed("encoders", "list") == answered("/v1/encoders")


def test_folder_and_server_print_the_same_objects(
    filled: Served, indexed: Meari, corpus: Path
) -> None:
    def without_time(answer: dict[str, object]) -> dict[str, object]:
        receipt = {**answer["receipt"], "milliseconds": None}  # type: ignore[dict-item]
        return {**answer, "receipt": receipt}

    asked = ["search", "faq", "the late bus", "-k", "2", "--json"]
    here = without_time(indexed.done(*asked).json)
    assert without_time(indexed.done(*asked, "--url", filled.url).json) == here
    for verb in (["verify", "faq"], ["list"], ["show", "faq"], ["optimize", "faq"]):
        mine = indexed.done("collections", *verb, "--json").json
        theirs = indexed.done("collections", *verb, "--json", "--url", filled.url).json
        assert mine.keys() == theirs.keys()
    pair = ["similarity", "사과", "사과를", "--json"]
    assert indexed.done(*pair).json == indexed.done(*pair, "--url", filled.url).json


def test_indexing_again_over_http_finds_everything_unchanged(
    filled: Served, meari: Meari, corpus: Path
) -> None:
    ran = meari.done("index", corpus, "--into", "faq", "--url", filled.url, "--json")
    assert ran.json["report"]["unchanged"] == 4
    assert ran.json["collection"]["documents"] == 4


def test_a_plan_against_a_server_knows_what_stands_there(
    filled: Served, meari: Meari, corpus: Path
) -> None:
    with corpus.open("a", encoding="utf-8") as file:
        file.write('{"id": "tram", "text": "the tram is new"}\n')
    plan = ["index", corpus, "--plan", "--json", "--url", filled.url, "--into"]
    known = meari.done(*plan, "faq").json
    assert (known["new"], known["unchanged"], known["tokens"]) == (1, 4, 4)
    assert meari.done(*plan, "other").json["new"] == 5
    names = meari.done("collections", "list", "--url", filled.url, "--json").json["collections"]
    assert "other" not in [each["name"] for each in names]


def test_refused_records_are_listed_here(
    served: Served, meari: Meari, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "mixed.jsonl"
    source.write_text('{"id":"a","text":"fine"}\nnot json\n')
    ran = meari("index", source, "--into", "mixed", "--url", served.url)
    assert ran.status == FAILED
    assert "1 record rejected; " in ran.err
    (line,) = (tmp_path / "mixed.rejects.jsonl").read_text().splitlines()
    assert json.loads(line)["line"] == 2


def test_a_text_that_became_shorter_leaves_no_chunks_behind(
    served: Served, meari: Meari, tmp_path: Path
) -> None:
    source = tmp_path / "long.jsonl"
    index = ["index", source, "--into", "long", "--chunk", "32", "--url", served.url, "--json"]
    for words, at_least in ((400, 10), (100, 3), (10, 1)):
        source.write_text(json.dumps({"id": "a", "text": "one two three four. " * (words // 4)}))
        held = meari.done(*index).json["collection"]["documents"]
        assert at_least <= held <= 2 * at_least + 8
    assert held == 1


def test_a_document_named_like_a_chunk_stays(served: Served) -> None:
    with Client(served.url) as client:
        client.create("named")
        from indexing.card import CollectionCard

        collection = RemoteCollection(client, CollectionCard.from_json(client.collection("named")))
        chunks = [
            Document(f"a#{n}", f"part {n}", parent=Parent("a", n, n, n + 1)) for n in range(3)
        ]
        collection.add([*chunks, Document("a#3", "a document of its own")])
        assert collection.trim_parents({"a": 1, "b": 0}) == 2
        left = client.documents("named")["documents"]
        assert [each["id"] for each in left] == ["a#0", "a#3"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["search", "nope", "x"], FAILED, "no collection 'nope'"),
        (["search", "faq", "x", "-k", "0"], MISUSE, "limit is 0; 1 to 10,000 are possible"),
        (["search", "faq", "x", "--filter", '{"mus":[]}'], MISUSE, "mus: unknown word"),
        (["index", "CORPUS", "--into", "faq", "--metric", "dot"], FAILED, "--metric says dot"),
        (["index", "CORPUS", "--into", "faq", "--encoder", "hash:8"], FAILED, "'hash:8'"),
        (["index", "CORPUS", "--into", "new", "--chunk", "3"], MISUSE, "chunks of 3 tokens are"),
        (["index", "CORPUS", "--into", "a b"], MISUSE, "collection name 'a b' is not possible"),
        (["collections", "drop", "nope", "--yes"], FAILED, "no collection 'nope'"),
    ],
)
def test_refusals_of_a_server_read_like_those_of_a_folder(
    filled: Served, meari: Meari, corpus: Path, arguments: list[str], status: int, message: str
) -> None:
    named = [str(corpus) if each == "CORPUS" else each for each in arguments]
    ran = meari(*named, "--url", filled.url)
    assert ran.status == status
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_folder_that_a_server_owns_names_it(served: Served, meari: Meari) -> None:
    ran = meari("collections", "list", "--data", served.data)
    assert ran.status == FAILED
    assert f"in use by process {served.process.pid} (meari serve at {served.url})" in ran.err
    assert "--url" in ran.err


def test_a_second_server_on_the_folder_says_who_is_there(served: Served) -> None:
    ran = _serve("--data", str(served.data), "--port", "0")
    assert ran.returncode == FAILED
    assert ran.stderr.splitlines()[-1].startswith(f"error: {served.data} is in use by process ")


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = _serve("--data", str(tmp_path / "new"), "--port", str(port))
    assert ran.returncode == FAILED
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"error: cannot listen on 127.0.0.1 port {port}: ")
    assert "--port" in line


def test_no_server_says_how_to_start_one(meari: Meari) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    ran = meari("collections", "list", "--url", url)
    assert ran.status == FAILED
    assert ran.err.startswith(f"error: no server answers at {url} (")
    assert "`meari serve`" in ran.err


def _serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments, "--encoder", "hash:64"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "MEARI_LOG_LEVEL": "error"},
    )


def test_what_a_collection_is_about_is_found_by_jobs(filled: Served, meari: Meari) -> None:
    ran = meari.done("cluster", "faq", "-k", "2", "--seed", "3", "--url", filled.url, "--json")
    answer = ran.json
    assert (answer["receipt"]["k"], answer["made"]["request"]) == (2, {"k": 2, "seed": 3})
    assert sum(each["size"] for each in answer["clusters"]) == 4
    jobs = meari.done("jobs", "list", "--url", filled.url, "--json").json["jobs"]
    [job] = [each for each in jobs if each["kind"] == "clusters"]  # others had the server before
    assert (job["collection"], job["state"]) == ("faq", "done")
    shown = meari.done("jobs", "show", job["id"], "--url", filled.url)
    assert "done" in shown.out
    assert meari.done("jobs", "cancel", job["id"], "--url", filled.url, "--json").json == job
    refused = meari("cluster", "faq", "-k", "9", "--url", filled.url)
    assert refused.status == MISUSE
    assert "k is 9 and there are 4 documents" in refused.err
    last = meari("outliers", "faq", "--last", "--url", filled.url)
    assert (last.status, "no outliers are kept" in last.err) == (FAILED, True)
