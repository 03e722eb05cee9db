"""What a model folder may hold: weights as safetensors, JSON, vocabularies; never code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.contents import check_contents, read_json
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError

if TYPE_CHECKING:
    from pathlib import Path

MODULES = frozenset(
    {
        *("Transformer", "Pooling", "Normalize", "Dense", "BoW", "CNN", "LSTM", "Dropout"),
        *("LayerNorm", "StaticEmbedding", "WeightedLayerPooling", "WordEmbeddings", "WordWeights"),
    }
)
"""Modules of sentence-transformers that a folder may be made of."""
IMAGE_NETWORK = "embeddings.images.network.ImageNetwork"
"""The one module that is not the library's: ours, by this name alone."""

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npz", ".h5", ".msgpack"}
_LIBRARY = "sentence_transformers."


def check_folder(folder: Path, *, modules: frozenset[str] = MODULES) -> None:
    """Refuse a model folder that could run code or is not a model.

    Args:
        folder: in the sentence-transformers layout, or a Hugging Face model alone.
        modules: of sentence-transformers that it may be made of.

    Raises:
        EncoderNotFoundError: no model there.
        EncoderRefusedError: a module outside `modules`, code (`auto_map`, an activation from
            elsewhere), weights as pickle, a path that leaves the folder, or what `check_contents`
            refuses.
    """
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        message = f"{folder} holds no model: neither modules.json nor config.json is there"
        raise EncoderNotFoundError(message)
    check_contents(folder)
    parts = [folder, *_module_folders(folder, modules)]
    for part in parts:
        for name in ("config.json", "tokenizer_config.json"):
            if (part / name).is_file():
                _check_config(part / name, read_json(part / name))
        _check_weights(part)


def _module_folders(folder: Path, possible: frozenset[str]) -> list[Path]:
    """Folders of the modules, each inside `folder` and of a known kind."""
    path = folder / "modules.json"
    if not path.is_file():
        return []
    modules = read_json(path)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        message = f"{path} is not a list of modules; refused"
        raise EncoderRefusedError(message)
    root, folders = folder.resolve(), []
    for module in modules:
        kind, place = str(module.get("type", "")), str(module.get("path", ""))
        is_ours = kind == IMAGE_NETWORK and possible >= MODULES
        is_theirs = kind.startswith(_LIBRARY) and kind.rpartition(".")[2] in possible
        if not (is_ours or is_theirs):
            message = (
                f"{path} asks for module {kind!r}, which is code from elsewhere; refused "
                f"(possible: {', '.join(sorted(possible))} of sentence-transformers)"
            )
            raise EncoderRefusedError(message)
        _check_place(path, root, place)
        folders.append(folder / place)
    return folders


def _check_place(path: Path, root: Path, place: str) -> None:
    if not (root / place).resolve().is_relative_to(root):
        message = f"{path} points to {place!r} outside the model folder; refused"
        raise EncoderRefusedError(message)


def _check_config(path: Path, config: object) -> None:
    if not isinstance(config, dict):
        message = f"{path} is not a JSON object; refused"
        raise EncoderRefusedError(message)
    for key, library in (("activation_function", "torch.nn."), ("tokenizer_class", None)):
        value = config.get(key)
        if not isinstance(value, str) or "." not in value:
            continue
        if not value.startswith(library or _LIBRARY):
            message = f"{path} asks for {key} {value!r}, which is code from elsewhere; refused"
            raise EncoderRefusedError(message)


def _check_weights(folder: Path) -> None:
    """Weights as pickle are refused where no safetensors stand in for them."""
    names = ("model.safetensors", "model.safetensors.index.json")
    if not folder.is_dir() or any((folder / name).is_file() for name in names):
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in _PICKLES:
            message = (
                f"{path} holds weights as {path.suffix}, which can run code when loaded; refused: "
                "convert the model to safetensors"
            )
            raise EncoderRefusedError(message)
