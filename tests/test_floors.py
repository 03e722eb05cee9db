"""What importing costs: nobody pays for libraries they did not ask for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("torch", "transformers", "sentence_transformers", "tokenizers", "faiss", "sklearn"),
    *("fastapi", "uvicorn", "pyarrow", "scipy", "ir_measures", "semantic_text_splitter"),
    *("gensim", "datasets", "optuna", "accelerate", "matplotlib", "kiwipiepy", "Stemmer"),
}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    "statement",
    [
        "import embeddings, indexing, eval, analysis, service",
        "import embeddings.load, embeddings.types, embeddings.hashing, embeddings.text.analyzer",
        "from indexing.collection import open_collection",
        "import indexing.local, indexing.data_folder, indexing.filters",
        "import indexing.ingest, indexing.readers",
        "import service.cli",
    ],
)
def test_importing_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


def test_a_collection_of_hash_vectors_needs_no_torch(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("data")
    loaded = loaded_by(
        "from indexing.data_folder import DataFolder\n"
        "from indexing.types import Document, SearchRequest\n"
        f"with DataFolder.open({str(folder)!r}) as data:\n"
        "    made = data.create('c', encoder='hash:8')\n"
        "    made.add([Document('a', 'text')])\n"
        "    assert made.search(SearchRequest(query='text')).matches[0].document.id == 'a'\n"
    )
    assert loaded & HEAVY == {"faiss", "Stemmer"}


def test_torch_and_faiss_live_in_one_process_in_either_order() -> None:
    """Two OpenMP runtimes have crashed or hung together elsewhere."""
    work = (
        "import numpy as np\n"
        "def search():\n"
        "    import faiss\n"
        "    x = np.random.default_rng(0).standard_normal((20000, 64)).astype('float32')\n"
        "    index = faiss.IndexFlatL2(64); index.add(x)\n"
        "    assert (index.search(x[:64], 1)[1][:, 0] == np.arange(64)).all()\n"
        "def compute():\n"
        "    import torch\n"
        "    a = torch.ones(512, 512)\n"
        "    assert float((a @ a)[0, 0]) == 512\n"
    )
    for order in ("search(); compute(); search()", "compute(); search(); compute()"):
        subprocess.run([sys.executable, "-c", f"{work}\n{order}"], check=True, timeout=120)
