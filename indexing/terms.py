"""The terms of documents as an analyzer found them, and the bytes they are kept in.

Joined by blanks and compressed by zstd, each document for itself, they take 277 bytes for a
passage of miracl_ko (404 joined alone, 260 by zlib) and 522 for an answer of medquad (1,124; 514),
at 6 and 7 µs of packing (zlib: 17 and 20).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LEVEL = 1
_MOST_BYTES = 1 << 28
"""What claims more is damaged: a text has 1 MB at most."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one document, in the order of its title and of its text.

    They stand apart because a title counts more often (`TITLE_REPEATS`), which may change without
    any text being analysed again. Terms hold no white space.
    """

    title: Sequence[str]
    text: Sequence[str]


@dataclass(frozen=True, slots=True)
class Analysis:
    """The terms of several documents and the analyzer that found them.

    Attributes:
        fingerprint: of the analyzer.
        terms: of each document, in their order.
    """

    fingerprint: str
    terms: Sequence[Terms]


NOTHING = Analysis("", ())
"""Of no documents, or of such as are analysed later."""


def pack(many: Iterable[Terms]) -> Iterator[bytes]:
    """The bytes of each, with a checksum."""
    from zstandard import ZstdCompressor

    compressor = ZstdCompressor(_LEVEL, write_checksum=True)
    for terms in many:
        joined = f"{' '.join(terms.title)}\n{' '.join(terms.text)}"
        yield compressor.compress(joined.encode())


def unpack(many: Iterable[bytes]) -> Iterator[Terms | None]:
    """The terms of each; None for bytes that are not what was packed."""
    from zstandard import ZstdDecompressor, ZstdError, frame_content_size

    decompressor = ZstdDecompressor()
    for packed in many:
        try:
            if not 0 < frame_content_size(packed) <= _MOST_BYTES:
                yield None
                continue
            joined = decompressor.decompress(packed).decode()
        except (ZstdError, UnicodeDecodeError):
            yield None
            continue
        title, _, text = joined.partition("\n")
        yield Terms(title.split(), text.split())
