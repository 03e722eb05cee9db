"""`meari train tokenizer`: text to pieces, or more pieces for an existing model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.errors import MisuseError
from service.cli.output import AsJson, facts, note, told_time, write, write_json, write_table
from service.cli.train.listening import listening

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Files .txt, .tsv, .jsonl (also .gz, .zst), .parquet, or folders of them, "
        "beside those of the recipe.",
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; new.")]
Extend = Annotated[
    str | None,
    typer.Option(
        "--extend",
        metavar="MODEL",
        help="Add pieces to this model's tokenizer and rows to its table instead.",
    ),
]
Renew = Annotated[
    Path | None,
    typer.Option(
        "--renew",
        metavar="DIR",
        help="Copy this extended encoder, so that it reads other forms of Hangul and Latin.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/pretraining.md."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe; may be repeated."),
]


def tokenizer(
    out: Out,
    sources: Sources = None,
    extend: Extend = None,
    renew: Renew = None,
    config: Config = None,
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Learn a tokenizer: WordPiece, BPE or Unigram; or extend the one of a model.

    With --extend the folder is an encoder: what its model read before it reads as before.
    """
    if renew is not None:
        if sources or extend or config or sets:
            message = "--renew takes no sources, no recipe and no --extend"
            raise MisuseError(message)
        _renew(renew, out, as_json=as_json)
        return
    from embeddings.training.recipe import read_recipe
    from embeddings.training.tokenizer.extension import extend_vocabulary
    from embeddings.training.tokenizer.recipe import ExtensionRecipe, TokenizerRecipe
    from embeddings.training.tokenizer.run import train_tokenizer

    with listening("byte") as listener:
        if extend is None:
            recipe = read_recipe(TokenizerRecipe, config, sets or ())
            made = train_tokenizer(sources or [], recipe, out, listener=listener)
        else:
            extension = read_recipe(ExtensionRecipe, config, sets or ())
            made = extend_vocabulary(extend, sources or [], extension, out, listener=listener)
    if as_json:
        write_json({"folder": str(out), "training": made})
        return
    summarise(out, made)


def _renew(folder: Path, out: Path, *, as_json: bool) -> None:
    from embeddings.training.tokenizer.hangul import renew_into

    told = renew_into(folder, out)
    if as_json:
        write_json({"folder": str(out), "normaliser": told})
        return
    write(facts([("folder", str(out))]))
    note(told)


def summarise(out: Path, made: dict[str, Any]) -> None:
    """Folder, size and fertility for people."""
    extra = made["extra"]
    listed: list[tuple[str, object]] = [
        ("folder", str(out)),
        ("pieces", extra["vocabulary"]),
        ("time", told_time(made["seconds"])),
    ]
    if "starts" in extra:
        ways = ", ".join(f"{count:,} from {way}" for way, count in extra["starts"].items())
        kept = extra["unchanged"]
        listed[2:2] = [
            ("new pieces", f"{extra['vocabulary'] - extra['vocabulary_before']:,}: {ways}"),
            ("read as before", f"{kept['texts']:,} of {kept['texts']:,} old texts"),
        ]
    write(facts(listed))
    scores = made["scores"]
    names = list(dict.fromkeys(name for found in scores.values() for name in found))
    rows = [[name, *(scores[split].get(name) for split in scores)] for name in names]
    write_table(["measure", *scores], rows, numbers=" ".join(scores))
    for sentence in made["notes"]:
        note(sentence)
