"""Passages that hold a query's words, and marks that stand where the words do."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embeddings.text.analyzer import load_analyzer
from indexing.marking import MOST_MARKS, find_marks
from indexing.snippet import PASSAGE, cut_snippet
from indexing.types import Snippet

ANALYZER = load_analyzer("auto")


def terms_of(query: str) -> list[str]:
    return ANALYZER.analyze_queries([query])[0]


def marked(text: str, query: str) -> list[str]:
    snippet = cut_snippet(text, terms_of(query))
    return [snippet.text[first:last] for first, last in snippet.highlights]


def check(text: str, snippet: Snippet) -> None:
    assert text[snippet.start : snippet.start + len(snippet.text)] == snippet.text
    edge = -1
    for first, last in snippet.highlights:
        assert edge < first < last <= len(snippet.text), "inside, ascending, apart"
        edge = last


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("Happiness is happy.", "happy", ["Happiness", "happy"]),
        ("The organizations of Organizing", "organize", ["organizations", "Organizing"]),
        ("dying, die, died, diet", "die", ["dying", "die", "died"]),
        ("skies and sky and skin", "sky", ["skies", "sky"]),
        ("agencies of an agency", "agency", ["agencies", "agency"]),
        ("a gift, giftcards and re-gift", "gift", ["gift", "gift"]),
        ("Cafés serve ÉCLAIRS", "cafe eclair", ["Cafés", "ÉCLAIRS"]),
        ("the customer's card", "customers", ["customer's"]),
        ("The ＧＰＵ and 최신GPU를", "gpu", ["ＧＰＵ", "GPU"]),
        ("1,000 won, 1000 won, 10000", "1000", ["1,000", "1000"]),
        ("version 3.14 of 13.145", "3.14", ["3.14"]),
        ("covid19 and covid", "covid19", ["covid19"]),
        ("Москва и москвы", "Москва", ["Москва"]),
    ],
)
def test_words_are_marked_by_their_stem(text: str, query: str, expected: list[str]) -> None:
    assert marked(text, query) == expected


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("소포를 당일배송합니다", "소포 배송", ["소포", "배송"]),
        ("건물에 물이 새고 물은 물건", "물", ["물", "물"]),
        ("어제 보냈는데요, 보낼게요", "보내다", ["보냈", "보낼"]),
        ("정말 고마워요", "고맙다", ["고마"]),
        ("나는 몰라서 모르는", "모르다", ["몰라", "모르"]),
        ("음악을 들었습니다", "듣다", ["들"]),
        ("집에 갔다가 간 사람과 강가", "가다", ["갔", "간"]),
        ("바다에서 만나다", "바다", ["바다"]),
        ("東京都庁と京都", "東京都", ["東京都", "京都"]),
    ],
)
def test_korean_words_are_marked_without_analysis(
    text: str, query: str, expected: list[str]
) -> None:
    assert marked(text, query) == expected


def test_the_passage_is_where_most_words_stand() -> None:
    filler = "Nothing of interest is said in this sentence. " * 40
    told = "Refunds for damaged parcels are paid within a week."
    text = f"{filler}A parcel. {filler}{told} {filler}"
    snippet = cut_snippet(text, terms_of("damaged parcel refund"))
    check(text, snippet)
    assert told in snippet.text
    assert snippet.text.startswith("Nothing of interest"), "a sentence begins it"
    assert snippet.text.endswith("."), "and a sentence ends it"
    assert PASSAGE / 2 <= len(snippet.text) <= PASSAGE * 1.25


def test_rare_words_count_more() -> None:
    text = "parcel " * 60 + "x " * 200 + "customs parcel " + "x " * 200 + "parcel gift " * 60
    snippet = cut_snippet(text, ["parcel", "custom", "gift"])
    check(text, snippet)
    assert "customs parcel" in snippet.text


def test_without_words_the_beginning_is_shown() -> None:
    text = "  \n First sentence. " + "Another one follows here. " * 30
    for terms in ([], ["absent"]):
        snippet = cut_snippet(text, terms)
        check(text, snippet)
        assert snippet.text.startswith("First sentence.")
        assert snippet.text.endswith("here.")
        assert snippet.highlights == ()
    assert cut_snippet("short", []) == Snippet("short", 0, ())


def test_decomposed_text_keeps_its_own_characters() -> None:
    text = unicodedata.normalize("NFD", "어제 소포를 보냈습니다. Cafés!")
    snippet = cut_snippet(text, terms_of("소포 cafe"))
    check(text, snippet)
    shown = [snippet.text[first:last] for first, last in snippet.highlights]
    assert [unicodedata.normalize("NFC", part) for part in shown] == ["소포", "Cafés"]


def test_a_word_longer_than_a_passage_is_cut() -> None:
    text = "a" * 3_000
    snippet = cut_snippet(text, ["가나"])
    check(text, snippet)
    assert len(snippet.text) == PASSAGE


def test_the_analyzer_and_the_marks_agree_on_latin_words() -> None:
    """Every word of a text is marked by its own term."""
    text = (
        "Relational sensibilities, fancies, constancy; conditional vietnamization; hoping, "
        "hopping, agreed, tying, lying, news, early, only, idly, gently, ugly, singly, "
        "generously, communion, university's feudalism triplicate operators decisiveness "
        "electrical goodness adjustable possibly"
    )
    for span in ANALYZER.analyze_spans(text):
        places = [(mark.start, mark.end) for mark in find_marks(text, [span.term])]
        assert (span.start, span.end) in places, span


_LETTERS = st.characters(codec="utf-8")
_WORDS = st.lists(
    st.sampled_from(
        [
            *("gift", "Gifts", "소포를", "보냈다", "東京都", "1,000", ".", "!\n"),
            *("é", "e\u0301", "\u1100\u1161"),
        ]
    )
    | st.text(_LETTERS, max_size=6),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(_WORDS, st.sampled_from([" ", "", "  ", "\n"]), st.integers(1, 60))
def test_snippets_keep_their_promises(words: list[str], blank: str, size: int) -> None:
    text = blank.join(words)
    terms = ["gift", "소포", "보내다", "東京", "京都", "1000", "e", "가"]
    snippet = cut_snippet(text, terms, size=size)
    check(text, snippet)
    if text.strip():
        assert snippet.text.strip()
    for first, last in snippet.highlights:
        assert not snippet.text[first:last].isspace()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(_LETTERS, min_size=1, max_size=12), max_size=8), st.text(_LETTERS, max_size=80)
)
@example(["?ᄀ", "(가", "*"], "무엇일까?ᄀ (가)")
def test_any_term_is_harmless(terms: list[str], text: str) -> None:
    check(text, cut_snippet(text, terms))


def test_half_surrogates_are_no_obstacle() -> None:
    text = "gift \ud800 card"
    snippet = cut_snippet(text, ["gift", "card"])
    check(text, snippet)
    assert len(snippet.highlights) == 2


def test_a_megabyte_of_one_word_has_an_end() -> None:
    text = "a gift 소포 가는 die " * 50_000
    assert len(find_marks(text, ["gift"])) == MOST_MARKS
    snippet = cut_snippet(text, ["gift", "die", "소포", "가다"])
    check(text, snippet)
    assert len(snippet.highlights) > 20
