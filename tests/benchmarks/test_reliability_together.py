"""The short form of `python -m benchmarks.reliability together`: a second or two of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.reliability.together import KINDS, Stress, text_of, try_http, try_local

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 1.5


def check(stress: Stress) -> None:
    assert stress.faults == []
    assert all(stress.done[name] for name in KINDS), stress.done
    assert not any(done.endswith(": gone") for done in stress.done if done.startswith("read"))


def test_everything_at_once_in_this_process(tmp_path: Path) -> None:
    check(try_local(tmp_path / "data", SECONDS))


def test_everything_at_once_over_http(tmp_path: Path) -> None:
    stress, told = try_http(tmp_path, SECONDS)
    check(stress)
    assert told == []


class Forgetful:
    """A store that loses every write of a second version."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, int]] = {}

    def add(self, name: str, documents: list[tuple[str, str, int]]) -> None:
        self.kept |= {id_: (text, v) for id_, text, v in documents if v < 2 and name == "steady"}

    def delete(self, name: str, ids: list[str]) -> int:
        return sum(self.kept.pop(id_, None) is not None for id_ in ids if name == "steady")

    def get(self, name: str, id_: str) -> tuple[str, int] | None:
        return self.kept.get(id_) if name == "steady" else None

    def scan(self, name: str, limit: int) -> list[tuple[str, str, int]]:
        return [(id_, *found) for id_, found in dict(self.kept).items() if limit and name]

    def search(self, name: str, *_: object) -> list[tuple[str, str, int]]:
        return []

    def count(self, name: str) -> int:
        return len(self.kept) if name else 0

    def create(self, name: str) -> None: ...

    def drop(self, name: str) -> None: ...

    def optimize(self, name: str) -> None: ...

    def verify(self, name: str) -> list[str]:
        return [] if name else ["nothing"]


def test_a_lost_write_is_found() -> None:
    stress = Stress(Forgetful(), SECONDS)
    stress.run()
    assert any("was written" in fault for fault in stress.faults)
    assert text_of("a", 1) != text_of("a", 2)
