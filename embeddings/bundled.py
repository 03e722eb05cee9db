"""The encoders that ship with the project, and the check that they arrived whole."""

from __future__ import annotations

from pathlib import Path

from embeddings.checksums import check_sums
from embeddings.errors import EncoderNotFoundError

WEIGHTS = Path(__file__).parent / "weights"
"""One model folder for each name, with its `SHA256SUMS`."""

BUNDLED = {
    "meari-ko-en": "Korean and English, 384 dimensions, 512 tokens; bundled, needs no network",
    "meari-static": "Korean and English, 160 dimensions, a table: fastest; bundled",
}
"""One line for people, by name, the default first; adding one is a line here and its folder."""


def find_bundled(name: str) -> Path:
    """The model folder of a name of `BUNDLED`, every file of it checked.

    Raises:
        EncoderNotFoundError: the folder is not there.
        EncoderRefusedError: a file is damaged or missing, or there is one too many.
    """
    folder = WEIGHTS / name
    if not folder.is_dir():
        message = (
            f"encoder {name!r} ships with meari, and its folder {folder} is not there; reinstall "
            "meari, or in a checkout train it with `make default-encoder` and copy it from "
            f"models/{name}"
        )
        raise EncoderNotFoundError(message)
    check_sums(folder, remedy="reinstall meari")
    return folder
