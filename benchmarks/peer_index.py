"""One peer, indexing the same lines with the same weights; started by `index_throughput`.

Run as `python peer_index.py PEER MODEL_FOLDER LINES.jsonl THREADS` in an environment that has the
peer. Prints `ready VERSIONS`, then for every line on standard input indexes everything into a new
store and prints the seconds it took, loading of model and libraries not counted.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def script(model_folder: str) -> Callable[[Path, Path], int]:
    """The script people write first: encode with the library's defaults, add to FAISS, save."""
    import faiss
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(model_folder, device="cpu")

    def index(lines: Path, folder: Path) -> int:
        records = [json.loads(line) for line in lines.open(encoding="utf-8")]
        texts = [record["text"] for record in records]
        vectors = model.encode(texts, show_progress_bar=False)
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        faiss.write_index(flat, str(folder / "index.faiss"))
        (folder / "documents.json").write_text(json.dumps(records))
        return int(flat.ntotal)

    return index


def txtai(model_folder: str) -> Callable[[Path, Path], int]:
    """Indexes with txtai, content storage, saved."""
    from txtai import Embeddings

    settings = {"path": model_folder, "content": True, "gpu": False}
    model = Embeddings(settings)
    model.index([("warm", "loads the model", None)])

    def index(lines: Path, folder: Path) -> int:
        embeddings = Embeddings(settings, models=model.models)
        embeddings.model = model.model

        def records() -> Any:  # noqa: ANN401
            for line in lines.open(encoding="utf-8"):
                record = json.loads(line)
                yield record["_id"], record["text"], None

        embeddings.index(records())
        embeddings.save(str(folder / "txtai"))
        return int(embeddings.count())

    return index


def chroma(model_folder: str) -> Callable[[Path, Path], int]:
    """Chroma's persistent client with its sentence-transformers function."""
    import chromadb
    from chromadb.config import Settings
    from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

    function = SentenceTransformerEmbeddingFunction(model_name=model_folder, device="cpu")

    def index(lines: Path, folder: Path) -> int:
        client = chromadb.PersistentClient(
            path=str(folder), settings=Settings(anonymized_telemetry=False)
        )
        collection = client.create_collection("bench", embedding_function=function)
        records = [json.loads(line) for line in lines.open(encoding="utf-8")]
        for start in range(0, len(records), 1000):
            block = records[start : start + 1000]
            collection.add(
                ids=[record["_id"] for record in block],
                documents=[record["text"] for record in block],
            )
        return int(collection.count())

    return index


PEERS = {
    "script": (script, ("sentence-transformers", "faiss-cpu")),
    "txtai": (txtai, ("txtai", "faiss-cpu")),
    "chroma": (chroma, ("chromadb",)),
}


def main() -> None:
    """Serve measurements until standard input ends."""
    peer, model_folder, lines, threads = sys.argv[1:5]
    import torch

    torch.set_num_threads(int(threads))
    prepare, packages = PEERS[peer]
    index = prepare(model_folder)
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "few.jsonl"
        few.write_text("\n".join(Path(lines).read_text("utf-8").split("\n")[:16]), "utf-8")
        (Path(folder) / "warm").mkdir()
        index(few, Path(folder) / "warm")
    versions = {name: importlib.metadata.version(name) for name in packages}
    print("ready", json.dumps(versions), flush=True)
    for _ in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            count = index(Path(lines), Path(folder))
            seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "documents": count}), flush=True)


if __name__ == "__main__":
    main()
