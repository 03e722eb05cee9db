"""`meari train pretrain`: plain text to a language model, or to sentence vectors without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.errors import STOPPED
from service.cli.output import AsJson, facts, note, told_time, write, write_json, write_table
from service.cli.train.listening import listening

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the model; made if missing.")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/pretraining.md."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A key of the recipe (objective=causal, train.0.path=my.txt); may be repeated.",
    ),
]
Epochs = Annotated[
    float | None, typer.Option("--epochs", metavar="N", help="Times the corpus is read.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run left off.")]


def pretrain(
    out: Out,
    config: Config = None,
    sets: Sets = None,
    epochs: Epochs = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Train on plain text: masked, causal, spans (T5) or denoising (TSDAE).

    The folder is a body for `meari train siamese`, and encodes as it is.
    """
    from embeddings.training.pretraining.recipe import PretrainRecipe
    from embeddings.training.pretraining.run import pretrain as run
    from embeddings.training.recipe import read_recipe

    chosen = [*(sets or ()), *([] if epochs is None else [f"run.epochs={epochs}"])]
    recipe = read_recipe(PretrainRecipe, config, chosen)
    try:
        with listening() as listener:
            made = run(recipe, out, resume=resume, listener=listener)
    except KeyboardInterrupt as error:
        note("the same command with --resume goes on from the last measurement")
        raise typer.Exit(STOPPED) from error
    if as_json:
        write_json({"folder": str(out), "training": made})
        return
    summarise(out, made)


def summarise(out: Path, made: dict[str, Any]) -> None:
    """Folder, size, time and held-out figures for people."""
    speed, extra = made["throughput"], made["extra"]
    share = "" if speed["mfu"] is None else f" ({100 * speed['mfu']:.1f} % of the peak)"
    write(
        facts(
            [
                ("folder", str(out)),
                ("weights", extra["weights"]),
                ("pieces", extra["vocabulary"]),
                ("corpus", f"{extra['corpus']['texts']:,} texts"),
                ("time", told_time(made["seconds"])),
                ("speed", f"{speed['tokens_per_s']:,.0f} tokens/s{share}"),
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
