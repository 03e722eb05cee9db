"""Compiled encoders: agreement with the library, the cache, and what happens where they fail."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from embeddings.compiled import build, parity
from embeddings.compiled.artefact import KEPT, default_cache
from embeddings.compiled.encoder import CompiledEncoder
from embeddings.compiled.errors import NotCompiledError
from embeddings.compiled.pace import choose
from embeddings.compiled.parity import BOUNDS, Parity, Precision
from embeddings.compiled.texts import calibration_texts, probes
from embeddings.errors import InvalidInputError
from embeddings.fingerprint import hash_file
from embeddings.load import Runtime, load_encoder
from embeddings.sentence import SentenceEncoder

if TYPE_CHECKING:
    from embeddings.types import Encoder

TEXTS = [
    "How do I return a book?",
    "배송은 얼마나 걸리나요?",
    "long text, " * 300,
    "🎉 naïve ㅋㅋㅋ",
    "\u0000\u200b x",
]


@pytest.fixture(scope="module")
def library() -> Encoder:
    return load_encoder("meari-ko-en", runtime="torch")


@pytest.mark.parametrize("runtime", ["int8", "bfloat16", "float32"])
def test_vectors_agree_and_receipts_are_the_same(library: Encoder, runtime: Runtime) -> None:
    compiled = load_encoder("meari-ko-en", runtime=runtime)
    assert isinstance(compiled, CompiledEncoder)
    ours = compiled.encode(TEXTS + probes(), role="query")
    theirs = library.encode(TEXTS + probes(), role="query")
    np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    np.testing.assert_array_equal(ours.truncated, theirs.truncated)
    np.testing.assert_array_equal(ours.unknown, theirs.unknown)
    assert ours.truncated.any()
    cosines = np.einsum("ij,ij->i", ours.vectors, theirs.vectors)
    assert cosines.min() >= BOUNDS[compiled.card.dtype].least_cosine  # type: ignore[index]
    assert compiled.tokenizer_json() == library.tokenizer_json()


def test_the_card_tells_what_computes(library: Encoder) -> None:
    card = load_encoder("meari-ko-en", runtime="int8").card
    assert card.fingerprint == library.card.fingerprint
    assert card.runtime.startswith("openvino 20")
    assert card.dtype == "int8"
    assert set(card.parity) == {"probes", "mean_cosine", "least_cosine", "neighbours"}
    assert card.parity["probes"] == len(probes())
    assert 0.99 <= card.parity["mean_cosine"] < 1
    same = ("name", "dim", "max_tokens", "pooling", "prompts", "languages", "normalised", "kind")
    assert all(getattr(card, each) == getattr(library.card, each) for each in same)


def test_calls_from_threads_get_their_own_vectors() -> None:
    from concurrent.futures import ThreadPoolExecutor

    encoder = load_encoder("meari-ko-en", runtime="bfloat16")
    texts = probes()
    wanted = encoder.encode(texts, role="query").vectors
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: encoder.encode([text], role="query").vectors, texts * 4))
    np.testing.assert_allclose(np.concatenate(found), np.tile(wanted, (4, 1)), atol=2e-3)


def test_vectors_do_not_depend_on_what_was_computed_before(library: Encoder) -> None:
    """Batches of all shapes from several threads, of texts short and long."""
    from concurrent.futures import ThreadPoolExecutor

    encoder = load_encoder("meari-ko-en", runtime="float32")
    words = [word for text in probes() for word in text.split()]
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 300]
    texts = [" ".join((words * 2)[n : 2 * n]) for n in lengths]
    texts += ["parcel " * 498, "고양이 " * 498]
    wanted = library.encode(texts, role="document").vectors

    def compare(seed: int) -> list[tuple[float, list[int]]]:
        """The least cosine of each batch, and the places of its texts."""
        random = np.random.default_rng(seed)
        compared = []
        for size in (1, 2, 2, 3, 5, 8):
            rows = random.choice(len(texts), size, replace=False)
            found = encoder.encode([texts[row] for row in rows], role="document").vectors
            compared.append((float(np.sum(found * wanted[rows], axis=1).min()), rows.tolist()))
        return compared

    with ThreadPoolExecutor(3) as pool:
        compared = [each for batches in pool.map(compare, range(9)) for each in batches]
    assert len(compared) == 54
    assert min(compared)[0] > 0.9999, sorted(compared)[:5]


def test_a_small_body_stays_with_torch(transformer_folder: Path) -> None:
    encoder = load_encoder(transformer_folder, device="cpu")
    assert isinstance(encoder, SentenceEncoder)
    assert encoder.card.fallback == "its vectors are 16 wide; below 128 there is no gain"
    assert encoder.card.runtime.startswith("torch ")


def test_another_body_stays_with_torch(static_folder: Path) -> None:
    assert isinstance(load_encoder(static_folder, device="cpu"), SentenceEncoder)
    with pytest.raises(NotCompiledError, match=r"cannot be computed in int8: it is made of Static"):
        load_encoder(static_folder, runtime="int8")


@pytest.mark.parametrize("change", ["cls", "relu", "roberta"])
def test_other_bodies_agree(transformer_folder: Path, tmp_path: Path, change: str) -> None:
    from shutil import copytree

    folder = copytree(transformer_folder, tmp_path / "model")
    pooling, config = folder / "1_Pooling/config.json", folder / "config.json"
    if change == "cls":
        pooling.write_text(json.dumps(json.loads(pooling.read_text()) | {"pooling_mode": "cls"}))
    else:
        facts = {"relu": {"hidden_act": "relu"}, "roberta": {"model_type": "roberta"}}[change]
        config.write_text(json.dumps(json.loads(config.read_text()) | facts))
    torch = load_encoder(folder, runtime="torch").encode(["hello", "a b c d"], role="query").vectors
    ours = load_encoder(folder, runtime="float32").encode(["hello", "a b c d"], role="query")
    np.testing.assert_allclose(ours.vectors, torch, atol=1e-5)


def test_what_was_compiled_is_found_again(transformer_folder: Path, tmp_path: Path) -> None:
    first = load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    (place,) = (tmp_path / "encoders").iterdir()
    names = {"manifest.json", "model.xml", "model.bin", "tokenizer.json", "probes.npy"}
    assert {path.name for path in place.iterdir()} == names
    before = (place / "model.bin").stat().st_mtime_ns
    second = load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    assert (place / "model.bin").stat().st_mtime_ns == before
    assert second.card == first.card
    one, two = (each.encode(["hello"], role="query").vectors for each in (first, second))
    np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("name", ["manifest.json", "model.bin", "probes.npy"])
def test_a_damaged_artefact_is_made_again(
    transformer_folder: Path, tmp_path: Path, name: str
) -> None:
    load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    (place,) = (tmp_path / "encoders").iterdir()
    whole = (place / name).read_bytes()
    (place / name).write_bytes(whole[: len(whole) // 2])
    encoder = load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    assert isinstance(encoder, CompiledEncoder)
    assert (place / name).stat().st_size == len(whole)


def test_a_folder_that_cannot_be_written_to_is_no_failure(
    transformer_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    encoder = load_encoder(transformer_folder, runtime="float32", cache=tmp_path / "file")
    assert isinstance(encoder, CompiledEncoder)
    assert "each start makes it again" in caplog.text


def test_the_ones_used_longest_ago_make_room(transformer_folder: Path, tmp_path: Path) -> None:
    for number in range(KEPT + 2):
        (tmp_path / f"encoders/old-{number}").mkdir(parents=True)
    load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    assert len(list((tmp_path / "encoders").iterdir())) == KEPT


def test_below_the_bound_the_next_precision_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parity.BOUNDS, "int8", Parity(0, 0.99999, 0.99999, 1))
    encoder = load_encoder("meari-ko-en", device="cpu", cache=tmp_path)
    assert encoder.card.dtype in {"bfloat16", "float32"}
    assert encoder.card.fallback.startswith("int8 agrees too little: mean cosine 0.99")
    again = load_encoder("meari-ko-en", device="cpu", cache=tmp_path)
    assert again.card.dtype == encoder.card.dtype
    assert again.card.fallback == encoder.card.fallback
    with pytest.raises(NotCompiledError, match="no precision agrees"):
        load_encoder("meari-ko-en", runtime="int8", cache=tmp_path)


def test_what_no_longer_agrees_is_compiled_again(
    transformer_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    (place,) = (tmp_path / "encoders").iterdir()
    reference = np.load(place / "probes.npy")
    np.save(place / "probes.npy", -reference)
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["sums"]["probes.npy"] = hash_file(place / "probes.npy")
    (place / "manifest.json").write_text(json.dumps(manifest))
    again = load_encoder(transformer_folder, runtime="float32", cache=tmp_path)
    assert isinstance(again, CompiledEncoder)
    assert "what was kept no longer agrees with the library here: mean cosine -1.0" in caplog.text
    assert again.card == whole.card
    np.testing.assert_array_equal(np.load(place / "probes.npy"), reference)


def test_a_precision_that_is_not_faster_here_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paces(encoders: dict[str, CompiledEncoder], texts: list[str]) -> dict[str, float]:
        del texts
        return dict(zip(encoders, (100.0, 200.0), strict=True))

    monkeypatch.setattr(build, "measure_paces", paces)
    card = load_encoder("meari-ko-en", device="cpu", cache=tmp_path).card
    assert card.dtype in {"bfloat16", "float32"}
    assert card.fallback == f"int8 is not clearly faster here: 100 texts/s, {card.dtype} 200"
    assert load_encoder("meari-ko-en", device="cpu", cache=tmp_path).card == card


@pytest.mark.parametrize(
    ("paces", "chosen"),
    [
        ({"int8": 300.0, "float32": 100.0}, "int8"),
        ({"int8": 105.0, "float32": 100.0}, "float32"),
        ({"int8": 120.0, "bfloat16": 115.0, "float32": 100.0}, "bfloat16"),
        ({"float32": 100.0}, "float32"),
    ],
)
def test_a_less_exact_precision_must_be_clearly_faster(
    paces: dict[Precision, float], chosen: Precision
) -> None:
    assert choose(paces) == chosen


def test_a_warm_start_needs_neither_torch_nor_telemetry(tmp_path: Path) -> None:
    load_encoder("meari-ko-en", runtime="float32", cache=tmp_path)
    code = f"""
        import sys
        from pathlib import Path
        from embeddings.load import load_encoder
        encoder = load_encoder("meari-ko-en", runtime="float32", cache=Path({str(tmp_path)!r}))
        encoder.encode(["hello"], role="query")
        heavy = {{"torch", "transformers", "sentence_transformers", "huggingface_hub"}}
        print(sorted(heavy & sys.modules.keys()), sys.modules["openvino_telemetry"])
    """
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.strip() == "[] None"
    assert list(home.iterdir()) == []


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="runtime 'int4' is unknown; there is auto, torch"):
        load_encoder("meari-ko-en", runtime=cast("Runtime", "int4"))


def test_the_cache_is_where_this_system_keeps_such_things() -> None:
    assert default_cache().is_relative_to(Path.home())
    assert default_cache().name == "meari"


def test_no_probe_is_a_calibration_text() -> None:
    assert len(set(probes())) == len(probes()) >= 40
    assert not set(probes()) & set(calibration_texts())
