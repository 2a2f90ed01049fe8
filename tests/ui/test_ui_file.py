"""The file of an article, as the page's server serves it, without a browser."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FakeAssistant
from pdf_maker import make_pdf
from starlette.applications import Starlette
from starlette.testclient import TestClient

from rag import Assistant
from ui import originals
from ui.front import ASSETS, asset
from ui.pdf_files import Missing, read

pytestmark = pytest.mark.usefixtures("quick_disk")

BRIDGE = make_pdf([["The old bridge over the river was closed", "for repairs on Monday morning in May."]])
CASTLE = make_pdf([["The castle on the hill was sold to the town", "for one symbolic coin on Tuesday."]])
CHANGED = "has changed since it was indexed"
GONE = "is no longer where it was indexed"


@pytest.fixture
def folder(small_articles: Path, fake_assistant: FakeAssistant) -> Path:
    (small_articles / "deep").mkdir()
    (small_articles / "deep" / "bridge.pdf").write_bytes(BRIDGE)
    (small_articles / "castle.PDF").write_bytes(CASTLE)
    return small_articles


@pytest.fixture
def assistant(folder: Path, fake_assistant: FakeAssistant) -> Assistant:
    return fake_assistant(max_file_bytes=100_000)


@pytest.fixture
def client(assistant: Assistant) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=originals.routes(lambda _: assistant))) as client:
        yield client


@pytest.fixture
def without_index() -> Iterator[TestClient]:
    """For what needs no article."""

    def unreachable(_name: str) -> Assistant:
        raise AssertionError("an article was looked for")

    with TestClient(Starlette(routes=originals.routes(unreachable))) as client:
        yield client


# An index of PDFs takes a second to build, so that tests which change nothing try several values each.


def test_the_pdf_of_an_article_is_served_as_it_is_and_nothing_else(client: TestClient) -> None:
    for article, data in (("deep/bridge", BRIDGE), ("castle", CASTLE)):
        reply = client.get(originals.FILE, params={"article": article})
        assert (reply.status_code, reply.content) == (200, data)
        assert reply.headers["content-type"] == "application/pdf"
        assert reply.headers["content-disposition"] == "inline"
        assert reply.headers["cache-control"] == "no-store"
    for article in ("harbour", "nothing", "", "../castle", "castle.PDF", "/etc/passwd"):
        reply = client.get(originals.FILE, params={"article": article})
        assert reply.status_code == 404, article
        assert reply.headers["content-type"].startswith("text/plain")


def test_an_uploaded_pdf_is_served_from_the_uploads(client: TestClient, assistant: Assistant) -> None:
    assistant.uploads.mkdir()
    (assistant.uploads / "tower.pdf").write_bytes(BRIDGE + b"\n")
    assistant.index_uploads()
    reply = client.get(originals.FILE, params={"article": "uploaded://tower"})
    assert (reply.status_code, reply.content) == (200, BRIDGE + b"\n")


def test_a_file_that_has_changed_or_is_gone_is_not_served(client: TestClient, folder: Path) -> None:
    (folder / "deep" / "bridge.pdf").write_bytes(CASTLE)
    (folder / "castle.PDF").unlink()
    changed, gone = (
        client.get(originals.FILE, params={"article": article}) for article in ("deep/bridge", "castle")
    )
    assert changed.status_code == 409 and CHANGED in changed.text and "'deep/bridge.pdf'" in changed.text
    assert gone.status_code == 404 and GONE in gone.text


def test_no_link_leads_out_of_the_folder(client: TestClient, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "deep" / "bridge.pdf").rename(outside / "bridge.pdf")
    (folder / "deep").rmdir()
    try:
        (folder / "deep").symlink_to(outside, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert client.get(originals.FILE, params={"article": "deep/bridge"}).status_code == 404
    (folder / "deep").unlink()
    (folder / "deep").mkdir()
    (folder / "deep" / "bridge.pdf").symlink_to(outside / "bridge.pdf")
    assert client.get(originals.FILE, params={"article": "deep/bridge"}).status_code == 404
    (folder / "deep" / "bridge.pdf").unlink()
    (outside / "bridge.pdf").rename(folder / "bridge.pdf")
    (folder / "deep" / "bridge.pdf").symlink_to(folder / "bridge.pdf")  # this one stays within
    assert client.get(originals.FILE, params={"article": "deep/bridge"}).content == BRIDGE


def test_a_source_that_an_index_of_somebody_else_names_leads_nowhere(
    assistant: Assistant, folder: Path
) -> None:
    for secret in (folder.parent / "secret.pdf", assistant.uploads.parent / "x.pdf"):
        secret.write_bytes(CASTLE)
    castle, digest = assistant.article("castle"), hashlib.sha256(CASTLE).hexdigest()
    for source in ("../secret.pdf", "deep/../../secret.pdf", "/etc/x.pdf", "uploaded://../x.pdf"):
        with pytest.raises(Missing):
            read(assistant.uploads.parent, dataclasses.replace(castle, source=source, sha256=digest), 100_000)


def test_neither_a_large_file_nor_a_pipe_is_read(client: TestClient, folder: Path) -> None:
    (folder / "castle.PDF").write_bytes(CASTLE + b" " * 100_000)
    large = client.get(originals.FILE, params={"article": "castle"})
    assert large.status_code == 404 and "100,000 bytes" in large.text
    if hasattr(os, "mkfifo"):
        (folder / "castle.PDF").unlink()
        os.mkfifo(folder / "castle.PDF")
        assert client.get(originals.FILE, params={"article": "castle"}).status_code == 404


def test_a_file_is_only_read(without_index: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        reply = without_index.request(method, originals.FILE, params={"article": "castle"})
        assert reply.status_code == 405


def test_pdf_js_is_served_as_scripts_and_its_other_files_are_not(without_index: TestClient) -> None:
    for name in originals.NAMES:
        reply = without_index.get(originals.LIBRARY + name)
        assert reply.content == (ASSETS / "pdfjs" / name).read_bytes()
        assert reply.headers["content-type"].startswith("text/javascript")
    for name in ("LICENSE", "README.md", "../page.html", "..%2fpage.html"):
        assert without_index.get(originals.LIBRARY + name).status_code == 404


def test_pdf_js_is_the_one_that_its_readme_names() -> None:
    readme = asset("pdfjs/README.md")
    assert f"pdfjs-dist {originals.VERSION}" in readme
    assert f'"{originals.LIBRARY}"' in asset("original.js")
    listed = dict(re.findall(r"^\| `(\S+)` \| `([0-9a-f]{64})` \|", readme, re.MULTILINE))
    files = {path.name: path for path in (ASSETS / "pdfjs").iterdir() if path.name != "README.md"}
    assert listed == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert originals.VERSION in (ASSETS / "pdfjs" / "pdf.min.mjs").read_text("utf-8")
