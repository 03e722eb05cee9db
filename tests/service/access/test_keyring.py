"""The file of keys: who may read it, what two writers do, what a damaged one opens."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from indexing.errors import InvalidNameError
from service.access.errors import InvalidKeyError, KeysFileError, KeyWishError
from service.access.keyring import KEYS_FILE, KeyWish, create_key, read_keys, revoke_key
from service.access.watching import WatchedKeys

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds that pass when told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(tmp_path: Path, clock: Clock) -> WatchedKeys:
    return WatchedKeys(tmp_path, clock=clock)


def test_a_key_made_is_listed_without_its_secret(tmp_path: Path):
    folder = tmp_path / "not" / "there"
    made, text = create_key(folder, KeyWish("ci", "write", ("faq",), rate=60, days=2))
    assert read_keys(folder) == (made,)
    assert (made.name, made.scope, made.collections, made.rate) == ("ci", "write", ("faq",), 60)
    assert made.expires == made.created + 2 * 86_400
    content = (folder / KEYS_FILE).read_text()
    assert text[15:48] not in content
    assert text[-6:] not in content


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_the_owner_alone_may_read_the_file(tmp_path: Path):
    before = os.umask(0)
    try:
        create_key(tmp_path, KeyWish("a"))
        create_key(tmp_path, KeyWish("b"))
    finally:
        os.umask(before)
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keys.lock", KEYS_FILE]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (KeyWish(""), "name is ''"),
        (KeyWish("x" * 65), "1 to 64 characters"),
        (KeyWish("a\nb"), "name is 'a\\nb'"),
        (KeyWish("a", rate=0), "rate is 0; it must be above 0"),
        (KeyWish("a", days=-1), "expires is -1"),
        (KeyWish("a", max_bytes=0), "size is 0"),
    ],
)
def test_impossible_wishes(tmp_path: Path, wish: KeyWish, told: str):
    with pytest.raises(KeyWishError) as caught:
        create_key(tmp_path, wish)
    assert told in str(caught.value)
    assert not (tmp_path / KEYS_FILE).exists()


def test_a_collection_that_cannot_be_is_refused(tmp_path: Path):
    with pytest.raises(InvalidNameError):
        create_key(tmp_path, KeyWish("a", collections=("../a",)))


def test_a_name_is_free_again_once_its_key_is_revoked(tmp_path: Path):
    first, _ = create_key(tmp_path, KeyWish("ci"))
    with pytest.raises(KeyWishError, match=f"meari keys revoke {first.id}"):
        create_key(tmp_path, KeyWish("ci"))
    assert revoke_key(tmp_path, "ci").id == first.id
    second, _ = create_key(tmp_path, KeyWish("ci"))
    assert [each.id for each in read_keys(tmp_path)] == [first.id, second.id]
    with pytest.raises(KeyWishError, match="in use: ci"):
        revoke_key(tmp_path, "other")


def test_many_at_once_lose_none(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: create_key(tmp_path, KeyWish(f"k{n}"))[0], range(24)))
    assert {each.id for each in read_keys(tmp_path)} == {each.id for each in made}


def test_a_server_notices_within_a_second(tmp_path: Path, watched: WatchedKeys, clock: Clock):
    assert not watched.are_asked()
    made, text = create_key(tmp_path, KeyWish("ci"))
    clock.now += 1
    assert watched.are_asked()
    assert watched.recognise(text) == made
    revoke_key(tmp_path, "ci")
    clock.now += 1
    with pytest.raises(InvalidKeyError, match=f"{made.id} .* is revoked"):
        watched.recognise(text)
    assert watched.are_asked(), "revoking the last key opens nothing"


def test_the_file_is_looked_at_now_and_then_only(
    tmp_path: Path, watched: WatchedKeys, clock: Clock
):
    assert not watched.are_asked()
    create_key(tmp_path, KeyWish("ci"))
    clock.now += 0.4
    assert not watched.are_asked()
    clock.now += 0.2
    assert watched.are_asked()


def test_an_expired_key_is_none(tmp_path: Path):
    made, text = create_key(tmp_path, KeyWish("ci", days=1))
    for later, message in ((86_399, None), (86_400, "is expired")):
        watched = WatchedKeys(tmp_path, wall=lambda later=later: made.created + later)
        if message is None:
            assert watched.recognise(text) == made
        else:
            with pytest.raises(InvalidKeyError, match=message):
                watched.recognise(text)


def test_an_unknown_key_costs_as_much_as_a_known_one(
    tmp_path: Path, watched: WatchedKeys, monkeypatch: pytest.MonkeyPatch
):
    """Of both the digest is taken and compared."""
    from service.access.keys import ApiKey

    asked = []
    check = ApiKey.is_proved_by

    def proved(key: ApiKey, secret: str) -> bool:
        asked.append(key.name)
        return check(key, secret)

    monkeypatch.setattr(ApiKey, "is_proved_by", proved)
    made, text = create_key(tmp_path, KeyWish("ci"))
    _, foreign = create_key(tmp_path / "elsewhere", KeyWish("foreign"))
    assert watched.recognise(text) == made
    with pytest.raises(InvalidKeyError, match="is known here"):
        watched.recognise(foreign)
    assert asked == ["ci", "nobody"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2, "keys": []}', '{"format": 1}'])
def test_a_damaged_file_opens_nothing(
    tmp_path: Path, watched: WatchedKeys, clock: Clock, content: str
):
    _, text = create_key(tmp_path, KeyWish("ci"))
    good = (tmp_path / KEYS_FILE).read_bytes()
    assert watched.are_asked()
    (tmp_path / KEYS_FILE).write_text(content)
    clock.now += 1
    assert watched.are_asked()
    with pytest.raises(
        KeysFileError, match=r"keys\.json .*; (restore it from a backup|update Meari)"
    ):
        watched.recognise(text)
    with pytest.raises(KeysFileError):
        create_key(tmp_path, KeyWish("other"))
    (tmp_path / KEYS_FILE).write_bytes(good)
    clock.now += 1
    assert watched.recognise(text).name == "ci"


def test_a_lost_file_opens_nothing(tmp_path: Path, watched: WatchedKeys, clock: Clock):
    _, text = create_key(tmp_path, KeyWish("ci"))
    assert watched.are_asked()
    (tmp_path / KEYS_FILE).unlink()
    clock.now += 1
    assert watched.are_asked()
    with pytest.raises(InvalidKeyError):
        watched.recognise(text)


def test_the_file_tells_its_format(tmp_path: Path):
    create_key(tmp_path, KeyWish("ci"))
    told = json.loads((tmp_path / KEYS_FILE).read_bytes())
    assert told["format"] == 1
    assert set(told["keys"][0]) == {
        *("id", "name", "scope", "collections", "rate", "max_bytes"),
        *("created", "expires", "revoked", "salt", "sha256"),
    }
