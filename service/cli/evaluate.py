"""`meari eval`: answers against judged data."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from service.cli.api_key import api_key
from service.cli.output import AsJson, note, results, visible, write_json
from service.cli.progress import Amount, metered
from service.cli.store import Data, Url, check_place, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET", help="BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv."
    ),
]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="Which judgements.")]
CollectionName = Annotated[
    str | None,
    typer.Option(
        "--collection",
        metavar="NAME",
        help="Collection to ask. [default: the one named like the data set's folder, if there is]",
    ),
]
EncoderName = Annotated[
    str | None,
    typer.Option("--encoder", metavar="E", help="Encoder to ask instead, by exact search."),
]
PairEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder", metavar="E", help="Encoder. [default: $MEARI_ENCODER or meari-ko-en]"
    ),
]
Measures = Annotated[
    list[str] | None,
    typer.Option("--measure", metavar="M", help="Such as nDCG@10; may be repeated."),
]
Depth = Annotated[int, typer.Option("--depth", metavar="K", help="Documents asked for per query.")]
Exact = Annotated[bool, typer.Option("--exact", help="Compare with every vector.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write JSON, Markdown and the TREC run there."),
]
Pairs = Annotated[
    str, typer.Argument(metavar="FILE", help="Judged pairs: .tsv, .csv, .jsonl or .parquet.")
]
PairSplit = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="Only rows of this split. [default: all]"),
]
Column1 = Annotated[
    str, typer.Option("--sentence1", metavar="COLUMN", help="Column of the first text.")
]
Column2 = Annotated[
    str, typer.Option("--sentence2", metavar="COLUMN", help="Column of the second text.")
]
ScoreColumn = Annotated[
    str, typer.Option("--score", metavar="COLUMN", help="Column of the judged similarity.")
]
SplitColumn = Annotated[
    str, typer.Option("--split-column", metavar="COLUMN", help="Column of the split.")
]
Translations = Annotated[
    str, typer.Argument(metavar="FILE", help="Translations: .tsv, .csv, .jsonl or .parquet.")
]
SourceColumn = Annotated[
    str, typer.Option("--source", metavar="COLUMN", help="Column of the one language.")
]
TargetColumn = Annotated[
    str, typer.Option("--target", metavar="COLUMN", help="Column of the other.")
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COLUMN=VALUE", help="Only these rows; may be repeated."),
]
PairsOut = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Write JSON and Markdown there.")
]
WordTests = Annotated[
    list[str],
    typer.Argument(metavar="TEST", help="Judged pairs of words (.csv, .tsv), analogies (.txt)."),
]
WordModel = Annotated[Path, typer.Option("--model", metavar="DIR", help="Folder of word vectors.")]
First = Annotated[
    Path, typer.Argument(metavar="A", help="A report (JSON or its folder) or a TREC run.")
]
Second = Annotated[Path, typer.Argument(metavar="B", help="What to compare it with.")]
Qrels = Annotated[
    Path | None,
    typer.Option("--qrels", metavar="FILE", help="Judgements for runs: BEIR .tsv, TREC qrels."),
]
Shared = Annotated[bool, typer.Option("--shared", help="Compare the queries both have.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the resampling.")]


class Report(Protocol):
    """What every evaluation gives."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""

    def to_markdown(self) -> str:
        """A page for people."""


def retrieval(
    dataset: Dataset,
    split: Split = "test",
    collection: CollectionName = None,
    encoder: EncoderName = None,
    measures: Measures = None,
    depth: Depth = 100,
    exact: Exact = False,
    seed: Seed = 0,
    out: Out = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well judged documents are found.

    A collection, an encoder or a server is asked every judged query.
    """
    from eval.retrieval import run_retrieval

    check_place(data, url)
    chosen = settings(data=data)
    with stages() as progress:
        report = run_retrieval(
            dataset,
            split=split,
            collection=collection,
            encoder=encoder,
            data=chosen.data,
            url=url,
            measures=measures or (),
            depth=depth,
            exact=exact,
            seed=seed,
            out=out,
            default_encoder=chosen.encoder,
            device=chosen.device,
            api_key=None if url is None else api_key(),
            progress=progress,
        )
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")


def similarity(
    pairs: Pairs,
    split: PairSplit = None,
    encoder: PairEncoder = None,
    sentence1: Column1 = "sentence1",
    sentence2: Column2 = "sentence2",
    score: ScoreColumn = "score",
    split_column: SplitColumn = "split",
    seed: Seed = 0,
    out: PairsOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well cosines follow judged likeness of texts."""
    from eval.pairs import Columns
    from eval.similarity import run_similarity

    chosen = settings(encoder=encoder)
    with stages() as progress:
        report = run_similarity(
            pairs,
            split=split,
            columns=Columns(sentence1, sentence2, score, split_column),
            encoder=chosen.encoder,
            device=chosen.device,
            seed=seed,
            out=out,
            progress=progress,
        )
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")


def translations(
    pairs: Translations,
    source: SourceColumn = "source",
    target: TargetColumn = "target",
    where: Where = None,
    split: PairSplit = None,
    split_column: SplitColumn = "split",
    encoder: PairEncoder = None,
    seed: Seed = 0,
    out: PairsOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure how often the nearest text of another language is the translation."""
    from eval.tables import read_where
    from eval.translations import run_translations

    chosen = settings(encoder=encoder)
    with stages() as progress:
        report = run_translations(
            pairs,
            source=source,
            target=target,
            split=split,
            split_column=split_column,
            where=read_where(where or ()),
            encoder=chosen.encoder,
            device=chosen.device,
            seed=seed,
            out=out,
            progress=progress,
        )
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")


def words(
    tests: WordTests,
    model: WordModel,
    seed: Seed = 0,
    out: PairsOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well word vectors follow judged likeness, and solve analogies."""
    from eval.words import run_words

    with stages() as progress:
        report = run_words(tests, model=model, seed=seed, out=out, progress=progress)
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")


def compare(
    a: First,
    b: Second,
    qrels: Qrels = None,
    measures: Measures = None,
    shared: Shared = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Tell whether A is better than B.

    By a paired randomisation test on their queries.
    """
    from eval import compare as comparing

    report = comparing.compare(a, b, qrels=qrels, measures=measures or (), shared=shared, seed=seed)
    show(report, as_json=as_json)


def show(report: Report, *, as_json: bool) -> None:
    """JSON; or the page, laid out on a terminal and as Markdown in a file or pipe."""
    if as_json:
        write_json(report.to_json())
        return
    console = results()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(visible(report.to_markdown())))
    else:
        console.file.write(report.to_markdown())


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """A meter for work in stages, each of which is timed from its first report on."""
    stage, first, begun = "", 0, 0.0
    with metered("text") as tell:

        def progress(name: str, done: int, total: int) -> None:
            nonlocal stage, first, begun
            if name != stage:
                stage, first, begun = name, done, time.monotonic()
            timed = Amount.after(time.monotonic() - begun, done - first, total - first)
            tell(Amount(done, total, timed.rate, timed.eta_s))

        yield progress
