"""`meari collections reembed`: the same documents by another encoder, compared, then swapped."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.backup_store import told, waited
from service.cli.errors import MisuseError
from service.cli.output import AsJson, counted, note, write, write_json, write_table
from service.cli.output import told as said
from service.cli.store import Data, Url, check_place, connect, settings

if TYPE_CHECKING:
    from indexing.backup.making import Told
    from indexing.local import LocalCollection
    from service.reembedding import Wish

Name = Annotated[str, typer.Argument(metavar="NAME", help="The collection.")]
Encoder = Annotated[str, typer.Option("--encoder", metavar="E", help="The new encoder.")]
Shadow = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Of the new collection. [NAME.reembedded]"),
]
Judged = Annotated[
    str | None,
    typer.Option("--judged", metavar="DATASET", help="BEIR folder: measure both by it."),
]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="Which judgements.")]
Queries = Annotated[
    int, typer.Option("--queries", metavar="N", help="Documents sampled to ask both with.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the sample.")]
SwapNow = Annotated[
    bool, typer.Option("--swap", help="Let the new one take the name; the old one keeps another.")
]
Retired = Annotated[
    str | None,
    typer.Option("--keep-as", metavar="NAME", help="Of the old one after a swap. [NAME.before]"),
]


def reembed(
    name: Name,
    encoder: Encoder,
    as_: Shadow = None,
    judged: Judged = None,
    split: Split = "test",
    queries: Queries = 100,
    seed: Seed = 0,
    swap: SwapNow = False,
    keep_as: Retired = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Encode a collection's documents by another encoder into one beside it, and compare both.

    Stopped, the same command goes on. Nothing takes the old one's place without --swap.
    """
    from service.reembedding import Wish

    if queries < 1:
        message = f"--queries is {queries}; at least 1 is asked"
        raise MisuseError(message)
    check_place(data, url)
    wish = Wish(name, encoder, as_, keep_as, swap, queries, seed)
    _ = wish.names
    if url is None:
        report = _here(wish, data, judged, split)
    elif judged is not None:
        message = "a server does not read judged data; leave --judged out, or --url"
        raise MisuseError(message)
    else:
        asked = {key: value for key, value in asdict(wish).items() if key != "name"}
        with connect(url) as client:
            report = {**waited(client, client.reembed(name, **asked)), "judged": None}
    if as_json:
        write_json(report)
    else:
        _show(report)


def _here(wish: Wish, data: Path | None, judged: str | None, split: str) -> dict[str, Any]:
    """Do it in the data folder; what came of it."""
    from indexing.data_folder import DataFolder
    from service.reembedding import reembed as encoded_anew

    chosen = settings(data=data)
    measures: list[dict[str, Any]] = []
    with DataFolder.open(
        chosen.data,
        owner="meari collections reembed",
        create=False,
        device=chosen.device,
        maintain=False,
        memory=chosen.memory,
        disk_floor=chosen.disk_floor,
        sample_rate=0.0,
    ) as folder:
        there = folder.names()
        wish.check(folder)
        shadow = wish.names[1]
        if shadow in there and (begun := folder.collection(shadow).count()):
            note(f"going on with {shadow}, which holds {counted(begun, 'document')}")
        with told(f"reembedding {wish.name}") as tell:

            def judge(before: LocalCollection, after: LocalCollection) -> None:
                if judged is not None:
                    measures.append(_judged(before, after, judged, split, tell))

            answer = encoded_anew(
                folder, wish, tell, lambda last: folder.exchange(*wish.names, last), judge
            )
    return {**answer.model_dump(mode="json"), "judged": measures[0] if measures else None}


def _judged(
    source: LocalCollection, shadow: LocalCollection, dataset: str, split: str, tell: Told
) -> dict[str, Any]:
    """Measures of both, by the judgements of a data set."""
    from eval.datasets import load_beir
    from eval.retrieval import evaluate_retrieval
    from eval.searchers import CollectionSearcher

    data = load_beir(Path(dataset), split)
    measures: dict[str, Any] = {"dataset": dataset, "split": split}
    for place, (key, collection) in enumerate((("before", source), ("after", shadow))):
        tell("judging", place, 2)
        report = evaluate_retrieval(data, CollectionSearcher(collection)).to_json()
        measures[key] = report["measures"]
    return measures


def _show(report: dict[str, Any]) -> None:
    before, after = report["before"], report["after"]
    documents = counted(report["documents"], "document")
    write(
        f"{report['shadow']}: {documents} by {after['encoder']}, {report['written']:,} written now"
    )
    write(
        f"of the ten best by {before['encoder']}, {report['overlap_at_10']:.1%} are among those by "
        f"{after['encoder']}; the best is the same for {report['same_first']:.1%} of "
        f"{report['queries']:,} sampled queries"
    )
    if report["judged"] is not None:
        old, new = report["judged"]["before"], report["judged"]["after"]
        rows = [(name, said(old[name]["value"]), said(new[name]["value"])) for name in new]
        write_table(("measure", before["encoder"], after["encoder"]), rows)
    if report["swapped"]:
        write(f"{report['name']} is by {after['encoder']} now; the old one is {report['kept_as']}")
    else:
        write(f"nothing was swapped; --swap lets {report['shadow']} take the name")
