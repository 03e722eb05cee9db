"""Folders made to do harm: each is refused in bounded time and memory, and nothing of it runs."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import signal
import struct
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from embeddings.classifier import Classifier, Head, Layer, Rule
from embeddings.classifier_folder import write_classifier
from embeddings.errors import EmbeddingError
from embeddings.fingerprint import hash_file
from embeddings.load import load_encoder
from embeddings.reranker import load_reranker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "MEARI_TEST_CANARY"
SECONDS = 120
MEGABYTES = 1500
WEIGHTS = "model.safetensors"
PEAK = Path("/proc/self/clear_refs")
"""Of Linux: 5 begins the peak of resident memory anew."""


class Payload:
    """What a pickle that is loaded would do."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, (f'touch "${CANARY}"',))


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once any code of a folder has run."""
    path = tmp_path / "canary"
    monkeypatch.setenv(CANARY, str(path))
    return path


@contextmanager
def bounded() -> Iterator[None]:
    """A block that takes neither minutes nor gigabytes."""

    def late(*_: object) -> None:
        message = f"it took more than {SECONDS} s"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    with suppress(OSError):  # what earlier tests took would hide what this block takes
        PEAK.write_text("5")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    assert grown < MEGABYTES


def edit(folder: Path, name: str, **more: object) -> None:
    """Set keys of a JSON file of the folder; a file that is not there is made."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    found = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(found | more))


def write_header(path: Path, header: object, data: bytes = b"", *, length: int | None = None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def tensor(shape: list[int], start: int, stop: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def add_module(folder: Path, place: str, kind: str, config: dict[str, object]) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": len(modules), "name": str(len(modules)), "path": place, "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules))
    edit(folder, f"{place}/config.json", **config)


LIBRARY = "sentence_transformers.models."
EVIL = f"import os, pathlib\npathlib.Path(os.environ[{CANARY!r}]).touch()\n"
DENSE = {"in_features": 16, "out_features": 4, "bias": True}


def pickled(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / name).write_bytes(pickle.dumps(Payload()))

    return spoil


def zipped_pickle(folder: Path) -> None:
    """As torch saves: a zip archive with a pickle in it, which unpacks to much."""
    (folder / WEIGHTS).unlink()
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Payload()))
        with archive.open("archive/data/0", "w", force_zip64=True) as file:
            for _ in range(8):
                file.write(bytes(16 << 20))


def decoy(folder: Path) -> None:
    """Safetensors of another name do not stand in for a pickle that the library would read."""
    add_module(folder, "3_Dense", LIBRARY + "Dense", DENSE)
    save_file({"x": np.zeros(1, np.float32)}, folder / "3_Dense" / "decoy.safetensors")
    (folder / "3_Dense" / "pytorch_model.bin").write_bytes(pickle.dumps(Payload()))


def own_code(folder: Path) -> None:
    for name in ("__init__.py", "modeling_evil.py", "configuration_evil.py"):
        (folder / name).write_text(EVIL)
    edit(folder, "config.json", auto_map={"AutoModel": "modeling_evil.Model"})


def own_module(kind: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "evil.py").write_text(EVIL)
        modules = json.loads((folder / "modules.json").read_text())
        modules[1]["type"] = kind
        (folder / "modules.json").write_text(json.dumps(modules))

    return spoil


def trusting(folder: Path) -> None:
    """Asks the library itself to trust the code."""
    for name in ("modeling_evil.py", "tokenization_evil.py"):
        (folder / name).write_text(EVIL)
    trust = {"trust_remote_code": True}
    edit(folder, "sentence_bert_config.json", model_args=trust, tokenizer_args=trust)
    edit(folder, "config.json", model_type="evil", **trust)
    edit(folder, "tokenizer_config.json", tokenizer_class="EvilTokenizer")


def elsewhere_in(name: str, **config: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "evil.py").write_text(EVIL)
        edit(folder, name, **config)

    return spoil


def header(*made: object, data: int = 0, length: int | None = None) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        write_header(folder / WEIGHTS, made[0], bytes(data), length=length)

    return spoil


def many_names(folder: Path) -> None:
    names = {f"t{n}": tensor([0], 0, 0) for n in range(20_000)}
    write_header(folder / WEIGHTS, names)


def nested(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text('{"a":' * 200_000 + "1" + "}" * 200_000)

    return spoil


def huge(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(2 << 30)

    return spoil


def configured(**more: object) -> Callable[[Path], None]:
    return lambda folder: edit(folder, "config.json", **more)


def with_tokenizer(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "tokenizer.json"
        told = json.loads(path.read_text())
        change(told)
        path.write_text(json.dumps(told))

    return spoil


def far_ids(told: dict[str, Any]) -> None:
    told["model"]["vocab"] = {
        piece: 2**31 + place if len(piece) == 1 else place
        for place, piece in enumerate(told["model"]["vocab"])
    }


def placed(place: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        shutil.copytree(folder / "1_Pooling", folder.parent / "outside")
        modules = json.loads((folder / "modules.json").read_text())
        modules[1]["path"] = place.replace("OUTSIDE", str(folder.parent / "outside"))
        (folder / "modules.json").write_text(json.dumps(modules))

    return spoil


def linked(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        outside = folder.parent / "outside"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return spoil


def hidden(folder: Path) -> None:
    (folder / "1_Pooling").rename(folder / ".pooling")
    (folder / "1_Pooling").symlink_to(".pooling")
    os.mkfifo(folder / ".pooling" / "more.json")


def special(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return spoil


def device(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")

    return spoil


def looped(folder: Path) -> None:
    (folder / "vocab.txt").unlink(missing_ok=True)
    (folder / "vocab.txt").symlink_to("vocab.txt")


def shards(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).rename(folder.parent / "stolen.safetensors")
        edit(folder, "model.safetensors.index.json", metadata={}, weight_map={"x": name})

    return spoil


def weights(change: Callable[[np.ndarray], np.ndarray], part: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        name = next(name for name in tensors if part in name)
        tensors[name] = np.ascontiguousarray(change(tensors[name]))
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return spoil


def one_nan(values: np.ndarray) -> np.ndarray:
    values.flat[-1] = np.nan
    return values


ATTACKS: dict[str, Callable[[Path], None]] = {
    "pickle .bin": pickled("pytorch_model.bin"),
    "pickle .pt": pickled("model.pt"),
    "pickle .npz": pickled("model.npz"),
    "pickle in a zip bomb": zipped_pickle,
    "pickle behind a decoy": decoy,
    "auto_map": own_code,
    "auto_map of a tokenizer": elsewhere_in(
        "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}
    ),
    "auto_map of a processor": elsewhere_in(
        "processor_config.json", auto_map={"AutoProcessor": "evil.P"}
    ),
    "foreign module": own_module("evil.Pooling"),
    "foreign module of the standard library": own_module("os.system"),
    "library module that is none": own_module("sentence_transformers.util.import_from_string"),
    "module of ours": own_module("service.server.serve"),
    "trust asked for": trusting,
    "foreign activation": lambda folder: add_module(
        folder, "3_Dense", LIBRARY + "Dense", DENSE | {"activation_function": "os.abort"}
    ),
    "header of 8 EB": header({}, length=2**63 - 1),
    "header longer than the file": header({}, length=10_000),
    "header that is no JSON": header(b"\xff" * 100),
    "header of many levels": header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "header of many names": many_names,
    "shape beyond the file": header({"x": tensor([2**40, 2**20], 0, 8)}, data=8),
    "shape that overflows": header({"x": tensor([2**62, 4], 0, 0)}),
    "negative shape": header({"x": tensor([-1], 0, 4)}, data=4),
    "overlapping tensors": header({"x": tensor([2], 0, 8), "y": tensor([2], 4, 12)}, data=12),
    "hole between tensors": header({"x": tensor([1], 0, 4), "y": tensor([1], 8, 12)}, data=12),
    "offsets backwards": header({"x": tensor([1], 8, 4)}, data=12),
    "unknown dtype": header({"x": tensor([1], 0, 4, "PYTHON")}, data=4),
    **{
        f"deep {name}": nested(name)
        for name in (
            *("config.json", "modules.json", "tokenizer.json", "tokenizer_config.json"),
            *("config_sentence_transformers.json", "sentence_bert_config.json"),
        )
    },
    "huge config": huge("config.json"),
    "huge tokenizer": huge("tokenizer.json"),
    "vocabulary of terabytes": configured(vocab_size=10**9, hidden_size=4096),
    "vocabulary of gigabytes": configured(vocab_size=200_000_000),
    "window of gigabytes": configured(max_position_embeddings=300_000_000),
    "millions of layers": configured(num_hidden_layers=10_000_000),
    "hidden size 0": configured(hidden_size=0),
    "negative sizes": configured(vocab_size=-5),
    "sizes that are text": configured(hidden_size="os.system('x')"),
    "size of a billion digits": configured(vocab_size=10**400),
    "attention heads 0": configured(num_attention_heads=0),
    "hidden activation": configured(hidden_act="__import__('os').system('x')"),
    "layer norm NaN": configured(layer_norm_eps=float("nan")),
    "dense of terabytes": lambda folder: add_module(
        folder, "3_Dense", LIBRARY + "Dense", {"in_features": 10**6, "out_features": 10**6}
    ),
    "dense without weights": lambda folder: add_module(folder, "3_Dense", LIBRARY + "Dense", DENSE),
    "recurrent of gigabytes": lambda folder: add_module(
        folder,
        "3_LSTM",
        LIBRARY + "LSTM",
        {"word_embedding_dimension": 16, "hidden_dim": 40_000, "num_layers": 4, "dropout": 0},
    ),
    "pooling of another width": lambda folder: edit(
        folder, "1_Pooling/config.json", word_embedding_dimension=7, embedding_dimension=7
    ),
    "pooling unknown": lambda folder: edit(folder, "1_Pooling/config.json", pooling_mode="evil"),
    "window below 1": lambda folder: edit(folder, "sentence_bert_config.json", max_seq_length=-7),
    "window of text": lambda folder: edit(folder, "sentence_bert_config.json", max_seq_length="x"),
    "prompt that is no text": lambda folder: edit(
        folder, "config_sentence_transformers.json", prompts={"query": 7, "document": [1]}
    ),
    "prompts that are none": lambda folder: edit(
        folder, "config_sentence_transformers.json", prompts=[1]
    ),
    "card of a list": lambda folder: (folder / "encoder_card.json").write_text("[1]") and None,
    "languages of numbers": lambda folder: edit(folder, "encoder_card.json", languages=7),
    "modules without a path": lambda folder: (
        (folder / "modules.json").write_text(json.dumps([{"type": LIBRARY + "Transformer"}]))
        and None
    ),
    "modules empty": lambda folder: (folder / "modules.json").write_text("[]") and None,
    "token ids beyond the table": with_tokenizer(far_ids),
    "tokenizer of an unknown kind": with_tokenizer(
        lambda told: told.update(model={"type": "Evil", "vocab": {}})
    ),
    "tokenizer id beyond 32 bits": with_tokenizer(
        lambda told: told["model"]["vocab"].update(a=2**40)
    ),
    "tokenizer with a broken pattern": with_tokenizer(
        lambda told: told.update(
            pre_tokenizer={
                **{"type": "Split", "pattern": {"Regex": "(((("}},
                **{"behavior": "Isolated", "invert": False},
            }
        )
    ),
    "tokenizer without a model": with_tokenizer(lambda told: told.pop("model")),
    "path above": placed("../outside"),
    "path absolute": placed("OUTSIDE"),
    "link out of the folder": linked(WEIGHTS),
    "linked tokenizer": linked("tokenizer.json"),
    "linked folder": linked("1_Pooling"),
    "link to what is hidden": hidden,
    "link in a circle": looped,
    "pipe for weights": special(WEIGHTS),
    "pipe for a tokenizer": special("tokenizer.json"),
    "pipe beside": special("special_tokens_map.json"),
    "device for weights": device(WEIGHTS),
    "device for a config": device("tokenizer_config.json"),
    "shard above": shards("../stolen.safetensors"),
    "shard absolute": shards("/etc/passwd"),
    "shard missing": shards("model-00001-of-00001.safetensors"),
    "NaN in an embedding": weights(one_nan, "word_embeddings"),
    "infinite weights": weights(lambda values: values + np.inf, "LayerNorm.weight"),
    "weights of another width": weights(lambda values: values[:, :8], "word_embeddings"),
    "weights too few": weights(lambda values: values[:3], "word_embeddings"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_transformer(transformer_folder: Path, tmp_path: Path, canary: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    ATTACKS[name](folder)
    with bounded(), pytest.raises(EmbeddingError) as caught:
        load_encoder(folder, device="cpu")
    assert not canary.exists()
    assert str(tmp_path) in str(caught.value)


def test_what_lies_beside_a_model_is_not_run(
    transformer_folder: Path, tmp_path: Path, canary: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    for name in ("__init__.py", "modeling_bert.py", "conftest.py", "sitecustomize.py"):
        (folder / name).write_text(EVIL)
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", ".hidden.pkl"):
        (folder / name).write_bytes(pickle.dumps(Payload()))
    edit(folder, "sentence_bert_config.json", model_args={"trust_remote_code": True})
    edit(folder, "config_sentence_transformers.json", similarity_fn_name="evil.cosine")
    os.mkfifo(folder / ".pipe")
    found = load_encoder(folder, device="cpu").encode(["a b"], role="query").vectors
    wanted = load_encoder(transformer_folder, device="cpu").encode(["a b"], role="query").vectors
    np.testing.assert_array_equal(found, wanted)
    assert not canary.exists()


def test_a_pattern_that_backtracks_ends(
    transformer_folder: Path, tmp_path: Path, canary: Path
) -> None:
    """The tokenizers' engine gives a match up after so many steps, and the text stays whole."""
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    pattern = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}
    with_tokenizer(lambda told: told.update(pre_tokenizer=pattern | {"invert": False}))(folder)
    with bounded():
        encoder = load_encoder(folder, device="cpu")
        tokens = encoder.encode(["a" * 2_000 + "!"], role="document").tokens
    assert tokens.tolist() == [6]
    assert not canary.exists()


def test_links_of_the_hubs_cache_are_followed(transformer_folder: Path, tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "snapshots" / "abc", tmp_path / "blobs"
    shutil.copytree(transformer_folder, snapshot)
    blobs.mkdir()
    for path in [path for path in snapshot.rglob("*") if path.is_file()]:
        blob = blobs / path.name
        if not blob.exists():
            path.rename(blob)
            path.symlink_to(os.path.relpath(blob, path.parent))
    assert (snapshot / WEIGHTS).is_symlink()
    assert load_encoder(snapshot, device="cpu").dim == 16


def check_refused(sound: Path, folder: Path, harm: Callable[[Path], object]) -> None:
    """A copy of a sound folder is refused once its weights' folder was done harm to."""
    shutil.copytree(sound, folder)
    harm(next(path.parent for path in folder.rglob(WEIGHTS)))
    with bounded(), pytest.raises(EmbeddingError):
        load_encoder(folder, device="cpu")


TABLES: dict[str, Callable[[Path], object]] = {
    "pickle": pickled("pytorch_model.bin"),
    "NaN": weights(one_nan, ""),
    "fewer rows than tokens": weights(lambda values: values[:5], ""),
    "no width": weights(lambda values: values[:, :0], ""),
    "three dimensions": weights(lambda values: values[None], ""),
    "pipe": special(WEIGHTS),
    "header of 8 EB": header({}, length=2**63 - 1),
    "ids beyond the table": with_tokenizer(far_ids),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table(static_folder: Path, tmp_path: Path, canary: Path, name: str) -> None:
    check_refused(static_folder, tmp_path / "model", TABLES[name])
    assert not canary.exists()


IMAGES: dict[str, Callable[[Path], object]] = {
    "pickle": pickled("pytorch_model.bin"),
    "NaN": weights(one_nan, ".weight"),
    "pipe": special(WEIGHTS),
    "header of 8 EB": header({}, length=2**63 - 1),
    "gigabytes": configured(width=4000.0),
    "a network of its own": configured(backbone="evil.Network"),
    "pixels without end": configured(size=200_000),
    "deep": nested("config.json"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_encoder(image_encoder: Path, tmp_path: Path, canary: Path, name: str) -> None:
    check_refused(image_encoder, tmp_path / "model", IMAGES[name])
    assert not canary.exists()


WORDS: dict[str, Callable[[Path], object]] = {
    "header of 8 EB": lambda folder: write_header(
        folder / "vectors.safetensors", {}, length=2**63 - 1
    ),
    "header of many levels": lambda folder: write_header(
        folder / "vectors.safetensors", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    ),
    "shape that overflows": lambda folder: write_header(
        folder / "vectors.safetensors", {"unit": tensor([2**70, 0], 0, 0)}
    ),
    "pipe for vectors": special("vectors.safetensors"),
    "pipe for a vocabulary": special("vocabulary.tsv"),
    "device": device("vocabulary.tsv"),
    "link out of the folder": linked("vectors.safetensors"),
    "deep": nested("words.json"),
    "NaN vectors": lambda folder: spoil_tensor(folder / "vectors.safetensors", "unit"),
    "NaN lengths": lambda folder: spoil_tensor(folder / "vectors.safetensors", "norms"),
    "NaN directions": lambda folder: spoil_tensor(folder / "pooling.safetensors", "common"),
    "width of a billion digits": lambda folder: edit(folder, "words.json", dim=10**400),
    "negative n-grams": lambda folder: edit(
        folder, "words.json", subwords={"shortest": 3, "longest": -2, "buckets": 2**62}
    ),
    "smoothing NaN": lambda folder: edit(folder, "words.json", smoothing=float("nan")),
    "an analyzer of its own": lambda folder: edit(folder, "words.json", analyzer="os.system"),
}


def spoil_tensor(path: Path, name: str) -> None:
    tensors = load_file(path)
    tensors[name] = one_nan(tensors[name])
    save_file(tensors, path)


@pytest.mark.parametrize("name", WORDS)
def test_word_vectors(words_folder: Path, tmp_path: Path, canary: Path, name: str) -> None:
    folder = tmp_path / "words"
    shutil.copytree(words_folder, folder)
    WORDS[name](folder)
    with bounded(), pytest.raises(EmbeddingError):
        load_encoder(folder).encode(["hello", "z"], role="query")
    assert not canary.exists()


def write(folder: Path) -> Path:
    """A classifier beside an encoder that is built in."""
    folder.mkdir()
    head = Head((Layer(np.ones((2, 8), np.float32), np.zeros(2, np.float32)),))
    write_classifier(
        folder,
        labels=("yes", "no"),
        rule=Rule("single"),
        role="query",
        head=head,
        encoder=load_encoder("hash:8").card,
    )
    return folder


HEADS: dict[str, Callable[[Path], object]] = {
    "header of 8 EB": lambda folder: write_header(
        folder / "head.safetensors", {}, length=2**63 - 1
    ),
    "pickle": lambda folder: (folder / "head.safetensors").write_bytes(pickle.dumps(Payload())),
    "pipe": special("head.safetensors"),
    "pipe for facts": special("classifier.json"),
    "device": device("head.safetensors"),
    "link out of the folder": linked("head.safetensors"),
    "deep": nested("classifier.json"),
    "huge": huge("classifier.json"),
    "NaN": lambda folder: spoil_tensor(folder / "head.safetensors", "0.weight"),
    "an encoder elsewhere": lambda folder: edit(
        folder,
        "classifier.json",
        encoder={"built_in": "../../evil", "dim": 8, "fingerprint": "x"},
    ),
    "an encoder with code": lambda folder: (
        shutil.copytree(folder, folder / "encoder"),
        (folder / "encoder" / "evil.py").write_text(EVIL),
        edit(folder, "encoder/config.json", auto_map={"AutoModel": "evil.M"}),
        edit(folder, "classifier.json", encoder={"built_in": None, "dim": 8, "fingerprint": "x"}),
    ),
    "no word of what the encoder is": lambda folder: edit(
        folder, "classifier.json", encoder={"dim": 8, "fingerprint": "x"}
    ),
    "temperature of infinity": lambda folder: edit(
        folder, "classifier.json", temperature=float("inf")
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_classifier(tmp_path: Path, canary: Path, name: str) -> None:
    folder = write(tmp_path / "classifier")
    HEADS[name](folder)
    with bounded(), pytest.raises(EmbeddingError):
        Classifier.open(folder, name="c").classify(["a"])
    assert not canary.exists()


@pytest.mark.parametrize(
    "name", ["auto_map", "pickle .bin", "pipe for weights", "deep config.json"]
)
def test_a_reranker(transformer_folder: Path, tmp_path: Path, canary: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(transformer_folder, folder)
    edit(folder, "config_sentence_transformers.json", model_type="MultiVectorEncoder")
    ATTACKS[name](folder)
    with bounded(), pytest.raises(EmbeddingError):
        load_reranker(folder, device="cpu")
    assert not canary.exists()


def test_a_pickle_in_the_cache_of_compiled_encoders(
    transformer_folder: Path, tmp_path: Path, canary: Path
) -> None:
    cache = tmp_path / "cache"
    first = load_encoder(transformer_folder, device="cpu", runtime="float32", cache=cache)
    place = next((cache / "encoders").iterdir())
    np.save(place / "probes.npy", np.array([Payload()], dtype=object), allow_pickle=True)
    facts = json.loads((place / "manifest.json").read_text())
    facts["sums"]["probes.npy"] = hash_file(place / "probes.npy")
    (place / "manifest.json").write_text(json.dumps(facts))
    again = load_encoder(transformer_folder, device="cpu", runtime="float32", cache=cache)
    np.testing.assert_array_equal(
        *(each.encode(["a b"], role="query").vectors for each in (first, again))
    )
    assert np.load(place / "probes.npy", allow_pickle=False).dtype == np.float32
    assert not canary.exists()
