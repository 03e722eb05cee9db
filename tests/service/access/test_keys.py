"""What a key looks like, what is kept of it, and how it is recognised."""

from __future__ import annotations

import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access import keys as module
from service.access.errors import InvalidKeyError
from service.access.keys import ApiKey, PresentedKey

DIGITS = string.digits + string.ascii_letters
SECRETS = st.text(DIGITS, min_size=33, max_size=33)
IDS = st.text(string.digits + string.ascii_lowercase, min_size=8, max_size=8)


@given(IDS, SECRETS)
def test_a_key_is_read_as_it_was_written(id: str, secret: str):
    key = PresentedKey(id, secret)
    assert PresentedKey.parse(key.write()) == key
    assert key.write().startswith(f"meari_{id}_")
    assert len(key.write()) == 6 + 8 + 1 + 33 + 6


@given(IDS, SECRETS, st.integers(6, 53), st.sampled_from(DIGITS))
def test_a_mistyped_key_is_no_key(id: str, secret: str, place: int, letter: str):
    text = PresentedKey(id, secret).write()
    mistyped = f"{text[:place]}{letter}{text[place + 1 :]}"
    if mistyped == text:
        return
    with pytest.raises(InvalidKeyError) as caught:
        PresentedKey.parse(mistyped)
    assert secret not in str(caught.value)


@given(st.text())
def test_no_other_text_is_a_key(text: str):
    with pytest.raises(InvalidKeyError) as caught:
        PresentedKey.parse(text)
    with pytest.raises(InvalidKeyError) as told_of_nothing:
        PresentedKey.parse("")
    assert str(caught.value) == str(told_of_nothing.value)  # nothing of the text is told again


@pytest.mark.parametrize("change", [lambda key: key[:-1], lambda key: key + "0", str.upper])
def test_a_cut_key_is_no_key(change):  # noqa: ANN001
    with pytest.raises(InvalidKeyError):
        PresentedKey.parse(change(PresentedKey.new().write()))


def test_the_checksum_is_known():
    """So that scanners of source code can be told of it."""
    assert PresentedKey("0" * 8, "0" * 33).write().endswith("3uDlqb")


def test_new_keys_differ_and_use_every_letter():
    made = [PresentedKey.new() for _ in range(200)]
    assert len({key.id for key in made}) == len({key.secret for key in made}) == 200
    assert set("".join(key.secret for key in made)) == set(DIGITS)


def kept(presented: PresentedKey, **given: object) -> ApiKey:
    return ApiKey.of(presented, "name", scope="write", created=1_000, **given)


def test_only_its_secret_proves_a_key():
    presented = PresentedKey.new()
    key = kept(presented)
    assert key.is_proved_by(presented.secret)
    assert not key.is_proved_by(presented.secret[:-1] + "~")
    assert not key.is_proved_by("")
    again = kept(presented)
    assert again.salt != key.salt
    assert again.digest != key.digest


def test_digests_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch):
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    presented = PresentedKey.new()
    monkeypatch.setattr(module, "hmac", type("Hmac", (), {"compare_digest": staticmethod(compare)}))
    assert kept(presented).is_proved_by(presented.secret)
    assert compared == [(32, 32)]


def test_neither_secret_nor_digest_is_shown():
    presented = PresentedKey.new()
    key = kept(presented)
    for shown in (repr(key), repr(presented), str(key.describe())):
        assert presented.secret not in shown
        assert key.digest.hex() not in shown
        assert repr(key.digest) not in shown


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"collections": ("a", "b"), "rate": 60, "max_bytes": 1_000, "expires": 2_000},
    ],
)
def test_what_is_kept_comes_back(given: dict[str, object]):
    key = kept(PresentedKey.new(), **given)
    for each in (key, key.revoke(1_500)):
        assert ApiKey.from_json(each.to_json()) == each


def test_a_key_ends():
    key = kept(PresentedKey.new(), expires=2_000)
    assert [key.state(now) for now in (1_000, 1_999.9, 2_000)] == ["active", "active", "expired"]
    assert key.revoke(1_500).state(1_000) == "revoked"
    assert key.revoke(1_500).revoke(1_700) == key.revoke(1_500)


@pytest.mark.parametrize(
    "wrong", [{"scope": "root"}, {"created": None}, {"salt": "zz"}, {"rate": "many"}]
)
def test_what_cannot_be_kept_is_refused(wrong: dict[str, object]):
    told = {**kept(PresentedKey.new()).to_json(), **wrong}
    with pytest.raises((ValueError, TypeError, KeyError)):
        ApiKey.from_json(told)
