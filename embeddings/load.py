"""Names to encoders: one lazy table, so that a name costs only the library it needs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from embeddings.bundled import BUNDLED, find_bundled
from embeddings.errors import EncoderNotFoundError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.sentence import SentenceEncoder
    from embeddings.types import Encoder

Runtime = Literal["auto", "torch", "int8", "bfloat16", "float32"]
"""What computes: torch, or OpenVINO in the precision named; `auto` takes the fastest."""
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

DEFAULT_ENCODER = "meari-ko-en"
_WORDS = "words.json"
"""In a folder of word vectors, which `embeddings.words` opens."""


@dataclass(frozen=True, slots=True)
class Computing:
    """Where and by what vectors are computed.

    Attributes:
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None takes a GPU where there is one.
        runtime: on a CPU, `auto` takes OpenVINO in the fastest precision that agrees with the
            library, and torch where none does; on a GPU it is torch.
        cache: the folder where compiled encoders are kept; None is this system's.
        threads: of a CPU; None is all that the process may use.
    """

    device: str | None = None
    runtime: Runtime = "auto"
    cache: Path | None = None
    threads: int | None = None


_chosen = Computing()


def choose_computing(computing: Computing) -> None:
    """What `load_encoder` takes in this process where a call says nothing.

    What is None in it stays as it was.
    """
    global _chosen  # noqa: PLW0603 - one choice for a process, as torch's number of threads is
    _chosen = Computing(
        computing.device or _chosen.device,
        computing.runtime,
        computing.cache or _chosen.cache,
        computing.threads or _chosen.threads,
    )


def load_encoder(
    name: str | os.PathLike[str],
    *,
    device: str | None = None,
    runtime: Runtime | None = None,
    cache: Path | None = None,
    threads: int | None = None,
) -> Encoder:
    """The encoder of that name.

    Args:
        name: a built-in name (`meari-ko-en`, `minilm`, `hash`, `hash:64`, `hash:64:128` for 128
            tokens), a folder in the sentence-transformers layout, a folder of word vectors, or a
            hub name (`organisation/model`).
        device: see `Computing`, as for what follows; None takes what `choose_computing` was told.
        runtime: who trains an encoder further takes `torch`.
        cache: where compiled encoders are kept.
        threads: of a CPU.

    Raises:
        EncoderNotFoundError: no such name here, weights that are not installed, or a hub name
            without network.
        EncoderRefusedError: a folder that asks for code or pickle, or bundled weights that are not
            those that shipped.
        DeviceError: the device is unknown or not here.
        NotCompiledError: the runtime asked for cannot compute this encoder.
        InvalidInputError: no such runtime.
    """
    computing = Computing(
        device or _chosen.device,
        runtime or _chosen.runtime,
        cache or _chosen.cache,
        threads or _chosen.threads,
    )
    if computing.runtime not in RUNTIMES:
        message = f"runtime {computing.runtime!r} is unknown; there is {', '.join(RUNTIMES)}"
        raise InvalidInputError(message)
    text = os.fspath(name)
    head = text.partition(":")[0]
    if head in BUILT_IN:
        return BUILT_IN[head](text, computing)
    return _from_folder_or_hub(text, computing)


def _hash(name: str, computing: Computing) -> Encoder:
    from embeddings.hashing import HashEncoder

    del computing
    try:
        numbers = [int(part) for part in name.split(":")[1:]]
    except ValueError:
        numbers = [0, 0, 0]
    if len(numbers) > 2 or any(number < 1 for number in numbers):
        message = f"encoder {name!r} is not of the form hash:DIM or hash:DIM:MAX_TOKENS"
        raise EncoderNotFoundError(message)
    dim, max_tokens = [*numbers, *[64, 256][len(numbers) :]]
    return HashEncoder(dim, max_tokens=max_tokens)


def _bundled(name: str, computing: Computing) -> Encoder:
    _check_bare(name)
    return _open(find_bundled(name), computing, name)


def _minilm(name: str, computing: Computing) -> Encoder:
    from embeddings.minilm import bundled_folder

    _check_bare(name)
    return _open(bundled_folder(), computing, name, ("en",))


def _open(
    folder: Path, computing: Computing, name: str, languages: tuple[str, ...] = ()
) -> Encoder:
    """The sentence-transformers folder's encoder, by whatever computes it."""
    from embeddings.device import limit_threads
    from embeddings.folder import check_folder
    from embeddings.images.folder import reads_pictures

    check_folder(folder)
    if reads_pictures(folder):
        return _open_images(folder, computing, name, languages)

    def load() -> SentenceEncoder:
        from embeddings.sentence import SentenceEncoder

        encoder = SentenceEncoder.from_folder(
            folder, name=name, device=computing.device, languages=languages
        )
        if computing.threads:
            limit_threads(computing.threads)
        return encoder

    if computing.runtime == "torch" or not is_compilable(computing):
        return load()
    from embeddings.compiled.opening import open_compiled

    return open_compiled(
        folder,
        load,
        name=name,
        languages=languages,
        choice=None if computing.runtime == "auto" else computing.runtime,
        cache=computing.cache,
        threads=computing.threads,
    )


def _open_images(
    folder: Path, computing: Computing, name: str, languages: tuple[str, ...]
) -> Encoder:
    """The encoder of images in a folder; torch computes it."""
    from embeddings.device import limit_threads
    from embeddings.images.encoder import ImageEncoder

    if computing.runtime not in {"auto", "torch"}:
        from embeddings.compiled.errors import NotCompiledError

        message = (
            f"encoder {name!r} reads images, which torch alone computes; "
            f"runtime {computing.runtime!r} is not possible: use auto or torch"
        )
        raise NotCompiledError(message)
    encoder = ImageEncoder.from_folder(
        folder, name=name, device=computing.device, languages=languages
    )
    if computing.threads:
        limit_threads(computing.threads)
    return encoder


def is_compilable(computing: Computing) -> bool:
    """True if OpenVINO is to compute on this device.

    Raises:
        NotCompiledError: a precision is asked for that torch does not serve here.
    """
    from embeddings.compiled.errors import NotCompiledError
    from embeddings.compiled.library import is_installed
    from embeddings.device import is_cpu

    on_cpu, there = is_cpu(computing.device), is_installed()
    if computing.runtime != "auto" and not (on_cpu and there):
        message = (
            f"runtime {computing.runtime!r} needs OpenVINO and a CPU; "
            f"{'device is ' + str(computing.device) if there else 'openvino is not installed'}: "
            "use runtime auto or torch"
        )
        raise NotCompiledError(message)
    return on_cpu and there


def _check_bare(name: str) -> None:
    bare, colon, _ = name.partition(":")
    if colon:
        message = f"encoder {name!r} is unknown; `{bare}` takes no arguments"
        raise EncoderNotFoundError(message)


def _from_folder_or_hub(name: str, computing: Computing) -> Encoder:
    folder = Path(name).expanduser()
    if folder.is_dir():
        # The whole path: a collection made here is opened from other working folders too.
        if (folder / _WORDS).is_file():
            from embeddings.words.encoder import WordEncoder

            return WordEncoder.from_folder(folder, name=str(folder.resolve()))
        return _open(folder, computing, str(folder.resolve()))
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        message = (
            f"encoder {name!r} is neither a folder nor one of {', '.join(BUILT_IN)}; "
            "hub names have the form organisation/model"
        )
        raise EncoderNotFoundError(message)
    from embeddings.sentence import download_folder

    return _open(download_folder(name), computing, name)


BUILT_IN: dict[str, Callable[[str, Computing], Encoder]] = {
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
