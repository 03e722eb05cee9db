"""A folder comes back as it was written, and a damaged one is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.words.folder import read_table
from embeddings.words.pooling import repool
from embeddings.words.tensors import map_tensors, write_tensors
from tests.embeddings.words.conftest import COUNTS, VECTORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_it_comes_back(written: Callable[..., Path]) -> None:
    folder = written(smoothing=0.01)
    found = read_table(folder)
    assert found.vocabulary.words == list(VECTORS)
    assert found.vocabulary.counts.tolist() == list(COUNTS)
    assert (found.facts.smoothing, found.facts.languages) == (0.01, ("ko",))
    raw = found.unit * found.norms[:, None]
    np.testing.assert_allclose(raw, np.array(list(VECTORS.values())), atol=1e-6)
    assert found.common.shape == (0, 4)


def test_safetensors_reads_the_files(written: Callable[..., Path], with_subwords: Path) -> None:
    assert set(load_file(written() / "vectors.safetensors")) == {"unit", "norms"}
    assert load_file(with_subwords / "subwords.safetensors")["buckets"].shape == (50, 4)


def test_nothing_in_it_is_a_pickle(with_subwords: Path) -> None:
    assert sorted(path.name for path in with_subwords.iterdir()) == [
        "pooling.safetensors",
        "subwords.safetensors",
        "vectors.safetensors",
        "vocabulary.tsv",
        "words.json",
    ]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("vocabulary.tsv", lambda data: data.replace(b"900", b"901"), "damaged: its sha256"),
        ("vocabulary.tsv", lambda data: data[:-3], "damaged: its sha256"),
        ("vectors.safetensors", lambda data: data[:-1], "'(unit|norms)' ends at byte"),
        ("vectors.safetensors", lambda data: data[:4], "damaged or no safetensors"),
        ("vectors.safetensors", lambda _: b"\xff" * 64, "damaged or no safetensors"),
        ("vectors.safetensors", lambda _: b"\x02" + bytes(7) + b"[]", "not a JSON object"),
        ("words.json", lambda _: b"{", "not JSON"),
        ("words.json", lambda _: b"[]", "damaged"),
        ("words.json", lambda data: data.replace(b'"dim": 4', b'"dim": 5'), "shape"),
        ("words.json", lambda data: data.replace(b'"words": 9', b'"words": 8'), "shape"),
        ("words.json", lambda data: data.replace(b'"format": 1', b'"format": 2'), "newer version"),
        ("words.json", lambda data: data.replace(b'"mean"', b'"max"'), "damaged: pooling 'max'"),
        ("words.json", lambda data: data.replace(b'"method"', b'"methods"'), "damaged: TypeError"),
    ],
)
def test_damage_is_told(
    written: Callable[..., Path], name: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    folder = written()
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(EncoderRefusedError, match=message):
        read_table(folder)


@pytest.mark.parametrize("name", ["vocabulary.tsv", "vectors.safetensors", "words.json"])
def test_a_missing_file_is_named(written: Callable[..., Path], name: str) -> None:
    folder = written()
    (folder / name).unlink()
    with pytest.raises(EncoderNotFoundError, match=name):
        read_table(folder)


@pytest.mark.parametrize(
    "tensors",
    [
        {"unit": np.zeros((9, 4)), "norms": np.zeros(9, np.float32)},
        {"unit": np.zeros((9, 4), np.float32)},
        {"unit": np.zeros(36, np.float32), "norms": np.zeros(9, np.float32)},
    ],
)
def test_arrays_of_another_type_or_shape(
    written: Callable[..., Path], tensors: dict[str, np.ndarray]
) -> None:
    folder = written()
    save_file(tensors, folder / "vectors.safetensors")
    with pytest.raises(EncoderRefusedError, match=r"vectors\.safetensors"):
        read_table(folder)


def test_sizes_that_lie_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for shape, offsets in (([4], [0, 8]), ([-2, -2], [0, 16]), ([2], [-8, 0]), ([2], [8, 16])):
        header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": offsets}})
        path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(8))
        with pytest.raises(EncoderRefusedError, match="'a'"):
            map_tensors(path)


def test_arrays_come_back_mapped(tmp_path: Path) -> None:
    made = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros((0, 3), np.float32)}
    write_tensors(tmp_path / "x.safetensors", made)
    found = map_tensors(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(found["a"], made["a"])
    assert found["b"].shape == (0, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_second_folder_shares_the_vectors_and_pools_anew(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    folder = written()
    repool(folder, tmp_path / "sif", "sif")
    assert read_table(tmp_path / "sif").facts.pooling == "sif"
    assert read_table(folder).facts.pooling == "mean"
    first, second = (each / "vectors.safetensors" for each in (folder, tmp_path / "sif"))
    assert first.stat().st_ino == second.stat().st_ino
