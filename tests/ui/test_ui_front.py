"""Our page within Gradio's, without a browser."""

from __future__ import annotations

import pytest
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from ui.front import SCRIPTS, STYLES, Front, asset

GRADIO = "<html><head><title>Gradio</title></head><body><gradio-app></gradio-app></body></html>"


def client(page: str) -> TestClient:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"])
        await HTMLResponse(page, headers={"x-encodings": asked.get(b"accept-encoding", b"").decode()})(
            scope, receive, send
        )

    return TestClient(Front(app))


def test_our_page_is_in_gradios_own_before_it() -> None:
    reply = client(GRADIO).get("/")
    page = reply.text
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert page.index("<style>") < page.index("</head>") < page.index('class="sanad-page"')
    assert page.index('id="sanad-ask"') < page.index("window.sanadWords") < page.index("<gradio-app")
    for name in (*STYLES, *SCRIPTS):
        assert asset(name) in page


def test_the_page_is_asked_for_uncompressed() -> None:
    assert client(GRADIO).get("/", headers={"Accept-Encoding": "br"}).headers["x-encodings"] == ""


@pytest.mark.parametrize("path", ["/assets/index.html", "/theme.css"])
def test_nothing_else_is_changed(path: str) -> None:
    assert client(GRADIO).get(path).text == GRADIO
    assert client("Not found").get("/").text == "Not found"


def test_no_asset_ends_the_element_that_contains_it() -> None:
    for name in SCRIPTS:
        assert "</script" not in asset(name).lower()
    for name in STYLES:
        assert "</style" not in asset(name).lower()
