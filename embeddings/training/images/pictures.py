"""Labelled pictures: found, read, decoded once, and held out."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import InvalidImageError
from embeddings.images.ahead import ahead
from embeddings.images.decoding import SUFFIXES, decode
from embeddings.images.encoder import usable
from embeddings.training.errors import DataError
from embeddings.training.sources import describe_source, draw, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from PIL.Image import Image

    from embeddings.training.images.recipe import ImageRecipe
    from embeddings.training.sources import Source
    from embeddings.training.trainer import Listener

    Labels = npt.NDArray[np.int64]

LEAST = 2
"""Training pictures a class has at least."""
_SPARE = 1.5
"""Kept pictures have so many times the pixels a side that the network takes, for crops."""
_TOLD = 5


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A picture before it is read.

    Attributes:
        picture: its path or its bytes.
        label: its class's name.
        place: `FILE, row N`, or its path.
    """

    picture: Path | bytes
    label: str
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Pictures and their classes.

    Attributes:
        images: n of them, decoded, as small as the network allows; RGB.
        labels: int64 (n,), numbers of classes.
        places: where each is from.
        digests: sha256 of each file, for equal ones.
        files: what the receipt says of the sources.
    """

    images: list[Image]
    labels: Labels
    places: list[str]
    digests: list[str]
    files: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.images)

    def at(self, rows: npt.NDArray[Any] | Sequence[int]) -> Split:
        """Some of the pictures: their numbers, or a mask."""
        places = np.arange(len(self))[np.asarray(rows)]
        return replace(
            self,
            images=[self.images[row] for row in places],
            labels=self.labels[places],
            places=[self.places[row] for row in places],
            digests=[self.digests[row] for row in places],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """All that an encoder learns from and is measured on.

    Attributes:
        classes: C names, in the order of numbers.
        train: what is learned.
        dev: what chooses; None where nothing was named or held out.
        test: what is measured at the end; None where nothing was named.
        notes: what a reader should know of the data, in sentences.
    """

    classes: tuple[str, ...]
    train: Split
    dev: Split | None
    test: Split | None
    notes: list[str]

    def splits(self) -> Iterator[tuple[str, Split]]:
        """The splits there are, by name."""
        for name, split in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            if split is not None:
                yield name, split


def load_pictures(recipe: ImageRecipe, side: int, listener: Listener) -> Pictures:
    """The pictures of a recipe, decoded and checked.

    What cannot be read is left out and told of.

    Args:
        recipe: names the sources.
        side: pixels a side that the network takes.
        listener: told how many are decoded.

    Raises:
        DataError: a file or column is missing, a label blank, unknown, or alone, a class with
            fewer than two pictures, or no picture left.
    """
    notes: list[str] = []
    found = {
        name: [(source, list(find_pictures(source))) for source in sources]
        for name, sources in (("train", recipe.train), ("dev", recipe.dev), ("test", recipe.test))
    }
    labels = Counter(each.label for _, part in found["train"] for each in part)
    classes = tuple(sorted(labels))
    _check_counts([labels[label] for label in classes], classes, recipe)
    made = {
        name: _read(part, classes, name, side, notes, listener)
        for name, part in found.items()
        if part
    }
    train, dev = made["train"], made.get("dev")
    _check_counts(np.bincount(train.labels, minlength=len(classes)).tolist(), classes, recipe)
    if dev is None and recipe.holdout:
        train, dev = hold_out(train, recipe.holdout, recipe.run.seed)
        notes.append(
            f"{len(dev):,} training pictures were held out as dev split "
            f"(holdout = {recipe.holdout:g})"
        )
    pictures = Pictures(classes, train, dev, made.get("test"), notes)
    notes += _remarks(pictures)
    return pictures


def find_pictures(source: Source) -> Iterator[Found]:
    """The pictures of a source, not read yet.

    Raises:
        DataError: the file or a column is missing, a label is blank, or nothing is there.
    """
    path = Path(source.path)
    if path.is_dir():
        yield from _in_folder(source, path)
        return
    rows = read_rows(source, ["image", "label"])
    for number, (picture, label) in enumerate(
        zip(rows.columns["image"], rows.columns["label"], strict=True)
    ):
        place = rows.place(number)
        if label is None or not str(label).strip():
            raise DataError(f"{place}: label is missing or blank; every picture needs one")
        yield Found(_picture(picture, path.parent, place), str(label).strip(), place)


def _in_folder(source: Source, path: Path) -> Iterator[Found]:
    """Pictures of a folder with a folder for each class."""
    if source.split is not None:
        path = path / source.split
        if not path.is_dir():
            message = f"{source.path} has no folder {source.split!r}, its split"
            raise DataError(message)
    found = [
        Found(file, label.name, str(file))
        for label in sorted(path.iterdir())
        if label.is_dir() and not label.name.startswith(".")
        for file in sorted(label.rglob("*"))
        if file.suffix.lower() in SUFFIXES and file.is_file()
    ]
    if not found:
        message = (
            f"{path} holds no pictures in folders of classes (CLASS/NAME{SUFFIXES[0]}; "
            f"read are {', '.join(SUFFIXES)})"
        )
        raise DataError(message)
    chosen = range(len(found)) if source.sample is None else draw(len(found), source.sample)
    yield from [found[row] for row in chosen][: source.most]


def _picture(value: object, folder: Path, place: str) -> Path | bytes:
    """What a cell holds: the file's bytes, its path, or both as Hugging Face data sets have it."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and value.strip():
        return folder / Path(value).expanduser()
    message = f"{place}: image is {type(value).__name__}; a file's bytes or its path is needed"
    raise DataError(message)


def _read(
    part: Sequence[tuple[Source, list[Found]]],
    classes: Sequence[str],
    name: str,
    side: int,
    notes: list[str],
    listener: Listener,
) -> Split:
    """The pictures of a split, decoded by threads."""
    known = {label: number for number, label in enumerate(classes)}
    every = [each for _, found in part for each in found]
    for each in every:
        if each.label not in known:
            message = (
                f"{each.place}: label {each.label!r} is not among the {len(classes):,} classes of "
                "the training data"
            )
            raise DataError(message)
    images: list[Image] = []
    kept: list[int] = []
    digests: list[str] = []
    unread: list[str] = []
    outcomes = ahead(lambda each: _decode(each, side), every, threads=usable(8), most=64)
    for number, outcome in enumerate(outcomes):
        listener.progress("decode", number + 1, len(every))
        if isinstance(outcome, InvalidImageError):
            unread.append(f"{every[number].place}: {outcome}")
            continue
        images.append(outcome[0])
        digests.append(outcome[1])
        kept.append(number)
    if unread:
        told = "; ".join(unread[:_TOLD])
        notes.append(f"{len(unread):,} {name} pictures could not be read and were left out: {told}")
    if not images:
        paths = ", ".join(source.path for source, _ in part)
        raise DataError(f"{paths}: none of {len(every):,} pictures can be read; {unread[0]}")
    labels = np.array([known[every[number].label] for number in kept], dtype=np.int64)
    files = [_describe(source, len(found)) for source, found in part]
    return Split(images, labels, [every[number].place for number in kept], digests, files)


def _decode(found: Found, side: int) -> tuple[Image, str] | InvalidImageError:
    """The picture with what crops need of its pixels, and its file's sum; or what is wrong."""
    from PIL.Image import Resampling

    picture = found.picture
    try:
        data = picture if isinstance(picture, bytes) else picture.read_bytes()
    except OSError as error:
        return InvalidImageError(f"{found.place} cannot be read: {error.strerror}")
    kept = round(side * _SPARE)
    try:
        image = decode(data, least_side=kept)
    except InvalidImageError as error:
        return error
    width, height = image.size
    share = kept / min(width, height)
    if share < 1:
        size = (max(round(width * share), 1), max(round(height * share), 1))
        image = image.resize(size, Resampling.BILINEAR, reducing_gap=2.0)
    return image, hashlib.sha256(data).hexdigest()


def hold_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """The split without, and with nothing but, a random share of each class; one at least stays."""
    random = np.random.default_rng(seed)
    held = np.zeros(len(split), dtype=np.bool_)
    for number in np.unique(split.labels):
        rows = random.permutation(np.flatnonzero(split.labels == number))
        held[rows[: min(round(len(rows) * share), len(rows) - 1)]] = True
    if not held.any():
        message = (
            f"holdout is {share:g}, which is no picture of {len(split):,}; name a [[dev]] source, "
            "or hold out more"
        )
        raise DataError(message)
    return split.at(~held), split.at(held)


def _describe(source: Source, rows: int) -> dict[str, Any]:
    """What the receipt says of a source; a folder's sum is over names and bytes of its files."""
    path = Path(source.path)
    if path.is_file():
        return describe_source(source, rows)
    digest, size = hashlib.sha256(), 0
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        data = file.read_bytes()
        size += len(data)
        inner = hashlib.sha256(data).hexdigest()
        digest.update(f"{file.relative_to(path).as_posix()}\0{inner}\0".encode())
    return {
        "name": source.title,
        "path": source.path,
        "sha256": digest.hexdigest(),
        "bytes": size,
        "rows": rows,
        "split": source.split,
        "weight": source.weight,
        "licence": source.licence or None,
    }


def _check_counts(counts: Sequence[int], classes: Sequence[str], recipe: ImageRecipe) -> None:
    """Refuse what cannot be learned: one class, and classes without pictures.

    Raises:
        DataError: naming the classes.
    """
    paths = ", ".join(source.path for source in recipe.train)
    if len(classes) < 2:
        message = (
            f"{paths}: label is {', '.join(classes)} of all {sum(counts):,} pictures; two classes "
            "are the least that can be told apart"
        )
        raise DataError(message)
    rare = [
        f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < LEAST
    ]
    if rare:
        message = (
            f"{paths}: too few pictures of {', '.join(rare[:_TOLD])}; a class needs {LEAST} at "
            "least. Add some, or leave the class out (`leave_out`)"
        )
        raise DataError(message)


def _remarks(pictures: Pictures) -> Iterator[str]:
    """What a reader should know: classes that a split lacks, measured pictures that are learned."""
    learned = Counter(pictures.train.digests)
    for name, split in pictures.splits():
        counts = np.bincount(split.labels, minlength=len(pictures.classes))
        absent = [each for each, n in zip(pictures.classes, counts, strict=True) if not n]
        if absent:
            yield f"the {name} split has no picture of {', '.join(absent[:_TOLD])}"
        repeated = sum(digest in learned for digest in split.digests)
        if name != "train" and repeated:
            yield f"{repeated:,} of {len(split):,} {name} pictures are in the training data too"
