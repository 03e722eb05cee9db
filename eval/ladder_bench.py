"""Judging the rows of a ladder by its columns."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eval.datasets import load_beir
from eval.ladder_data import fingerprint_of, sample_documents
from eval.measures import parse_measures
from eval.pairs import Columns, load_pairs, load_translations
from eval.retrieval import evaluate_retrieval
from eval.searchers import EncoderSearcher
from eval.similarity import evaluate_similarity
from eval.statistics import Estimate
from eval.translations import evaluate_translations
from indexing.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import Encoder
    from eval.datasets import RetrievalData
    from eval.ladder import Judge, Row
    from eval.ladder_models import Workshop
    from eval.pairs import SimilarityData, TranslationData


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


class Bench:
    """Judges rows; data sets are read once, figures kept.

    Args:
        shop: where models are found.
        cells: folder of figures that were measured.
        device: where encoders compute; None takes a GPU where there is one.

    Attributes:
        judged: counts of what was judged, by column.
    """

    def __init__(self, shop: Workshop, cells: Path, device: str | None) -> None:
        self._shop = shop
        self._cells = cells
        self._device = device
        self._data: dict[str, SimilarityData | TranslationData | RetrievalData] = {}
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
        if not judge.where:
            del asked["where"]
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
        self, judge: Judge, data: SimilarityData | TranslationData | RetrievalData, encoder: Encoder
    ) -> Estimate:
        ladder, progress = self._shop.ladder, self._shop.progress
        options = {"seed": ladder.seed, "resamples": ladder.resamples}
        if judge.form == "similarity":
            found = evaluate_similarity(data, encoder, progress=progress, **options)  # type: ignore[arg-type]
            return found.spearman
        if judge.form == "translations":
            told = evaluate_translations(data, encoder, progress=progress, **options)  # type: ignore[arg-type]
            return told.both
        searcher = EncoderSearcher.over(encoder, data.documents.values(), progress=progress)  # type: ignore[union-attr]
        (measure,) = parse_measures([judge.measure])
        report = evaluate_retrieval(data, searcher, measures=[measure], **options)  # type: ignore[arg-type]
        return report.measures[str(measure)]

    def _open(self, judge: Judge) -> SimilarityData | TranslationData | RetrievalData:
        if judge.name in self._data:
            return self._data[judge.name]
        path = str(self._shop.data(judge.path))
        if judge.form == "similarity":
            columns = Columns(judge.sentence1, judge.sentence2, judge.score)
            pairs = load_pairs(path, columns=columns, split=judge.split)
            self.judged[judge.name] = {"pairs": len(pairs.scores)}
            self._data[judge.name] = pairs
            return pairs
        if judge.form == "translations":
            texts = load_translations(
                path,
                source=judge.sentence1,
                target=judge.sentence2,
                split=judge.split,
                where=judge.where,
            )
            self.judged[judge.name] = {"pairs": len(texts.source)}
            self._data[judge.name] = texts
            return texts
        judged = sample_documents(
            load_beir(path, judge.split), judge.documents, self._shop.ladder.seed
        )
        self.judged[judge.name] = {
            "queries": len(judged.queries),
            "documents": len(judged.documents),
        }
        self._data[judge.name] = judged
        return judged
