"""Vectors and texts of which people said which do not belong."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eval.errors import DatasetError
from eval.tables import cell, read_rows, text_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from embeddings.types import Vectors
    from eval.detection import Truth


@dataclass(frozen=True, slots=True, eq=False)
class JudgedVectors:
    """Vectors with the truth.

    Attributes:
        name: the file's name without endings.
        vectors: float32 (n, dim).
        truth: bool (n,), True for outliers.
        fitted: float32 (m, dim), what is learned from; None: the vectors themselves.
    """

    name: str
    vectors: Vectors
    truth: Truth
    fitted: Vectors | None = None


@dataclass(frozen=True, slots=True)
class JudgedTexts:
    """Texts with the truth.

    Attributes:
        name: the file's name without endings.
        texts: to be scored.
        truth: True for outliers.
        fitted: texts that belong, to be learned from; empty: the texts to be scored.
    """

    name: str
    texts: tuple[str, ...]
    truth: tuple[bool, ...]
    fitted: tuple[str, ...] = ()


def find_files(source: Path) -> list[Path]:
    """The `.npz` files of a folder by name, or the one file.

    Raises:
        DatasetError: nothing there.
    """
    if source.is_dir():
        files = sorted(source.glob("*.npz"))
        if files:
            return files
        message = f"{source} holds no .npz files"
        raise DatasetError(message)
    if not source.is_file():
        message = f"{source} is not there; name an .npz file, a folder of them, or a table of texts"
        raise DatasetError(message)
    return [source]


def load_vectors(
    file: Path, *, most: int | None = None, seed: int = 0, standardise: bool = True
) -> JudgedVectors:
    """`X` and `y` (1 for outliers) of an `.npz` file.

    Args:
        file: without pickled objects.
        most: rows kept at most, drawn by the seed; None keeps all.
        seed: of the draw.
        standardise: give each dimension mean 0 and standard deviation 1; one that does not vary
            becomes 0.

    Raises:
        DatasetError: not such a file, arrays that do not fit together, or numbers not finite.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            x, y = np.asarray(arrays["X"], dtype=np.float64), np.asarray(arrays["y"]).ravel()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        message = f"{file} is not an .npz file with numbers X (n, dim) and y (n,): {error}"
        raise DatasetError(message) from error
    if x.ndim != 2 or len(x) != len(y) or not np.isin(y, (0, 1)).all():
        message = f"{file}: X is {x.shape}, y {y.shape}; (n, dim) and n times 0 or 1 are needed"
        raise DatasetError(message)
    if not bool(np.isfinite(x).all()):
        message = f"{file}: X holds NaN or infinity; finite numbers are needed"
        raise DatasetError(message)
    if most is not None and len(x) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), most, replace=False))
        x, y = x[rows], y[rows]
    if standardise:
        x = _standardised(x)
    vectors = np.ascontiguousarray(x, dtype=np.float32)
    return JudgedVectors(file.name.partition(".")[0], vectors, y == 1)


def load_texts(
    file: Path,
    *,
    text: str,
    label: str,
    outlier: str,
    where: Mapping[str, str],
    fit: Mapping[str, str],
) -> JudgedTexts:
    """Rows of a table of texts; those whose label is `outlier` do not belong.

    Args:
        file: `.tsv`, `.csv`, `.jsonl` (each also `.gz`, `.zst`) or `.parquet`.
        text: column of the texts.
        label: column that tells outliers.
        outlier: what it says of them.
        where: only rows with these values are scored.
        fit: rows with these values that are not outliers are learned from, and not scored; none:
            what is scored is learned from.

    Raises:
        DatasetError: missing or unknown file, a missing column, or not both kinds of rows.
    """
    texts: list[str] = []
    truth: list[bool] = []
    fitted: list[str] = []
    for place, row in read_rows(file):
        found = text_cell(row, text, place)
        is_outlier = str(cell(row, label, place)) == outlier
        if not found.strip():
            continue
        if fit and all(str(cell(row, column, place)) == value for column, value in fit.items()):
            fitted += [] if is_outlier else [found]
        elif all(str(cell(row, column, place)) == value for column, value in where.items()):
            texts.append(found)
            truth.append(is_outlier)
    if not 0 < sum(truth) < len(truth) or (fit and not fitted):
        message = (
            f"{file}: of {len(truth):,} rows to score {sum(truth):,} have {label} = {outlier!r}"
            + (f", and {len(fitted):,} rows are there to learn from" if fit else "")
            + "; some of each are needed"
        )
        raise DatasetError(message)
    name = file.name.partition(".")[0]
    return JudgedTexts(name, tuple(texts), tuple(truth), tuple(fitted))


def _standardised(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    spread = x.std(axis=0)
    centred: npt.NDArray[np.float64] = x - x.mean(axis=0)
    np.divide(centred, spread, out=centred, where=spread > 0)
    return centred
