"""Folders of image encoders: which they are, and how they are opened; no code of them is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.contents import read_json
from embeddings.errors import EncoderRefusedError
from embeddings.folder import IMAGE_NETWORK
from embeddings.progress import without_bars

if TYPE_CHECKING:
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def reads_pictures(folder: Path) -> bool:
    """True if the encoder in a checked folder takes images: its processor or its module says so.

    A processor of sounds or videos alone does not count.
    """
    if _first_kind(folder) == IMAGE_NETWORK:
        return True
    return any(_is_of_images(folder / name) for name in _PROCESSORS)


def load_model(folder: Path, device: str | None) -> SentenceTransformer:
    """The model in a checked folder, ready to compute.

    Raises:
        OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError, SafetensorError: it
            cannot be loaded.
    """
    with without_bars():
        if _first_kind(folder) == IMAGE_NETWORK:
            model = _assemble(folder, device)
        else:
            model = _load_by_library(folder, device)
    if model.device.type == "cpu":
        model.float()
    return model.eval()


def _assemble(folder: Path, device: str | None) -> SentenceTransformer:
    """The folder's modules, put together here: the library would have to trust ours."""
    import sentence_transformers.sentence_transformer.modules as library
    from sentence_transformers import SentenceTransformer

    from embeddings.images.network import ImageNetwork

    made = []
    for entry in read_json(folder / "modules.json"):
        kind = str(entry["type"])
        name = kind.rpartition(".")[2]
        module: Any = ImageNetwork if kind == IMAGE_NETWORK else getattr(library, name)
        made.append(
            module.load(
                str(folder),
                subfolder=str(entry["path"]),
                local_files_only=True,
                trust_remote_code=False,
            )
        )
    return SentenceTransformer(modules=made, device=device)


def _load_by_library(folder: Path, device: str | None) -> SentenceTransformer:
    """A model of transformers; without modules.json its features are averaged."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True},
    )


def _first_kind(folder: Path) -> str:
    path = folder / "modules.json"
    if not path.is_file():
        return ""
    modules = read_json(path)
    return str(modules[0].get("type", "")) if modules else ""


def _is_of_images(path: Path) -> bool:
    if not path.is_file():
        return False
    config = read_json(path)
    if not isinstance(config, dict):
        raise EncoderRefusedError(f"{path} is not a JSON object; refused")
    inner = config.get("image_processor")
    named = inner if isinstance(inner, dict) else config
    return any(key in named for key in ("image_processor_type", "image_mean", "crop_size")) or (
        "size" in named and "do_resize" in named
    )
