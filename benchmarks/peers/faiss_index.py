"""An index of FAISS without anything around it: what the library can do at best."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.protocol import K, main, make_labels

if TYPE_CHECKING:
    import faiss

    from benchmarks.peers.protocol import Ids, Raw, Setting, Task, Vectors

EFFORTS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
PROBES = (8, 16, 24, 32, 48, 64, 96, 128, 192)
FACTORS = (4, 8, 16, 32)


class FaissSide:
    """Of options `factory`, FAISS's name of the index, in which NLIST stands for the cells."""

    packages = ("faiss-cpu",)
    filters = True
    durable = None

    def __init__(self, task: Task) -> None:
        import faiss

        faiss.omp_set_num_threads(task.threads)
        self._task = task
        self._path = str(task.store / "index.faiss")
        self._factory: str = task.options["factory"]
        self._masks: dict[int, tuple[object, object]] = {}
        self.settings = self._grid()

    def _grid(self) -> tuple[Setting, ...]:
        if self._factory.startswith("HNSW"):
            return tuple({"efSearch": effort} for effort in EFFORTS)
        if self._factory.startswith("IVF"):
            pairs = product(PROBES, FACTORS)
            return tuple({"nprobe": probes, "k_factor": factor} for probes, factor in pairs)
        return ({},)

    def build(self, vectors: Vectors, labels: Ids) -> None:
        """Train on 100,000 rows at most, add, write; labels are kept outside."""
        import faiss

        faiss.write_index(build(self._factory, vectors), self._path)

    def open(self) -> None:
        """Read the file into memory."""
        import faiss

        self._index = faiss.read_index(self._path)

    def many(self, queries: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call on all threads."""
        return self._index.search(queries, K, params=self._parameters(setting, below))[1]

    def one(self, query: Vectors, setting: Setting, below: int | None) -> Raw:
        """One call; FAISS itself takes one thread for one query of a graph."""
        return self._index.search(query[None], K, params=self._parameters(setting, below))[1]

    def _parameters(self, setting: Setting, below: int | None) -> object:
        import faiss

        given = {} if below is None else {"sel": self._selector(below)}
        if "efSearch" in setting:
            return faiss.SearchParametersHNSW(efSearch=int(setting["efSearch"]), **given)
        if "nprobe" in setting:
            cells = faiss.SearchParametersIVF(nprobe=int(setting["nprobe"]), **given)
            factor = setting["k_factor"]
            return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=cells)
        return faiss.SearchParameters(**given) if given else None

    def _selector(self, below: int) -> object:
        """A bitmap of the rows, made once; the bits must live as long as it."""
        import faiss

        if below not in self._masks:
            allowed = make_labels(self._task.rows) < below
            bits = np.packbits(allowed, bitorder="little")
            self._masks[below] = (faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits)), bits)
        return self._masks[below][0]

    def ids(self, raw: Raw) -> Ids:
        """As FAISS gives them."""
        found: Ids = raw
        return found

    def upsert(self, ids: Ids, vectors: Vectors, labels: Ids) -> None:
        """Not possible in place."""
        raise NotImplementedError

    def delete(self, ids: Ids) -> None:
        """Not possible in place."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held."""


def build(factory: str, vectors: Vectors) -> faiss.Index:
    """FAISS's index of that name over the vectors, NLIST being a power of two."""
    import faiss

    rows, dim = vectors.shape
    cells = 256 if rows < 100_000 else 1024 if rows < 500_000 else 4096
    name = factory.replace("NLIST", str(cells))
    index = faiss.index_factory(dim, name, faiss.METRIC_INNER_PRODUCT)
    if name.startswith("HNSW"):
        index.hnsw.efConstruction = 100
    if not index.is_trained:
        chosen = np.random.default_rng(22).permutation(rows)[:100_000]
        index.train(vectors[np.sort(chosen)])
    index.add(vectors)
    return index


if __name__ == "__main__":
    main(FaissSide)
