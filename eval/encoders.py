"""Encoders over data sets: one table, each row trained if it is not there, judged alike."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eval.command import run, show
from eval.datasets import load_beir
from eval.ladder import Judge, Ladder, Row, choose_rows, read_given, read_ladder
from eval.ladder_data import fingerprint_of, sample_documents
from eval.ladder_models import Workshop
from eval.ladder_page import ladder_page
from eval.measures import parse_measures
from eval.pairs import Columns, load_pairs
from eval.provenance import Provenance
from eval.report import make_folder
from eval.retrieval import evaluate_retrieval
from eval.searchers import EncoderSearcher
from eval.similarity import evaluate_similarity
from eval.statistics import Estimate
from indexing.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from embeddings.types import Encoder
    from eval.datasets import RetrievalData
    from eval.pairs import SimilarityData
    from eval.target import Progress

FORMAT = 1
REPORT_FILE = "encoders.json"
PAGE_FILE = "encoders.md"
PICTURE_FILE = "encoders.png"
CELLS = "cells"
"""Folder of figures measured already, by what they were measured with."""


@dataclass(frozen=True, slots=True)
class RowScore:
    """A row of the table.

    Attributes:
        name: heading.
        note: what a reader should know.
        figures: by judge; None where the row has no encoder for its language.
        encoders: name, fingerprint and width, by language.
        seconds: of training, all encoders of the row together; None if nobody knows.
    """

    name: str
    note: str
    figures: dict[str, Estimate | None]
    encoders: dict[str, dict[str, Any]]
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        figures = {
            name: None if each is None else each.to_json() for name, each in self.figures.items()
        }
        return {
            "name": self.name,
            "note": self.note,
            "figures": figures,
            "encoders": self.encoders,
            "training_seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class LadderReport:
    """All rows over all judges.

    Attributes:
        ladder: what was asked for.
        rows: in its order.
        judged: pairs or queries of each judge, and its documents.
        provenance: versions, machine and time.
    """

    ladder: Ladder
    rows: list[RowScore]
    judged: dict[str, dict[str, int]]
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "encoders",
            "format": FORMAT,
            "title": self.ladder.title,
            "judges": [
                {**asdict(judge), **self.judged.get(judge.name, {})} for judge in self.ladder.judge
            ],
            "rows": [row.to_json() for row in self.rows],
            "bootstrap": {
                "level": 0.95,
                "resamples": self.ladder.resamples,
                "seed": self.ladder.seed,
            },
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: the table and how it came about."""
        return ladder_page(self)

    def write(self, folder: Path) -> None:
        """Put `encoders.json`, `encoders.md` and `encoders.png` into `folder`, made if missing."""
        from embeddings.bars import Bar, draw_bars

        make_folder(folder)
        content = json.dumps(self.to_json(), ensure_ascii=False, indent=2) + "\n"
        write_atomically(folder / REPORT_FILE, content.encode())
        write_atomically(folder / PAGE_FILE, self.to_markdown().encode())
        panels = [
            (
                judge.name,
                [
                    None if figure is None else Bar(figure.value, figure.low, figure.high)
                    for figure in (row.figures.get(judge.name) for row in self.rows)
                ],
            )
            for judge in self.ladder.judge
        ]
        names = [row.name for row in self.rows]
        draw_bars(names, panels, folder / PICTURE_FILE, title=self.ladder.title)


def run_encoders(
    config: Path,
    *,
    out: Path,
    overrides: Sequence[str] = (),
    given: Sequence[str] = (),
    rows: Sequence[str] = (),
    device: str | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> LadderReport:
    """Train what is missing, judge every row, and write the table.

    Figures measured before, with the same encoder and data, are taken from `out/cells`.

    Args:
        config: the ladder (TOML).
        out: folder for the table, its picture and the figures.
        overrides: keys of the ladder (`data="FOLDER"`).
        given: `MODEL=FOLDER`: take the folder instead of training the model.
        rows: names of rows; all without any.
        device: where encoders compute; None takes a GPU where there is one.
        progress: told how far each step is.
        note: told in sentences what is done.

    Raises:
        RecipeError: the ladder does not fit together.
        DatasetError: data are missing.
        ChoiceError: an unknown row or model.
        EmbeddingError: training or loading an encoder failed.
    """
    ladder = read_ladder(config, overrides)
    chosen = choose_rows(ladder, rows)
    make_folder(out / CELLS)
    telling = progress or (lambda *_: None)
    saying = note or (lambda _: None)
    shop = Workshop(ladder, read_given(given, ladder), telling, saying)
    bench = _Bench(shop, out / CELLS, device)
    scores = [bench.judge_row(row) for row in chosen]
    report = LadderReport(ladder, scores, bench.judged, Provenance.now())
    report.write(out)
    return report


class _Bench:
    """Judges rows; data sets are read once, figures kept."""

    def __init__(self, shop: Workshop, cells: Path, device: str | None) -> None:
        self._shop = shop
        self._cells = cells
        self._device = device
        self._data: dict[str, SimilarityData | RetrievalData] = {}
        self.judged: dict[str, dict[str, int]] = {}

    def judge_row(self, row: Row) -> RowScore:
        """All figures of a row."""
        from embeddings.load import load_encoder

        encoders: dict[str, Encoder] = {}
        folders: dict[str, str] = {}
        figures: dict[str, Estimate | None] = {}
        told: dict[str, dict[str, Any]] = {}
        for judge in self._shop.ladder.judge:
            name = row.of(judge.language)
            if name is None:
                figures[judge.name] = None
                continue
            if name not in encoders:
                folders[name] = self._shop.folder(name)
                encoders[name] = load_encoder(folders[name], device=self._device)
            card = encoders[name].card
            told[judge.language] = {
                "name": name,
                "fingerprint": card.fingerprint,
                "dim": card.dim,
            }
            figures[judge.name] = self._figure(row, judge, encoders[name])
        known = [self._shop.seconds(folder) for folder in dict.fromkeys(folders.values())]
        trained = [seconds for seconds in known if seconds is not None]
        return RowScore(row.name, row.note, figures, told, sum(trained) if trained else None)

    def _figure(self, row: Row, judge: Judge, encoder: Encoder) -> Estimate:
        data = self._open(judge)
        ladder = self._shop.ladder
        asked = {**asdict(judge), "seed": ladder.seed, "resamples": ladder.resamples}
        asked["fingerprint"] = fingerprint_of(data)
        asked["encoder"] = encoder.card.fingerprint
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        kept = self._cells / f"{key[:32]}.json"
        if kept.is_file():
            return Estimate(**json.loads(kept.read_bytes())["figure"])
        self._shop.note(f"judging {row.name} by {judge.name}")
        made = self._measure(judge, data, encoder)
        content = json.dumps({"row": row.name, **asked, "figure": made.to_json()}, indent=2)
        write_atomically(kept, content.encode())
        return made

    def _measure(
        self, judge: Judge, data: SimilarityData | RetrievalData, encoder: Encoder
    ) -> Estimate:
        ladder, progress = self._shop.ladder, self._shop.progress
        options = {"seed": ladder.seed, "resamples": ladder.resamples}
        if judge.form == "similarity":
            found = evaluate_similarity(data, encoder, progress=progress, **options)  # type: ignore[arg-type]
            return found.spearman
        searcher = EncoderSearcher.over(encoder, data.documents.values(), progress=progress)  # type: ignore[union-attr]
        (measure,) = parse_measures([judge.measure])
        report = evaluate_retrieval(data, searcher, measures=[measure], **options)  # type: ignore[arg-type]
        return report.measures[str(measure)]

    def _open(self, judge: Judge) -> SimilarityData | RetrievalData:
        if judge.name in self._data:
            return self._data[judge.name]
        path = str(self._shop.data(judge.path))
        if judge.form == "similarity":
            columns = Columns(judge.sentence1, judge.sentence2, judge.score)
            pairs = load_pairs(path, columns=columns, split=judge.split)
            self.judged[judge.name] = {"pairs": len(pairs.scores)}
            self._data[judge.name] = pairs
            return pairs
        judged = sample_documents(
            load_beir(path, judge.split), judge.documents, self._shop.ladder.seed
        )
        self.judged[judge.name] = {
            "queries": len(judged.queries),
            "documents": len(judged.documents),
        }
        self._data[judge.name] = judged
        return judged


def main(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The ladder (TOML).")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of table, picture, figures.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A key of the ladder.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=FOLDER", help="Take the folder, do not train the model."),
    ] = None,
    row: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this row.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """One table of encoders over data sets; each row is trained if it is not there."""
    report = run_encoders(
        config,
        out=out,
        overrides=set_ or (),
        given=given or (),
        rows=row or (),
        note=lambda sentence: typer.echo(sentence, err=True),
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
