from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.hashing import HashEncoder
from embeddings.load import load_encoder
from indexing.chunking import Chunker
from indexing.errors import InvalidDocumentError, InvalidRequestError
from indexing.types import Document, Parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Counts, Encoder, Role

ENCODER = HashEncoder(8, max_tokens=32)
SENTENCES = [
    "The cat sat on the mat.",
    "고양이가 방석 위에 앉아 있었다.",
    "Is it raining? Yes!",
    "데이터베이스는 문서를 오래 보관한다, 그리고 빨리 찾는다.",
    "x = f(y) + 3.5;",
    "\n\n",
    "\n- ",
]


def check(chunks: Sequence[Document], whole: Document, encoder: Encoder, most: int) -> None:
    """What every cut must keep, whatever the text."""
    counts = encoder.count_tokens([chunk.encoded_text for chunk in chunks], role="document")
    assert counts.max() <= most
    covered = 0
    for number, chunk in enumerate(chunks):
        place = chunk.parent
        assert place == Parent(whole.id, number, place.start, place.end) if place else False
        assert chunk.id == f"{whole.id}#{number}"
        assert (chunk.title, chunk.metadata) == (whole.title, whole.metadata)
        assert whole.text[place.start : place.end] == chunk.text
        assert not whole.text[covered : max(place.start, covered)].strip(), "nothing is lost"
        covered = max(covered, place.end)
    assert not whole.text[covered:].strip()


def make_text(count: int, seed: int = 0) -> str:
    return " ".join(random.Random(seed).choices(SENTENCES, k=count))


def test_a_text_that_fits_stays_as_it_is():
    document = Document("a", " " + " ".join(["word"] * 29) + "\n", "my title", {"x": 1})
    assert Chunker(ENCODER).split(document) == [document]
    assert len(Chunker(ENCODER).split(Document("a", " ".join(["word"] * 31), "my title"))) == 2


def test_chunks_end_with_sentences_and_overlap_by_whole_ones():
    text = (
        "One two three four. Five six seven eight. Nine ten eleven twelve. "
        "Thirteen fourteen fifteen sixteen."
    )
    chunks = Chunker(ENCODER, tokens=16, overlap=5).split(Document("a", text, "A title"))
    assert [chunk.text for chunk in chunks] == [
        "One two three four. Five six seven eight.",
        "Five six seven eight. Nine ten eleven twelve.",
        "Nine ten eleven twelve. Thirteen fourteen fifteen sixteen.",
    ]
    assert chunks[1] == Document(
        "a#1",
        "Five six seven eight. Nine ten eleven twelve.",
        "A title",
        {},
        Parent("a", 1, 20, 65),
    )
    apart = Chunker(ENCODER, tokens=16, overlap=0).split(Document("a", text, "A title"))
    assert [chunk.text for chunk in apart] == [
        "One two three four. Five six seven eight.",
        "Nine ten eleven twelve. Thirteen fourteen fifteen sixteen.",
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(SENTENCES), st.text(max_size=30)), max_size=40),
    st.sampled_from([" ", "", "\n\n"]),
    st.sampled_from(["", "제목 하나", "A title, with: signs!"]),
    st.integers(16, 32),
    st.integers(0, 8),
)
def test_no_chunk_is_cut_and_nothing_is_lost(
    parts: list[str], separator: str, title: str, tokens: int, overlap: int
):
    text = "start " + separator.join(parts).encode(errors="replace").decode()
    whole = Document("a", text, title)
    chunks = Chunker(ENCODER, tokens=tokens, overlap=overlap).split(whole)
    if chunks == [whole]:
        assert ENCODER.count_tokens([whole.encoded_text], role="document")[0] <= tokens
    elif len(chunks) == 1:
        assert chunks[0].text == text.strip()
    else:
        check(chunks, whole, ENCODER, tokens)


class Counting(HashEncoder):
    """Adds up the characters it is asked about."""

    characters = 0

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        self.characters += sum(map(len, inputs))
        return super().count_tokens(inputs, role=role)


@pytest.mark.parametrize("unit", ["\u0301", "👩\u200d", "!"])
def test_an_endless_character_is_cut_in_linear_time(unit: str):
    """With all its marks it is one character to Unicode, which would be measured for each cut."""
    asked = []
    for length in (20_000, 40_000):
        encoder = Counting(8, max_tokens=64)
        whole = Document("x", "a" + unit * (length // len(unit)))
        chunks = Chunker(encoder).split(whole)
        check(chunks, whole, encoder, 64)
        asked.append(encoder.characters)
    assert asked[1] < 2.2 * asked[0]


def test_a_text_without_blanks_is_cut_behind_sentences():
    whole = Document("x", "고양이가방석위에앉아있었다。" * 500)
    chunks = Chunker(Counting(8, max_tokens=64)).split(whole)
    check(chunks, whole, ENCODER, 64)
    assert {chunk.text[-1] for chunk in chunks} == {"。"}


def test_the_real_tokenizer_cuts_nothing_either():
    encoder = load_encoder("minilm")
    text = make_text(400) + " 한글" * 300 + "가나다라마바사" * 200 + "1,2,3,4," * 300
    for title, tokens in (("", None), ("검색 시스템 설명서 (제2판)", None), ("Title", 64)):
        whole = Document("a", text, title)
        chunker = Chunker(encoder, tokens=tokens)
        chunks = chunker.split(whole)
        assert len(chunks) > 15
        check(chunks, whole, encoder, tokens or encoder.max_tokens)
    assert encoder.encode([chunk.encoded_text for chunk in chunks[:2]], role="document")


class Greedy(HashEncoder):
    """Counts three tokens more for every text that holds a pair of words, as no sum can tell."""

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        counts = super().count_tokens(inputs, role=role)
        for place, text in enumerate(inputs):
            counts[place] += 3 * ("w w w" in text)
        return counts


def test_a_text_whose_tokens_no_sum_of_words_tells_is_cut_again_shorter():
    encoder = Greedy(8, max_tokens=32)
    whole = Document("a", "w " * 500)
    chunks = Chunker(encoder).split(whole)
    check(chunks, whole, encoder, 32)
    assert max(len(chunk.text.split()) for chunk in chunks) == 29


def test_words_are_counted_once():
    class Counting(HashEncoder):
        counted = 0

        def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
            self.counted += len(" ".join(inputs).split())
            return super().count_tokens(inputs, role=role)

    encoder = Counting(8, max_tokens=64)
    text = make_text(2_000)
    chunker = Chunker(encoder, overlap=0)
    chunker.split(Document("a", text))
    assert encoder.counted < 1.1 * len(text.split()), "the chunks once, and each word once"


def test_blanks_around_a_text_are_not_worth_a_chunk():
    whole = Document("a", " " * 10_000 + "few words" + "\n" * 10_000, "t")
    assert Chunker(ENCODER).split(whole) == [whole]


def test_a_title_that_leaves_no_room():
    chunker = Chunker(ENCODER)
    with pytest.raises(InvalidDocumentError, match="leaves 4 of a chunk's 32 tokens") as caught:
        chunker.split(Document("a", "text " * 100, "long " * 28))
    assert caught.value.document_id == "a"
    assert len(chunker.split(Document("a", "text " * 100, "long " * 24))) > 10


def test_an_encoder_without_a_window_has_chunks_of_a_set_size():
    chunker = Chunker(HashEncoder(8, max_tokens=1 << 24))
    assert chunker.tokens == 8_192
    assert chunker.overlap == 1_024


@pytest.mark.parametrize(
    ("tokens", "overlap", "field", "message"),
    [
        (15, None, "chunk", "chunks of 15 tokens are not possible .*; 16 to 32 are"),
        (33, None, "chunk", "chunks of 33 tokens are not possible .*; 16 to 32 are"),
        (20, 11, "overlap", "an overlap of 11 tokens is not possible; 0 to 10"),
        (None, -1, "overlap", "an overlap of -1 tokens is not possible; 0 to 16"),
    ],
)
def test_impossible_chunks(tokens: int | None, overlap: int | None, field: str, message: str):
    with pytest.raises(InvalidRequestError, match=message) as caught:
        Chunker(ENCODER, tokens=tokens, overlap=overlap)
    assert caught.value.field == field
