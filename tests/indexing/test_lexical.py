"""Lexical search against BM25 written out, and what is left of it after harm."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import LexicalIndexError
from indexing.lexical import LexicalIndex
from indexing.lexical_schema import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from indexing.types import Ids

ROOT = Path(__file__).parents[2]
ROWS = [
    ["서울", "시청", "광장"],
    ["서울", "역", "기차", "기차"],
    ["train", "station"],
    ["기차", "여행"],
    ["usb", "케이블"],
]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LexicalIndex]:
    """Rows 0 to 4, version 1."""
    opened = LexicalIndex.open(tmp_path / "lexical", "terms-1")
    opened.add(range(5), ROWS)
    opened.commit(1)
    yield opened
    opened.close()


def found(
    index: LexicalIndex, terms: Sequence[str], k: int = 10, allowed_rows: Ids | None = None
) -> list[int]:
    """Rows in the order found."""
    return [row for row in index.search(terms, k, allowed_rows).ids[0].tolist() if row >= 0]


def bm25(rows: Sequence[Sequence[str]], terms: Sequence[str], states: int = 1) -> list[float]:
    """Robertson and Zaragoza 2009, equation 3.15; the state is an empty row in the statistics."""
    n, average = len(rows) + states, sum(map(len, rows)) / (len(rows) + states) or 1.0
    scores = []
    for row in rows:
        total = 0.0
        for term in terms:
            df, tf = sum(term in other for other in rows), row.count(term)
            length = 0.25 + 0.75 * len(row) / average
            total += math.log(1 + (n - df + 0.5) / (df + 0.5)) * tf * 2.2 / (tf + 1.2 * length)
        scores.append(total)
    return scores


@pytest.mark.parametrize("terms", [["서울"], ["기차", "여행"], ["기차", "기차", "서울"], ["usb"]])
def test_scores_are_bm25(index: LexicalIndex, terms: list[str]) -> None:
    expected = bm25(ROWS, terms)
    hits = index.search(terms, 5)
    there = [(row, s) for row, s in enumerate(expected) if s > 0]
    best = sorted(there, key=lambda pair: (-pair[1], pair[0]))
    assert hits.ids.tolist() == [[row for row, _ in best] + [-1] * (5 - len(best))]
    assert hits.scores.dtype == np.float32
    assert hits.scores[0, : len(best)] == pytest.approx([s for _, s in best], rel=1e-5)
    assert np.isneginf(hits.scores[0, len(best) :]).all()


def test_nothing_is_seen_before_the_commit_and_all_after(index: LexicalIndex) -> None:
    index.add([5], [["기차", "표"]])
    index.delete([3])
    assert found(index, ["기차"]) == [1, 3]
    index.commit(2)
    assert found(index, ["표"]) == [5]
    assert sorted(found(index, ["기차"])) == [1, 5]
    assert (index.version, index.count, index.rows().tolist()) == (2, 5, [0, 1, 2, 4, 5])


def test_rows_added_and_deleted_in_one_commit_are_gone(index: LexicalIndex) -> None:
    index.add([5], [["표"]])
    index.delete([5, 99])
    index.commit(2)
    assert found(index, ["표"]) == []
    assert index.count == 5


def test_rollback_forgets(index: LexicalIndex) -> None:
    index.add([5], [["표"]])
    index.rollback()
    index.commit(2)
    assert found(index, ["표"]) == []


def test_equal_scores_are_in_the_order_of_rows_across_commits(tmp_path: Path) -> None:
    index = LexicalIndex.open(tmp_path / "lexical", "terms-1")
    for start in (60, 0, 30):
        index.add(range(start, start + 30), [["같은", "말", "셋"]] * 30)
        index.commit(start)
    for k in (1, 7, 40, 90):
        assert found(index, ["말", "같은", "셋"], k) == list(range(k))
    index.close()


@pytest.mark.parametrize("share", [3, 700, 2000])
def test_only_allowed_rows_are_found_and_all_of_them(tmp_path: Path, share: int) -> None:
    index = LexicalIndex.open(tmp_path / "lexical", "terms-1")
    generator = np.random.default_rng(5)
    terms = [["말"] + ["다른"] * int(n) for n in generator.integers(0, 40, 3000)]
    index.add(range(3000), terms)
    index.commit(1)
    allowed = generator.choice(3000, share, replace=False)
    everything = index.search(["말"], 3000)
    kept = np.isin(everything.ids[0], allowed)
    hits = index.search(["말"], 50, allowed)
    assert hits.ids[0, : min(50, share)].tolist() == everything.ids[0][kept][:50].tolist()
    assert np.array_equal(hits.scores[0, : min(50, share)], everything.scores[0][kept][:50])
    worst = np.sort(everything.ids[0][-1500:])
    assert found(index, ["말"], 20, allowed_rows=worst) == everything.ids[0][-1500:][:20].tolist()
    index.close()


def test_no_terms_no_rows_and_unknown_terms_find_nothing(index: LexicalIndex) -> None:
    nothing = index.search([], 3)
    assert nothing.ids.tolist() == [[-1, -1, -1]]
    assert found(index, ["기차"], allowed_rows=np.array([], np.int64)) == []
    assert found(index, ["기차"], allowed_rows=np.array([-1, 0, 99])) == []
    assert found(index, ["없는말"]) == []


def test_an_empty_index_and_rows_without_terms(tmp_path: Path) -> None:
    index = LexicalIndex.open(tmp_path / "lexical", "terms-1")
    assert (index.version, index.count, index.rows().tolist()) == (0, 0, [])
    assert found(index, ["말"]) == []
    index.add([0, 1], [[], ["말"]])
    index.commit(7)
    assert (index.count, index.rows().tolist(), found(index, ["말"])) == (2, [0, 1], [1])
    index.close()


words = st.lists(st.sampled_from(list("가나다라마바")), max_size=6)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(words, min_size=1, max_size=12), asked=words.filter(len), data=st.data())
def test_any_rows_rank_as_bm25_says(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    asked: list[str],
    data: st.DataObject,
) -> None:
    index = LexicalIndex.open(tmp_path_factory.mktemp("any") / "lexical", "terms-1")
    index.add(range(len(rows)), rows)
    index.commit(1)
    index.close()
    index = LexicalIndex.open(index._folder, "terms-1", writable=False)
    hits = index.search(asked, len(rows))
    expected = bm25(rows, asked)
    order = [row for row in hits.ids[0].tolist() if row >= 0]
    assert sorted(order) == [row for row, s in enumerate(expected) if s > 0]
    assert hits.scores[0, : len(order)] == pytest.approx([expected[r] for r in order], rel=1e-4)
    allowed = data.draw(st.sets(st.sampled_from(range(len(rows)))))
    few = np.array(sorted(allowed), np.int64)
    assert found(index, asked, len(rows), allowed_rows=few) == [r for r in order if r in allowed]


def test_it_is_all_there_when_opened_again(index: LexicalIndex, tmp_path: Path) -> None:
    index.add([9], [["못다한", "말"]])
    index.close()
    again = LexicalIndex.open(tmp_path / "lexical", "terms-1", writable=False)
    assert (again.version, again.rows().tolist()) == (1, [0, 1, 2, 3, 4])
    assert found(again, ["서울"]) == [0, 1]
    with pytest.raises(LexicalIndexError, match="reading only"):
        again.add([10], [["말"]])


def test_another_analyzer_is_refused(index: LexicalIndex, tmp_path: Path) -> None:
    with pytest.raises(LexicalIndexError, match=r"'terms-1'.*'terms-2'; build it again"):
        LexicalIndex.open(tmp_path / "lexical", "terms-2", writable=False)


def test_a_missing_index_is_not_made_by_readers(tmp_path: Path) -> None:
    with pytest.raises(LexicalIndexError, match="no lexical index"):
        LexicalIndex.open(tmp_path / "lexical", "terms-1", writable=False)
    assert not (tmp_path / "lexical").exists()


def test_two_writers_are_refused(index: LexicalIndex, tmp_path: Path) -> None:
    second = LexicalIndex.open(tmp_path / "lexical", "terms-1")
    with pytest.raises(LexicalIndexError, match="cannot be written"):
        second.add([5], [["말"]])


def _damage_cut(folder: Path) -> None:
    file = next(folder.glob("*.idx"))
    file.write_bytes(file.read_bytes()[:-9])


def _damage_flip(folder: Path) -> None:
    file = next(folder.glob("*.term"))
    content = bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)


def _damage_lose(folder: Path) -> None:
    next(folder.glob("*.fieldnorm")).unlink()


def _damage_meta(folder: Path) -> None:
    (folder / "meta.json").write_text("{")


def _damage_empty(folder: Path) -> None:
    next(folder.glob("*.store")).write_bytes(b"")


def _damage_no_meta(folder: Path) -> None:
    (folder / "meta.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [_damage_cut, _damage_flip, _damage_lose, _damage_meta, _damage_empty, _damage_no_meta],
)
def test_damage_is_told_and_mended_by_building_again(
    index: LexicalIndex, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    index.close()
    folder = tmp_path / "lexical"
    damage(folder)
    with pytest.raises(LexicalIndexError, match="build the lexical index again"):
        LexicalIndex.open(folder, "terms-1")
    LexicalIndex.remove(folder)
    rebuilt = LexicalIndex.open(folder, "terms-1")
    rebuilt.add(range(5), ROWS)
    rebuilt.commit(1)
    assert found(rebuilt, ["서울"]) == [0, 1]
    rebuilt.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from indexing.lexical import LexicalIndex
index = LexicalIndex.open(Path(sys.argv[1]), "terms-1")
for version in range(1, 8):
    index.add([version], [["말", f"w{version}"]])
    index.delete([version - 2] if version > 2 else [])
    index.commit(version)
index.add(range(100, 4100), [["말", "bulk"]] * 4000)
index.delete([7])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_its_last_commit(tmp_path: Path) -> None:
    folder = tmp_path / "lexical"
    command = [sys.executable, "-c", KILLED, str(folder)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    index = LexicalIndex.open(folder, "terms-1")
    assert (index.version, index.rows().tolist()) == (7, [6, 7])
    assert found(index, ["w7", "bulk"]) == [7]
    index.add([8], [["bulk"]])
    index.commit(8)
    assert found(index, ["bulk"]) == [8]
    index.close()


def test_one_that_was_never_committed_is_damaged(tmp_path: Path) -> None:
    tantivy.Index(schema(), path=str(tmp_path))
    with pytest.raises(LexicalIndexError, match="0 states, not 1; build it again"):
        LexicalIndex.open(tmp_path, "terms-1")


FULL = """
import resource, signal, sys
from pathlib import Path
from indexing.errors import LexicalIndexError, StorageFullError
from indexing.lexical import LexicalIndex
index = LexicalIndex.open(Path(sys.argv[1]), "terms-1")
index.add([1], [["first"]])
index.commit(1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    index.add(range(10, 20_000), [[f"w{n}", f"v{n % 977}"] for n in range(10, 20_000)])
    index.commit(2)
except (LexicalIndexError, StorageFullError) as error:
    print("stays at its last commit" in str(error), index.version, index.rows().tolist())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
index.add([2], [["second"]])
index.commit(3)
print("after", index.version, index.rows().tolist())
index.close()
"""


def test_a_full_disk_leaves_the_last_commit_and_space_mends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "lexical")]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["True 1 [1]", "after 3 [1, 2]"], done.stderr


def test_searches_go_on_while_one_writes(index: LexicalIndex) -> None:
    problems: list[str] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            rows = found(index, ["서울", "새"], 1000)
            if rows[:2] != [0, 1] and not {0, 1} <= set(rows):
                problems.append(f"{rows}")

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for row in range(10, 25):
        index.add([row], [["새", "글"]])
        index.commit(row)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert Counter(found(index, ["새"], 100)) == Counter(range(10, 25))
