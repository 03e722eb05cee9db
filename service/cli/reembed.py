"""`meari collections reembed`: the same documents by another encoder, compared, then swapped."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.backup_store import told
from service.cli.errors import FailedError, MisuseError
from service.cli.output import AsJson, counted, note, write, write_json, write_table
from service.cli.output import told as said
from service.cli.store import Data, settings

if TYPE_CHECKING:
    from indexing.backup.making import Told
    from indexing.local import LocalCollection

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
    as_json: AsJson = False,
) -> None:
    """Encode a collection's documents by another encoder into one beside it, and compare both.

    Stopped, the same command goes on. Nothing takes the old one's place without --swap.
    """
    from indexing.data_folder import DataFolder
    from indexing.reembedding import catch_up, compare, follow, prepare
    from indexing.validation import check_name

    if queries < 1:
        message = f"--queries is {queries}; at least 1 is asked"
        raise MisuseError(message)
    names = (name, check_name(as_ or f"{name}.reembedded"), check_name(keep_as or f"{name}.before"))
    if len(set(names)) < len(names):
        message = (
            f"{', '.join(names)}: the collection, the new one and the old one need three names"
        )
        raise MisuseError(message)
    chosen = settings(data=data)
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
        source = folder.collection(name)
        if swap and names[2] in folder.names():
            message = (
                f"collection {names[2]!r} stands already; drop it, or name another by --keep-as"
            )
            raise FailedError(message)
        shadow = prepare(folder, source, names[1], encoder)
        if begun := shadow.count():
            note(f"going on with {names[1]}, which holds {counted(begun, 'document')}")
        report = _facts(source, shadow)
        with told(f"reembedding {name}") as tell:
            report |= asdict(catch_up(source, shadow, tell))
            tell("index", 0, 1)
            shadow.optimize()
            agreement = compare(source, shadow, tell, queries=queries, seed=seed)
            report |= {
                "documents": shadow.count(),
                "queries": agreement.queries,
                "overlap_at_10": round(agreement.overlap, 4),
                "same_first": round(agreement.first, 4),
                "judged": _judged(source, shadow, judged, split, tell),
            }
            if swap:
                folder.exchange(*names, lambda: follow(source, shadow, tell))
        report |= {"swapped": swap, "kept_as": names[2] if swap else None}
    if as_json:
        write_json(report)
    else:
        _show(report)


def _facts(source: LocalCollection, shadow: LocalCollection) -> dict[str, Any]:
    cards = {"before": source.card.encoder, "after": shadow.card.encoder}
    told_cards = {
        key: {"encoder": card.name, "fingerprint": card.fingerprint, "dim": card.dim}
        for key, card in cards.items()
    }
    return {"name": source.card.name, "shadow": shadow.card.name, **told_cards}


def _judged(
    source: LocalCollection, shadow: LocalCollection, dataset: str | None, split: str, tell: Told
) -> dict[str, Any] | None:
    """Measures of both, by the judgements of a data set; None where none is given."""
    if dataset is None:
        return None
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
