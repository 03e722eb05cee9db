"""Terms of texts as they should be, on any text, from any thread."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.errors import AnalyzerError
from embeddings.text import korean, words
from embeddings.text.analyzer import QueryTerms, load_analyzer
from embeddings.text.words import MAX_TERM, normalise

if TYPE_CHECKING:
    from embeddings.text.analyzer import Analyzer

ROOT = Path(__file__).parents[3]
KIWI = load_analyzer("kiwi")
BIGRAMS = load_analyzer("bigrams")

KOREAN = {
    "서울에서 부산까지 기차를 타고 갔다": "서울 부산 기차 타다 가다",
    "반품은 십사 일 안에 무료입니다": "반품 십 사 안 무료",
    "우린 깨끗한 물을 빨리 마셨어요": "깨끗 물 빨리 마시다",
    "날씨가 더워서 창문을 열었다": "날씨 덥다 창문 열다",
    "대한민국헌법재판소": "대한민국 헌법 재판소",
    "검색엔진을 만들었다": "검색 엔진 만들다",
    "자연어처리 연구실": "자연어 처리 연구실",
    "아버지가방에들어가신다": "아버지 방 들어가다",
    "것이 그 때문이다": "",
    "먹었엌ㅋㅋ": "먹다 ㅋㅋ",
}
MIXED = {
    "USB케이블을 2024년에 샀다": "usb 케이블 2024 사다",
    "iPhone15가 3.14배 비싸다": "iphone15 3.14 배 비싸다",
    "가격은 1,000원, 할인은 12,345.5원": "가격 1000 할인 12345.5",
    "LG전자의 AI": "lg 전자 ai",
    "2024.11.20. 발표": "2024 11 20 발표",
    "大韓民國의 역사": "大韓 韓民 民國 역사",
    "Café에서 만났다": "cafe 만나다",
    "😀😀 서울에서 만났다": "서울 만나다",
}
PLAIN = {
    "The running dogs' owners are HAPPY": "the run dog owner are happi",
    "Newton’s laws, don't panic": "newton law don't panic",
    "Ünïcode Straße ＵＳＢ ﬁsh": "unicod strass usb fish",
    "x86_64 hello_world e-mail C++": "x86 64 hello world e mail c",
    "10,000 1,2 3.5 1.2.3 100km": "10000 1 2 3.5 1 2 3 100km",
    "Привет МИР": "привет мир",
    "東京タワー へ": "東京 京タ タワ ワー へ",
    "½ … — \n\t": "½",
    "": "",
}
CUT = {
    "케이블을 샀다": "케이 이블 블을 샀다",
    "집": "집",
    "서울2024년": "서울 2024 년",
}


@pytest.mark.parametrize("text", [*KOREAN, *MIXED, *PLAIN])
def test_terms_with_kiwi(text: str) -> None:
    assert " ".join(KIWI.analyze([text])[0]) == {**KOREAN, **MIXED, **PLAIN}[text]


@pytest.mark.parametrize("text", [*PLAIN, *CUT])
def test_terms_without_kiwi(text: str) -> None:
    assert " ".join(BIGRAMS.analyze([text])[0]) == {**PLAIN, **CUT}[text]


@pytest.mark.parametrize("text", [*KOREAN, *MIXED])
def test_decomposed_text_gives_the_same_terms(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert KIWI.analyze([decomposed]) == KIWI.analyze([text])


def test_spans_point_into_the_text() -> None:
    text = "USB케이블을 2024년에 샀다"
    spans = [(span.term, text[span.start : span.end]) for span in KIWI.analyze_spans(text)]
    assert spans == [("usb", "USB"), ("케이블", "케이블"), ("2024", "2024"), ("사다", "샀")]
    text = "자연어처리 Newton’s 1,000"
    spans = [(span.term, text[span.start : span.end]) for span in KIWI.analyze_spans(text)]
    assert spans == [
        ("자연어", "자연어"),
        ("처리", "처리"),
        ("newton", "Newton’s"),
        ("1000", "1,000"),
    ]


def test_spans_of_decomposed_text_point_into_it() -> None:
    text = unicodedata.normalize("NFD", "값이 café 서울에서")
    spans = KIWI.analyze_spans(text)
    found = [(s.term, unicodedata.normalize("NFC", text[s.start : s.end])) for s in spans]
    assert found == [("값", "값"), ("cafe", "café"), ("서울", "서울")]
    assert text[spans[0].start : spans[0].end] == unicodedata.normalize("NFD", "값")


def test_a_morpheme_that_is_left_out_in_writing_has_a_place() -> None:
    assert KIWI.analyze_spans("다🗻") == [("하다", 0, 1)]


@pytest.mark.parametrize(
    ("query", "kept", "dropped"),
    [
        ("!!! ???", (), ("!!!", "???")),
        ("what is the refund?", ("refund",), ("what", "is", "the")),
        ("서울에서 만난 것 !!! 것", ("서울", "만나다"), ("것", "!!!")),
        ("the who", ("the", "who"), ()),
        ("", (), ()),
    ],
)
def test_a_query_tells_what_is_not_looked_for(
    query: str, kept: tuple[str, ...], dropped: tuple[str, ...]
) -> None:
    assert KIWI.read_query(query) == QueryTerms(kept, dropped)
    assert tuple(KIWI.analyze_queries([query])[0]) == kept


def test_many_marks_are_put_in_order_in_linear_time() -> None:
    """Python's normalisation would take two minutes for all of them at once."""
    text = "e" + "\u0301\u0323" * 200_000
    normal = words.normalise(text)
    assert normal.text.startswith("\u1eb9\u0323")
    assert normal.text.count("\u0301") == 200_000
    assert len(BIGRAMS.analyze([text])[0]) == 1


def test_words_of_any_length_give_the_terms_of_their_places() -> None:
    text = "a" * 300 + " 1" + ",1" * 300 + " 漢字" + " x1.2.3_y's" * 2
    spans = [span.term for span in BIGRAMS.analyze_spans(text)]
    assert BIGRAMS.analyze([text])[0] == spans
    assert spans[0] == "a" * 64
    assert spans[-3:] == ["x1", "2.3", "y"]


def test_questions_lose_english_function_words_but_never_all() -> None:
    asked = ["What is the capital of France?", "to be or not to be", "WHO guidelines", "IT", "who"]
    told = [" ".join(terms) for terms in KIWI.analyze_queries(asked)]
    assert told == ["capit franc", "to be or not to be", "who guidelin", "it", "who"]
    assert KIWI.analyze_queries(["서울은 어디에 있나요?"]) == KIWI.analyze(
        ["서울은 어디에 있나요?"]
    )


def test_a_bare_string_is_refused() -> None:
    with pytest.raises(TypeError, match=r"analyze\(\[text\]\)"):
        KIWI.analyze("서울")
    with pytest.raises(TypeError, match=r"write \[text\]"):
        KIWI.analyze_queries("서울")


PARTS = (
    *("가", "나", "다", "랄", "값", "케이블", "서울에서", "했다", "ㅋ", "ᄀ", "ᅡ", "ᆨ", "漢", "字"),
    *("か", "ー", "ｶ", "A", "b", "Z", "'s", "’", "é", "ß", "İ", "я", "ก", "ิ", "ﷺ", "́", "̈", "😀"),
    *("1", "2", ",", ".", "٣", "½", "²", "_", "-", "\u00a0", "\u3000", "\u200b", "\ud800"),
    *("\x00", "\n", "\t"),
)
scripts = st.sampled_from(PARTS)
texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=30),
    st.lists(scripts, max_size=30).map("".join),
    st.lists(scripts, max_size=20).map(" ".join),
)


@pytest.mark.parametrize("analyzer", [KIWI, BIGRAMS], ids=["kiwi", "bigrams"])
@settings(max_examples=150, deadline=None)
@given(text=texts)
def test_any_text_gives_terms_with_places(analyzer: Analyzer, text: str) -> None:
    spans = analyzer.analyze_spans(text)
    assert [span.term for span in spans] == analyzer.analyze([text])[0]
    for term, start, end in spans:
        assert 1 <= len(term) <= MAX_TERM
        assert not any(map(str.isspace, term))
        assert 0 <= start < end <= len(text)
        found = normalise(text[start:end]).text
        assert any(char.isalnum() or char in "〆" or char >= "\U00020000" for char in found)
    assert [span.start for span in spans] == sorted(span.start for span in spans)


@settings(max_examples=200, deadline=None)
@given(text=texts)
def test_normal_text_is_composed_and_remembers_its_origin(text: str) -> None:
    normal = normalise(text)
    assert unicodedata.is_normalized("NFC", normal.text) or normal.starts is not None
    if normal.starts is None:
        assert len(normal.text) == len(text)
        return
    assert normal.ends is not None
    assert len(normal.text) == len(normal.starts) == len(normal.ends)
    assert all(0 <= a < b <= len(text) for a, b in zip(normal.starts, normal.ends, strict=True))
    assert list(normal.starts) == sorted(normal.starts)


@settings(max_examples=10, deadline=None)
@given(batch=st.lists(texts, max_size=40))
def test_a_batch_gives_what_single_texts_give(batch: list[str]) -> None:
    assert KIWI.analyze(batch) == [KIWI.analyze([text])[0] for text in batch]


def test_threads_agree() -> None:
    batch = [*KOREAN, *MIXED, *PLAIN]
    expected = KIWI.analyze(batch)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(KIWI.analyze, [batch] * 24)) == [expected] * 24
        singles = list(pool.map(lambda text: KIWI.analyze([text])[0], batch * 8))
    assert singles == expected * 8


def test_long_texts_are_cut_at_blanks_and_keep_their_places() -> None:
    sentence = "서울에서 기차를 탔다. "
    text = sentence * 600
    spans = KIWI.analyze_spans(text)
    assert [span.term for span in spans] == ["서울", "기차", "타다"] * 600
    places = {text[span.start : span.end] for span in spans}
    assert places == {"서울", "기차", "탔"}


def test_one_endless_word_is_analysed_in_pieces() -> None:
    text = "가나다라마바사아" * 1_000
    terms = KIWI.analyze([text, "x" * 100_000])
    assert 1 <= len(terms[0]) <= len(text)
    assert terms[1] == ["x" * MAX_TERM]


def test_fingerprints_tell_what_changes_terms() -> None:
    assert f"kiwi={metadata.version('kiwipiepy')}" in KIWI.fingerprint
    assert metadata.version("PyStemmer") in BIGRAMS.fingerprint
    assert KIWI.fingerprint != BIGRAMS.fingerprint
    assert load_analyzer("auto") == KIWI
    with pytest.raises(AnalyzerError, match=r"'mecab' is unknown; there are auto, kiwi, bigrams"):
        load_analyzer("mecab")


def test_without_kiwi_auto_cuts_bigrams(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(korean.metadata, "version", missing)
    assert korean.versions() is None
    monkeypatch.undo()
    monkeypatch.setattr(korean, "versions", lambda: None)
    assert load_analyzer("auto") == BIGRAMS
    with pytest.raises(AnalyzerError, match="pip install kiwipiepy kiwipiepy_model"):
        load_analyzer("kiwi")


BROKEN = """
import sys
from embeddings.text.analyzer import load_analyzer
from embeddings.errors import AnalyzerError
analyzer = load_analyzer("auto")
sys.modules["kiwipiepy"] = None
try:
    analyzer.analyze(["서울에서"])
except AnalyzerError as error:
    print(analyzer.kind, "pip install kiwipiepy kiwipiepy_model" in str(error))
again = load_analyzer("auto")
print(again.kind, again.analyze(["서울에서"])[0])
print(analyzer.analyze(["train"])[0])
"""

FORKED = """
import os
from embeddings.text.analyzer import load_analyzer
analyzer = load_analyzer("kiwi")
batch = ["서울에서 만났다"] * 8
assert analyzer.analyze(batch) == [["서울", "만나다"]] * 8
child = os.fork()
if child == 0:
    raise SystemExit(0 if analyzer.analyze(batch) == [["서울", "만나다"]] * 8 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

LIGHT = """
import sys
import embeddings.text.analyzer, indexing.lexical, indexing.fusion
before = {"kiwipiepy", "tantivy", "Stemmer"} & set(sys.modules)
analyzer = embeddings.text.analyzer.load_analyzer()
analyzer.analyze(["only English"])
print(sorted(before), "kiwipiepy" in sys.modules)
"""


def run(script: str) -> list[str]:
    """The lines a script prints in a process of its own."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_broken_kiwi_is_told_once_and_then_done_without() -> None:
    assert run(BROKEN) == ["kiwi True", "bigrams ['서울', '울에', '에서']", "['train']"]


def test_a_forked_child_loads_its_own() -> None:
    assert run(FORKED) == ["0"]


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    assert run(LIGHT) == ["[] False"]
