"""`meari collections`: seen, dropped, optimised, checked and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.errors import FAILED, MISUSE

if TYPE_CHECKING:
    import pytest

    from tests.service.cli.conftest import Meari


def test_list_tells_a_line_each(indexed: Meari) -> None:
    head, _, row = indexed.done("collections", "list").out.splitlines()
    assert head.split() == ["name", "documents", "encoder", "metric", "index", "size"]
    assert row.split()[:6] == ["faq", "4", "hash:64", "cosine", "flat", "(exact)"]


def test_list_of_an_empty_folder_says_how_to_begin(meari: Meari) -> None:
    meari.folder.mkdir()
    ran = meari.done("collections", "list")
    assert ran.out == ""
    assert ran.err == "no collections yet; `meari index FILE --into NAME` makes one\n"
    assert meari.done("collections", "list", "--json").json == {"collections": [], "unusable": {}}


def test_a_collection_that_cannot_be_opened_hides_no_other(indexed: Meari) -> None:
    broken = indexed.folder / "broken"
    broken.mkdir()
    (broken / "card.json").write_text("{}")
    ran = indexed.done("collections", "list")
    assert "faq" in ran.out
    assert ran.err.startswith("warning: broken cannot be opened: ")
    assert list(indexed.done("collections", "list", "--json").json["unusable"]) == ["broken"]
    assert indexed.done("collections", "drop", "broken", "--yes").out == "removed broken\n"
    assert not broken.exists()


def test_a_database_damaged_inside_hides_no_other(indexed: Meari) -> None:
    many = "".join(f'{{"id": "{n}", "text": "text {n}"}}\n' for n in range(500))
    indexed.done("index", "-", "--into", "torn", stdin=many)
    path = indexed.folder / "torn" / "documents.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(bytes(content))
    ran = indexed.done("collections", "list")
    assert "faq" in ran.out
    assert ran.err.startswith("warning: torn cannot be opened: ")
    ran = indexed("search", "torn", "text")
    assert ran.status == FAILED
    assert "restore it from a backup" in ran.err
    assert "internal" not in ran.err
    assert indexed.done("collections", "drop", "torn", "--yes").out == "removed torn\n"


def test_list_tells_what_is_wrong_with_each(indexed: Meari) -> None:
    vectors = indexed.folder / "faq" / "vectors.f32"
    vectors.write_bytes(vectors.read_bytes()[:256])
    ran = indexed.done("collections", "list")
    assert ran.err.startswith("warning: faq: vectors.f32 was cut: 3 documents lost their vectors")
    assert ran.err.count("\n") == 1


def test_show_tells_what_it_is_and_what_it_holds(indexed: Meari) -> None:
    shown = indexed.done("collections", "show", "faq").out
    facts = {line[:19].strip(): line[19:].strip() for line in shown.splitlines()}
    assert facts["name"] == "faq"
    assert facts["documents"] == "4"
    assert facts["encoder"] == "hash:64 (64 dimensions)"
    assert facts["window"] == "256 tokens"
    assert len(facts["fingerprint"]) == 64
    assert facts["index"] == "flat (exact)"


def test_drop_asks_nobody_where_nobody_is(indexed: Meari) -> None:
    ran = indexed("collections", "drop", "faq")
    assert ran.status == MISUSE
    assert ran.err == (
        "error: remove faq and its 4 documents for good? "
        "Nobody can be asked here; say --yes to do it\n"
    )
    assert indexed.done("collections", "show", "faq").status == 0


def test_drop_asks_on_a_terminal(indexed: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda _: True)
    ran = indexed("collections", "drop", "faq", stdin="n\n")
    assert ran.status == FAILED
    assert "remove faq and its 4 documents for good?" in ran.err
    assert ran.err.endswith("nothing was removed\n")
    ran = indexed("collections", "drop", "faq", stdin="y\n")
    assert ran.status == 0
    assert ran.out.endswith("removed faq, 4 documents\n")


def test_drop_removes_for_good(indexed: Meari) -> None:
    answer = indexed.done("collections", "drop", "faq", "--yes", "--json").json
    assert answer == {"name": "faq", "documents": 4}
    assert indexed("collections", "show", "faq").status == FAILED


def test_optimize_says_which_index_stands(indexed: Meari) -> None:
    assert indexed.done("collections", "optimize", "faq").out == "faq: flat (exact)\n"
    answer = indexed.done("collections", "optimize", "faq", "--json").json
    assert answer == indexed.done("collections", "show", "faq", "--json").json


def test_verify_tells_what_is_wrong_with_the_index_file(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 1000)
    many = "".join(f'{{"id": "{n}", "text": "word{n}"}}\n' for n in range(500))
    meari.done("index", "-", "--into", "many", stdin=many)
    (index,) = (meari.folder / "many").glob("index-*.faiss")
    index.write_bytes(index.read_bytes()[:-9])
    told = meari.done("collections", "verify", "many").err
    assert (
        told == f"warning: {index.name} fails its checksum; answers are exact until it is rebuilt\n"
    )
    told = meari.done("collections", "verify", "many", "--repair").err
    assert told == f"warning: {index.name} fails its checksum; it was rebuilt\n"
    assert meari.done("collections", "verify", "many").err == ""


def test_verify_of_a_sound_collection(indexed: Meari) -> None:
    ran = indexed.done("collections", "verify", "faq")
    assert ran.out == "faq: 4 documents checked, everything agrees\n"


def test_verify_finds_damage_and_repair_mends_it(indexed: Meari) -> None:
    vectors = indexed.folder / "faq" / "vectors.f32"
    damaged = bytearray(vectors.read_bytes())
    damaged[5] ^= 0xFF
    vectors.write_bytes(damaged)
    found = indexed("collections", "verify", "faq")
    assert found.status == FAILED
    assert found.out.startswith("problem: ")
    assert "`meari collections verify faq --repair` mends" in found.out
    mended = indexed.done("collections", "verify", "faq", "--repair")
    assert mended.out.startswith("repaired: ")
    assert mended.out.endswith("faq: 4 documents checked, everything agrees\n")
    assert indexed.done("collections", "verify", "faq", "--json").json["ok"] is True


def test_a_missing_collection_cannot_be_cared_for(indexed: Meari) -> None:
    for verb in ("show", "optimize", "verify"):
        ran = indexed("collections", verb, "fak")
        assert ran.status == FAILED
        assert "no collection 'fak'" in ran.err
    assert "no collection 'fak'" in indexed("collections", "drop", "fak", "--yes").err
