"""The encoders that ship: loaded with no network, what their cards say, and held against sums."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings import bundled
from embeddings.bundled import BUNDLED, WEIGHTS, find_bundled
from embeddings.checksums import SUMS, check_sums, write_sums
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.load import BUILT_IN, DEFAULT_ENCODER, DESCRIPTIONS, load_encoder
from embeddings.packing import pack_encoder
from embeddings.training.bodies import find_body
from embeddings.training.classifier.recipe import ClassifierRecipe
from embeddings.training.siamese.recipe import Examples, SiameseRecipe
from embeddings.training.sources import Source

if TYPE_CHECKING:
    from pathlib import Path

NAME = "meari-ko-en"


@pytest.fixture
def shipped(transformer_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small packed encoder where the default one is looked for."""
    monkeypatch.setattr(bundled, "WEIGHTS", tmp_path)
    pack_encoder(transformer_folder, tmp_path / NAME)
    return tmp_path / NAME


@pytest.mark.parametrize("name", BUNDLED)
def test_it_loads_with_no_network_and_no_other_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("embeddings.carried.find_spec", lambda _: None)
    encoder = load_encoder(name, device="cpu")
    vectors = encoder.encode(["책", "a book"], role="query").vectors
    assert vectors.shape == (2, encoder.dim)
    assert np.isfinite(vectors).all()


def test_the_cards_name_no_folder_of_the_machine_that_made_them() -> None:
    cards = [path for path in WEIGHTS.rglob("*.json") if path.name != "tokenizer.json"]
    assert {path.parent.name for path in cards} >= set(BUNDLED)
    assert [path for path in cards if '": "/' in path.read_text(encoding="utf-8")] == []


def test_the_default_is_what_it_says() -> None:
    card = load_encoder(DEFAULT_ENCODER, runtime="torch").card
    assert (card.name, card.kind) == (NAME, "sentence-transformers")
    assert (card.dim, card.max_tokens, card.pooling, card.normalised) == (384, 512, "mean", True)
    assert card.languages == ("ko", "en")
    assert card.dtype == "float32"


def test_korean_is_read_in_words() -> None:
    """In pieces of words: letter by letter, as `minilm` reads it, there are 32 tokens."""
    encoding = load_encoder(NAME, device="cpu").encode(
        ["주문한 책이 찢어져서 왔어요, 환불해 주세요"], role="query"
    )
    assert encoding.unknown.tolist() == [0]
    assert encoding.tokens[0] <= 20


def test_the_default_comes_first_and_is_everywhere() -> None:
    assert next(iter(BUILT_IN)) == next(iter(DESCRIPTIONS)) == DEFAULT_ENCODER == NAME
    assert list(DESCRIPTIONS) == list(BUILT_IN)
    assert SiameseRecipe(train=(Examples(path="pairs.tsv"),)).body == NAME
    assert ClassifierRecipe(train=(Source(path="texts.tsv"),)).encoder == NAME
    assert find_body(NAME) == WEIGHTS / NAME


def test_all_together_weigh_little_and_nothing_else_lies_there() -> None:
    folders = {path.name for path in WEIGHTS.iterdir()}
    assert folders == set(BUNDLED)
    weights = list(WEIGHTS.rglob("*.safetensors"))
    assert len(weights) >= len(BUNDLED)
    assert sum(path.stat().st_size for path in weights) < 80_000_000
    for name in BUNDLED:
        assert find_bundled(name) == WEIGHTS / name


def test_a_damaged_file_is_refused(shipped: Path) -> None:
    load_encoder(NAME, device="cpu")
    expected = dict(line.split("  ")[::-1] for line in (shipped / SUMS).read_text().splitlines())
    for name in ("model.safetensors", "tokenizer.json", "1_Pooling/config.json"):
        path = shipped / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(EncoderRefusedError, match="reinstall meari") as caught:
            load_encoder(NAME, device="cpu")
        assert str(path) in str(caught.value)
        assert f"{expected[name]} is expected" in str(caught.value)
        path.write_bytes(whole)
    load_encoder(NAME, device="cpu")


def test_a_missing_file_is_refused(shipped: Path) -> None:
    (shipped / "tokenizer.json").unlink()
    with pytest.raises(EncoderRefusedError, match=r"tokenizer\.json .*\(sha256 no file, [0-9a-f]"):
        load_encoder(NAME, device="cpu")


def test_a_file_too_many_is_refused(shipped: Path) -> None:
    (shipped / ".DS_Store").write_bytes(b"of a file manager")
    load_encoder(NAME, device="cpu")
    (shipped / "adapter_config.json").write_text("{}")
    with pytest.raises(EncoderRefusedError, match=r"adapter_config\.json has no sum in SHA256SUMS"):
        load_encoder(NAME, device="cpu")


def test_without_sums_nothing_is_loaded(shipped: Path) -> None:
    (shipped / SUMS).write_text("not a sum\n")
    with pytest.raises(EncoderRefusedError, match="line 1 is not `SHA256  PATH`; reinstall meari"):
        load_encoder(NAME, device="cpu")
    (shipped / SUMS).unlink()
    with pytest.raises(EncoderRefusedError, match="SHA256SUMS is missing"):
        load_encoder(NAME, device="cpu")


def test_a_missing_folder_says_what_to_do(shipped: Path) -> None:
    shutil.rmtree(shipped)
    with pytest.raises(EncoderNotFoundError, match=r"reinstall meari, .* `make default-encoder`"):
        load_encoder(NAME, device="cpu")
    with pytest.raises(EncoderNotFoundError, match="is not there"):
        find_body(NAME)


def test_sums_are_read_as_sha256sum_writes_them(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "한글 이름").write_bytes(b"")
    write_sums(tmp_path)
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert (tmp_path / SUMS).read_text("utf-8") == f"{empty}  b\n{empty}  한글 이름\n"
    (tmp_path / SUMS).write_text(f"{empty} *b\n{empty}  한글 이름\n", encoding="utf-8")
    check_sums(tmp_path, remedy="")
