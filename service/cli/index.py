"""`meari index`: read sources into a collection, saying how far it is and what came of it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.encode import load
from service.cli.errors import FAILED, STOPPED, MisuseError
from service.cli.output import AsJson, counted, note, warn, write, write_json
from service.cli.progress import Amount, metered, waiting
from service.cli.store import Data, Url, check_place, connect, settings
from service.cli.summary import hints, summarise, summarise_plan
from service.cli.target import Nothing, Wish, find_in_folder, find_on_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.data_folder import DataFolder
    from indexing.ingest import IngestOptions, IngestReport, IngestTarget, Progress
    from service.cli.target import Target
    from service.client import JsonObject

_BEHIND = 0.05
"""Share of rows outside the index that a search may compare one by one."""

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Files (.jsonl .csv .tsv .parquet .txt .md .html, also .gz .zst), folders, "
        "a BEIR folder, or - for JSON lines from stdin.",
    ),
]
Into = Annotated[
    str, typer.Option("--into", metavar="NAME", help="Collection; made if it is missing.")
]
EncoderName = Annotated[
    str | None,
    typer.Option("--encoder", metavar="E", help="For a new collection. [default: minilm]"),
]
MetricName = Annotated[
    Literal["cosine", "euclidean", "dot"] | None,
    typer.Option("--metric", help="For a new collection. [default: cosine]"),
]
Plan = Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run left off.")]
Chunk = Annotated[
    str,
    typer.Option(
        "--chunk",
        metavar="auto|none|TOKENS",
        help="What is cut: auto, files that are one document, to the encoder's window; none, "
        "nothing; a number, everything longer than so many tokens.",
    ),
]
Overlap = Annotated[
    int | None,
    typer.Option("--overlap", metavar="TOKENS", help="Shared by neighbouring chunks. [an eighth]"),
]
IdField = Annotated[
    str | None, typer.Option("--id-field", metavar="F", help="Field of the id. [guessed]")
]
TextField = Annotated[
    list[str] | None,
    typer.Option("--text-field", metavar="F", help="Field of the text; may be repeated. [guessed]"),
]
TitleField = Annotated[
    str | None, typer.Option("--title-field", metavar="F", help="Field of the title. [guessed]")
]
MetadataField = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata-field", metavar="F", help="Kept as metadata; may be repeated. [the others]"
    ),
]
Encoding = Annotated[str, typer.Option("--encoding", metavar="CODEC", help="Of text files.")]
Rejects = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        metavar="FILE",
        help="Where refused records are listed. [rejects.jsonl in the collection's folder]",
    ),
]


def index(
    into: Into,
    sources: Sources = None,
    encoder: EncoderName = None,
    metric: MetricName = None,
    plan: Plan = False,
    resume: Resume = False,
    chunk: Chunk = "auto",
    overlap: Overlap = None,
    id_field: IdField = None,
    text_field: TextField = None,
    title_field: TitleField = None,
    metadata_field: MetadataField = None,
    encoding: Encoding = "utf-8",
    rejects: Rejects = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Read files and folders into a collection.

    Documents that stand there unchanged are not encoded again. Exit status 1 if
    something was refused: all the rest is indexed, and a file tells what and why.
    """
    check_place(data, url)
    _check(sources, plan=plan, resume=resume, url=url)
    from indexing.ingest import FieldMapping, IngestOptions
    from indexing.readers.sources import SourceReader

    mapping = FieldMapping(
        id=id_field,
        text=tuple(text_field or ()),
        title=title_field,
        metadata=None if metadata_field is None else tuple(metadata_field),
    )
    if url is not None and rejects is None:
        rejects = Path(f"{into}.rejects.jsonl")
    options = IngestOptions(_chunk(chunk), overlap, mapping, rejects, encoding)
    wish = Wish(into, encoder, metric)
    if plan:
        _plan(sources or [], wish, options, data=data, as_json=as_json)
        return
    if sources:  # before a collection is made for what cannot be read
        SourceReader(sources, mapping=mapping, encoding=encoding)
    with _target(wish, data, url) as target:
        report = _ingest(sources or [], target, options, resume=resume)
        collection = _optimized(target)
    _tell(report, collection, as_json=as_json)


def _tell(report: IngestReport, collection: JsonObject, *, as_json: bool) -> None:
    """Summary and hints.

    Raises:
        typer.Exit: something was refused.
    """
    if as_json:
        write_json({"report": report.to_json(), "collection": collection})
    else:
        write(summarise(report, collection))
    for hint in hints(report, collection["encoder"]):
        warn(hint)
    if report.rejected:
        warn(f"{counted(report.rejected, 'record')} rejected; {report.rejects} says why")
        raise typer.Exit(FAILED)


def _check(sources: list[str] | None, *, plan: bool, resume: bool, url: str | None) -> None:
    """Refuse what does not go together.

    Raises:
        MisuseError: it says what to leave out.
    """
    if plan and url is not None:
        message = "--plan compares with the data folder; leave --url out, or index without --plan"
        raise MisuseError(message)
    if plan and resume:
        message = "--plan does nothing that --resume could go on with; leave one of them out"
        raise MisuseError(message)
    if resume and url is not None:
        message = (
            "--resume goes on in the data folder; with --url run the command again without it: "
            "what stands there unchanged is not encoded again"
        )
        raise MisuseError(message)
    if not sources and not resume:
        message = "no source given; name files or folders, or - for JSON lines from stdin"
        raise MisuseError(message)


def _chunk(text: str) -> Literal["auto", "none"] | int:
    match text:
        case "auto" | "none":
            return text
        case _ if text.isdecimal():
            return int(text)
    message = f"--chunk is {text!r}; it is auto, none or a number of tokens"
    raise MisuseError(message)


@contextmanager
def _target(wish: Wish, data: Path | None, url: str | None) -> Iterator[Target]:
    """The collection to write to, made if missing; one made in vain is taken back."""
    with ExitStack() as stack:
        if url is not None:
            target = find_on_server(stack.enter_context(connect(url)), wish)
        else:
            target = find_in_folder(stack.enter_context(_folder(data, "write")), wish)
        try:
            yield target
        except Exception:
            target.abandon()
            raise


def _folder(data: Path | None, mode: Literal["read", "write"]) -> DataFolder:
    from indexing.data_folder import DataFolder

    chosen = settings(data=data)
    return DataFolder.open(
        chosen.data,
        mode=mode,
        owner="meari index",
        device=chosen.device,
        default_encoder=chosen.encoder,
    )


def _ingest(
    sources: list[str], target: Target, options: IngestOptions, *, resume: bool
) -> IngestReport:
    """Index with a meter running; what is safe is told if it stops half-way."""
    from indexing.ingest import ingest

    written = 0

    def progress(now: Progress) -> None:
        nonlocal written
        written = now.written
        tell(Amount(now.read, now.total, now.rate, now.eta_s, now.rejected))

    try:
        with metered("document") as tell:
            return ingest(
                sources,
                target.collection,
                target.encoder,
                options,
                resume=resume,
                progress=progress,
            )
    except (KeyboardInterrupt, Exception) as error:
        if written:
            note(
                f"{counted(written, 'document')} of this run are indexed and safe; "
                f"{_how_to_go_on(target)}: what stands there is not encoded again"
            )
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(STOPPED) from error
        raise


def _optimized(target: Target) -> JsonObject:
    """The collection, its search index built again if too many rows stand outside it."""
    status = target.store.collection(target.name)
    behind = status["rows"] - status["indexed_rows"]
    if behind <= status["rows"] * _BEHIND:
        return status
    with waiting("building the search index"):
        return target.store.optimize(target.name)


def _how_to_go_on(target: Target) -> str:
    if hasattr(target.collection, "folder"):
        return "the same command with --resume goes on"
    return "the same command goes on"


def _plan(
    sources: list[str], wish: Wish, options: IngestOptions, *, data: Path | None, as_json: bool
) -> None:
    from indexing.ingest import plan as planned

    with ExitStack() as stack, waiting("reading the sources"):
        target: IngestTarget = Nothing()
        is_there = settings(data=data).data.expanduser().is_dir()
        folder = stack.enter_context(_folder(data, "read")) if is_there else None
        if folder is not None and wish.name in folder.names():
            found = find_in_folder(folder, wish)
            target, encoder = found.collection, found.encoder
        else:
            encoder = load(wish.encoder)
        result = planned(sources, target, encoder, options)
    if as_json:
        write_json(result.to_json())
    else:
        write(summarise_plan(result))
