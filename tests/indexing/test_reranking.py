"""Candidates reordered by a cross-encoder, a real one with random weights."""

from __future__ import annotations

import json
import shutil
import string
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError, InvalidInputError
from embeddings.reranker import Reranker, load_reranker
from indexing.data_folder import DataFolder
from indexing.errors import InvalidRequestError
from indexing.reranking import RERANK_DEPTH
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection

WINDOW = 32


def make_body(body: Path, kind: str) -> None:
    """A BERT of width 32, its weights wide apart so that scores differ."""
    import transformers

    transformers.set_seed(11)
    letters = string.ascii_lowercase + string.digits
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    pieces += [f"##{letter}" for letter in letters]
    (body / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    transformers.BertTokenizerFast(str(body / "vocab.txt")).save_pretrained(body)
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=WINDOW,
        num_labels=1,
        initializer_range=0.5,
    )
    getattr(transformers, kind)(config).save_pretrained(body)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder with one output."""
    from sentence_transformers import CrossEncoder

    body = tmp_path_factory.mktemp("body")
    make_body(body, "BertForSequenceClassification")
    saved = tmp_path_factory.mktemp("models") / "judge"
    CrossEncoder(str(body), device="cpu").save_pretrained(str(saved))
    return saved


@pytest.fixture(scope="session")
def reranker(folder: Path) -> Reranker:
    return load_reranker(folder, device="cpu")


@pytest.fixture
def judged(tmp_path: Path, folder: Path) -> Iterator[LocalCollection]:
    """More documents than are reranked, behind a data folder with a reranker."""
    with DataFolder.open(tmp_path / "data", reranker=folder, device="cpu") as data:
        made = data.create("judged", encoder="hash:16")
        made.add([Document(f"d{n:02d}", f"word {n} {n % 7}", f"title {n % 3}") for n in range(70)])
        yield made


def test_scores_are_the_librarys(folder: Path, reranker: Reranker) -> None:
    from sentence_transformers import CrossEncoder

    texts = ["a gift", "parcels leave today", "x", "gift cards are valid five years"]
    expected = CrossEncoder(str(folder), device="cpu").predict(
        [("which gift", text) for text in texts]
    )
    found = reranker.score("which gift", texts)
    assert isinstance(reranker, Reranker)
    assert found.dtype == np.float32
    assert found.shape == (4,)
    assert len(set(found.tolist())) == 4
    assert ((found > 0) & (found < 1)).all()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    raw = reranker.score_raw("which gift", texts)
    assert raw.dtype == np.float32
    np.testing.assert_allclose(1 / (1 + np.exp(-raw.astype(np.float64))), expected, atol=1e-5)
    assert reranker.score("q", []).shape == reranker.score_raw("q", []).shape == (0,)
    assert (reranker.name, reranker.max_tokens) == ("judge", WINDOW)
    assert reranker.kind == "cross-encoder"


def test_what_is_not_read_to_its_end_is_told(reranker: Reranker) -> None:
    texts = ["a " * 27, "a " * 28, "a " * 300]
    assert reranker.truncated("ab", texts).tolist() == [False, True, True]
    assert reranker.score("ab", texts).shape == (3,)
    blank = "a" + " " * 5_000 + "b"
    assert reranker.truncated("ab", [blank]).tolist() == [True], "what is cut off is told"
    assert reranker.score("ab", [blank])[0] == pytest.approx(reranker.score("ab", ["a"])[0])


@pytest.mark.parametrize(("query", "text"), [("", "a"), ("a", " "), ("a", "\ud800")])
def test_blank_pairs_are_refused(reranker: Reranker, query: str, text: str) -> None:
    with pytest.raises(InvalidInputError):
        reranker.score(query, [text])


def test_the_best_are_reordered_and_the_rest_follow(
    judged: LocalCollection, reranker: Reranker
) -> None:
    plain = judged.search(SearchRequest(query="word 3", limit=70))
    result = judged.search(SearchRequest(query="word 3", limit=70, rerank=True))
    best, rest = plain.matches[:RERANK_DEPTH], plain.matches[RERANK_DEPTH:]
    texts = [match.document.encoded_text for match in best]
    scores = dict(
        zip((m.document.id for m in best), reranker.score("word 3", texts).tolist(), strict=True)
    )
    expected = sorted(scores, key=lambda name: -scores[name])
    found = [match.document.id for match in result.matches]
    assert found[:RERANK_DEPTH] == expected
    assert found[:RERANK_DEPTH] != [match.document.id for match in best]
    assert found[RERANK_DEPTH:] == [match.document.id for match in rest]
    assert [match.rank for match in result.matches] == list(range(1, 71))
    first_stage = {match.document.id: match.score for match in plain.matches}
    for match in result.matches:
        assert match.score == first_stage[match.document.id], "scores keep their meaning"
        assert match.channels.get("rerank") == scores.get(match.document.id)
    assert result.receipt.reranker == "judge"
    assert result.receipt.milliseconds["rerank"] > 0
    assert result.cursor is None
    assert plain.receipt.reranker is None


def test_pages_of_reranked_matches_are_the_whole(judged: LocalCollection) -> None:
    request = SearchRequest(query="word 3", limit=60, rerank=True)
    whole = [match.document.id for match in judged.search(request).matches]
    pages: list[str] = []
    for offset in (0, 20, 40):
        page = judged.search(SearchRequest(query="word 3", limit=20, offset=offset, rerank=True))
        assert [match.rank for match in page.matches] == list(range(offset + 1, offset + 21))
        pages += [match.document.id for match in page.matches]
    assert pages == whole
    behind = judged.search(SearchRequest(query="word 3", limit=5, offset=60, rerank=True))
    assert behind.receipt.reranker is None
    assert "not reranked: the page lies behind the best 50" in behind.receipt.warnings


def test_every_mode_can_be_reranked(judged: LocalCollection) -> None:
    for mode in ("lexical", "hybrid"):
        request = SearchRequest(query="word 3", mode=mode, limit=5, rerank=True)  # type: ignore[arg-type]
        result = judged.search(request)
        found = [match.channels["rerank"] for match in result.matches]
        assert found == sorted(found, reverse=True)
        assert len(found) == 5


def test_long_documents_are_warned_of(judged: LocalCollection) -> None:
    judged.add([Document("long", "word 3 " * 100)])
    result = judged.search(SearchRequest(query="word 3", rerank=True))
    assert any("judge read 1 of 50 documents only to its 32" in w for w in result.receipt.warnings)


def test_nothing_found_is_nothing_reranked(tmp_path: Path, folder: Path) -> None:
    with DataFolder.open(tmp_path / "data", reranker=folder, device="cpu") as data:
        made = data.create("empty", encoder="hash:8")
        result = made.search(SearchRequest(query="word", rerank=True))
        assert result.matches == ()


def test_without_a_reranker_the_remedy_is_named(collection: LocalCollection) -> None:
    with pytest.raises(InvalidRequestError, match=r"no reranker is configured.*cross-encoder"):
        collection.search(SearchRequest(query="gift", rerank=True))
    assert not collection.reranks
    assert collection.reranker is None


def test_other_models_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match="holds no model"):
        load_reranker(tmp_path)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    settings = other / "config_sentence_transformers.json"
    settings.write_text(settings.read_text().replace("CrossEncoder", "SentenceTransformer"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    with pytest.raises(
        EncoderRefusedError, match="holds SentenceTransformer; refused: a cross-encoder"
    ):
        load_reranker(other)


def test_several_outputs_are_refused(tmp_path: Path, folder: Path) -> None:
    other = tmp_path / "classes"
    shutil.copytree(folder, other)
    from transformers import AutoConfig, BertForSequenceClassification

    config = AutoConfig.from_pretrained(folder)
    config.num_labels = 3
    BertForSequenceClassification(config).save_pretrained(other)
    with pytest.raises(EncoderRefusedError, match="gives 3 numbers a pair; one is needed"):
        load_reranker(other, device="cpu")


def test_multi_vector_encoders_rerank_too(tmp_path: Path) -> None:
    """The mean over the query's tokens of the best cosine, from the library's vectors by hand."""
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    (tmp_path / "body").mkdir()
    make_body(tmp_path / "body", "BertModel")
    model = MultiVectorEncoder(
        modules=[Transformer(str(tmp_path / "body")), MultiVectorMask()], device="cpu"
    )
    model.save_pretrained(str(tmp_path / "late"))
    reranker = load_reranker(tmp_path / "late", device="cpu")
    texts = ["a gift", "which gift", "parcels leave today"]
    found = reranker.score("which gift", texts)
    query = _unit(model.encode_query("which gift").numpy())
    for text, score in zip(texts, found.tolist(), strict=True):
        cosines = query @ _unit(model.encode_document(text).numpy()).T
        assert score == pytest.approx((1 + cosines.max(axis=1).mean()) / 2, abs=1e-5)
    assert found[1] == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(reranker.score_raw("which gift", texts), 2 * found - 1, atol=1e-5)
    assert (reranker.name, reranker.max_tokens) == ("late", WINDOW)
    assert (reranker.kind, isinstance(reranker, Reranker)) == ("late-interaction", True)
    assert reranker.truncated("a", ["b " * 30, "b " * 31]).tolist() == [False, True]
    assert reranker.truncated("a " * 31, ["b"]).tolist() == [True]
    assert reranker.score("a", []).shape == (0,)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_pickle_and_code_are_refused(tmp_path: Path, folder: Path) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(folder, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(EncoderRefusedError, match="can run code"):
        load_reranker(pickled)
    coded = tmp_path / "coded"
    shutil.copytree(folder, coded)
    config = json.loads((coded / "config.json").read_text())
    (coded / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(EncoderRefusedError, match="auto_map"):
        load_reranker(coded)
