"""`meari train siamese`: judged or paired texts to a sentence encoder."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.errors import STOPPED
from service.cli.output import AsJson, facts, note, told_time, write, write_json, write_table
from service.cli.store import Data, Url, check_place, opened
from service.cli.train.listening import listening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.training.siamese.negatives import Searcher

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the encoder; made if missing.")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/training.md."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A key of the recipe (optimiser.learning_rate=1e-4, train.0.path=my.tsv); "
        "may be repeated.",
    ),
]
Epochs = Annotated[
    float | None, typer.Option("--epochs", metavar="N", help="Times the data are read.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run left off.")]


def siamese(
    out: Out,
    config: Config = None,
    sets: Sets = None,
    epochs: Epochs = None,
    resume: Resume = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Train a sentence encoder on scored pairs, pairs, triplets, NLI, translations or searches.

    The folder encodes at once: `meari index ... --encoder DIR`.
    --data and --url say where collections are that a recipe takes hard negatives from.
    """
    from embeddings.training.processes import is_first
    from embeddings.training.recipe import read_recipe
    from embeddings.training.siamese.recipe import SiameseRecipe
    from embeddings.training.siamese.run import train_siamese

    check_place(data, url)
    chosen = [*(sets or ()), *([] if epochs is None else [f"run.epochs={epochs}"])]
    recipe = read_recipe(SiameseRecipe, config, chosen)
    try:
        with ExitStack() as stack:
            listener = stack.enter_context(listening())
            made = train_siamese(
                recipe, out, resume=resume, listener=listener, searcher=searcher(data, url)
            )
    except KeyboardInterrupt as error:
        note("the same command with --resume goes on from the last measurement")
        raise typer.Exit(STOPPED) from error
    if not is_first():
        return  # one of several processes; the first speaks for all
    if as_json:
        write_json({"folder": str(out), "training": made})
        return
    summarise(out, made)


def searcher(data: Path | None, url: str | None) -> Searcher:
    """What finds the nearest documents in a collection of the data folder or a server."""

    def search(collection: str, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        with opened(data, url) as store:
            answers = [store.search(collection, query, mode="dense", limit=k) for query in queries]
        return [[(each["text"], each["score"]) for each in answer["matches"]] for answer in answers]

    return search


def summarise(out: Path, made: dict[str, Any]) -> None:
    """Folder, time and scores for people; the verdict and what was done differently as notes."""
    speed = made["throughput"]
    share = "" if speed["mfu"] is None else f" ({100 * speed['mfu']:.1f} % of the peak)"
    write(
        facts(
            [
                ("encoder", str(out)),
                ("time", told_time(made["seconds"])),
                ("speed", f"{speed['samples_per_s']:,.0f} texts/s{share}"),
            ]
        )
    )
    scores = made["scores"]
    if scores:
        names = list(dict.fromkeys(name for found in scores.values() for name in found))
        rows = [[name, *(scores[split].get(name) for split in scores)] for name in names]
        write_table(["measure", *scores], rows, numbers=" ".join(scores))
    for sentence in [*made["verdict"]["sentences"], *made["notes"]]:
        note(sentence)
