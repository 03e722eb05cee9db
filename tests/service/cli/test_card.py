"""What `meari collections show` tells of an index, and `optimize` while it works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from service.cli.card import told_maintenance
from service.cli.errors import MISUSE
from service.cli.progress import waiting, watched

if TYPE_CHECKING:
    from tests.service.cli.conftest import Meari


def test_the_curve_of_an_index_is_a_table(meari: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 1000)
    many = "".join(f'{{"id": "{n}", "text": "word{n} other{n % 7}"}}\n' for n in range(300))
    meari.done("index", "-", "--into", "many", stdin=many)
    card = meari.done("collections", "show", "many", "--json").json["index_card"]
    lines = meari.done("collections", "show", "many").out.splitlines()
    columns = ["reach", "candidates", "recall@10", "a", "query"]
    head = next(n for n, line in enumerate(lines) if line.split() == columns)
    rows = [line.split() for line in lines[head + 2 :]]
    assert [(int(row[0]), float(row[2])) for row in rows] == [
        (point["reach"], point["recall"]) for point in card["curve"]
    ]
    assert [int(row[0]) for row in rows if row[-2:] == ["in", "use"]] == [card["reach"]]
    facts = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in lines[: head - 1])
    assert facts["maintenance"] == "idle"
    assert facts["target"] == "recall 0.98"
    assert facts["index memory"].endswith(f"{card['bytes_per_vector']:,.0f} bytes a vector")
    assert facts["measured"].startswith(card["built"])
    assert re.fullmatch(r"vectors trusted for other scripts \d+ %", facts["confidence"])


def test_an_index_is_asked_for_on_the_command_line(indexed: Meari) -> None:
    asked = ["collections", "optimize", "faq", "--kind", "hnsw", "--memory", "1.5MB"]
    card = indexed.done(*asked, "--recall", "0.9", "--json").json["index_card"]
    told = (card["kind"], card["target"], card["memory_bytes"])
    assert told == ("hnsw", 0.9, 1_500_000)
    shown = indexed.done("collections", "show", "faq").out
    assert " of 1.5 MB, " in shown
    for arguments, words in (
        (["--memory", "much"], "error: --memory 'much' is not a size; write 700M, 1.5GB or 512MiB"),
        (["--memory", "10"], "error: memory is 10 bytes; "),
        (["--kind", "annoy"], "error: index kind 'annoy' is unknown; this version has flat, hnsw"),
        (["--recall", "2"], "error: recall is 2.0; it must be less than or equal to 1"),
    ):
        ran = indexed("collections", "optimize", "faq", *arguments)
        assert (ran.status, ran.err.count("\n")) == (MISUSE, 1)
        assert ran.err.startswith(words)


def test_a_few_documents_have_no_confidence(indexed: Meari) -> None:
    lines = indexed.done("collections", "show", "faq").out.splitlines()
    assert "confidence           none, for want of documents" in lines
    assert not any("recall@10" in line for line in lines)


@pytest.mark.parametrize(
    ("phase", "progress", "told"),
    [
        ("idle", 0.0, "idle"),
        ("rebuilding", 0.404, "rebuilding, 40 %"),
        ("compacting", 0.0, "compacting"),
    ],
)
def test_maintenance_in_words(phase: str, progress: float, told: str) -> None:
    assert told_maintenance({"maintenance": phase, "progress": progress}) == told


def test_long_work_is_looked_at_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal: until the work ends, however often the looking fails."""
    import io
    import threading

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr("service.cli.progress.notices", lambda: console)
    looked = threading.Semaphore(0)

    with waiting("working") as say:

        def look() -> None:
            say("40 % done")
            looked.release()
            raise ValueError("not told")

        with watched(look, every=0.001):
            for _ in range(3):
                assert looked.acquire(timeout=30)
        names = {thread.name for thread in threading.enumerate()}
    assert "watch" not in names
    assert "40 % done ..." in screen.getvalue()


def test_without_a_terminal_nothing_is_looked_at() -> None:
    with waiting("working") as say, watched(lambda: pytest.fail("looked"), every=0.0):
        say("nothing")
