"""`meari keys`, and the key that verbs send to a server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from service.access.keyring import KEYS_FILE
from service.access.keys import PresentedKey
from service.cli.errors import FAILED, MISUSE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


def test_a_key_is_printed_alone_and_once(meari: Meari) -> None:
    ran = meari.done("keys", "create", "ci", "--scope", "write", "--collection", "faq")
    assert re.fullmatch(r"meari_[0-9a-z]{8}_[0-9A-Za-z]{39}\n", ran.out)
    key = PresentedKey.parse(ran.out.strip())
    assert f"key {key.id} (ci): scope write, only faq; " in ran.err
    assert "there is no collection faq yet" in ran.err
    listed = meari.done("keys", "list", "--json").json["keys"]
    assert [(each["id"], each["state"]) for each in listed] == [(key.id, "active")]
    shown = meari.done("keys", "list").out + (meari.folder / KEYS_FILE).read_text()
    assert key.secret not in shown
    assert meari.done("keys", "revoke", "ci").out == f"revoked {key.id} (ci)\n"
    assert meari.done("keys", "list", "--json").json["keys"][0]["state"] == "revoked"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "a", "--scope", "root"], "invalid value for '--scope'"),
        (["create", "a", "--rate", "0"], "rate is 0; it must be above 0"),
        (["create", "a", "--max-body", "much"], "--max-body 'much' is not a size"),
        (["create", "a", "--collection", "../b"], "collection name '../b'"),
        (["create", ""], "name is ''"),
        (["revoke", "nobody"], "no data folder"),
    ],
)
def test_what_cannot_be(meari: Meari, arguments: list[str], message: str) -> None:
    ran = meari("keys", *arguments)
    assert ran.status == MISUSE
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_others_are_not_served_without_a_key(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service.cli", "serve", "--host", "0.0.0.0"]  # noqa: S104 - refused
    ran = subprocess.run(
        [*command, "--port", "0", "--data", str(tmp_path / "new"), "--encoder", "hash:64"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == FAILED
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(
        "error: 0.0.0.0 can be reached from other machines and there is no API key"
    )
    assert "`meari keys create NAME --scope admin" in last
    assert "MEARI_OPEN=true" in last


def sent(meari: Meari, monkeypatch: pytest.MonkeyPatch, *before: str) -> str | None:
    """The key that a verb sends."""
    keys: list[str | None] = []

    class Client:
        def __init__(self, url: str, *, api_key: str | None) -> None:
            keys.append(api_key)

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def collections(self) -> dict[str, object]:
            return {"collections": [], "unusable": {}}

    monkeypatch.setattr("service.client.Client", Client)
    meari.done(*before, "collections", "list", "--url", "http://127.0.0.1:1")
    return keys[0]


def test_the_key_comes_from_a_file_or_the_environment(
    meari: Meari, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("from-a-file\n")
    file.chmod(0o600)
    assert sent(meari, monkeypatch) is None
    monkeypatch.setenv("MEARI_API_KEY", "from-the-environment")
    assert sent(meari, monkeypatch) == "from-the-environment"
    assert sent(meari, monkeypatch, "--api-key-file", str(file)) == "from-a-file"
    monkeypatch.setenv("MEARI_API_KEY_FILE", str(file))
    assert sent(meari, monkeypatch) == "from-a-file"


def test_a_file_of_a_key_is_looked_at(meari: Meari, tmp_path: Path) -> None:
    file = tmp_path / "key"
    ask = ["--api-key-file", str(file), "collections", "list", "--url", "http://127.0.0.1:1"]
    assert meari(*ask).status == FAILED
    file.write_text("two words")
    file.chmod(0o644)
    ran = meari(*ask)
    assert (ran.status, "holds no API key" in ran.err, "two words" in ran.err) == (
        MISUSE,
        True,
        False,
    )
    file.write_text("one")
    assert f"chmod 600 {file}" in meari(*ask).err


def test_the_key_of_a_verb_is_in_no_debug_log(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = PresentedKey.new().write()
    monkeypatch.setenv("MEARI_API_KEY", key)
    ran = meari("--debug", "collections", "list", "--url", "http://127.0.0.1:1")
    assert ran.status == FAILED
    assert key[15:] not in ran.err + ran.out
    assert json.dumps(key) not in ran.err
