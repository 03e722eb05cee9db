"""The fingerprint of a model folder: what decides its vectors, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WEIGHTS = {".safetensors"}
_TOKENIZER = {
    "tokenizer.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
}
_TOKENIZER_CONFIGS = {"tokenizer_config.json", "special_tokens_map.json"}
_CONFIGS = {"config.json", "sentence_bert_config.json"}
_PROCESSORS = {"preprocessor_config.json", "processor_config.json"}
"""How pictures are made ready."""
_VOLATILE = {"transformers_version", "torch_dtype", "dtype", "architectures", "use_cache"}
"""Keys that say who saved a model, not what it computes."""


def hash_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint_folder(folder: Path, *, prompts: Mapping[str, str], max_tokens: int) -> str:
    """sha256 (hex) over weights, tokenizer, module configurations, prompts and window.

    Saving a model again with another library version leaves it unchanged; renaming the folder
    too.
    """
    digest = hashlib.sha256()
    parts: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if path.suffix in _WEIGHTS or path.name in _TOKENIZER:
            parts.append((name, hash_file(path)))
        elif path.name in _CONFIGS | _TOKENIZER_CONFIGS | _PROCESSORS:
            parts.append((name, _canonical(json.loads(path.read_bytes()))))
        elif path.name == "modules.json":
            modules = json.loads(path.read_bytes())
            kinds = [[m["path"], m["type"].rpartition(".")[2]] for m in modules]
            parts.append((name, _canonical(kinds)))
    parts.append(("prompts", _canonical(dict(prompts))))
    parts.append(("max_tokens", str(max_tokens)))
    for name, value in parts:
        digest.update(f"{name}\0{value}\0".encode())
    return digest.hexdigest()


def _canonical(data: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(data, dict):
        data = {
            key: value
            for key, value in data.items()
            if key not in _VOLATILE and not key.startswith("_")
        }
    return json.dumps(data, sort_keys=True, ensure_ascii=False)
