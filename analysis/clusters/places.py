"""Where documents of one result stand in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexing.types import Ids


def places_of(ids: npt.NDArray[np.str_], among: npt.NDArray[np.str_]) -> Ids:
    """int64 (n,): the place of each id among the others, -1 where it is not there.

    Args:
        ids: StringDType (n,).
        among: StringDType (m,), each id once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(
        pa.array(ids.tolist(), pa.large_string()),
        value_set=pa.array(among.tolist(), pa.large_string()),
    )
    places: Ids = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places
