"""Articles and passages over HTTP: what an offset of a citation points into."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import FakeAssistant, Serve

from rag.records import Answer
from rag.server.login import hashed
from rag.server.serve import Server

pytestmark = pytest.mark.slow

QUESTION = "How much did the repairs of the harbour cost?"


def got(client: httpx.Client, path: str, **query: Any) -> Any:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def refused(client: httpx.Client, path: str, status: int, **query: Any) -> str:
    response = client.get(path, params=query)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == status
    return str(error["message"])


def test_articles_are_listed_with_outlet_date_and_length(serve: Serve) -> None:
    listed = got(serve(), "/api/articles")
    assert listed["total"] == 3
    (harbour,) = [one for one in listed["articles"] if one["id"] == "harbour"]
    characters = harbour.pop("characters")
    assert characters > 200
    assert harbour == {
        "id": "harbour", "title": "Harbour reopens after two years", "outlet": "Coast Daily",
        "published": "2024-09-06", "language": "en", "source": "harbour.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"outlets": ["coast daily", "صحيفة النخيل"]}, {"harbour", "library"}),
        ({"language": "ar"}, {"library"}),
        ({"since": "2024-09", "until": "2024"}, {"harbour"}),
        ({"outlets": "Nobody"}, set()),
    ],
)
def test_a_filter_limits_list_and_search(serve: Serve, query: dict[str, Any], ids: set[str]) -> None:
    client = serve()
    listed = got(client, "/api/articles", **query)
    assert {one["id"] for one in listed["articles"]} == ids
    assert listed["total"] == len(ids)
    found = got(client, "/api/search", question=QUESTION, **query)["passages"]
    assert {one["chunk"]["article_id"] for one in found} == ids


def test_a_long_list_comes_in_parts(serve: Serve) -> None:
    client = serve()
    parts = [got(client, "/api/articles", limit=2, offset=at) for at in (0, 2, 4)]
    assert [len(part["articles"]) for part in parts] == [2, 1, 0]
    assert {part["total"] for part in parts} == {3}
    assert {one["id"] for part in parts for one in part["articles"]} == {"harbour", "library", "olives"}


def test_every_offset_over_http_points_into_an_article_over_http(serve: Serve) -> None:
    client = serve()
    answer = Answer.from_dict(client.post("/api/ask", json={"question": QUESTION}).json())
    assert answer.citations
    for cited in answer.citations:
        article = got(client, f"/api/articles/{quote(cited.article_id, safe='')}")
        assert article["text"][cited.start : cited.end] == cited.quote
    for passage in got(client, "/api/search", question=QUESTION, k=2)["passages"]:
        chunk = passage["chunk"]
        article = got(client, f"/api/articles/{chunk['article_id']}")
        assert article["text"][chunk["start"] : chunk["end"]] == passage["text"]
        assert (article["title"], article["outlet"]) == (passage["title"], passage["outlet"])


def test_a_search_runs_no_model_and_keeps_to_its_number(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    server = Server(assistant).start()
    try:
        with httpx.Client(base_url=server.address, timeout=60) as client:
            found = got(client, "/api/search", question=QUESTION, k=2)["passages"]
    finally:
        server.close()
    assert [one["rank"] for one in found] == [1, 2]
    assert [one["score"] for one in found] == [one.score for one in assistant.retrieve(QUESTION, k=2)]


@pytest.mark.parametrize("name", ["nothing", "", "a/b", "../harbour", "%2e%2e", "مقال", "harbour.txt"])
def test_an_article_that_is_not_there_is_named(shared_client: httpx.Client, name: str) -> None:
    assert repr(name) in refused(shared_client, f"/api/articles/{quote(name, safe='')}", 404)


@pytest.mark.parametrize(
    ("path", "status", "query", "expected"),
    [
        ("/api/search", 422, {}, "question"),
        ("/api/search", 400, {"question": " "}, "empty"),
        ("/api/search", 422, {"question": QUESTION, "k": 0}, "k"),
        ("/api/search", 422, {"question": QUESTION, "k": 101}, "k"),
        ("/api/search", 422, {"question": QUESTION, "langauge": "ar"}, "langauge"),
        ("/api/articles", 400, {"since": "06/09/2024"}, "'06/09/2024'"),
        ("/api/articles", 422, {"language": "fr"}, "language"),
        ("/api/articles", 422, {"limit": 5000}, "limit"),
        ("/api/articles", 422, {"offset": -1}, "offset"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    shared_client: httpx.Client, path: str, status: int, query: dict[str, Any], expected: str
) -> None:
    assert expected in refused(shared_client, path, status, **query)


TOWER = "Tower bell rings again\nThe bell of the old tower rang on Friday for the first time since 1952.\n"


def test_an_uploaded_file_is_asked_about_and_removed(serve: Serve) -> None:
    client = serve()
    added = client.post("/api/articles", params={"name": "برج.txt"}, content=TOWER.encode())
    assert (added.status_code, added.json()) == (
        201,
        {"articles": ["uploaded://برج"], "notes": [], "total": 4},
    )
    found = got(client, "/api/search", question="When did the bell of the old tower ring?", k=1)
    assert found["passages"][0]["title"] == "Tower bell rings again"
    path = f"/api/articles/{quote('uploaded://برج', safe='')}"
    assert got(client, path)["text"].startswith("Tower bell")
    removed = client.delete(path)
    assert (removed.status_code, removed.json()) == (200, {"removed": ["uploaded://برج"], "total": 3})
    assert client.delete(path).status_code == 404


def test_a_file_with_several_rows_is_added_with_notes_and_replaced(serve: Serve) -> None:
    client = serve()

    def added(*texts: str) -> dict[str, Any]:
        rows = "\n".join(json.dumps({"title": text[:10], "text": text}) for text in texts)
        answer = client.post("/api/articles", params={"name": "rows.jsonl"}, content=rows.encode())
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    first = added(TOWER, "", "Rain fell on the valley for three days, said the weather office.")
    assert (len(first["articles"]), first["total"], len(first["notes"])) == (2, 5, 1)
    assert len(added(TOWER)["articles"]) == 1
    assert got(client, "/api/articles")["total"] == 4


@pytest.mark.parametrize(
    ("name", "content", "status", "expected"),
    [
        ("../out.txt", TOWER, 400, "cannot be used as the name"),
        ("a\u202eb.txt", TOWER, 400, "cannot be used as the name"),
        (".hidden.txt", TOWER, 400, "cannot be used as the name"),
        ("tower.exe", TOWER, 415, "Supported types"),
        ("tower.txt", "x" * 3000, 413, "0.002 MB"),
        ("tower.txt", "", 400, "contains no article"),
        ("tower.json", "{", 400, "contains no article"),
        (None, TOWER, 422, "name"),
    ],
)
def test_a_file_that_is_not_accepted_leaves_nothing(
    serve: Serve, tmp_path: Path, name: str | None, content: str, status: int, expected: str
) -> None:
    client = serve(max_file_bytes=2000)
    refused = client.post("/api/articles", params={"name": name} if name else {}, content=content.encode())
    assert refused.status_code == status, refused.text
    assert expected in refused.json()["error"]["message"]
    folder = tmp_path / "indexes" / "small" / "uploads"
    assert not folder.exists() or list(folder.iterdir()) == []
    assert got(client, "/api/articles")["total"] == 3


def test_a_file_that_cannot_be_read_does_not_replace_the_articles_of_the_one_before(serve: Serve) -> None:
    client = serve()
    for content, status in ((TOWER, 201), ("", 400)):
        sent = client.post("/api/articles", params={"name": "tower.txt"}, content=content.encode())
        assert sent.status_code == status
    assert "contains no text; its articles were read earlier and are kept" in sent.json()["error"]["message"]
    assert got(client, "/api/articles")["total"] == 4


def test_a_client_that_leaves_in_the_middle_of_a_file_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as connection:
        connection.sendall(
            b"POST /api/articles?name=tower.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 900\r\n\r\nTower"
        )
    folder = tmp_path / "indexes" / "small" / "uploads"
    end = time.monotonic() + 20
    while 'route="/api/articles"' not in client.get("/metrics").text:
        assert time.monotonic() < end
    assert list(folder.iterdir()) == []


def test_files_that_arrive_at_once_are_all_added(serve: Serve) -> None:
    client = serve()

    def add(number: int) -> int:
        text = f"Notice {number} of the port\nPier {number} closes on day {number} of the month.\n"
        return client.post(
            "/api/articles", params={"name": f"pier{number}.txt"}, content=text.encode()
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add, range(1, 5))) == [201] * 4
    assert got(client, "/api/articles")["total"] == 7


def test_the_last_article_is_not_removed(serve: Serve) -> None:
    client = serve()
    for name in ("harbour", "library"):
        assert client.delete(f"/api/articles/{name}").status_code == 200
    last = client.delete("/api/articles/olives")
    assert (last.status_code, "nothing was removed" in last.json()["error"]["message"]) == (400, True)


def test_the_schema_describes_every_response(shared_client: httpx.Client) -> None:
    schema = got(shared_client, "/openapi.json")
    for path, name in {
        "/api/ask": "Answer", "/api/articles": "ArticleList", "/api/search": "PassageList",
        "/api/articles/{article_id}": "Article",
    }.items():  # fmt: skip
        operation = schema["paths"][path]["post" if path == "/api/ask" else "get"]
        described = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert described == {"$ref": f"#/components/schemas/{name}"}
    assert {"quote", "start", "end", "translation"} <= schema["components"]["schemas"]["Citation"][
        "properties"
    ].keys()


def test_the_schema_names_the_ways_to_log_in_where_a_login_is_needed(serve: Serve, tmp_path: Path) -> None:
    schema = got(serve(), "/openapi.json")
    assert schema["security"] == [{}]
    passwords = tmp_path / "passwords"
    passwords.write_text(f"layla:{hashed('a long password')}\n", encoding="utf-8")
    passwords.chmod(0o600)
    client = serve(passwords=str(passwords))
    client.auth = ("layla", "a long password")
    schema = got(client, "/openapi.json")
    assert schema["security"] == [{name: []} for name in schema["components"]["securitySchemes"]]
    assert schema["paths"]["/healthz"]["get"]["security"] == [{}]
    session = client.post("/login", data={"name": "layla", "password": "a long password"})
    # Each of them is tried as the schema describes it, without the others.
    for scheme in schema["components"]["securitySchemes"].values():
        sent: dict[str, Any] = {"headers": {}}
        if scheme["type"] == "apiKey":
            sent["cookies"] = {scheme["name"]: session.cookies[scheme["name"]]}
        elif scheme["scheme"] == "basic":
            sent["auth"] = ("layla", "a long password")
        else:
            sent["headers"]["Authorization"] = "Bearer layla:a long password"
        for path in ("/api/articles", "/v1/models"):
            assert httpx.get(f"{client.base_url}{path}", **sent).status_code == 200, scheme
            assert httpx.get(f"{client.base_url}{path}").status_code == 401


def test_single_articles_are_counted_together(serve: Serve) -> None:
    client = serve()
    for name in ("harbour", "library", "nothing"):
        client.get(f"/api/articles/{name}")
    counted = [line for line in client.get("/metrics").text.splitlines() if "requests_total{" in line]
    lines = [line for line in counted if "/api/articles/" in line]
    assert sorted(line.rpartition(" ")[2] for line in lines) == ["1.0", "2.0"]
    assert all('route="/api/articles/…"' in line for line in lines)
