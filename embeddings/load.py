"""Names to encoders: one lazy table, so that a name costs only the library it needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.bundled import BUNDLED, find_bundled
from embeddings.errors import EncoderNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.types import Encoder

DEFAULT_ENCODER = "meari-ko-en"
_WORDS = "words.json"
"""In a folder of word vectors, which `embeddings.words` opens."""


def load_encoder(name: str | os.PathLike[str], *, device: str | None = None) -> Encoder:
    """The encoder of that name.

    Args:
        name: a built-in name (`meari-ko-en`, `minilm`, `hash`, `hash:64`, `hash:64:128` for 128
            tokens), a folder in the sentence-transformers layout, a folder of word vectors, or a
            hub name (`organisation/model`).
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None takes a GPU where there is one.

    Raises:
        EncoderNotFoundError: no such name here, weights that are not installed, or a hub name
            without network.
        EncoderRefusedError: a folder that asks for code or pickle, or bundled weights that are not
            those that shipped.
    """
    text = os.fspath(name)
    head = text.partition(":")[0]
    if head in BUILT_IN:
        return BUILT_IN[head](text, device)
    return _from_folder_or_hub(text, device)


def _hash(name: str, device: str | None) -> Encoder:
    from embeddings.hashing import HashEncoder

    del device
    try:
        numbers = [int(part) for part in name.split(":")[1:]]
    except ValueError:
        numbers = [0, 0, 0]
    if len(numbers) > 2 or any(number < 1 for number in numbers):
        message = f"encoder {name!r} is not of the form hash:DIM or hash:DIM:MAX_TOKENS"
        raise EncoderNotFoundError(message)
    dim, max_tokens = [*numbers, *[64, 256][len(numbers) :]]
    return HashEncoder(dim, max_tokens=max_tokens)


def _bundled(name: str, device: str | None) -> Encoder:
    from embeddings.sentence import SentenceEncoder

    _check_bare(name)
    return SentenceEncoder.from_folder(find_bundled(name), name=name, device=device)


def _minilm(name: str, device: str | None) -> Encoder:
    from embeddings.minilm import bundled_folder
    from embeddings.sentence import SentenceEncoder

    _check_bare(name)
    return SentenceEncoder.from_folder(
        bundled_folder(), name=name, device=device, languages=("en",)
    )


def _check_bare(name: str) -> None:
    bare, colon, _ = name.partition(":")
    if colon:
        message = f"encoder {name!r} is unknown; `{bare}` takes no arguments"
        raise EncoderNotFoundError(message)


def _from_folder_or_hub(name: str, device: str | None) -> Encoder:
    from embeddings.sentence import SentenceEncoder

    folder = Path(name).expanduser()
    if folder.is_dir():
        # The whole path: a collection made here is opened from other working folders too.
        if (folder / _WORDS).is_file():
            from embeddings.words.encoder import WordEncoder

            return WordEncoder.from_folder(folder, name=str(folder.resolve()))
        return SentenceEncoder.from_folder(folder, name=str(folder.resolve()), device=device)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        message = (
            f"encoder {name!r} is neither a folder nor one of {', '.join(BUILT_IN)}; "
            "hub names have the form organisation/model"
        )
        raise EncoderNotFoundError(message)
    return SentenceEncoder.from_hub(name, device=device)


BUILT_IN: dict[str, Callable[[str, str | None], Encoder]] = {
    **dict.fromkeys(BUNDLED, _bundled),
    "minilm": _minilm,
    "hash": _hash,
}
"""Built-in names, in the order they are listed; adding one is one line here."""

DESCRIPTIONS = {
    **BUNDLED,
    "minilm": "all-MiniLM-L6-v2, English, 384 dimensions, 256 tokens; the extra meari[minilm]",
    "hash": "no weights; shared words only, for tests (hash:DIM[:MAX_TOKENS])",
}
"""One line for people, by built-in name."""
