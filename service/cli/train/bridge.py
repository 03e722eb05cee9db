"""`meari train bridge`: layers behind one encoder that speak in another's vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.cli.output import AsJson, facts, told_time, write, write_json, write_table
from service.cli.train.listening import listening
from service.cli.train.siamese import Config, Out, Sets  # noqa: TC001 - read by typer

if TYPE_CHECKING:
    from pathlib import Path


def bridge(out: Out, config: Config = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Put layers behind an encoder that make another one's vectors of its own.

    Where one encoder reads a language that the other does not, the folder made reads it in the
    other's vectors: it finds what the other indexed, and can teach it.
    """
    from embeddings.training.bridge.recipe import BridgeRecipe
    from embeddings.training.bridge.run import train_bridge
    from embeddings.training.recipe import read_recipe

    recipe = read_recipe(BridgeRecipe, config, sets or ())
    with listening() as listener:
        made = train_bridge(recipe, out, listener=listener)
    if as_json:
        write_json({"folder": str(out), "training": made})
        return
    summarise(out, made)


def summarise(out: Path, made: dict[str, Any]) -> None:
    """Folder, time, losses and how many translations are found."""
    first, last = made["extra"]["losses"][0], made["extra"]["losses"][-1]
    write(
        facts(
            [
                ("encoder", str(out)),
                ("time", told_time(made["seconds"])),
                ("loss", f"{first:.3f} in the first epoch, {last:.3f} in the last"),
            ]
        )
    )
    scores = made["scores"].get("dev", {})
    if scores:
        write_table(["measure", "dev"], [[*each] for each in scores.items()], numbers="dev")
