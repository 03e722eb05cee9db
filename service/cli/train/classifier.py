"""`meari train classifier`: labelled texts to a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.errors import STOPPED
from service.cli.output import AsJson, facts, note, told_time, write, write_json, write_table
from service.cli.train.listening import listening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.client import JsonObject

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the classifier; made if missing.")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/classification.md."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A key of the recipe (head.kind=mlp, train.0.path=my.csv); may be repeated.",
    ),
]
Full = Annotated[
    bool | None,
    typer.Option(
        "--full/--head-only", help="Train the encoder too, or the head alone. [default: recipe's]"
    ),
]
Epochs = Annotated[
    float | None, typer.Option("--epochs", metavar="N", help="Times the data are read.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run left off.")]
_WAYS = {"head": "head alone", "full": "encoder and head"}


def classifier(
    out: Out,
    config: Config = None,
    sets: Sets = None,
    full: Full = None,
    epochs: Epochs = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Train a classifier of texts: a head on a frozen encoder, or both together.

    The folder answers at once: `meari classify DIR TEXT...`.
    --epochs counts for what is trained: the head's without --full, the encoder's with it.
    """
    from embeddings.training.classifier.recipe import ClassifierRecipe
    from embeddings.training.classifier.run import train_classifier
    from embeddings.training.recipe import read_recipe

    chosen = [*(sets or ()), *([] if full is None else [f"full={str(full).lower()}"])]
    recipe = read_recipe(ClassifierRecipe, config, chosen)
    if epochs is not None:
        key = f"run.epochs={epochs}" if recipe.tunes else f"head.epochs={epochs:g}"
        recipe = read_recipe(ClassifierRecipe, config, [*chosen, key])
    try:
        with listening("step" if recipe.tunes else "text") as listener:
            made = train_classifier(recipe, out, resume=resume, listener=listener)
    except KeyboardInterrupt as error:
        note("the same command with --resume goes on from the last measurement")
        raise typer.Exit(STOPPED) from error
    if as_json:
        write_json({"folder": str(out), "training": made})
        return
    summarise(out, made)


def summarise(out: Path, made: JsonObject) -> None:
    """Folder, time and scores for people; verdict, confusions and remarks as notes."""
    told: Mapping[str, Any] = made["extra"]["classifier"]
    write(
        facts(
            [
                ("classifier", str(out)),
                ("classes", len(told["labels"])),
                ("trained", _WAYS[told["way"]]),
                ("time", told_time(made["seconds"])),
                ("temperature", told["calibration"].get("temperature")),
            ]
        )
    )
    _write_scores(made["scores"], told["compared"])
    for each in told["confusions"][:3]:
        note(f"{each['count']:,} texts of {each['true']} were taken for {each['given']}")
    for sentence in [*made["verdict"]["sentences"], *made["notes"]]:
        note(sentence)


def _write_scores(scores: Mapping[str, Any], compared: Mapping[str, Any] | None) -> None:
    """A table of measures by split, and by way of training where two were compared."""
    ways = {"": scores}
    if compared:
        ways = {f"-{way}": compared[way]["scores"] for way in _WAYS}
    columns = {
        f"{split}{way}": found[split]
        for split in ("dev", "test")
        for way, found in ways.items()
        if split in found
    }
    if not columns:
        return
    names = list(dict.fromkeys(name for found in columns.values() for name in found))
    rows = [[name, *(found.get(name) for found in columns.values())] for name in names]
    if compared:
        spent = [compared[column.partition("-")[2]]["seconds"] for column in columns]
        rows.append(["seconds", *spent])
    write_table(["measure", *columns], rows, numbers=" ".join(columns))
