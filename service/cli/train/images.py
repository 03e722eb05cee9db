"""`meari train images`: labelled pictures to an encoder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.errors import STOPPED
from service.cli.output import AsJson, facts, note, told_time, write, write_json, write_table
from service.cli.train.listening import listening

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Folders with a folder for each class, .parquet, .csv or .jsonl with image and "
        "label, beside those of the recipe.",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the encoder; made if missing.")
]
Body = Annotated[
    str | None,
    typer.Option(
        "--body",
        metavar="BODY",
        help="alexnet, vgg, googlenet, resnet, mobilenet, or the folder of an image encoder.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/images.md."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A key of the recipe (loss.name=in-batch, shape.size=32); may be repeated.",
    ),
]
Epochs = Annotated[
    float | None, typer.Option("--epochs", metavar="N", help="Times the data are read.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run left off.")]


def images(
    out: Out,
    sources: Sources = None,
    body: Body = None,
    config: Config = None,
    sets: Sets = None,
    epochs: Epochs = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Train an encoder of pictures: a network from scratch, or one that is trained already.

    The folder encodes at once: `meari index photos/ --into photos --encoder DIR`.
    """
    from embeddings.training.images.recipe import ImageRecipe
    from embeddings.training.images.run import train_images
    from embeddings.training.processes import is_first
    from embeddings.training.recipe import read_recipe

    chosen = [*(sets or ()), *([] if epochs is None else [f"run.epochs={epochs}"])]
    given = [{"path": source} for source in sources or ()]
    recipe = read_recipe(ImageRecipe, config, chosen, body=body, train=given or None)
    try:
        with listening() as listener:
            made = train_images(recipe, out, resume=resume, listener=listener)
    except KeyboardInterrupt as error:
        note("the same command with --resume goes on from the last measurement")
        raise typer.Exit(STOPPED) from error
    if not is_first():
        return  # one of several processes; the first speaks for all
    if as_json:
        write_json({"folder": str(out), "training": made})
        return
    summarise(out, made)


def summarise(out: Path, made: dict[str, Any]) -> None:
    """Folder, size, time and scores for people; the verdict and remarks as notes."""
    speed, extra = made["throughput"], made["extra"]
    share = "" if speed["mfu"] is None else f" ({100 * speed['mfu']:.1f} % of the peak)"
    write(
        facts(
            [
                ("encoder", str(out)),
                ("weights", extra["weights"]),
                ("classes", len(extra["classes"])),
                ("time", told_time(made["seconds"])),
                ("speed", f"{speed['samples_per_s']:,.0f} pictures/s{share}"),
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
