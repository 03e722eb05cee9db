"""Topics and outliers, made by real jobs and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.service.page.conftest import JOB_SECONDS, fill, found

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser

SUBJECTS = ("배송 기간 안내", "환불 방법 안내", "회원 가입 안내")
ODD = "quantum chromodynamics lecture"


def documents() -> list[dict[str, Any]]:
    made = [
        {
            "id": f"{subject[:2]}{number}",
            "title": f"{subject} {number}",
            "text": f"{subject} {number}번째 설명입니다",
            "metadata": {"n": number},
        }
        for subject in SUBJECTS
        for number in range(8)
    ]
    made += [
        {"id": f"copy{number}", "title": "사본", "text": made[0]["text"], "metadata": {"n": number}}
        for number in range(2)
    ]
    return [*made, {"id": "odd", "title": "Odd", "text": ODD, "metadata": {"n": 7}}]


@pytest.fixture(scope="module")
def shop(url: str) -> str:
    fill(url, "shop", documents())
    return url


def ids(here: Any, selector: str) -> list[str]:  # noqa: ANN401 - a visit
    return [node.get_attribute("data-id") for node in here.page.locator(selector).all()]


def test_topics_open_into_their_documents(visit: Open, shop: str):
    told = found(shop, "shop/clusters", {"k": 3, "levels": 1})
    here = visit("?collection=shop&view=clusters", at=shop)
    here.see("#room .status", "3 topics")
    labels = here.page.locator(".topic .label").all_inner_texts()
    assert labels == [cluster["label"] for cluster in told["clusters"]]
    here.page.click(".topic-name >> nth=0")
    first = told["clusters"][0]["id"]
    path = f"{shop}/v1/collections/shop/clusters/{first}/documents"
    members = httpx.get(path, params={"limit": 20}, timeout=JOB_SECONDS).json()["documents"]
    here.see(".members .document", members[0]["title"])
    assert ids(here, ".members .document") == [member["id"] for member in members]
    assert here.page.url.endswith(f"&view=clusters&cluster={first}")
    assert here.page.get_attribute(".topic-name >> nth=0", "aria-expanded") == "true"
    here.page.go_back()
    here.page.wait_for_selector(".members", state="detached")
    with here.page.expect_download() as saved:
        here.page.click("text=Export CSV")
    lines = saved.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(documents())


def test_outliers_come_with_their_nearest_and_texts_can_be_tried(visit: Open, shop: str):
    told = found(shop, "shop/outliers", {"contamination": 0.1})
    here = visit("?collection=shop&view=outliers", at=shop, locale="ko-KR")
    here.see("#room .status", f"문서 {len(documents())}건 가운데 {told['count']}건")
    assert ids(here, ".odd-ones > li.odd") == [
        each["id"] for each in told["outliers"] if each["is_outlier"]
    ]
    nearest = here.page.locator(".odd-ones > li .nearest").first.locator("li")
    assert [each.get_attribute("title") for each in nearest.all()] == [
        each["id"] for each in told["outliers"][0]["neighbours"]
    ]
    here.page.click(".trial summary")
    here.page.fill("#trial-text", SUBJECTS[0])
    here.page.click(".trial form button")
    here.see(".verdict", "잘 어울립니다")


def test_the_nearest_of_documents_without_titles_are_told_by_their_texts(visit: Open, shop: str):
    bare = {each["id"]: each["text"] for each in documents()}
    fill(shop, "bare", [{"id": id, "text": text} for id, text in bare.items()])
    told = found(shop, "bare/outliers", {"contamination": 0.1})
    here = visit("?collection=bare&view=outliers", at=shop)
    nearest = [bare[each["id"]] for each in told["outliers"][0]["neighbours"]]
    here.see(".odd-ones > li .nearest li [dir]", nearest[0])
    shown = here.page.locator(".odd-ones > li .nearest").first.locator("li [dir]")
    assert shown.all_inner_texts() == nearest
