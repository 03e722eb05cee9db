"""Other forms of a text are cut as its normal form is, and English and code as by the old model."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers

from embeddings.load import load_encoder
from embeddings.minilm import bundled_folder
from embeddings.training.errors import TrainingError
from embeddings.training.tokenizer.additions import extend
from embeddings.training.tokenizer.charsmap import make_charsmap
from embeddings.training.tokenizer.extension import extend_vocabulary
from embeddings.training.tokenizer.forms import LEADS, TAILS, VOWELS, narrow_jamo, spellings
from embeddings.training.tokenizer.hangul import forget_forms, keep_whole, read_forms, renew
from embeddings.training.tokenizer.recipe import ExtensionRecipe

if TYPE_CHECKING:
    from pathlib import Path

SYLLABLES = st.integers(0xAC00, 0xD7A3).map(chr)
KOREAN = st.lists(st.text(SYLLABLES, min_size=1, max_size=8), min_size=1, max_size=5).map(" ".join)


@pytest.fixture(scope="module")
def both(lines: list[str]) -> tuple[Tokenizer, Tokenizer]:
    """MiniLM's own tokenizer, and the same with the common syllables and a few words more."""
    old = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    old.no_padding()
    old.no_truncation()
    jamo = [f"{char} 가{char}" for char in narrow_jamo()]
    new, told = extend(old, ExtensionRecipe(pieces=4_817), lambda: [*lines, *jamo])
    assert "other forms of Hangul and Latin are read as the usual ones, 8," in told
    return old, new


def apart(text: str, *, narrow: bool = False) -> str:
    """Compatibility jamo of syllables, one after another; or their half-width forms."""
    parts = []
    for char in text:
        index = ord(char) - 0xAC00
        if not 0 <= index < 11_172:
            parts.append(char)
            continue
        tail = index % 28
        typed = LEADS[index // 588] + VOWELS[index // 28 % 21] + (TAILS[tail - 1] if tail else "")
        parts += [narrow_jamo()[jamo] if narrow else jamo for jamo in typed]
    return "".join(parts)


@settings(max_examples=300, deadline=None)
@given(KOREAN)
def test_all_forms_of_korean_have_the_same_ids(
    both: tuple[Tokenizer, Tokenizer], text: str
) -> None:
    _, new = both
    ids = new.encode(text).ids
    assert new.encode(unicodedata.normalize("NFD", text)).ids == ids
    assert new.encode(apart(text)).ids == ids
    assert new.encode(apart(text, narrow=True)).ids == ids
    assert new.token_to_id("[UNK]") not in ids


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30))
def test_full_width_is_ascii(both: tuple[Tokenizer, Tokenizer], text: str) -> None:
    _, new = both
    wide = "".join(chr(ord(char) + 0xFEE0) for char in text)
    assert new.encode(wide).ids == new.encode(text).ids


@pytest.mark.parametrize(
    ("form", "normal"),
    [
        ("ﾾￂﾤ", "한"),
        ("ㅎㅏㄴㄱㅡㄹ", "한글"),
        ("안녕ㅎㅏㅅㅔㅇㅛ", "안녕하세요"),
        ("ㄱㅗㅏㅈㅏ ㅇㅡㅣㅅㅏ ㅇㅜㅓㄴ", "과자 의사 원"),
        ("ㄷㅏㄹㄱ ㄷㅏㄹㄱㅣ ㅇㅓㅂㅅㄷㅏ ㅇㅓㅄㅇㅓ", "닭 달기 없다 없어"),
        ("ㅇㅣㅆㅇㅓㅆㄷㅏ ㄱㅏㄱㄱㅏ", "있었다 각가"),
        ("ﾡﾢ ￂ", "ㄱㄲ ㅏ"),
        ("ＡＢＣ１２３！ ￦１０", "abc123! ₩10"),
        ("한\u200b국\u200c어\u200d를\ufeff 배\u00ad우\u2060다", "한국어를 배우다"),
        ("❤\ufe0f 하\u034f트", "❤ 하트"),
        ("한국\u00a0사람\u3000좋다\u202f네\u3164끝", "한국 사람 좋다 네 끝"),
    ],
)
def test_forms(both: tuple[Tokenizer, Tokenizer], form: str, normal: str) -> None:
    _, new = both
    assert new.encode(form).tokens == new.encode(normal).tokens


def test_loose_jamo_stay(both: tuple[Tokenizer, Tokenizer]) -> None:
    normaliser = both[1].normalizer
    assert normaliser is not None
    for text in [
        "ㅋㅋㅋ",
        "ㅠㅠ",
        "ㅋㅋㅠㅠ",
        "ㅋㅠㅠ",
        "ㅋㅋㅠ",
        "ㅂㅅ",
        "ㄱㅅ",
        "말ㅋㅋ",
        "ㅗㅏ",
        "하ㅏ",
    ]:
        assert normaliser.normalize_str(text) == text


def test_a_syllable_without_a_piece_is_spelled(both: tuple[Tokenizer, Tokenizer]) -> None:
    _, new = both
    assert new.encode("갂 쀍", add_special_tokens=False).tokens == [
        *("가", "##ㄲ", "ㅃ", "##ㅞ", "##ㄺ")
    ]
    alphabet = frozenset({"가", "##가", "각", "##각", "##ㅅ", "ㄲ", "##ㄲ", "##ㅏ"})
    found = spellings(alphabet, "##")
    assert found["갃"] == "각ㅅ"
    assert found["갓"] == "가ㅅ"
    assert found["까"] == "ㄲㅏ"
    assert not {"가", "각", "힣"} & set(found)


CODE = """def add(x: int, *y) -> "list[float]":\n\treturn [x ** 2 / 3.5e-7 for _ in y] # naïve £5
if (a != b && c <= d || !e) { printf("%s\\n", *p++); } <a href='https://ex.ample/?q=1#top'>é</a>"""
OTHERS = [
    "Ünïcödé Ærøskøbing ŁÓDŹ",
    "日本語のテキスト。",
    "Привет, мир!",
    "שלום עולם",
    "नमस्ते दुनिया",
]
EMOJI = ["😀👍🏽 ok", "👩‍👩‍👧", "🇰🇷!", "1️⃣ ½ ² ™ ﬁ", "", " \t\n", "\u0301a", "\x00\ufffd"]


def test_english_code_and_other_scripts_are_cut_as_by_the_old_tokenizer(
    both: tuple[Tokenizer, Tokenizer],
) -> None:
    old, new = both
    for text in [CODE, CODE.upper(), *OTHERS, *EMOJI]:
        for form in ("NFC", "NFD"):
            given_text = unicodedata.normalize(form, text)
            assert new.encode(given_text).ids == old.encode(given_text).ids


def test_every_single_character_is_normalised_as_before(
    both: tuple[Tokenizer, Tokenizer],
) -> None:
    old, new = both
    before = Tokenizer.from_str(old.to_str())
    keep_whole(before)
    assert before.normalizer is not None
    assert new.normalizer is not None
    changed = [
        char
        for char in map(chr, [*range(0xAC00), *range(0xE000, 0x20000)])
        if new.normalizer.normalize_str(f"x{char}y") != before.normalizer.normalize_str(f"x{char}y")
    ]
    assert all(
        unicodedata.name(char).startswith(("FULLWIDTH", "HALFWIDTH")) for char in changed[1:]
    )
    assert changed[0] == "\u3164"


def test_what_is_read_can_be_read_anew(both: tuple[Tokenizer, Tokenizer]) -> None:
    old, new = both
    again = Tokenizer.from_str(new.to_str())
    assert "already" in read_forms(again)
    forget_forms(again)
    before = Tokenizer.from_str(old.to_str())
    keep_whole(before)
    assert json.loads(again.to_str())["normalizer"] == json.loads(before.to_str())["normalizer"]
    read_forms(again)
    assert again.to_str() == new.to_str()


def test_other_normalisers_get_forms_in_front() -> None:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))  # noqa: S106
    cased = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.normalizer = cased
    keep_whole(tokenizer)
    kept = tokenizer.to_str()
    assert "spelled" not in read_forms(tokenizer)
    assert tokenizer.normalizer is not None
    assert tokenizer.normalizer.normalize_str("Ａé ﾾￂﾤ ㄷㅏㄹㄱ 닭") == "Aé 한 닭 닭"
    forget_forms(tokenizer)
    assert tokenizer.to_str() == kept


@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=0x21, exclude_categories=["Cs", "M"]), min_size=1).map(
            lambda text: text[0]
        ),
        st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1, max_size=5),
        min_size=1,
        max_size=80,
    )
)
def test_a_charsmap_replaces_its_keys_alone(table: dict[str, str]) -> None:
    step = normalizers.Precompiled(make_charsmap(table))
    for char in [*table, *"aé가ㄱ漢😀"]:
        assert step.normalize_str(char) == table.get(char, char)
    with pytest.raises(ValueError, match="zero byte"):
        make_charsmap({"a": "b", "a\0c": "d"})


def test_a_trained_folder_is_renewed(
    tearing_folder: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "embeddings.training.tokenizer.additions.read_forms"
    out = tmp_path / "out"
    chosen = ExtensionRecipe(pieces=120, syllables="seen", languages=("ko", "en"))
    with monkeypatch.context() as patched:
        patched.setattr(module, lambda _: "as it was")
        extend_vocabulary(str(tearing_folder), [str(corpus)], chosen, out)
    before = load_encoder(out).encode(["학교에서 school", "ㅎㅏㄱㄱㅛ"], role="query").vectors
    card = json.loads((out / "encoder_card.json").read_bytes())
    assert "are read as the usual ones" in renew(out)
    encoder = load_encoder(out)
    assert encoder.card.fingerprint != card["fingerprint"]
    renewed = json.loads((out / "encoder_card.json").read_bytes())
    assert renewed["fingerprint"] == encoder.card.fingerprint
    assert card["fingerprint"][:16] not in (out / "README.md").read_text(encoding="utf-8")
    texts = ["학교에서 school", "ㅎㅏㄱㄱㅛ", "학교"]
    after = encoder.encode(texts, role="query").vectors
    assert after[0] == pytest.approx(before[0], abs=1e-6)
    assert after[1] == pytest.approx(after[2], abs=1e-6)
    assert after[1] != pytest.approx(before[1], abs=1e-3)
    saved = (out / "tokenizer.json").read_bytes()
    renew(out)
    assert (out / "tokenizer.json").read_bytes() == saved
    with pytest.raises(TrainingError, match=r"no tokenizer\.json with pieces of Hangul"):
        renew(tearing_folder)
    (out / "SHA256SUMS").touch()
    with pytest.raises(TrainingError, match="was packed already"):
        renew(out)
