"""Where the words of a query stand in a text, without analysing the text.

An analyzer takes milliseconds a text; these rules take microseconds and are a reading aid: they
decide what is shown, never what is found.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from embeddings.text import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from embeddings.text.words import Run

MOST_TERMS = 64
"""Different words looked for."""
MOST_MARKS = 4_096
"""Places kept of one word."""

_LONGEST_WORD = 256
_SYLLABLE = "[가-힣]"
_PARTICLES = (
    "께서는|께서|에서는|에서도|에서의|에서|에게서|에게는|에게|으로는|으로도|으로써|으로|로는|로도|로써|까지|부터|"
    "처럼|보다|마다|조차|마저|밖에|이나|이란|이라는|라는|이라|이다|입니다|한테|하고|들이|들은|들을|들의|들|"
    "은|는|이|가|을|를|의|에|도|만|와|과|로|나|란|인"
)
_STEMS = frozenset(
    "가감갈감같갖개갚걷걸검곱괴구굳굶굽굿권그기길깊깎깨꺾꼬꽂꾸꿈끄끊끌끓끼나난날낡남낫낮낳내넓넘넣녹놀높놓"
    "놔누눕느늘늙늦다닦단닫달담닮당닿대더덜덮데돌돕되두둥뒤드듣들따딱떠떨떼뛰뜨뜯뜻막만많말맑맞맡매맺먹멀멈"
    "메모몰못묵묶묻물묽믿밀밉밝밟배뱉버번벌벗베보볶뵈부불붉붓붙비빌빗빚빛빠빨빼뻗뽑뿌사살삶삼상새서선섞"
    "세솟쉬쉽슬시식신싣싫심싶싸쌓썩쏘쏟쑤쓰쓸씹씻아안않앉알앓앞얇얕얻얼없엎엮열엿오올옮옳외울웃읽잃입있"
    "잊자작잠잡잣재저적절젊접젓젖졸좁종좋주죽줄줍쥐지진질짐집짓짙짚짜짧째쪼쪽쫓찌찍찢차찬찰참찾채쳐추춥춤치친"
    "캐커켜크키타태터토트튀티파파패퍼펴품푸풀피하하핥헐헤희희"
)
"""Syllables that are stems of verbs and adjectives by themselves (가다, 먹다, 좋다)."""
_ENDINGS = (
    "다|고|는|은|을|면|서|지|니|기|어|아|여|었|았|였|겠|시|셨|던|네|요|게|자|며|려|러|도|습|읍|거|죠|든|야|"
    "라|길|음|세"
)
_CONTRACTED = {20: (6,), 8: (9,), 13: (14,), 18: (4, 0), 11: (10,), 0: (1,)}
"""A stem's last vowel before 어: ㅣ ㅕ, ㅗ ㅘ, ㅜ ㅝ, ㅡ ㅓ or ㅏ, ㅚ ㅙ, ㅏ ㅐ (하다, 해)."""
_SHIFTING = frozenset((7, 8, 17, 19, 27))
"""Final consonants that some stems lose or change: ㄷ ㄹ ㅂ ㅅ ㅎ."""
_CODAS = 28
_VOWELS = 21
_FIRST = ord("가")
_SHORT_CODAS = (0, 4, 8, 16, 17, 20)
_IRREGULAR = {"die": "d", "lie": "l", "tie": "t", "sky": "sk"}
"""Stems that their words do not begin with (dying), and what they do begin with."""


class Mark(NamedTuple):
    """A place `text[start:end]` where the term of that number stands."""

    start: int
    end: int
    term: int


class _Form(NamedTuple):
    """What a term looks like.

    Attributes:
        literal: stands in every place of it, but for commas inside numbers.
        pattern: of its candidates, or of their first groups; empty: the literal.
        end: from a text and a candidate's first and one past last character to the mark's end, or
            -1 where it is none.
    """

    literal: str
    pattern: str
    end: Callable[[str, int, int], int]

    def candidates(self, folded: str) -> Iterator[tuple[int, int]]:
        """First and one past last character of each, ascending."""
        if self.pattern:
            compiled = _compiled(self.pattern)
            group = 1 if compiled.groups else 0
            for match in compiled.finditer(folded):
                yield match.start(), match.end(group)
            return
        start, length = folded.find(self.literal), len(self.literal)
        while start >= 0:
            yield start, start + length
            start = folded.find(self.literal, start + length)


def find_marks(text: str, terms: Sequence[str]) -> list[Mark]:
    """Every place of the terms, ascending; they may overlap.

    Words of Latin and other alphabets are marked whole if they have the term's stem, whatever their
    accents; numbers as they are; Chinese and Japanese wherever it stands. Korean nouns are marked
    at the beginning of a word and inside it (compounds), those of one syllable only where nothing
    or a particle follows; stems of verbs and adjectives at the beginning of a word, their last
    syllable changed by the usual contractions (보내다 marks 보냈는데요).

    Args:
        text: composed (NFC).
        terms: what an analyzer made of a query; the first `MOST_TERMS` different ones count, and
            the first `MOST_MARKS` places of each.
    """
    folded = _fold(text)
    bare = folded.replace(",", "")
    marks: list[Mark] = []
    for number, term in enumerate(islice(dict.fromkeys(terms), MOST_TERMS)):
        for form in _forms(term):
            if form.literal not in bare and form.literal not in folded:
                continue
            places = (
                (start, form.end(text, start, stop)) for start, stop in form.candidates(folded)
            )
            marked = (Mark(start, end, number) for start, end in places if end > start)
            marks += islice(marked, MOST_MARKS)
    marks.sort()
    return marks


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=4_096)
def _forms(term: str) -> tuple[_Form, ...]:
    """What the term looks like in a folded text."""
    run = next(words.runs(term), None)
    if run is None:
        return ()
    if run.script == "cjk":
        return (_Form(term, "", _whole),)
    if run.script == "hangul":
        return tuple(_korean(term))
    if run.script == "number":
        digits = ",?".join(term) if term.isdecimal() else re.escape(term)
        return (_Form(term, rf"{digits}(?!\d)", _number_end),)
    return (_Form(_head(term), "", _word_end(term)),)


def _head(term: str) -> str:
    """What every word of that stem begins with.

    Snowball turns a last y into i (happy, happi), adds an e (hoping, hope), and bili into bl.
    """
    if term in _IRREGULAR:
        return _IRREGULAR[term]
    return term[:-1] if len(term) > 1 and term.endswith(("e", "i", "bl")) else term


def _whole(text: str, start: int, stop: int) -> int:
    return stop


def _number_end(text: str, start: int, stop: int) -> int:
    return -1 if start and text[start - 1].isdecimal() else stop


def _word_end(term: str) -> Callable[[str, int, int], int]:
    def end(text: str, start: int, stop: int) -> int:
        if start and _is_of_word(text[start - 1]):
            return -1
        piece = text[start : start + _LONGEST_WORD]
        run = next(words.runs(piece), None)
        if run is None or run.script != "word" or run.start:
            return -1
        return next((start + run.end for span in words.word(piece, run) if span.term == term), -1)

    return end


@lru_cache(maxsize=4_096)
def _is_of_word(char: str) -> bool:
    """True for letters and digits that make words with what follows: not Hangul, not Chinese."""
    run: Run | None = next(words.runs(char), None)
    return run is not None and run.script in ("word", "number")


def _korean(term: str) -> Iterator[_Form]:
    # A term may begin with a sign before its first letter.
    escaped = re.escape(term)
    if len(term) > 1:
        yield _Form(term, "", _whole)
    else:
        pattern = rf"({escaped})(?:{_PARTICLES})?(?!{_SYLLABLE})"
        yield _Form(term, pattern, _at_beginning)
    stem = term[:-1]
    if not term.endswith("다") or not stem or not all("가" <= char <= "힣" for char in stem):
        return
    last = _inflected(stem[-1])
    if len(stem) > 1:
        yield _Form(stem[:-1], rf"({stem[:-1]}(?:{last}))", _at_beginning)
        if stem[-1] == "르":
            pattern = rf"({stem[:-2]}{_closed(stem[-2], 8)}[라러])"
            yield _Form(stem[:-2], pattern, _at_beginning)
    elif stem in _STEMS:
        bare = f"[{_closed(stem, 4)}{_closed(stem, 8)}]" if _coda(stem) == 0 else stem
        behind = rf"(?:(?:{_ENDINGS}){_SYLLABLE}{{0,6}})(?!{_SYLLABLE})"
        yield _Form("", rf"({last})(?:{behind})", _at_beginning)
        yield _Form("", rf"({bare})(?!{_SYLLABLE})", _at_beginning)


def _at_beginning(text: str, start: int, stop: int) -> int:
    """The candidate's end, at the beginning of a Korean word."""
    return -1 if start and "가" <= text[start - 1] <= "힣" else stop


def _inflected(syllable: str) -> str:
    """A stem's last syllable as a pattern of what it may become before an ending."""
    coda = _coda(syllable)
    if coda and coda not in _SHIFTING:
        return syllable
    onset, vowel = divmod((ord(syllable) - _FIRST) // _CODAS, _VOWELS)
    vowels = (vowel,) if coda else (vowel, *_CONTRACTED.get(vowel, ()))
    firsts = [_FIRST + (onset * _VOWELS + v) * _CODAS for v in vowels]
    ranges = "".join(f"{chr(first)}-{chr(first + _CODAS - 1)}" for first in firsts)
    return f"[{ranges}]"


def _coda(syllable: str) -> int:
    return (ord(syllable) - _FIRST) % _CODAS


def _closed(syllable: str, coda: int) -> str:
    """The syllable with another final consonant."""
    return chr(ord(syllable) - _coda(syllable) + coda)


def _fold(text: str) -> str:
    """Lower case without accents, as long as the text."""
    return text.lower() if text.isascii() else text.translate(_folds())


@lru_cache(maxsize=1)
def _folds() -> dict[int, str]:
    """Characters of alphabets with case or accents, to what they are compared as."""
    points = [*range(0x41, 0x1100), *range(0x1E00, 0x2000), *range(0xFF10, 0xFF5B)]
    table = {}
    for point in points:
        char = chr(point)
        apart = unicodedata.normalize("NFKD", char.casefold())
        plain = "".join(part for part in apart if not unicodedata.combining(part))
        folded = plain if plain.isascii() else char.casefold()
        if len(folded) == 1 and folded != char:
            table[point] = folded
    return table
