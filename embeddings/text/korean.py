"""Korean morphemes by Kiwi: one instance a process, loaded when first needed."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

from embeddings.errors import AnalyzerError
from embeddings.processors import usable_processors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

logger = logging.getLogger(__name__)

MAX_PIECE = 2_000
"""Characters analysed at once: Kiwi's time per character grows with the length of its text."""
_MAX_WORKERS = 8
_BLOCK = 1_024
_MIN_BATCH = 4


class Morpheme(NamedTuple):
    """A morpheme in dictionary form, its tag (Sejong) and the characters `text[start:end]`."""

    form: str
    tag: str
    start: int
    end: int


class _Process:
    """What this process holds of Kiwi."""

    lock = threading.Lock()
    kiwi: Any = None
    failure: str | None = None
    threads: int | None = None


def versions() -> tuple[str, str] | None:
    """Versions of Kiwi and of its model; None if one is missing or has failed to load here."""
    if _Process.failure is not None:
        return None
    try:
        return metadata.version("kiwipiepy"), metadata.version("kiwipiepy_model")
    except metadata.PackageNotFoundError:
        return None


REMEDY = "`pip install kiwipiepy kiwipiepy_model` brings it back"


def absence() -> str:
    """Why `versions` is None, and the remedy."""
    if _Process.failure is not None:
        return f"Kiwi could not be loaded ({_Process.failure}); {REMEDY}"
    return f"Kiwi is not installed; {REMEDY}"


def limit_threads(count: int) -> None:
    """Let Kiwi have so many threads of its own in this process; heeded until it is loaded."""
    _Process.threads = count


def morphemes(texts: Sequence[str]) -> list[list[Morpheme]]:
    """The best analysis of each text, morphemes in order; any number of threads may ask.

    Loading takes 2 s and 500 MB, once a process. One text is analysed on the caller's thread,
    many on Kiwi's own (one a core, at most 8).

    Raises:
        AnalyzerError: Kiwi cannot be loaded.
    """
    kiwi = _kiwi()
    pieces = [(number, *piece) for number, text in enumerate(texts) for piece in _pieces(text)]
    answer: list[list[Morpheme]] = [[] for _ in texts]
    for first in range(0, len(pieces), _BLOCK):
        block = pieces[first : first + _BLOCK]
        analysed = _tokenise(kiwi, [text for _, _, text in block])
        for (number, offset, _), tokens in zip(block, analysed, strict=True):
            answer[number] += [
                Morpheme(token.form, token.tag, offset + token.start, offset + token.end)
                for token in tokens
            ]
    return answer


def _tokenise(kiwi: Any, pieces: list[str]) -> Iterable[Any]:  # noqa: ANN401
    if len(pieces) < _MIN_BATCH:
        return [kiwi.tokenize(piece) for piece in pieces]
    return kiwi.tokenize(pieces)  # type: ignore[no-any-return]


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of pieces that end at blanks where there are any."""
    start = 0
    while len(text) - start > MAX_PIECE:
        end = max(text.rfind(blank, start + MAX_PIECE // 2, start + MAX_PIECE) for blank in "\n ")
        end = start + MAX_PIECE if end < 0 else end + 1
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def _kiwi() -> Any:  # noqa: ANN401
    if _Process.kiwi is not None:
        return _Process.kiwi
    with _Process.lock:
        if _Process.kiwi is None:
            _Process.kiwi = _load()
        return _Process.kiwi


def _load() -> Any:  # noqa: ANN401
    try:
        from kiwipiepy import Kiwi

        workers = _Process.threads or min(usable_processors(), _MAX_WORKERS)
        # The dictionary of common typing errors changed no analysis of 300 encyclopedia passages.
        # That of names of several words takes 180 MB, and is worth .002 of nDCG@10 on miracl_ko.
        kiwi = Kiwi(num_workers=workers, load_typo_dict=False, load_multi_dict=False)
        kiwi.tokenize("메아리")
    except Exception as error:
        _Process.failure = f"{type(error).__name__}: {error}"
        logger.warning("Kiwi cannot be loaded: %s", _Process.failure)
        message = f"Kiwi cannot be loaded ({_Process.failure}); {REMEDY}"
        raise AnalyzerError(message) from error
    os.register_at_fork(after_in_child=_forget)
    return kiwi


def _forget() -> None:
    """In a forked child, where Kiwi's threads do not exist and its destructor waits for them."""
    if _Process.kiwi is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_Process.kiwi))
    _Process.kiwi = None
    _Process.lock = threading.Lock()
