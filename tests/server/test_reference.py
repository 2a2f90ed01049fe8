"""The page at /docs describes every route, without a script and without another host."""

from __future__ import annotations

import re

import httpx
import pytest

from rag.server import reference


def got(client: httpx.Client) -> str:
    response = client.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == reference.POLICY
    return response.text


def test_the_page_has_every_operation_with_its_parameters_and_responses(shared_client: httpx.Client) -> None:
    page = got(shared_client)
    schema = shared_client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert f"<h2><code>{method.upper()} {path}</code></h2>" in page
            for parameter in operation.get("parameters", ()):
                assert f"<code>{parameter['name']}</code>" in page
    for name in schema["components"]["schemas"]:
        assert f'<section id="{name}">' in page


def test_the_fields_of_an_answer_have_the_meanings_that_its_records_have(shared_client: httpx.Client) -> None:
    schemas = shared_client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("Answer", "Claim", "Citation", "Evidence", "Passage", "Article", "Filter"):
        for field, described in schemas[name]["properties"].items():
            assert described["description"], (name, field)
    assert schemas["Citation"]["properties"]["quote"]["description"] == "`article.text[start:end]`, always."
    assert "<td><code>article.text[start:end]</code>, always.</td>" in got(shared_client)


def test_every_link_leads_to_a_place_on_the_page_or_to_the_schema(shared_client: httpx.Client) -> None:
    page = got(shared_client)
    links = set(re.findall(r'href="([^"]+)"', page))
    ids = re.findall(r' id="([^"]+)"', page)
    assert links - {f"#{one}" for one in ids} == {"openapi.json"}
    assert len(ids) == len(set(ids))


def test_no_mark_up_of_docstrings_and_no_name_of_a_module_is_left(shared_client: httpx.Client) -> None:
    page = got(shared_client)
    assert "`" not in page
    assert "__" not in page


def test_the_page_loads_nothing(shared_client: httpx.Client) -> None:
    page = got(shared_client)
    assert not re.search(r"<(?:script|link|img|iframe)|style=|url\(|https?:", page)
    assert page.count(f"<style>{reference.STYLE}</style>") == 1, "the policy allows this style by its digest"


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "string", "maxLength": 20000}, "string (at most 20,000 characters)"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer (at least 1, at most 9)"),
        (
            {"anyOf": [{"enum": ["en", "ar"]}, {"type": "null"}]},
            '<code>"en"</code> or <code>"ar"</code> or null',
        ),
        (
            {"type": "array", "items": {"$ref": "#/components/schemas/Turn"}},
            'array of <a href="#Turn">Turn</a>',
        ),
        ({}, "any"),
    ],
)
def test_a_type_is_described_in_a_few_words(schema: dict[str, object], shown: str) -> None:
    field = {"properties": {"one": {**schema, "description": "a < b"}}}
    page = reference.body({"paths": {}, "components": {"schemas": {"Made": field}, "securitySchemes": {}}})
    assert f"<td>{shown}</td><td></td><td>a &lt; b</td>" in page
