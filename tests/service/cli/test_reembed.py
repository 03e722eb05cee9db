"""Another encoder for a collection, from the command line: compared, judged, swapped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.service.cli.conftest import Meari

BOOKSHOP = Path(__file__).parents[3] / "examples" / "bookshop"


def test_another_encoder_is_tried_and_takes_over(indexed: Meari) -> None:
    ask = ("collections", "reembed", "faq", "--encoder", "hash:32")
    told = indexed.done(*ask, "--json").json
    assert (told["name"], told["shadow"], told["documents"]) == ("faq", "faq.reembedded", 4)
    assert (told["before"]["encoder"], told["after"]["encoder"]) == ("hash:64", "hash:32")
    assert (told["written"], told["queries"], told["overlap_at_10"]) == (4, 4, 1.0)
    assert (told["judged"], told["swapped"], told["kept_as"]) == (None, False, None)
    card = indexed.done("collections", "show", "faq", "--json").json
    assert card["encoder"]["name"] == "hash:64"

    ran = indexed.done(*ask, "--swap")
    assert "going on with faq.reembedded, which holds 4 documents" in ran.err
    assert "faq is by hash:32 now; the old one is faq.before" in ran.out
    listed = indexed.done("collections", "list", "--json").json["collections"]
    assert [(each["name"], each["encoder"]["name"]) for each in listed] == [
        ("faq", "hash:32"),
        ("faq.before", "hash:64"),
    ]
    found = indexed.done("search", "faq", "tyres", "--json").json
    assert found["matches"][0]["id"] == "car"

    again = indexed(*ask)
    assert (again.status, "holds vectors of encoder 'hash:32' already" in again.err) == (1, True)
    back = indexed("collections", "reembed", "faq", "--encoder", "hash:64", "--swap")
    assert (back.status, "'faq.before' stands already" in back.err) == (1, True)


def test_both_are_judged(meari: Meari) -> None:
    meari.done("index", BOOKSHOP, "--into", "books", "--encoder", "hash:64")
    ran = meari.done(
        *("collections", "reembed", "books", "--encoder", "hash:256", "--queries", "20"),
        *("--judged", BOOKSHOP, "--split", "dev", "--json"),
    )
    judged = ran.json["judged"]
    assert judged["before"].keys() == judged["after"].keys()
    assert 0 < judged["before"]["nDCG@10"]["value"] < 1
    assert judged["before"]["nDCG@10"] != judged["after"]["nDCG@10"]
    assert 0 < ran.json["overlap_at_10"] < 1


def test_names_that_do_not_go_together(indexed: Meari) -> None:
    ask = ("collections", "reembed", "faq", "--encoder", "hash:32")
    assert indexed(*ask, "--as", "faq").status == 2
    assert indexed(*ask, "--queries", "0").status == 2
    indexed.done(*ask, "--as", "other")
    taken = indexed("collections", "reembed", "faq", "--encoder", "hash:16", "--as", "other")
    assert (taken.status, "with encoder 'hash:32'" in taken.err) == (1, True)
