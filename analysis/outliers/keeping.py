"""Outliers as a result that is kept beside a collection, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.outliers.calibration import Scale
from analysis.outliers.detectors import (
    CentroidDistance,
    ClusterDistance,
    LocalDensity,
    NeighbourDistance,
)
from analysis.outliers.forest import Forest
from analysis.outliers.model import Model
from analysis.outliers.request import OutlierRequest
from analysis.outliers.result import OutlierReceipt, Outliers
from analysis.results import Result
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pyarrow as pa

    from analysis.outliers.detectors import Detector

    Learned = type[NeighbourDistance | LocalDensity | Forest | ClusterDistance | CentroidDistance]

_DETECTORS: dict[str, Learned] = {
    "knn": NeighbourDistance,
    "lof": LocalDensity,
    "forest": Forest,
    "clusters": ClusterDistance,
    "centroid": CentroidDistance,
}
_PART = "score:"


def to_result(outliers: Outliers) -> Result:
    """A header and two tables: `documents`, one row each by rank, and what was `learned`."""
    import pyarrow as pa

    model = outliers.model
    header = {
        "request": outliers.request.to_json(),
        "receipt": outliers.receipt.to_json(),
        "metric": str(outliers.metric),
        "version": outliers.version,
        "k": model.k,
        "weights": dict(model.weights),
        "scales": {name: asdict(scale) for name, scale in model.scales.items()},
    }
    columns = {
        "id": pa.array(outliers.ids.tolist(), pa.string()),
        "position": pa.array(outliers.positions),
        "score": pa.array(outliers.scores),
        **{_PART + name: pa.array(part) for name, part in outliers.parts.items()},
        "neighbours": _lists(outliers.neighbours),
        "similarities": _lists(outliers.similarities),
    }
    return Result(header, {"documents": pa.table(columns), "learned": _learned(model.detectors)})


def from_result(result: Result) -> Outliers:
    """What `to_result` was given."""
    header, documents = result.header, result.tables["documents"]
    return Outliers(
        request=OutlierRequest(**header["request"]),
        receipt=OutlierReceipt.from_json(header["receipt"]),
        metric=Metric(header["metric"]),
        version=header["version"],
        ids=np.array(documents["id"].to_pylist(), dtype=np.dtypes.StringDType()),
        positions=documents["position"].to_numpy(),
        scores=documents["score"].to_numpy(),
        parts={
            name.removeprefix(_PART): documents[name].to_numpy()
            for name in documents.schema.names
            if name.startswith(_PART)
        },
        neighbours=_rows(documents["neighbours"]),
        similarities=_rows(documents["similarities"]),
        model=Model(
            header["k"],
            _detectors(header["scales"], result.tables["learned"]),
            header["weights"],
            {name: Scale(**scale) for name, scale in header["scales"].items()},
        ),
    )


def _lists(rows: npt.NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def _rows(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    width = column.type.list_size
    flat = column.combine_chunks().flatten().to_numpy()
    rows: npt.NDArray[Any] = flat.reshape(len(column), width)
    return rows


def _learned(detectors: Mapping[str, Detector]) -> pa.Table:
    """The arrays of all detectors, one a row, as bytes in the machine's order."""
    import pyarrow as pa

    arrays = [
        (name, field.name, np.ascontiguousarray(getattr(detector, field.name)))
        for name, detector in detectors.items()
        for field in fields(_DETECTORS[name])
    ]
    return pa.table(
        {
            "detector": pa.array([name for name, _, _ in arrays], pa.string()),
            "array": pa.array([name for _, name, _ in arrays], pa.string()),
            "dtype": pa.array([array.dtype.str for _, _, array in arrays], pa.string()),
            "shape": pa.array([array.shape for _, _, array in arrays], pa.list_(pa.int64())),
            "data": pa.array([array.tobytes() for _, _, array in arrays], pa.large_binary()),
        }
    )


def _detectors(names: Mapping[str, Any], table: pa.Table) -> dict[str, Detector]:
    arrays: dict[str, dict[str, npt.NDArray[Any]]] = {name: {} for name in names}
    for row in table.to_pylist():
        flat = np.frombuffer(row["data"], dtype=np.dtype(row["dtype"]))
        arrays[row["detector"]][row["array"]] = flat.reshape(row["shape"])
    return {name: _DETECTORS[name](**values) for name, values in arrays.items()}
