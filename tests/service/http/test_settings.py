from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings


def test_defaults_need_nothing(monkeypatch: pytest.MonkeyPatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MEARI_{name.upper()}", raising=False)
    settings = Settings()
    assert settings.data == Path("meari-data")
    assert settings.encoder == "meari-ko-en"
    assert settings.url == "http://127.0.0.1:8080"
    assert settings.max_body_bytes == 64 * 1024 * 1024
    assert settings.max_query_bytes == 64 * 1024
    assert settings.max_texts == 2048


def test_the_environment_speaks_and_arguments_win(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEARI_DATA", "/srv/meari")
    monkeypatch.setenv("MEARI_PORT", "9000")
    monkeypatch.setenv("MEARI_HOST", "::1")
    settings = Settings(port=9001)
    assert settings.data == Path("/srv/meari")
    assert settings.url == "http://[::1]:9001"


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70_000},
        {"encoder": ""},
        {"max_texts": 0},
        {"search_threads": 0},
        {"log_level": "loud"},
        {"prot": 8080},
    ],
)
def test_impossible_settings(wrong: dict[str, object]):
    with pytest.raises(ValidationError) as caught:
        Settings(**wrong)
    assert next(iter(wrong)) in str(caught.value)


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().port = 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("700M", 700_000_000),
        ("1.5 GB", 1_500_000_000),
        ("512MiB", 512 << 20),
        ("64k", 64_000),
        ("1234", 1234),
    ],
)
def test_memory_is_a_size_as_people_write_it(monkeypatch: pytest.MonkeyPatch, text: str, size: int):
    monkeypatch.setenv("MEARI_MEMORY", text)
    assert Settings().memory == size


@pytest.mark.parametrize("text", ["much", "0", "-5M", "5i", "M", "1e9", ""])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValidationError, match="memory"):
        Settings(memory=text)


def test_arenas_of_memory_follow_the_processors_unless_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("service.settings.usable_processors", lambda: 6)
    assert Settings().malloc_arenas == 6
    monkeypatch.setattr("service.settings.usable_processors", lambda: 1)
    assert Settings().malloc_arenas == 2
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    assert Settings().malloc_arenas is None
