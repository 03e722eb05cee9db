"""Verbs run in this process, with a data folder of their own and an encoder without weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from service.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = [
    {"id": "apple", "text": "사과를 먹었다", "title": "과일", "language": "ko"},
    {"id": "pear", "text": "배를 먹었다", "language": "ko"},
    {"id": "car", "text": "the car needs new tyres", "language": "en"},
    {"id": "bus", "text": "the bus is late", "title": "Town traffic", "language": "en"},
]


@dataclass(frozen=True)
class Ran:
    """What a verb left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


class Meari:
    """Runs `meari ARGUMENTS` in this process; the environment names the data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            "MEARI_DATA": str(folder),
            "MEARI_ENCODER": "hash:64",
            "NO_COLOR": "1",
        }

    def __call__(self, *arguments: str | Path, stdin: str | None = None) -> Ran:
        runner = CliRunner(env=self._environment)
        found = runner.invoke(
            app(), [str(each) for each in arguments], input=stdin, prog_name="meari"
        )
        return Ran(found.exit_code, found.stdout, found.stderr)

    def done(self, *arguments: str | Path, stdin: str | None = None) -> Ran:
        """Run what must succeed."""
        ran = self(*arguments, stdin=stdin)
        assert ran.status == 0, ran.err
        return ran


@pytest.fixture
def meari(tmp_path: Path) -> Meari:
    return Meari(tmp_path / "data")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Four documents, two of them Korean, as JSON lines."""
    path = tmp_path / "corpus.jsonl"
    lines = [json.dumps(document, ensure_ascii=False) for document in DOCUMENTS]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def indexed(meari: Meari, corpus: Path) -> Meari:
    """A data folder with the collection `faq` of four documents."""
    meari.done("index", corpus, "--into", "faq")
    return meari
