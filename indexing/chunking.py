"""Long texts to chunks that an encoder reads whole, cut at the best boundary that fits."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from indexing.errors import InvalidDocumentError, InvalidRequestError
from indexing.types import Document, Parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from embeddings.types import Encoder

MOST_AUTO_TOKENS = 8_192
"""Chunk size where the encoder's window is larger, or has no end."""
LEAST_TOKENS = 16
_WORDS_KEPT = 500_000
_LONGEST_WORD = 64
_PIECE = re.compile(r"\w+|[^\w\s]+")
_MOST_UNBROKEN = 2_048
_UNBROKEN = re.compile(rf"\S{{{_MOST_UNBROKEN + 1},}}")
_END = re.compile(r"[.!?\u3002\uff01\uff1f\u2026]+")
_COUNTED_AT_ONCE = 512


class Chunker:
    """Cuts texts so that `title text` of every chunk fits into the encoder's window.

    Boundaries are, best first: several newlines, one, the end of a sentence, of a word, of a
    character (Unicode annex 29), as semantic-text-splitter finds them. Tokens are counted with
    the encoder: word by word while looking for the cut, each different word once, then every
    chunk exactly; where the sum of the words was too small the text is cut again, shorter.

    Args:
        encoder: its `count_tokens` in the role `document` is what counts.
        tokens: size of a chunk, prompt, special tokens and title included; None is the
            encoder's window, at most `MOST_AUTO_TOKENS`.
        overlap: tokens at the end of a chunk that the next one may repeat, in whole sentences or
            words; None is an eighth of the chunk. Never more than half of what the title leaves.

    Raises:
        InvalidRequestError: `tokens` below `LEAST_TOKENS` or above the encoder's window, or
            `overlap` below 0 or above half the chunk.
    """

    def __init__(
        self, encoder: Encoder, *, tokens: int | None = None, overlap: int | None = None
    ) -> None:
        window = encoder.max_tokens
        if tokens is not None and not LEAST_TOKENS <= tokens <= window:
            message = (
                f"chunks of {tokens} tokens are not possible with encoder "
                f"{encoder.card.name!r}; {LEAST_TOKENS} to {window} are"
            )
            raise InvalidRequestError(message, "chunk")
        self.tokens = tokens or min(window, MOST_AUTO_TOKENS)
        self.overlap = self.tokens // 8 if overlap is None else overlap
        if not 0 <= self.overlap <= self.tokens // 2:
            message = (
                f"an overlap of {overlap} tokens is not possible; 0 to {self.tokens // 2} (half "
                f"the chunk of {self.tokens}) are"
            )
            raise InvalidRequestError(message, "overlap")
        self._encoder = encoder
        self._words: dict[str, int] = {}
        # Prompt and special tokens: what one text costs beyond its words.
        one, two = self._count(["a", "a a"])
        self._fixed = 2 * one - two

    def split(self, document: Document) -> list[Document]:
        """The chunks in order, or the document itself if it fits.

        Chunk n has the id `id#n`, the document's title and metadata, and as `parent` its place:
        `text[start:end]` of the whole text is the chunk's text. Blanks between chunks belong to
        none.

        Raises:
            InvalidDocumentError: the title alone fills three quarters of a chunk.
        """
        self._learn_words(document.text)
        room = self._room_beside(document)
        if self._fits(document, room):
            return [document]
        while room > 0:
            chunks = self._cut(document, room)
            longest = max(self._count_chunks(chunks), default=0)
            if longest <= self.tokens:
                if len(chunks) == 1:
                    return [replace(document, text=chunks[0].text)]
                return chunks
            room -= longest - self.tokens
        message = f"the text of {document.id[:80]!r} cannot be cut to {self.tokens} tokens"
        raise InvalidDocumentError(message, document.id)

    def _room_beside(self, document: Document) -> int:
        """Tokens that the title leaves for the text of a chunk."""
        room = self.tokens - self._fixed
        if document.title.strip():
            room -= self._count([document.title])[0] - self._fixed
        if room < self.tokens // 4:
            message = (
                f"the title of {document.id[:80]!r} leaves {max(room, 0)} of a chunk's "
                f"{self.tokens} tokens for the text; shorten it, or map another title"
            )
            raise InvalidDocumentError(message, document.id)
        return room

    def _fits(self, document: Document, room: int) -> bool:
        """Whether the whole text fits; counted exactly only where an estimate cannot tell."""
        text = document.text
        size = self._size(text)
        blanks = len(text) - sum(map(len, text.split()))
        if size * 3 // 2 + blanks <= room:
            return True
        return size <= 2 * room and self._count([document.encoded_text])[0] <= self.tokens

    def _cut(self, document: Document, room: int) -> list[Document]:
        from semantic_text_splitter import TextSplitter

        overlap = min(self.overlap, room // 2)
        splitter = TextSplitter.from_callback(self._size, room, overlap)
        pieces = [
            (offset + start, text)
            for offset, segment in _segments(document.text)
            for start, text in splitter.chunk_indices(segment)
            if text.strip()
        ]
        return [
            Document(
                f"{document.id}#{number}",
                text,
                document.title,
                document.metadata,
                Parent(document.id, number, start, start + len(text)),
            )
            for number, (start, text) in enumerate(pieces)
        ]

    def _count_chunks(self, chunks: Sequence[Document]) -> Iterable[int]:
        for start in range(0, len(chunks), _COUNTED_AT_ONCE):
            block = chunks[start : start + _COUNTED_AT_ONCE]
            yield from self._count([chunk.encoded_text for chunk in block])

    def _count(self, texts: Sequence[str]) -> list[int]:
        return [int(count) for count in self._encoder.count_tokens(texts, role="document")]

    def _learn_words(self, text: str) -> None:
        """Count the words that are new, in one batch."""
        if len(self._words) > _WORDS_KEPT:
            self._words.clear()
        new = [word for word in dict.fromkeys(_words_of(text)) if word not in self._words]
        if new:
            self._count_words(new)

    def _count_words(self, words: Sequence[str]) -> int:
        counts = [max(count - self._fixed, 0) for count in self._count(words)]
        for word, count in zip(words, counts, strict=True):
            if len(word) <= _LONGEST_WORD:
                self._words[word] = count
        return sum(counts)

    def _size(self, text: str) -> int:
        """Tokens of a text as the sum of its words'; exact where blanks part tokens for good."""
        known, total, unknown = self._words, 0, []
        for word in _words_of(text):
            count = known.get(word)
            if count is None:
                unknown.append(word)
            else:
                total += count
        return total + (self._count_words(unknown) if unknown else 0)


def _words_of(text: str) -> Iterator[str]:
    """What stands between blanks; of very long ones what stands between letters and signs."""
    for word in text.split():
        if len(word) <= _LONGEST_WORD:
            yield word
        else:
            yield from _PIECE.findall(word)


def _segments(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of what is cut into chunks by itself: nearly always the whole.

    The splitter measures all that is left of a character (with its combining marks, or emoji
    joined to one) again for each chunk that it cuts of it, and a character has no greatest length.
    So what has no blank for 2,048 characters is cut here, behind a sentence where there is one.
    """
    first = 0
    for run in _UNBROKEN.finditer(text):
        start = run.start()
        while run.end() - start > _MOST_UNBROKEN:
            ends = [end.end() for end in _END.finditer(text, start, start + _MOST_UNBROKEN)]
            start = ends[-1] if ends and ends[-1] > start else start + _MOST_UNBROKEN
            yield first, text[first:start]
            first = start
    yield first, text[first:]
