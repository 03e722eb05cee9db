"""`meari index`: read sources into a collection, saying how far it is and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.errors import FAILED, MisuseError
from service.cli.ingesting import ingested, opened_target, optimized, planned
from service.cli.output import AsJson, counted, note, warn, write, write_json
from service.cli.store import Data, Url, check_place
from service.cli.summary import first_reasons, hints, summarise, summarise_plan
from service.cli.target import Wish

if TYPE_CHECKING:
    from indexing.ingest import IngestPlan, IngestReport
    from service.client import JsonObject

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Files (.jsonl .csv .tsv .parquet .txt .md .html, also .gz .zst; .jpg .png .webp "
        ".gif), folders, a BEIR folder, or - for JSON lines from stdin.",
    ),
]
Into = Annotated[
    str, typer.Option("--into", metavar="NAME", help="Collection; made if it is missing.")
]
EncoderName = Annotated[
    str | None,
    typer.Option("--encoder", metavar="E", help="For a new collection. [default: meari-ko-en]"),
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
Originals = Annotated[
    bool,
    typer.Option(
        "--keep-originals", help="Keep pictures' files in the collection, not thumbnails alone."
    ),
]

EncodeAgain = Annotated[
    bool,
    typer.Option("--encode-again", help="Leave out vectors of an export and make new ones."),
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
    originals: Originals = False,
    encode_again: EncodeAgain = False,
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
    from indexing.validation import check_name

    mapping = FieldMapping(
        id=id_field,
        text=tuple(text_field or ()),
        title=title_field,
        metadata=None if metadata_field is None else tuple(metadata_field),
    )
    if url is not None and rejects is None:
        rejects = Path(f"{into}.rejects.jsonl")
    options = IngestOptions(
        _chunk(chunk),
        overlap,
        mapping,
        rejects,
        encoding,
        originals,
        "encode" if encode_again else "use",
    )
    wish = Wish(check_name(into), encoder, metric, may_be_made=bool(sources))
    if plan:
        result = planned(sources or [], wish, options, data, url)
        _show_plan(result, as_json=as_json)
        return
    if sources:  # before a collection is made for what cannot be read
        SourceReader(sources, mapping=mapping, encoding=encoding)
    with opened_target(wish, options, data, url) as target:
        report = ingested(sources or [], target, options, resume=resume)
        collection = optimized(target)
    _tell(report, collection, as_json=as_json)


def _show_plan(plan: IngestPlan, *, as_json: bool) -> None:
    if as_json:
        write_json(plan.to_json())
    else:
        write(summarise_plan(plan))


def _tell(report: IngestReport, collection: JsonObject, *, as_json: bool) -> None:
    """Summary and hints.

    Raises:
        typer.Exit: something was refused.
    """
    if as_json:
        write_json({"report": report.to_json(), "collection": collection})
    else:
        write(summarise(report, collection))
    for hint in [*collection["problems"], *hints(report, collection["encoder"])]:
        warn(hint)
    if report.rejected:
        warn(f"{counted(report.rejected, 'record')} rejected; {report.rejects} says why")
        for reason in first_reasons(report):
            note(f"  {reason}")
        raise typer.Exit(FAILED)


def _check(sources: list[str] | None, *, plan: bool, resume: bool, url: str | None) -> None:
    """Refuse what does not go together.

    Raises:
        MisuseError: it says what to leave out.
    """
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
