"""`meari train words`: a corpus to word vectors."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.errors import STOPPED
from service.cli.output import (
    AsJson,
    counted,
    facts,
    note,
    told_rate,
    told_time,
    write,
    write_json,
)
from service.cli.progress import Amount, metered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embeddings.training.words.progress import WordProgress

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", help="Files .txt, .tsv, .jsonl (also .gz, .zst), or folders of them."
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the model; new.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/words.md."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe; may be repeated."),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", metavar="N", help="Times the corpus is gone through.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run that was begun in this folder.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache", metavar="DIR", help="Keep the corpus cut into words there, for other runs."
    ),
]


def words(
    sources: Sources,
    out: Out,
    config: Config = None,
    sets: Sets = None,
    epochs: Epochs = None,
    resume: Resume = False,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Train word vectors: skip-gram, CBOW or fastText.

    The folder answers `meari words` and encodes texts: `meari index ... --encoder DIR`.
    """
    from embeddings.training.recipe import read_recipe
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.training.words.running import train_words

    recipe = read_recipe(WordRecipe, config, sets or (), epochs=epochs)
    try:
        with _told(recipe.epochs) as tell:
            made = train_words(sources, out, recipe, resume=resume, cache=cache, tell=tell)
    except KeyboardInterrupt as error:
        note("the same command with --resume goes on from the last epoch")
        raise typer.Exit(STOPPED) from error
    if as_json:
        write_json({"folder": str(made.folder), "words": made.words, "training": made.receipt})
        return
    _summarise(made.folder, made.words, made.receipt)


@contextmanager
def _told(epochs: int) -> Iterator[Callable[[WordProgress], None]]:
    """What tells how far the run is: a meter for each stage, and a line an epoch."""
    stage, ended = "", -1
    with ExitStack() as meters:

        def begin() -> Callable[[Amount], None]:
            meters.close()
            return meters.enter_context(metered("word" if stage == "train" else "byte"))

        meter = begin()

        def tell(progress: WordProgress) -> None:
            nonlocal stage, ended, meter
            if progress.stage != stage:
                stage = progress.stage
                meter = begin()
            if stage == "train" and progress.epoch != ended:
                ended = progress.epoch
                meters.close()  # two consoles do not share a terminal
                note(_epoch_line(progress, epochs))
                meter = begin()
            if stage != "save":
                meter(Amount.after(progress.seconds, progress.done, progress.total))

        yield tell


def _epoch_line(progress: WordProgress, epochs: int) -> str:
    """`epoch 2 of 5, 412,000 words/s, held-out loss 2.31, noise ranked below 84.1 %`."""
    parts = [f"epoch {progress.epoch} of {epochs}" if progress.epoch else "before training"]
    if progress.epoch and progress.seconds:
        parts.append(told_rate(progress.done / progress.seconds, "word"))
    if progress.loss is not None:
        parts.append(f"held-out loss {progress.loss:.4f}")
    if progress.ranking is not None:
        parts.append(f"noise ranked below {100 * progress.ranking:.1f} %")
    return ", ".join(parts)


def _summarise(folder: Path, words: int, receipt: dict[str, Any]) -> None:
    corpus = receipt["extra"]["corpus"]
    write(
        facts(
            [
                ("folder", str(folder)),
                ("words", words),
                ("corpus", f"{counted(corpus['words'], 'word')} in {corpus['lines']:,} lines"),
                ("held-out loss", receipt["scores"].get("heldout", {}).get("loss")),
                ("speed", told_rate(receipt["throughput"]["words_per_s"], "word")),
                ("time", told_time(receipt["seconds"])),
            ]
        )
    )
    for sentence in [*receipt["verdict"]["sentences"], *receipt["notes"]]:
        note(sentence)
