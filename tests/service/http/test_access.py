"""Keys at the door: what each route needs, what bound keys see, what refusals say."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route

from service.access.audit import AUDIT_FILE
from service.access.keyring import KeyWish, create_key, revoke_key
from service.access.keys import SCOPES
from service.access.needs import NEEDS, OPEN, UNKNOWN, need_of
from service.app import create_app
from service.body import JsonRoute, KeyedRoute
from service.routes.page import page_routes
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.service.http.conftest import Client, Start

MINE, OTHERS = "mine", "others"
SECRET_TEXT = "a text nobody else may see"  # noqa: S105 - of a document


class Door:
    """A service with two collections and keys of every kind."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.keys = {scope: self.make(KeyWish(scope, scope)) for scope in SCOPES}
        self.keys |= {
            f"{scope} {MINE}": self.make(KeyWish(f"{scope} {MINE}", scope, (MINE,)))
            for scope in SCOPES
        }
        look_again(client)
        for name in (MINE, OTHERS):
            self.ask("POST", "/v1/collections", "admin", {"name": name})
            documents = [{"id": "a", "text": SECRET_TEXT}, {"id": "b", "text": "other words"}]
            path = f"/v1/collections/{name}/documents"
            assert self.ask("POST", path, "write", {"documents": documents}).status_code == 200

    def make(self, wish: KeyWish) -> str:
        return create_key(self.folder, wish)[1]

    def ask(
        self,
        method: str,
        path: str,
        key: str | None = None,
        body: object = None,
        **headers: str | bytes,
    ) -> httpx.Response:
        if key is not None:
            headers["authorization"] = f"Bearer {self.keys.get(key, key)}"
        return self.client.request(method, path, json=body, headers=headers)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    from tests.service.http.conftest import started

    folder = tmp_path_factory.mktemp("data")
    create_key(folder, KeyWish("first", "admin"))
    with started(Settings(data=folder, encoder="hash:64")) as client:
        yield Door(client, folder)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def routes() -> list[Any]:
    app = create_app(Settings(data="nowhere", encoder="hash:64"))
    found = []
    for route in app.routes:
        included = getattr(route, "original_router", None)
        found += [route] if included is None else included.routes
    return found


def test_every_operation_of_the_schema_is_in_the_table():
    document = create_app(Settings(data="nowhere", encoder="hash:64")).openapi()
    templates = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    told = {entry.replace(":path}", "}") for entry in NEEDS}
    assert {each for each in templates if each.partition(" ")[2] not in OPEN} == told


def test_every_route_is_in_the_table_or_open():
    """Also those that no schema shows; what is neither needs everything."""
    pages = {route.path for route in page_routes()}
    for route in routes():
        if route.path in OPEN | pages:
            continue
        assert isinstance(route, JsonRoute | KeyedRoute), f"{route.path} asks nobody for a key"
        (method,) = route.methods
        assert need_of(method, route.path) is NEEDS[f"{method} {route.path}"]
    assert need_of("POST", "/v1/new") is UNKNOWN
    assert (UNKNOWN.scope, UNKNOWN.reach) == ("admin", "all")
    assert isinstance(page_routes()[0], Route)


def test_what_names_a_collection_in_its_path_is_judged_by_it():
    for entry, need in NEEDS.items():
        assert ("{collection}" in entry) == (need.reach == "path"), entry


@pytest.mark.parametrize("entry", NEEDS)
def test_each_route_asks_for_its_scope(door: Door, entry: str):
    """Without a key 401; with less 403; with enough anything else, if only that it is nonsense."""
    method, _, template = entry.partition(" ")
    path = template.replace("{collection}", "nothing").replace("{model}", "nothing")
    path = path.replace("{model:path}", "nothing").replace("{document_id:path}", "nothing")
    path = re.sub(r"{\w+}", "0", path)
    need = NEEDS[entry]
    answer = door.ask(method, path)
    assert error(answer) == (401, "missing_api_key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="meari"'
    for scope in SCOPES:
        answer = door.ask(method, path, scope)
        if SCOPES.index(scope) < SCOPES.index(need.scope):
            assert error(answer) == (403, "insufficient_scope"), scope
            assert f"needs scope {need.scope}; " in answer.json()["error"]["message"]
            assert f'scope="{need.scope}"' in answer.headers["www-authenticate"]
        else:
            assert answer.status_code not in {401, 403}, scope
    bound = door.ask(method, path, f"admin {MINE}")
    if need.reach == "path":
        assert error(bound) == (403, "collection_forbidden")
    else:
        assert bound.status_code not in {401, 403}


@pytest.mark.parametrize("path", sorted(OPEN | {route.path for route in page_routes()}))
def test_what_is_open_needs_no_key(door: Door, path: str):
    for key in (None, "read", "meari_wrong"):
        assert door.ask("GET", path, key).status_code == 200


def test_a_path_that_nothing_answers_needs_a_key_too(door: Door):
    assert error(door.ask("GET", "/v1/nothing")) == (401, "missing_api_key")
    assert error(door.ask("GET", "/v1/nothing", "read")) == (404, "path_not_found")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer KEY"},
        {"authorization": "bearer  KEY "},
        {"x-api-key": "KEY"},
        {"api-key": "KEY"},
        {"authorization": "Basic dXNlcjpwYXNz", "x-api-key": "KEY"},
        {"authorization": "Bearer of-a-proxy", "x-api-key": "KEY"},
    ],
)
def test_the_ways_to_send_a_key(door: Door, headers: dict[str, str]):
    sent = {name: value.replace("KEY", door.keys["read"]) for name, value in headers.items()}
    assert door.ask("GET", "/v1/collections", **sent).status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"authorization": "Basic dXNlcjpwYXNz"}, "missing_api_key"),
        ({"authorization": "Bearer "}, "missing_api_key"),
        ({"authorization": "Bearer none"}, "invalid_api_key"),
        ({"authorization": "Bearer meari_" + "0" * 48}, "invalid_api_key"),
        ({"authorization": b"Bearer meari_\xff"}, "invalid_api_key"),
    ],
)
def test_what_is_no_key(door: Door, headers: dict[str, str | bytes], code: str):
    answer = door.ask("GET", "/v1/collections", **headers)
    assert error(answer) == (401, code)
    wanted = 'Bearer realm="meari"' + (', error="invalid_token"' if code[0] == "i" else "")
    assert answer.headers["www-authenticate"] == wanted


def test_revoking_and_making_are_noticed_while_serving(door: Door):
    door.ask("GET", "/v1/collections", "read")
    text = door.make(KeyWish("brief", "read"))
    key = text[6:14]
    look_again(door.client)
    assert door.ask("GET", "/v1/collections", text).status_code == 200
    revoke_key(door.folder, "brief")
    look_again(door.client)
    answer = door.ask("GET", "/v1/collections", text)
    assert error(answer) == (401, "invalid_api_key")
    assert f"the API key {key} (brief) is revoked" in answer.json()["error"]["message"]


def look_again(client: Client) -> None:
    """Let the half second pass for which a look at the keys counts."""
    gate = client.app.front
    while not hasattr(gate, "_keys"):
        gate = gate._app
    gate._keys._next_look = 0.0


def test_lists_hold_what_a_bound_key_sees(door: Door):
    key = f"admin {MINE}"
    names = [each["name"] for each in door.ask("GET", "/v1/collections", key).json()["collections"]]
    assert names == [MINE]
    encoders = door.ask("GET", "/v1/encoders", key).json()["encoders"]
    assert {name for each in encoders for name in each["collections"]} == {MINE}
    health = door.ask("GET", "/health", key).json()
    assert [each["name"] for each in health["collections"]] == [MINE]
    assert door.ask("GET", "/health").json()["collections"] == []
    everything = door.ask("GET", "/health", "read").json()["collections"]
    assert [each["name"] for each in everything] == [MINE, OTHERS]


def test_damaged_collections_of_others_are_numbers(door: Door):
    (door.folder / "broken").mkdir()
    (door.folder / "broken" / "card.json").write_text("{")
    try:
        for key, told in (
            (None, "1 not shown"),
            (f"read {MINE}", "1 not shown"),
            ("read", "broken"),
        ):
            health = door.ask("GET", "/health", key).json()
            assert health["reason"] == f"collections with problems: {told}"
        listed = door.ask("GET", "/v1/collections", f"read {MINE}").json()
        assert listed["unusable"] == {}
        assert door.ask("GET", "/v1/collections", "read").json()["unusable"].keys() == {"broken"}
    finally:
        (door.folder / "broken" / "card.json").unlink()


@pytest.mark.parametrize("name", [OTHERS, "nothing", "%20", MINE.upper()])
def test_collections_of_others_are_as_if_they_were_not(door: Door, name: str):
    """The same answer whether there is one of that name or not."""
    answers = []
    for method, tail, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/search", {"query": SECRET_TEXT}),
        ("POST", "/search/batch", {"searches": [{"query": SECRET_TEXT}]}),
        ("POST", "/recommend", {"positive": ["a"]}),
        ("GET", "/documents", None),
        ("GET", "/documents/a", None),
        ("POST", "/documents/count", None),
        ("POST", "/documents/delete", {"ids": ["a"]}),
        ("POST", "/verify", None),
    ):
        answer = door.ask(method, f"/v1/collections/{name}{tail}", f"admin {MINE}", body)
        assert error(answer) == (403, "collection_forbidden")
        answers.append(answer.json()["error"]["message"])
    assert len(set(answers)) == 1
    assert answers[0].endswith(f"(admin {MINE}) is bound to other collections: {MINE}")


def test_a_bound_key_makes_and_drops_its_own_collections_alone(door: Door):
    key = f"admin {MINE}"
    assert door.ask("DELETE", f"/v1/collections/{MINE}", key).status_code == 200
    missing = door.ask("GET", f"/v1/collections/{MINE}", key)
    assert error(missing) == (404, "collection_not_found")
    assert missing.json()["error"]["message"] == f"no collection '{MINE}'"
    assert error(door.ask("DELETE", f"/v1/collections/{MINE}", key)) == (
        404,
        "collection_not_found",
    )
    made = door.ask("POST", "/v1/collections", key, {"name": "third"})
    assert error(made) == (403, "collection_forbidden")
    assert door.ask("GET", "/v1/collections/third", "read").status_code == 404
    assert door.ask("POST", "/v1/collections", key, {"name": MINE}).status_code == 201


def test_jobs_and_results_about_others_are_not_told(door: Door):
    """What somebody with a larger key asked about two collections is not for a bound one."""
    mine = f"/v1/collections/{MINE}"
    documents = [{"id": "a", "text": SECRET_TEXT}]  # other tests may have dropped it meanwhile
    door.ask("POST", f"{mine}/documents", "write", {"documents": documents})
    leakage = door.ask("POST", f"{mine}/duplicates/leakage", "write", {"other": OTHERS})
    assert leakage.status_code == 202
    job = leakage.json()["id"]
    keep_leakage(door)
    own = door.ask("POST", f"{mine}/duplicates", f"write {MINE}", {}).json()["id"]
    for key in (f"read {MINE}", f"admin {MINE}"):
        listed = door.ask("GET", "/v1/jobs", key).json()["jobs"]
        assert [each["id"] for each in listed] == [own]
        assert door.ask("GET", f"/v1/jobs/{own}", key).status_code == 200
        for tail in ("", "/events"):
            assert error(door.ask("GET", f"/v1/jobs/{job}{tail}", key)) == (404, "job_not_found")
        shown = door.ask("GET", f"{mine}/duplicates/leakage", key)
        assert error(shown) == (403, "collection_forbidden")
        assert SECRET_TEXT not in shown.text
    for method, tail in (("DELETE", ""), ("POST", "/resume")):
        answer = door.ask(method, f"/v1/jobs/{job}{tail}", f"write {MINE}")
        assert error(answer) == (404, "job_not_found")
    assert len(door.ask("GET", "/v1/jobs?limit=1", "read").json()["jobs"]) == 1
    assert SECRET_TEXT in door.ask("GET", f"{mine}/duplicates/leakage", "read").text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("duplicates/leakage", {"other": OTHERS}),
        ("duplicates/leakage", {"other": "nothing"}),
        ("drift", {"before": {"collection": OTHERS}, "after": {}}),
        ("drift", {"before": {}, "after": {"collection": OTHERS}}),
    ],
)
def test_collections_in_bodies_are_judged_too(door: Door, path: str, body: dict[str, object]):
    answer = door.ask("POST", f"/v1/collections/{MINE}/{path}", f"admin {MINE}", body)
    assert error(answer) == (403, "collection_forbidden")


def keep_leakage(door: Door) -> None:
    """What the job would find, without waiting for its process."""
    from service.analyses.finding import find

    folder = door.client.app.state.engine.folder
    find("leakage", MINE, {"other": OTHERS}, folder.collection).keep()


def test_what_a_key_may_write_it_may(door: Door):
    path = f"/v1/collections/{MINE}/documents"
    body = {"documents": [{"id": "c", "text": "more words"}]}
    assert door.ask("POST", path, f"write {MINE}", body).json()["added"] == 1
    assert door.ask("DELETE", f"{path}/c", f"write {MINE}").json() == {"deleted": 1}
    assert error(door.ask("POST", path, f"read {MINE}", body)) == (403, "insufficient_scope")


def test_a_key_has_its_own_pace(door: Door):
    text = door.make(KeyWish("slow", "read", rate=2))
    look_again(door.client)
    assert [door.ask("GET", "/v1/collections", text).status_code for _ in range(2)] == [200, 200]
    answer = door.ask("GET", "/v1/collections", text)
    assert error(answer) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert "may ask 2 times a minute" in answer.json()["error"]["message"]
    assert door.ask("GET", "/v1/collections", "read").status_code == 200
    assert door.ask("GET", "/livez", text).status_code == 200


def test_a_key_has_its_own_bound_of_bytes(door: Door):
    text = door.make(KeyWish("small", "read", max_bytes=100))
    look_again(door.client)
    path = f"/v1/collections/{MINE}/search"
    assert door.ask("POST", path, text, {"query": "x"}).status_code == 200
    answer = door.ask("POST", path, text, {"query": "x" * 100})
    assert error(answer) == (413, "body_too_large")
    assert "at most 100 bytes" in answer.json()["error"]["message"]


def test_a_refused_body_is_not_read(door: Door):
    """Not even judged: nonsense from a stranger is still a stranger's."""
    answer = door.client.request("POST", "/v1/collections", content=b"{nonsense")
    assert error(answer) == (401, "missing_api_key")
    headers = {"authorization": f"Bearer {door.keys['read']}"}
    answer = door.client.request("POST", "/v1/collections", content=b"{nonsense", headers=headers)
    assert error(answer) == (403, "insufficient_scope")


def test_writes_are_told_in_the_audit_log(door: Door):
    path = f"/v1/collections/{MINE}/documents"
    before = len(audit(door))
    body = {"documents": [{"id": "d", "text": "audited words"}]}
    door.ask("POST", path, f"write {MINE}", body, **{"x-request-id": "the-write"})
    door.ask("DELETE", f"{path}/d", f"write {MINE}")
    door.ask("POST", path, f"read {MINE}", body)
    door.ask("POST", path, f"write {MINE}", {"documents": 3})
    door.ask("POST", f"/v1/collections/{MINE}/search", "read", {"query": "words"})
    lines = audit(door)[before:]
    keys = {name: text[6:14] for name, text in door.keys.items()}
    assert [
        (each["key"], each["method"], each["collection"], each["status"]) for each in lines
    ] == [
        (keys[f"write {MINE}"], "POST", MINE, 200),
        (keys[f"write {MINE}"], "DELETE", MINE, 200),
        (keys[f"read {MINE}"], "POST", MINE, 403),
    ]
    first = lines[0]
    assert first["request_id"] == "the-write"
    assert first["route"] == "/v1/collections/{collection}/documents"
    assert first["name"] == f"write {MINE}"
    assert first["counts"] == {"added": 1, "changed": 0, "relabelled": 0, "unchanged": 0}
    assert lines[1]["counts"] == {"deleted": 1}
    made = [each["collection"] for each in audit(door) if each["route"] == "/v1/collections"]
    assert made[:2] == [MINE, OTHERS]
    assert (door.folder / AUDIT_FILE).stat().st_mode & 0o777 == 0o600
    assert "audited words" not in (door.folder / AUDIT_FILE).read_text()


def audit(door: Door) -> list[dict[str, Any]]:
    path = door.folder / AUDIT_FILE
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_keys_are_in_no_log(door: Door, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    wrong = door.keys["read"][:-1] + "~"
    for key in ("read", "admin", f"write {MINE}", wrong):
        for method, path in (
            ("GET", "/v1/collections"),
            ("POST", "/v1/collections"),
            ("GET", "/x"),
        ):
            answer = door.ask(method, path, key)
            assert door.keys.get(key, key)[15:] not in answer.text
    answer = door.ask("GET", "/v1/collections", **{"x-api-key": wrong})
    logged = "\n".join(f"{each.getMessage()} {each.__dict__}" for each in caplog.records)
    assert "request" in logged
    for key in [*door.keys.values(), wrong]:
        assert key[15:] not in logged
        assert key[15:] not in answer.text
        assert key[15:] not in (door.folder / AUDIT_FILE).read_text()


def test_without_keys_this_machine_is_let_in(client: Client, settings: Settings):
    """And only by its own names: a page of a stranger may have its own point here."""
    assert client.get("/v1/collections").status_code == 200
    for host in ("localhost", "127.0.0.1:8080", "[::1]:80", "LOCALHOST.", "a.localhost", ""):
        assert client.get("/v1/collections", headers={"host": host}).status_code == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "a, b"):
        answer = client.get("/v1/collections", headers={"host": host})
        assert error(answer) == (421, "unknown_host"), host
    _, text = create_key(settings.data, KeyWish("first"))
    look_again(client)
    assert error(client.get("/v1/collections")) == (401, "missing_api_key")
    headers = {"authorization": f"Bearer {text}", "host": "search.example"}
    assert client.get("/v1/collections", headers=headers).status_code == 200


def test_hosts_that_are_named_are_the_only_ones(started: Start, tmp_path: Path):
    settings = Settings(data=tmp_path, encoder="hash:64", host="0.0.0.0", hosts="search.example")  # noqa: S104
    with started(settings) as client:
        for host, status in (
            ("search.example:443", 200),
            ("localhost", 200),
            ("other.example", 421),
        ):
            assert client.get("/v1/collections", headers={"host": host}).status_code == status


def test_browsers_of_other_sites_are_let_in_only_when_asked(started: Start, tmp_path: Path):
    create_key(tmp_path, KeyWish("first"))
    settings = Settings(data=tmp_path, encoder="hash:64", origins="https://search.example")
    with started(settings) as client:
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        }
        path = "/v1/collections/a/search"
        ours = {"origin": "https://search.example"}
        answer = client.request("OPTIONS", path, headers={**ours, **asked})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://search.example"
        assert "access-control-allow-credentials" not in answer.headers
        refused = client.request("GET", "/v1/collections", headers=ours)
        assert error(refused) == (401, "missing_api_key")
        assert refused.headers["access-control-allow-origin"] == "https://search.example"
        for origin in ("https://search.example.evil", "http://search.example", "null"):
            answer = client.request("GET", "/livez", headers={"origin": origin})
            assert "access-control-allow-origin" not in answer.headers


def test_every_answer_is_hardened(door: Door):
    for path in ("/livez", "/v1/collections", "/nothing", "/", "/docs", "/main.js"):
        headers = door.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
    assert door.ask("GET", "/v1/collections", "read").headers["cache-control"] == "no-store"


def test_metrics_may_be_kept_from_strangers(started: Start, tmp_path: Path):
    _, text = create_key(tmp_path, KeyWish("first"))
    settings = Settings(data=tmp_path, encoder="hash:64", open_metrics=False)
    with started(settings) as client:
        assert client.get("/metrics").status_code == 401
        headers = {"authorization": f"Bearer {text}"}
        assert "meari_http" in client.get("/metrics", headers=headers).text


def test_a_read_may_not_take_for_ever(
    started: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import asyncio

    settings = Settings(data=tmp_path, encoder="hash:64", max_read_seconds=0.05)
    with started(settings) as client:
        client.post("/v1/collections", {"name": "a"})

        async def never(*_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(client.app.state.engine, "read", never)
        answer = client.get("/v1/collections")
        assert error(answer) == (503, "took_too_long")
        assert answer.headers["retry-after"] == "2"


def test_a_body_that_never_ends_is_given_up(started: Start, tmp_path: Path):
    import asyncio

    sent: list[dict[str, Any]] = []
    pieces = [{"type": "http.request", "body": b'{"name": ', "more_body": True}]

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()
        return pieces.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    settings = Settings(data=tmp_path, encoder="hash:64", max_body_seconds=0.05)
    with started(settings) as client:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/collections",
            "headers": [(b"content-type", b"application/json")],
            "query_string": b"",
        }
        client.call(lambda: client.app(scope, receive, send))
    told = json.loads(b"".join(each.get("body", b"") for each in sent))["error"]
    assert (sent[0]["status"], told["code"]) == (408, "body_too_slow")
    assert "9 bytes of it did" in told["message"]
