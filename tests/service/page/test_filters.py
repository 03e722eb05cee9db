"""Narrowing an answer, by chips and by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser


def test_chips_and_ranges_narrow(visit: Open):
    here = visit("?collection=faq&q=delivery")
    here.see_all()
    here.page.click(".card[data-id='en-delivery'] .chip:has-text('topic')")
    here.see_cards("en-delivery", "en-parcel")
    here.see("#filter-count", "2 of 6")
    here.page.fill("input[aria-label='year from']", "2022")
    here.page.keyboard.press("Tab")
    here.see_cards("en-delivery")
    assert here.bill()["Fit the filter"] == "1"
    here.page.click("#active .chip:has-text('topic')")
    here.see_cards("en-delivery", "en-refund", "ko-delivery")
    here.page.fill("input[aria-label='updated to']", "2022-12-31")
    here.page.keyboard.press("Tab")
    here.see_cards("en-refund")
    here.page.click("#active .link")
    here.see_all()


def test_every_kind_of_metadata_filters(visit: Open):
    here = visit("?collection=notes&q=note+7&limit=50")
    here.see("#status", "25 matches")
    here.page.click("#fields .chip:has-text('a')")
    here.see("#filter-count", "25 of 25")
    here.page.click(".card[data-id='n07'] .chip:has-text('n 7')")
    here.see_cards("n07")


def test_a_bad_filter_is_told_where_it_is_bad(visit: Open):
    here = visit("?collection=faq&q=parcel")
    here.see("#status", "parcel")
    here.page.click("#advanced > summary")
    for text, complaint in [
        ('{"must": [', "This is not JSON"),
        ("[1]", "A filter is a JSON object"),
        ('{"must":[{"key":"year","range":{"atleast":2}}]}', "must[0].range.atleast"),
    ]:
        here.page.fill("#advanced-text", text)
        here.page.click("#advanced-apply")
        here.see("#advanced-error", complaint)
    here.see_all()
    here.page.fill("#advanced-text", '{"must_not":[{"key":"lang","match":{"value":"en"}}]}')
    here.page.keyboard.press("Control+Enter")
    here.see_cards("ko-delivery", "handbook.md#2")
    assert here.page.is_hidden("#advanced-error")
    here.see("#active", "1 condition written by hand")


def test_a_bad_filter_in_the_address_is_told(visit: Open):
    here = visit('?collection=faq&q=parcel&filter={"mst":[]}')
    here.see("#notice .message", "mst")
    here.see("#notice .hint", "filter.mst")
    here.see("#advanced-error", "mst")
    here.page.click("#active .chip")
    here.see("#status", "parcel")


def test_filters_written_by_hand_survive_the_chips(visit: Open):
    here = visit()
    by_hand = {
        "should": [{"key": "a", "match": {"value": 1}}],
        "must": [{"is_null": {"key": "b"}}, {"key": "lang", "match": {"value": "ko"}}],
    }
    steps = here.page.evaluate(
        """filter => import('/search/filter.js').then((m) => {
          const added = m.toggleValue(filter, 'lang', 'en');
          const ranged = m.setRange(added, 'year', { gte: 2020 });
          const removed = m.toggleValue(m.toggleValue(ranged, 'lang', 'ko'), 'lang', 'en');
          const last = m.toggleValue({ must: [{ key: 'x', match: { value: 1 } }] }, 'x', 1);
          return { added, ranged, removed, last, others: m.readFilter(ranged).others,
            kept: m.withoutOthers(ranged) };
        })""",
        by_hand,
    )
    null, lang = {"is_null": {"key": "b"}}, {"key": "lang", "match": {"any": ["ko", "en"]}}
    year = {"key": "year", "range": {"gte": 2020}}
    assert steps["added"] == {"must": [null, lang], "should": by_hand["should"]}
    assert steps["ranged"] == {"must": [null, lang, year], "should": by_hand["should"]}
    assert steps["removed"] == {"must": [null, year], "should": by_hand["should"]}
    assert steps["last"] is None
    assert steps["others"] == 2
    assert steps["kept"] == {"must": [lang, year]}


def test_fields_are_learnt_from_documents(visit: Open):
    here = visit()
    metadata = [
        {"lang": "ko", "n": 3, "at": "2024-01-02", "site": "https://a.example/1", "who": f"w{i}"}
        for i in range(8)
    ]
    metadata[0] |= {"n": 1.5, "at": "2023-12-31T10:00:00Z", "lang": "en", "a.b": 1, "none": None}
    metadata[1] |= {"deep": {"tags": ["x", "y"], "rows": [{"c": True}]}}
    fields = here.page.evaluate(
        "documents => import('/search/fields.js').then(({ Fields }) => {"
        " const fields = new Fields(); fields.learn(documents); fields.learn(documents);"
        " return fields.list(); })",
        [{"id": str(i), "metadata": each} for i, each in enumerate(metadata)],
    )
    assert [(field["key"], field["kind"], field["few"]) for field in fields] == [
        ("lang", "values", True),
        ("deep.tags", "values", True),
        ("deep.rows[].c", "values", True),
        ("n", "number", True),
        ("at", "date", True),
        ("who", "values", False),
    ]
    assert fields[0]["values"] == ["ko", "en"]
    assert fields[3]["values"] == [1.5, 3]
