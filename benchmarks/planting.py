"""Twins of real texts: typos, other orders and other words, drawn by seed, Korean and English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_FIRST, _LAST = 0xAC00, 0xD7A3
_VOWELS = {1: 5, 5: 1, 3: 7, 7: 3, 0: 4, 4: 0, 8: 13, 13: 8, 18: 20, 20: 18, 10: 15, 15: 10}
"""Medial vowels that are mistaken for one another: ㅐㅔ ㅒㅖ ㅏㅓ ㅗㅜ ㅡㅣ ㅙㅞ."""
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_ENGLISH = (
    (r"\bbegan\b", "started"),
    (r"\bstarted\b", "began"),
    (r"\balso known as\b", "also called"),
    (r"\blocated in\b", "situated in"),
    (r"\bsituated\b", "located"),
    (r"\bapproximately\b", "about"),
    (r"\babout\b", "roughly"),
    (r"\bhowever\b", "though"),
    (r"\bseveral\b", "a number of"),
    (r"\bmany\b", "numerous"),
    (r"\blarge\b", "big"),
    (r"\bsmall\b", "little"),
    (r"\bfamous\b", "well-known"),
    (r"\bincluding\b", "among them"),
    (r"\bbecause\b", "since"),
    (r"\bused to\b", "employed to"),
    (r"\bused\b", "employed"),
    (r"\bbuilt\b", "constructed"),
    (r"\bconstructed\b", "built"),
    (r"\bfounded\b", "established"),
    (r"\bestablished\b", "founded"),
    (r"\bwrote\b", "authored"),
    (r"\bdied\b", "passed away"),
    (r"\breceived\b", "was given"),
    (r"\bconsists of\b", "is made up of"),
    (r"\boften\b", "frequently"),
    (r"\busually\b", "generally"),
    (r"\bfirst\b", "initial"),
    (r"\bfilm\b", "movie"),
    (r"\bcity\b", "town"),
    (r"\bchildren\b", "kids"),
    (r"\bbetween\b", "in between"),
    (r"\bwas an?\b", "had been a"),
    (r"\bis an?\b", "was a"),
    (r"\bwhich\b", "that"),
    (r"\bduring\b", "in the course of"),
    (r"\bIn (\d{4})\b", r"During the year \1"),
    (r"\bIt is\b", "This is"),
    (r"\bpeople\b", "persons"),
    (r"\barea\b", "region"),
    (r"\bregion\b", "area"),
    (r"\bnear\b", "close to"),
)
_KOREAN = (
    (r"이다\.", "입니다."),
    (r"하였다\.", "했습니다."),
    (r"했다\.", "하였습니다."),
    (r"되었다\.", "됐습니다."),
    (r"있다\.", "있습니다."),
    (r"한다\.", "합니다."),
    (r"된다\.", "됩니다."),
    (r"였다\.", "였습니다."),
    (r"었다\.", "었습니다."),
    (r"았다\.", "았습니다."),
    (r"하였", "했"),
    (r"되었", "됐"),
    (r"위치한", "자리한"),
    (r"위치하고", "자리 잡고"),
    (r" 및 ", "와 "),
    (r"또한", "그리고"),
    (r"그러나", "하지만"),
    (r"하지만", "그렇지만"),
    (r"때문에", "까닭에"),
    (r"대한민국", "한국"),
    (r"사용", "이용"),
    (r"시작", "개시"),
    (r"유명한", "이름난"),
    (r"가장", "제일"),
    (r"약 ", "대략 "),
    (r"이후", "뒤"),
    (r"이전", "앞선"),
    (r"영화", "필름"),
    (r"만들", "제작하"),
    (r"통해", "거쳐"),
    (r"당시", "그때"),
    (r"주로", "대개"),
    (r"현재", "지금"),
    (r"여러", "많은"),
    (r"사람들", "이들"),
    (r"의해", "따라"),
    (r"다양한", "갖가지"),
)


def typos(text: str, draw: random.Random, share: float = 0.03) -> str:
    """A text with a slip of the fingers about every thirtieth letter, at least one."""
    letters = list(text)
    places = [place for place, letter in enumerate(letters) if letter.isalpha()]
    for place in draw.sample(places, max(1, round(share * len(places)))):
        letters[place] = _slip(letters[place], draw)
    return "".join(letters)


def reordered(text: str, draw: random.Random) -> str:
    """The same words: sentences in another order, or if there is one, its parts exchanged."""
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    if len(sentences) > 1:
        order = list(range(len(sentences)))
        while order == sorted(order):
            draw.shuffle(order)
        return " ".join(sentences[place] for place in order)
    words = text.split()
    cut = draw.randint(max(1, len(words) // 3), max(1, 2 * len(words) // 3))
    last = words[-1] if re.search("[가-힣]", text) else ""
    kept = words[:-1] if last else words
    return " ".join([*kept[cut:], *kept[:cut], *([last] if last else [])])


def paraphrased(text: str, draw: random.Random, least: int = 2) -> str | None:
    """The same said in other words, politely if it is Korean; None where few rules apply."""
    rules = list(_KOREAN if re.search("[가-힣]", text) else _ENGLISH)
    draw.shuffle(rules)
    changed = 0
    for pattern, instead in rules:
        again = re.sub(pattern, instead, text)
        changed += again != text
        text = again
    return text if changed >= least else None


def _slip(letter: str, draw: random.Random) -> str:
    if _FIRST <= ord(letter) <= _LAST:
        return _misspelt(letter, draw)
    kind = draw.randrange(3)
    if kind == 0:
        return ""
    if kind == 1:
        return letter * 2
    for row in _KEYS:
        place = row.find(letter.lower())
        if place >= 0:
            return row[place - 1 if place else place + 1]
    return letter * 2


def _misspelt(syllable: str, draw: random.Random) -> str:
    initial, rest = divmod(ord(syllable) - _FIRST, 588)
    vowel, final = divmod(rest, 28)
    kind = draw.randrange(3)
    if kind == 0 and final:
        final = 0
    elif kind == 1:
        return syllable + " "
    else:
        vowel = _VOWELS.get(vowel, vowel)
    return chr(_FIRST + 588 * initial + 28 * vowel + final)
