"""`meari words`: questions to word vectors, and word vectors in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.errors import FailedError, MisuseError
from service.cli.output import AsJson, note, told_bytes, warn, write, write_json, write_table
from service.cli.progress import waiting
from service.cli.store import Data, Url, check_place, connect, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.words.model import Words
    from service.client import JsonObject

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="DIR",
        help="Folder of word vectors, or the name of one in the data folder's `models`.",
    ),
]
Folder = Annotated[Path, typer.Option("--model", metavar="DIR", help="Folder of word vectors.")]
Word = Annotated[str, typer.Argument(metavar="WORD", help="A word, in any form.")]
A = Annotated[str, typer.Argument(metavar="A", help="A word.")]
B = Annotated[str, typer.Argument(metavar="B", help="What it is to A.")]
C = Annotated[str, typer.Argument(metavar="C", help="The word whose counterpart is asked for.")]
Other = Annotated[str, typer.Argument(metavar="B", help="The word to compare it with.")]
Limit = Annotated[int, typer.Option("-k", metavar="N", help="Words, 1 to 1,000.")]
Rule = Annotated[
    Literal["3cosadd", "3cosmul"],
    typer.Option("--rule", help="cos(d, b - a + c), or the product of cosines."),
]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="word2vec text or binary (also .gz, .zst), gensim's .kv or .model."
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; new or empty.")]
OutFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")]
Form = Annotated[Literal["text", "binary"], typer.Option("--form", help="Of the word2vec file.")]
PoolingName = Annotated[
    Literal["mean", "sif"],
    typer.Option("--pooling", help="How the words of a text become one vector."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option("--language", metavar="CODE", help="Such as ko; may be repeated."),
]


def neighbours(
    word: Word,
    model: Model,
    k: Limit = 10,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print the words nearest to a word."""
    check_place(data, url)
    if url is not None:
        with connect(url) as client:
            answer: JsonObject = client.neighbours(model, word, limit=k)
    else:
        from service.schemas.words import NeighboursAnswer

        words = _open(model, data)
        with waiting("looking"):
            made = NeighboursAnswer.made(words.name, words.neighbours(word, k))
        answer = made.model_dump(mode="json")
    if as_json:
        write_json(answer)
        return
    _tell_readings([answer])
    _show(answer["neighbours"])


def analogy(
    a: A,
    b: B,
    c: C,
    model: Model,
    k: Limit = 10,
    rule: Rule = "3cosadd",
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print what is to C as B is to A (한국 서울 일본: 도쿄)."""
    check_place(data, url)
    if url is not None:
        with connect(url) as client:
            answer: JsonObject = client.analogy(model, a, b, c, limit=k, rule=rule)
    else:
        from service.schemas.words import AnalogyAnswer

        words = _open(model, data)
        with waiting("looking"):
            found = words.analogy(a, b, c, k, rule=rule)
        answer = AnalogyAnswer.made(words.name, rule, found).model_dump(mode="json")
    if as_json:
        write_json(answer)
        return
    _tell_readings(answer["words"])
    _show(answer["answers"])


def similarity(
    a: A,
    b: Other,
    model: Model,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print how near two words are: the cosine, -1 to 1."""
    check_place(data, url)
    if url is not None:
        with connect(url) as client:
            answer: JsonObject = client.word_similarity(model, a, b)
    else:
        from service.schemas.words import WordReading, WordSimilarityAnswer

        words = _open(model, data)
        first, second, score = words.similarity(a, b)
        readings = [WordReading.of(first), WordReading.of(second)]
        made = WordSimilarityAnswer(model=words.name, words=readings, score=score)
        answer = made.model_dump(mode="json")
    if as_json:
        write_json(answer)
        return
    _tell_readings(answer["words"])
    write(f"{answer['score']:.4f}")


def import_(source: Source, out: Out, languages: Languages = None, as_json: AsJson = False) -> None:
    """Make a folder of the word vectors of another tool.

    Pickles of gensim are read without running them; one that names anything but word vectors is
    refused.
    """
    from embeddings.words.importing import import_words

    _check_new(out)
    with waiting(f"reading {source.name}"):
        table = import_words(source, out, languages=tuple(languages or ()))
    facts = table.facts
    answer = {
        "folder": str(out),
        "words": len(table.vocabulary),
        "dim": facts.dim,
        "counted": table.vocabulary.is_counted,
        "subwords": facts.subwords is not None,
        "pooling": facts.pooling,
    }
    if as_json:
        write_json(answer)
        return
    write(f"{len(table.vocabulary):,} words of {facts.dim} numbers are in {out}")
    if not table.vocabulary.is_counted:
        note("the file does not tell how often words were seen: texts are pooled by the mean")


def export(model: Folder, out: OutFile, form: Form = "text", as_json: AsJson = False) -> None:
    """Write word vectors as a word2vec file, which most tools read.

    The vectors of n-grams do not go along.
    """
    from embeddings.words.model import Words
    from embeddings.words.word2vec_files import write_word2vec

    words = Words.open(model)
    with waiting(f"writing {out.name}"):
        write_word2vec(words.table, out, form)
    size = out.stat().st_size
    if as_json:
        write_json({"file": str(out), "words": len(words), "dim": words.dim, "bytes": size})
        return
    write(f"{len(words):,} words of {words.dim} numbers are in {out} ({told_bytes(size)})")


def encoder(model: Folder, out: Out, pooling: PoolingName, as_json: AsJson = False) -> None:
    """Make a second folder of the same vectors that encodes texts in another way.

    The large files are linked, not copied, where the disk allows it.
    """
    from embeddings.words.encoder import WordEncoder
    from embeddings.words.pooling import repool

    _check_new(out)
    repool(model, out, pooling)
    card = WordEncoder.from_folder(out, name=str(out)).card
    if as_json:
        write_json(card.to_json())
        return
    write(f"{out} encodes texts by {card.pooling}; its fingerprint is {card.fingerprint[:16]}")


def _open(model: str, data: Path | None) -> Words:
    """The word vectors in a folder, or of that name in the data folder.

    Raises:
        FailedError: neither is there.
    """
    from embeddings.words.folder import holds_words
    from embeddings.words.model import Words
    from service.word_models import FOLDER, WordModels

    path = Path(model).expanduser()
    if holds_words(path) or path.is_dir():
        return Words.open(path)
    models = WordModels(settings(data=data).data.expanduser() / FOLDER)
    if model in models.names():
        return models.get(model)
    there = ", ".join(models.names())
    known = f"; the data folder has {there}" if there else ""
    message = f"no word vectors at {model}{known}; `meari train words` makes some"
    raise FailedError(message)


def _check_new(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        message = f"--out {out} is there already; give a new folder"
        raise MisuseError(message)


def _tell_readings(readings: Sequence[JsonObject]) -> None:
    """Say of each word that was not taken as it stands what was taken for it."""
    for reading in readings:
        word, read_as = reading["word"], ", ".join(reading["read_as"])
        if reading["through"] == "parts":
            warn(f"{word} is not known; its vector is the mean of {read_as}")
        elif reading["through"] == "subwords":
            warn(f"{word} is not known; its vector is made of parts of the word")
        elif read_as != word.strip():
            note(f"{word} is read as {read_as}")


def _show(rows: Sequence[JsonObject]) -> None:
    told = [(each["word"], f"{each['score']:.4f}") for each in rows]
    write_table(("word", "score"), told, numbers="score")
