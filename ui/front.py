"""The page itself: our HTML with its styles and scripts in one response, as it is sent to a browser.

One request paints it in the reader's language. A policy lets the browser run this response's scripts only.
"""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from ui.wording import words

ASSETS = Path(__file__).resolve().parent / "assets"

STYLES = ("page.css", "bar.css", "turns.css", "articles.css", "original.css", "composer.css", "print.css")
"""Style sheets in cascade order."""

FIRST = "settings.js"
"""The script that runs before anything is painted."""

SCRIPTS = (
    "base.js", "indexes.js", "store.js", "original.js", "citations.js", "meanings.js", "filter.js",
    "conversation.js", "actions.js", "history.js", "articles.js",
)  # fmt: skip
"""The other scripts in the order in which they run."""

_READY = "sanad-ready"
"""Id of an element below the scripts, which a browser that knows ``rel=expect`` reads before it paints:
labels are empty until the scripts write them, and the bar would grow."""

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='6' fill='%230b6058'/%3E"
    "%3Ctext x='16' y='21' font-size='20' text-anchor='middle' fill='white'%3E%D8%B3%3C/text%3E%3C/svg%3E"
)
"""The first letter of the name."""

_NONCE = "{nonce}"
"""Placeholder in the page; each response has a nonce of its own."""


class Front:
    """The page as an ASGI application."""

    def __init__(self, app_id: str | int, indexes: Sequence[str] = ()) -> None:
        """Read its parts.

        Args:
            app_id: Gradio's id of this process: a page of another one loads itself again.
            indexes: The names of the server's indexes.
        """
        self._pieces = _page(app_id, indexes).split(_NONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page."""
        if Request(scope).method not in ("GET", "HEAD"):
            await HTMLResponse(status_code=405, headers={"Allow": "GET, HEAD"})(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        headers = {"Content-Security-Policy": policy(nonce), "Cache-Control": "no-store"}
        await HTMLResponse(nonce.join(self._pieces), headers=headers)(scope, receive, send)


def policy(nonce: str = "") -> str:
    """The Content-Security-Policy: nothing from other hosts, no script or style from within texts.

    Args:
        nonce: Marks the page's own scripts and styles; empty for a response without any.
    """
    nonce_source = f" 'nonce-{nonce}'" if nonce else ""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self'{nonce_source}",
            f"style-src 'self'{nonce_source}",
            "img-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self'",  # of pdf.js
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _page(app_id: str | int, indexes: Sequence[str]) -> str:
    names = html.escape(json.dumps(list(indexes), ensure_ascii=False))
    styles = "".join(f'<style nonce="{_NONCE}">{asset(name)}</style>' for name in STYLES)
    texts = [f"window.sanadWords = {words.table()};", *map(asset, SCRIPTS)]
    first, *scripts = (f'<script nonce="{_NONCE}">{text}</script>' for text in [asset(FIRST), *texts])
    return (
        f'<!doctype html><html lang="en" data-app="{app_id}" data-indexes="{names}"><head>'
        '<meta charset="utf-8"><title>Sanad</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><link rel="icon" href="{_ICON}">{first}{styles}'
        f'<link rel="expect" href="#{_READY}" blocking="render"></head>'
        f'<body>{asset("page.html")}{"".join(scripts)}<span id="{_READY}" hidden></span></body></html>'
    )


def asset(name: str) -> str:
    """The text of a file in ui/assets."""
    return (ASSETS / name).read_text(encoding="utf-8")
