"""Articles and passages over HTTP: what an offset of a citation points into."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import FakeAssistant, Serve

from rag.records import Answer
from rag.server.serve import Server

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
    ("path", "status", "query", "told"),
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
    shared_client: httpx.Client, path: str, status: int, query: dict[str, Any], told: str
) -> None:
    assert told in refused(shared_client, path, status, **query)


def test_the_schema_describes_every_response(shared_client: httpx.Client) -> None:
    schema = got(shared_client, "/openapi.json")
    for path, name in {
        "/api/ask": "Answer", "/api/articles": "ArticleList", "/api/search": "PassageList",
        "/api/articles/{article_id}": "Article",
    }.items():  # fmt: skip
        (operation,) = schema["paths"][path].values()
        described = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert described == {"$ref": f"#/components/schemas/{name}"}
    assert {"quote", "start", "end", "translation"} <= schema["components"]["schemas"]["Citation"][
        "properties"
    ].keys()


def test_single_articles_are_counted_together(serve: Serve) -> None:
    client = serve()
    for name in ("harbour", "library", "nothing"):
        client.get(f"/api/articles/{name}")
    counted = [line for line in client.get("/metrics").text.splitlines() if "requests_total{" in line]
    lines = [line for line in counted if "/api/articles/" in line]
    assert sorted(line.rpartition(" ")[2] for line in lines) == ["1.0", "2.0"]
    assert all('route="/api/articles/…"' in line for line in lines)
