"""The page as it is sent, without a browser."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from ui.front import FIRST, SCRIPTS, STYLES, Front, asset


@pytest.fixture
def client() -> TestClient:
    return TestClient(Front("7"))


def test_the_page_comes_with_all_its_parts_in_order(client: TestClient) -> None:
    page = client.get("/").text
    assert (
        page.index(asset(FIRST))
        < page.index("<style")
        < page.index("</head>")
        < page.index('class="sanad-page"')
    )
    assert page.index('id="sanad-ask"') < page.index("window.sanadWords") < page.index("</body>")
    for name in (FIRST, *STYLES, *SCRIPTS, "page.html"):
        assert asset(name) in page
    assert 'data-app="7"' in page


def test_nothing_is_painted_before_the_scripts_have_written_the_labels(client: TestClient) -> None:
    page = client.get("/").text
    assert page.index('<link rel="expect" href="#sanad-ready" blocking="render">') < page.index("</head>")
    assert page.rindex("</script>") < page.index('id="sanad-ready"')


def test_each_response_allows_its_own_scripts_and_styles_only(client: TestClient) -> None:
    replies = [client.get("/") for _ in range(2)]
    policies = [reply.headers["content-security-policy"] for reply in replies]
    assert policies[0] != policies[1]
    for reply, policy in zip(replies, policies, strict=True):
        assert "unsafe" not in policy
        marks = set(re.findall(r'<(?:script|style) nonce="([^"]+)">', reply.text))
        assert len(marks) == 1 and policy.count(f"'nonce-{marks.pop()}'") == 2
        assert len(re.findall(r"<(?:script|style)\b", reply.text)) == len(STYLES) + len(SCRIPTS) + 2
        assert "style=" not in re.sub(r"<(script|style).*?</\1>", "", reply.text, flags=re.DOTALL)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 405), ("PUT", 405), ("DELETE", 405)])
def test_the_page_is_only_read(client: TestClient, method: str, status: int) -> None:
    assert client.request(method, "/").status_code == status


def test_no_asset_ends_the_element_that_contains_it() -> None:
    for name in (FIRST, *SCRIPTS):
        assert "</script" not in asset(name).lower()
    for name in STYLES:
        assert "</style" not in asset(name).lower()
