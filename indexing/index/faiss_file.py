"""Reading and writing FAISS index files with errors that name the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.index import IndexFileError
from indexing.types import Metric

if TYPE_CHECKING:
    from pathlib import Path

    import faiss


def faiss_metric(metric: Metric) -> int:
    """FAISS's number for a metric; cosine is the inner product of unit vectors."""
    import faiss

    number: int = faiss.METRIC_L2 if metric is Metric.EUCLIDEAN else faiss.METRIC_INNER_PRODUCT
    return number


def read_faiss(path: Path, metric: Metric, *, number: int | None = None) -> faiss.Index:
    """The FAISS index in the file, of its own class.

    Args:
        path: the file.
        metric: that it should have been built for.
        number: FAISS's for it, if it is not `faiss_metric(metric)`.

    Raises:
        IndexFileError: missing, cut, not a FAISS file, or of another metric.
    """
    import faiss

    if not path.is_file():
        message = f"index file {path} is missing"
        raise IndexFileError(message)
    try:
        index = faiss.read_index(str(path))
    except (RuntimeError, MemoryError) as error:
        message = f"{path.name} cannot be read as a FAISS index; it is cut or damaged"
        raise IndexFileError(message) from error
    if index.metric_type != (faiss_metric(metric) if number is None else number):
        message = f"{path.name} was built for another metric than {metric.value}"
        raise IndexFileError(message)
    return index


def write_faiss(index: faiss.Index, path: Path) -> None:
    """Write the index. FAISS hands over the bytes, for its own files lose errors on closing.

    Raises:
        OSError: the file could not be written.
    """
    import faiss

    with path.open("wb") as file:
        failed: list[OSError] = []

        def write(content: bytes) -> int:
            try:
                return file.write(content)
            except OSError as error:
                failed.append(error)
                raise

        try:
            faiss.write_index(index, faiss.PyCallbackIOWriter(write))
        except RuntimeError as error:
            raise (failed[0] if failed else OSError(str(error))) from error
