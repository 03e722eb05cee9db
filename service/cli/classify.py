"""`meari classify`: texts to classes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.errors import FailedError, MisuseError
from service.cli.input import read_lines
from service.cli.output import AsJson, counted, visible, warn, write_json, write_table
from service.cli.progress import Amount, metered, waiting
from service.cli.store import Data, Url, check_place, connect, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from embeddings.classifier import Classifier
    from service.client import JsonObject

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Folder of a classifier, or the name of one in the data folder's `models`.",
    ),
]
Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="Texts to classify; - reads lines from stdin."),
]
Lines = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Classify every line of a text file.")
]
Top = Annotated[
    int,
    typer.Option("--top", metavar="N", min=1, max=1000, help="Classes told of each text."),
]

_BATCH = 64
_LONGEST = 80
"""Characters of a text in the table."""
NONE = "(none of these)"


def classify(
    model: Model,
    texts: Texts = None,
    lines: Lines = None,
    top: Top = 1,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print which class each text belongs to, and how probable that is."""
    check_place(data, url)
    inputs = _inputs(texts or [], lines)
    with metered("text") as tell:
        if url is not None:
            with connect(url) as client:
                ask = lambda batch: client.classify(model, batch, top=top)  # noqa: E731
                answer = _asked(ask, inputs, tell)
        else:
            answer = _asked(_asker(model, data, top), inputs, tell)
    if as_json:
        write_json(answer)
        return
    _show(inputs, answer["results"], top)
    if cut := len(answer["receipt"]["truncated"]):
        warn(f"{counted(cut, 'text')} longer than the encoder reads; the rest was not looked at")


def open_classifier(model: str, data: Path | None) -> Classifier:
    """The classifier in a folder, or of that name in the data folder.

    Raises:
        FailedError: neither is there.
        EncoderNotFoundError: the folder is no classifier.
    """
    from embeddings.classifier import Classifier
    from embeddings.load import load_encoder
    from service.classifiers import Classifiers
    from service.models import FOLDER

    chosen = settings(data=data)
    path = Path(model).expanduser()
    if path.is_dir():
        return Classifier.open(path, load=lambda name: load_encoder(name, device=chosen.device))
    models = Classifiers(chosen.data.expanduser() / FOLDER, device=chosen.device)
    if model in models.names():
        return models.get(model)
    there = ", ".join(models.names())
    known = f"; the data folder has {there}" if there else ""
    message = f"no classifier at {model}{known}; `meari train classifier` makes some"
    raise FailedError(message)


def _inputs(texts: list[str], lines: Path | None) -> list[str]:
    """The texts named, or the lines of a file or of stdin.

    Raises:
        MisuseError: none of the three is given, or two; or a line is blank.
        InvalidInputError: a text is blank; its index is named.
    """
    from embeddings.types import as_texts

    if (lines is None) == (not texts):
        message = "give either texts, or --file FILE, or - for lines from stdin"
        raise MisuseError(message)
    if texts and texts != ["-"]:
        return as_texts(texts)
    return read_lines(lines)


def _asker(model: str, data: Path | None, top: int) -> Callable[[list[str]], JsonObject]:
    from service.schemas.classify import ClassifyAnswer

    with waiting("loading the classifier"):
        classifier = open_classifier(model, data)

    def ask(batch: list[str]) -> JsonObject:
        answers = classifier.classify(batch)
        return ClassifyAnswer.made(classifier, answers, top).model_dump(mode="json")

    return ask


def _asked(
    ask: Callable[[list[str]], JsonObject], inputs: list[str], tell: Callable[[Amount], None]
) -> JsonObject:
    """The answers to batches as one; an empty file gets the receipt of no texts."""
    begun = time.monotonic()
    whole: dict[str, Any] = {"results": [], "receipt": {"tokens": 0, "truncated": []}}
    for start, batch in _batches(inputs):
        answer = ask(batch)
        receipt = answer["receipt"]
        truncated = [start + place for place in receipt["truncated"]]
        whole["results"] += answer["results"]
        whole["receipt"] = receipt | {
            "tokens": whole["receipt"]["tokens"] + receipt["tokens"],
            "truncated": whole["receipt"]["truncated"] + truncated,
        }
        tell(Amount.after(time.monotonic() - begun, start + len(batch), len(inputs)))
    return whole


def _batches(inputs: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for start in range(0, len(inputs), _BATCH):
        yield start, list(inputs[start : start + _BATCH])


def _show(inputs: Sequence[str], results: Sequence[JsonObject], top: int) -> None:
    if top == 1:
        rows = [
            (_given(found), _sure(found), _short(text))
            for text, found in zip(inputs, results, strict=True)
        ]
        write_table(("label", "probability", "text"), rows, numbers="probability", folds="text")
        return
    told: list[tuple[Any, ...]] = []
    for text, found in zip(inputs, results, strict=True):
        given = {each["label"] for each in found["given"]}
        for place, each in enumerate(found["scores"]):
            mark = "yes" if each["label"] in given else ""
            sure = f"{each['probability']:.4f}"
            told.append((each["label"], sure, mark, "" if place else _short(text)))
    write_table(
        ("label", "probability", "given", "text"), told, numbers="probability", folds="text"
    )


def _given(found: JsonObject) -> str:
    return ", ".join(each["label"] for each in found["given"]) or NONE


def _sure(found: JsonObject) -> str:
    """The probabilities of the given classes; of none, the best there was."""
    shown = found["given"] or found["scores"][:1]
    return ", ".join(f"{each['probability']:.4f}" for each in shown)


def _short(text: str) -> str:
    plain = visible(" ".join(text.split()))
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
