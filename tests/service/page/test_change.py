"""Duplicates, leakage and change, made by real jobs, shown and acted upon; and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.service.page.conftest import JOB_SECONDS, fill, found
from tests.service.page.test_structure import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser

WIDE = "document.documentElement.scrollWidth"
WRAPPED = """selector => [...document.querySelectorAll(selector)].filter(node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
}).map(node => node.textContent)"""
CUT = """() => {
  const { left, right } = document.querySelector(".map-picture").getBoundingClientRect();
  const names = [...document.querySelectorAll(".map-name:not([hidden])")];
  const boxes = names.map(node => node.getBoundingClientRect());
  return [names.length, boxes.filter(box => box.left < left || box.right > right).length];
}"""
FIRST = "배송 기간 안내 0번째 설명입니다"
STRANGE = "Elliptic curves over finite fields, and what they are good for in cryptography"


@pytest.fixture(scope="module")
def store(url: str) -> str:
    """`store` says one text three times; `exam` has two of its texts; its later half is strange."""
    third = documents()[-2] | {"id": "copy2"}
    fill(url, "store", [*documents(), third])
    strange = [
        {"id": f"new{n}", "text": f"{STRANGE} {n}", "metadata": {"n": 100 + n}} for n in range(14)
    ]
    fill(url, "grown", [*documents(), *strange])
    exam = [{"id": f"q{n}", "text": f"이것은 시험 문제 {n}"} for n in range(4)]
    exam += [documents()[8 + n] | {"id": f"leak{n}"} for n in range(2)]
    fill(url, "exam", exam)
    for path, body in (
        ("clusters", {"k": 3}),
        ("outliers", {}),
        ("map", {"neighbours": 5}),
    ):
        found(url, f"grown/{path}", body)
    return url


def count(url: str, name: str) -> int:
    address = f"{url}/v1/collections/{name}/documents/count"
    return int(httpx.post(address, json={}, timeout=JOB_SECONDS).json()["count"])


def test_one_of_each_group_is_kept_and_the_rest_deleted(visit: Open, store: str):
    here = visit("?collection=store&view=duplicates", at=store)
    here.page.click("text=Find duplicates >> nth=0")
    here.see("#room .status", "group", seconds=JOB_SECONDS)
    group = here.page.locator(".group").first
    members = [node.get_attribute("data-id") for node in group.locator(".member").all()]
    assert set(members) == {"copy0", "copy1", "copy2"}
    kept = group.locator(".member.kept").get_attribute("data-id")
    other = "copy0" if kept != "copy0" else "copy1"
    group.locator(f".member[data-id='{other}'] .link").click()
    assert group.locator(".member.kept").get_attribute("data-id") == other
    spared = next(id for id in members if id != other)
    group.locator(f".member[data-id='{spared}'] input").uncheck()
    before = count(store, "store")
    delete = group.locator("header .button")
    assert delete.inner_text().strip() == "Delete 1"
    delete.click()
    here.page.click("#confirm >> text=Leave them")
    assert count(store, "store") == before
    delete.click()
    here.page.click("#confirm .danger")
    here.see("#room .status", "deleted")
    assert count(store, "store") == before - 1
    left = httpx.get(f"{store}/v1/collections/store/documents/{other}", timeout=JOB_SECONDS)
    assert left.status_code == 200


def test_of_translations_nothing_is_ticked_to_be_deleted(visit: Open, store: str):
    same = "1001 2002 3003 4004 5005 6006"
    texts = {"ko": f"{same} 안내", "en": f"{same} notice", "en2": f"{same} notices"}
    others = [{"id": f"o{n}", "text": f"other {STRANGE[n:]} {n}"} for n in range(3)]
    fill(store, "both", [*({"id": id, "text": text} for id, text in texts.items()), *others])
    found(store, "both/duplicates", {"threshold": 0.6})
    here = visit("?collection=both&view=duplicates", at=store)
    here.see(".of-groups", "The same in two languages")
    [repeated, translated] = [
        here.page.locator(".groups").nth(at).locator(".group").first for at in (0, 1)
    ]
    assert repeated.locator("input").is_checked()
    assert translated.locator(".state").first.inner_text() == "translation"
    assert {node.get_attribute("data-id") for node in translated.locator(".member").all()} > {"ko"}
    assert not translated.locator("input").is_checked()
    assert translated.locator("header .button").is_disabled()
    here.see("#room .status", "1 translation")
    translated.locator("input").check()
    assert translated.locator("header .button").inner_text().strip() == "Delete 1"


def test_what_another_collection_holds_as_well(visit: Open, store: str):
    here = visit("?collection=grown&view=duplicates", at=store)
    here.page.click("text=Between two")
    here.page.select_option(".leakage-form select", "exam")
    here.page.click(".leakage-form .button")
    here.see(".between .status", "2 documents of exam", seconds=JOB_SECONDS)
    rows = here.page.locator(".between tbody tr").all()
    told = httpx.get(f"{store}/v1/collections/grown/duplicates/leakage", timeout=JOB_SECONDS).json()
    assert [row.locator("code").first.inner_text() for row in rows] == [
        pair["other"] for pair in told["pairs"]
    ]
    assert {pair["other"] for pair in told["pairs"]} == {"leak0", "leak1"}


def test_later_documents_are_held_against_earlier_ones(visit: Open, store: str):
    here = visit("?collection=grown&view=drift", at=store, locale="ko-KR")
    here.page.select_option("select[data-focus='side key']", "n")
    here.page.fill("input[data-focus='side value']", "100")
    here.page.press("input[data-focus='side value']", "Enter")
    here.see(".verdict-line.changed", "우연히 이만큼 다를 확률: 0.0", seconds=JOB_SECONDS)
    told = httpx.get(f"{store}/v1/collections/grown/drift", timeout=JOB_SECONDS).json()
    assert told["changed"] is True
    assert told["receipt"]["after"] == 14
    shown = here.page.locator(".strangers .document").all()
    assert [node.get_attribute("data-id") for node in shown] == [e["id"] for e in told["new"]]
    states = here.page.locator(".shifts tbody tr td:last-child").all_inner_texts()
    assert len(states) == sum(each["change"] != "same" for each in told["clusters"])
    here.page.set_viewport_size({"width": 390, "height": 844})
    names = here.page.locator(".shifts tbody th").all()
    assert min(name.bounding_box()["width"] for name in names) > 80


def test_questions_without_answers_are_listed(visit: Open, store: str):
    asked = [FIRST, "환불 방법 안내", *(f"violin concerto {n}" for n in range(10))]
    told = found(store, "grown/drift", {"questions": {"texts": asked, "least": 0.3}})
    here = visit("?collection=grown&view=drift", at=store)
    here.see(".unanswered", "violin concerto")
    shown = here.page.locator(".unanswered th[scope=row]").all_inner_texts()
    assert shown == [each["question"] for each in told["questions"]["poor"]]
    assert FIRST not in shown


@pytest.mark.parametrize("view", ["search", "collections", "map", "clusters", "outliers"])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_rooms_fit_a_phone(visit: Open, store: str, view: str, locale: str):
    phone = {"width": 390, "height": 844}
    question = "&q=parcel" if view == "search" else ""
    here = visit(
        f"?collection=grown&view={view}{question}", at=store, locale=locale, viewport=phone
    )
    here.page.wait_for_load_state("networkidle")
    assert here.page.evaluate(WIDE) == phone["width"]
    assert here.page.evaluate(WRAPPED, ".switch button, .score .number") == []
    if view == "map":
        here.page.wait_for_selector(".map-name:not([hidden])")
        shown, cut = here.page.evaluate(CUT)
        assert (shown > 0, cut) == (True, 0)


@pytest.mark.parametrize("view", ["duplicates", "drift", "jobs"])
def test_rooms_of_results_fit_a_phone(visit: Open, store: str, view: str):
    found(store, "grown/duplicates", {"threshold": 0.9})
    found(store, "grown/duplicates/leakage", {"other": "exam"})
    phone = {"width": 390, "height": 844}
    here = visit(f"?collection=grown&view={view}", at=store, viewport=phone)
    here.page.wait_for_load_state("networkidle")
    if view == "duplicates":
        here.page.wait_for_selector(".group")
        assert here.page.evaluate(WIDE) == phone["width"]
        here.page.click("text=Between two")
    assert here.page.evaluate(WIDE) == phone["width"]
