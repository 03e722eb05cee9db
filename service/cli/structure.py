"""`meari cluster|outliers|duplicates|drift`: what a collection is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from service.cli.analyses import Last, answered, given
from service.cli.asking import FilterJson, Name, parsed
from service.cli.errors import MisuseError
from service.cli.output import AsJson, write_json
from service.cli.store import Data, Url  # noqa: TC001 - typer reads them

Limit = Annotated[int, typer.Option("-n", "--limit", metavar="N", help="How many are shown.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", metavar="C", help="Go on behind the page that named it.")
]
K = Annotated[
    int | None, typer.Option("-k", metavar="K", help="How many clusters. [chosen by measure]")
]
ClusterMethod = Annotated[
    Literal["kmeans", "hdbscan", "agglomerative"] | None,
    typer.Option("--method", metavar="METHOD", help="kmeans, hdbscan or agglomerative. [kmeans]"),
]
MinSize = Annotated[
    int | None, typer.Option("--min-size", metavar="N", help="Fewest documents of a cluster.")
]
Levels = Annotated[
    int | None, typer.Option("--levels", metavar="N", help="Levels to zoom through, 1 to 8. [3]")
]
Members = Annotated[
    bool, typer.Option("--members", help="With the ids of all documents of each cluster.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write a line a document: .csv, .jsonl, .parquet."),
]
OutlierMethod = Annotated[
    Literal["combined", "knn", "lof", "forest", "clusters", "centroid"] | None,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="knn, lof, forest, clusters, centroid, or combined. [combined]",
    ),
]
Contamination = Annotated[
    float | None,
    typer.Option(
        "--contamination",
        metavar="SHARE",
        help="Of documents to call outliers, above 0, below 0.5. [where scores leave the bulk]",
    ),
]
Neighbours = Annotated[
    int | None, typer.Option("-k", metavar="K", help="Neighbours compared with. [20]")
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", metavar="T", help="How alike at least, above 0 to 1. [suggested]"),
]
ExactOnly = Annotated[
    bool, typer.Option("--exact-only", help="The same texts but for case, width and spaces.")
]
NoTranslations = Annotated[
    bool, typer.Option("--no-translations", help="Without the same said in another language.")
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against", metavar="OTHER", help="Find documents of another collection in this one."
    ),
]
SeedOrNone = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Of what is drawn by lot. [0]")
]


def cluster(
    name: Name,
    k: K = None,
    method: ClusterMethod = None,
    min_size: MinSize = None,
    levels: Levels = None,
    seed: SeedOrNone = None,
    filter_json: FilterJson = None,
    last: Last = False,
    members: Members = False,
    out: Out = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Group the documents, and name the groups."""
    from service.cli.structure_tables import show_clusters

    if out is not None:
        from analysis.clusters.export import check_ending

        check_ending(out)
    body = given(
        k=k,
        method=method,
        min_size=min_size,
        levels=levels,
        seed=seed,
        filter=parsed(filter_json),
    )
    page = {"limit": limit, "cursor": cursor, "members": members}
    answer = answered((data, url), "clusters", name, body, last=last, **page)
    if out is not None:
        _export(data, url, name, out)
    if as_json:
        write_json(answer)
    else:
        show_clusters(name, answer)


def outliers(
    name: Name,
    method: OutlierMethod = None,
    contamination: Contamination = None,
    k: Neighbours = None,
    seed: SeedOrNone = None,
    filter_json: FilterJson = None,
    last: Last = False,
    limit: Limit = 20,
    cursor: Cursor = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find the documents that do not belong, and say why."""
    from service.cli.structure_tables import show_outliers

    body = given(
        method=method,
        contamination=contamination,
        k=k,
        seed=seed,
        filter=parsed(filter_json),
    )
    answer = answered((data, url), "outliers", name, body, last=last, limit=limit, cursor=cursor)
    if as_json:
        write_json(answer)
    else:
        show_outliers(name, answer)


def duplicates(
    name: Name,
    threshold: Threshold = None,
    exact_only: ExactOnly = False,
    no_translations: NoTranslations = False,
    against: Against = None,
    seed: SeedOrNone = None,
    filter_json: FilterJson = None,
    last: Last = False,
    limit: Limit = 20,
    cursor: Cursor = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find what is said twice, or what another collection repeats."""
    from service.cli.structure_tables import show_duplicates, show_leakage

    body = given(
        threshold=threshold,
        exact_only=exact_only or None,
        translations=False if no_translations else None,
        seed=seed,
        filter=parsed(filter_json),
        other=against,
    )
    kind = "duplicates" if against is None else "leakage"
    if last:
        body.pop("other", None)
    answer = answered((data, url), kind, name, body, last=last, limit=limit, cursor=cursor)
    if as_json:
        write_json(answer)
    elif kind == "duplicates":
        show_duplicates(name, answer)
    else:
        show_leakage(name, answer)


Before = Annotated[
    str | None,
    typer.Option("--before", metavar="JSON", help="Filter of the earlier documents."),
]
After = Annotated[
    str | None, typer.Option("--after", metavar="JSON", help="Filter of the later documents.")
]
BeforeIn = Annotated[
    str | None,
    typer.Option("--before-in", metavar="OTHER", help="Collection of the earlier documents."),
]
Test = Annotated[
    Literal["mmd", "classifier"] | None,
    typer.Option("--test", metavar="TEST", help="Whose p-value decides: mmd or classifier. [mmd]"),
]
Level = Annotated[
    float | None,
    typer.Option("--level", metavar="P", help="P-values up to it count as change. [0.05]"),
]
Sample = Annotated[
    int | None,
    typer.Option("--sample", metavar="N", help="Documents of each side compared. [10000]"),
]


Queries = Annotated[
    Path | None,
    typer.Option(
        "--queries",
        metavar="FILE",
        help="Questions in the place of later documents: a line each (.txt), or a column query.",
    ),
]
Usual = Annotated[
    Path | None,
    typer.Option("--usual", metavar="FILE", help="Questions of an earlier time, for --queries."),
]
Least = Annotated[
    float | None,
    typer.Option(
        "--least",
        metavar="SCORE",
        help="Below it the best answer to a question is poor. [what 95 % of --usual reach]",
    ),
]


def drift(
    name: Name,
    before: Before = None,
    after: After = None,
    before_in: BeforeIn = None,
    queries: Queries = None,
    usual: Usual = None,
    least: Least = None,
    test: Test = None,
    level: Level = None,
    sample: Sample = None,
    seed: SeedOrNone = None,
    filter_json: FilterJson = None,
    last: Last = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether and how later documents, or questions, differ from earlier ones."""
    from service.cli.structure_tables import show_drift

    asked = _asked(queries, usual, least)

    earlier = given(filter=parsed(before), collection=before_in)
    later = given(filter=parsed(after))
    if not (earlier or later or last or asked):
        message = (
            "what is compared with what? --before and --after take filters "
            """(--before '{"must":[{"key":"year","range":{"lt":2026}}]}'), """
            "--before-in another collection, --queries a file of questions"
        )
        raise MisuseError(message)
    body = given(
        before=earlier or None,
        after=later or None,
        questions=asked,
        test=test,
        level=level,
        sample=sample,
        seed=seed,
        filter=parsed(filter_json),
    )
    answer = answered((data, url), "drift", name, body, last=last)
    if as_json:
        write_json(answer)
    else:
        show_drift(name, answer)


def _asked(queries: Path | None, usual: Path | None, least: float | None) -> dict[str, Any] | None:
    """The questions of a body.

    Raises:
        MisuseError: what belongs to `queries` without them.
        DatasetError: a file cannot be read.
    """
    from service.cli.questions import read_questions

    if queries is None:
        if usual is not None or least is not None:
            said = "--usual" if usual is not None else "--least"
            raise MisuseError(f"{said} says what is usual of questions; name them with --queries")
        return None
    before = None if usual is None else read_questions(usual)
    return given(texts=read_questions(queries), usual=before, least=least)


def _export(data: Path | None, url: str | None, name: str, out: Path) -> None:
    """Write who is in which cluster."""
    from service.cli.output import note

    if url is not None:
        rows = _fetch_export(url, name, out)
    else:
        from analysis.clusters.export import export
        from service.analyses.clusters import with_members
        from service.analyses.kept import Shelf
        from service.cli.analyses import reading

        with reading(data) as folder:
            rows = export(with_members(folder.collection(name), Shelf()), out)
    note(f"{out}: {rows:,} documents")


def _fetch_export(url: str, name: str, out: Path) -> int:
    from analysis.clusters.export import write_parquet_of_lines
    from indexing.files import replacing
    from service.cli.store import connect

    kind = "csv" if out.suffix == ".csv" else "jsonl"
    with connect(url) as client:
        content = client.export_clusters(name, kind)
    with replacing(out) as temporary:
        if out.suffix == ".parquet":
            write_parquet_of_lines(content, temporary)
        else:
            temporary.write_bytes(content)
    return content.count(b"\n") - (kind == "csv")
