"""Files that arrive, and what becomes of them, without a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import FakeAssistant
from starlette.testclient import TestClient
from starlette.types import Message
from ui_stand_in import StandIn

from rag import Assistant, Settings
from rag.errors import IndexUnusable, NoSpace
from rag.server.guard import UPLOADS
from ui.guard import Guard
from ui.html import library
from ui.work import MOST, State, Work

pytestmark = pytest.mark.usefixtures("quick_disk")

TOWER = b"Tower bell rings again\nThe bell of the old tower rang on Friday for the first time since 1952.\n"


@pytest.fixture
def assistant(tmp_path: Path) -> StandIn:
    """One without an index, for what is decided before any file is read."""
    assistant = StandIn(tmp_path / "uploads")
    assistant.settings = Settings(max_file_bytes=2000)
    assistant.indexed.set()
    return assistant


@pytest.fixture
def indexed(fake_assistant: FakeAssistant) -> Assistant:
    """One over a real index."""
    return fake_assistant()


@pytest.fixture
def work(assistant: StandIn) -> Work:
    return Work(assistant)  # type: ignore[arg-type]


@pytest.fixture
def client(work: Work) -> TestClient:
    return served(work)


def served(work: Work) -> TestClient:
    async def page(scope: object, receive: object, send: object) -> None:
        from starlette.responses import PlainTextResponse

        await PlainTextResponse("page")(scope, receive, send)  # type: ignore[arg-type]

    guard = Guard(page, [], receives=work.receive, path=UPLOADS)
    return TestClient(guard, base_url="http://127.0.0.1:7860")


def finished(work: Work) -> State:
    end = time.monotonic() + 30
    while work.state.running:
        assert time.monotonic() < end
        threading.Event().wait(0.01)
    return work.state


def stored(assistant: StandIn | StandIn) -> list[str]:
    return sorted(path.name for path in assistant.uploads.iterdir()) if assistant.uploads.exists() else []


def test_a_file_arrives_is_indexed_and_removed(indexed: Assistant) -> None:
    work = Work(indexed)
    assert served(work).put(f"{UPLOADS}برج.txt", content=TOWER).text == ""
    work.index()
    done = finished(work)
    assert done.built is not None and done.built.written.added == ("uploaded://برج",)
    assert (done.changes, stored(indexed)) == (1, ["برج.txt"])
    work.remove("uploaded://برج")
    done = finished(work)
    assert (done.word, done.changes, stored(indexed)) == ("removed", 2, [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("..%2Fout.txt", "cannot be used as the name"),
        ("%2Fetc%2Fout.txt", "cannot be used as the name"),
        (".hidden.txt", "cannot be used as the name"),
        ("a%E2%80%AEb.txt", "cannot be used as the name"),
        ("a%00b.txt", "cannot be used as the name"),
        ("x" * 200 + ".txt", "cannot be used as the name"),
        ("articles.toml", "Supported types: <bdi>.txt, .md"),
        ("README.md", "cannot be used as the name"),
        ("", "cannot read files like"),
    ],
)
def test_a_name_that_leads_elsewhere_or_is_none_is_refused(
    client: TestClient, assistant: StandIn, name: str, expected: str
) -> None:
    reply = client.put(UPLOADS + name, content=TOWER)
    assert (reply.status_code, expected in reply.text) == (422, True), reply.text
    assert stored(assistant) == []


def test_a_file_that_is_too_large_leaves_nothing_and_is_reported_in_the_pages_language(
    client: TestClient, assistant: StandIn
) -> None:
    def pieces() -> Iterator[bytes]:  # without a length in the header
        for _ in range(100):
            yield b"x" * 1000

    reply = client.put(f"{UPLOADS}<b>.txt?language=ar", content=pieces())
    assert reply.status_code == 422
    assert "&lt;b&gt;.txt" in reply.text and "وهو الحد الأقصى" in reply.text
    assert stored(assistant) == []


def test_a_browser_that_goes_away_leaves_nothing(work: Work, assistant: StandIn) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"},
    ]  # fmt: skip

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "method": "PUT", "path": f"{UPLOADS}a.txt"}
    # In a thread of its own: where browser tests ran before, playwright's loop is still running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work.receive(scope, receive, send))).result()
    assert stored(assistant) == []


def test_a_folder_that_cannot_be_written_is_reported(client: TestClient, assistant: StandIn) -> None:
    assistant.uploads.write_text("a file in its place", encoding="utf-8")
    reply = client.put(f"{UPLOADS}tower.txt", content=TOWER)
    assert (reply.status_code, "could not be saved: " in reply.text) == (422, True)


@pytest.mark.slow
def test_no_more_files_are_taken_than_may_wait(client: TestClient, work: Work) -> None:
    for number in range(MOST):
        assert client.put(f"{UPLOADS}{number}.txt", content=b"").status_code == 200
    assert "Too many files" in client.put(f"{UPLOADS}more.txt", content=b"").text
    assert client.put(f"{UPLOADS}7.txt", content=b"").status_code == 200, "one that is there already"
    work.index()
    finished(work)
    assert client.put(f"{UPLOADS}more.txt", content=TOWER).status_code == 200


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (IndexUnusable("Another process is writing."), "يتعذر استخدام الفهرس: "),
        (NoSpace("No room."), "القرص ممتلئ: "),
        (RuntimeError("?"), "حدث خطأ داخلي أثناء الفهرسة"),
    ],
)
def test_an_update_that_fails_is_reported_and_the_next_one_works(
    work: Work, assistant: StandIn, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str
) -> None:
    def fail(**_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(assistant, "index_uploads", fail)
        work.index()
        state = finished(work)
    assert expected in library.work(state, "ar")
    assert state.changes == 0
    work.index()
    assert finished(work).built is not None


def test_changes_are_made_one_after_the_other_in_order(indexed: Assistant) -> None:
    work = Work(indexed)
    served(work).put(f"{UPLOADS}tower.txt", content=TOWER)
    work.index()
    work.remove("uploaded://tower")
    work.remove("uploaded://tower")
    state = finished(work)
    assert state.fault is not None and "no article" in state.fault.detail
    assert state.changes == 2


def test_routes_that_the_page_does_not_use_are_closed(client: TestClient) -> None:
    for path in ("upload", "file=/etc/passwd", "run/show", "run/stop/", "call/answer2", "call/ask", "Config"):
        assert client.get(f"/gradio_api/{path}").status_code == 404
    assert client.get("/GRADIO_API/file=http://elsewhere.example/").status_code == 404
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


def test_the_progress_of_the_work_is_shown_with_what_was_skipped_and_why(indexed: Assistant) -> None:
    work = Work(indexed)
    assert '<progress max="1" value="0.250">' in library.work(State(True, "embedding", 0.25), "en")
    assert "Indexing: processing passages" in library.work(State(True, "embedding", 0.25), "en")
    assert "جارٍ الفهرسة<progress" in library.work(State(True, "something new"), "ar")
    assert library.work(State(), "en") == ""
    served(work).put(f"{UPLOADS}<i>.txt", content=b" ")
    work.index()
    page = library.work(finished(work), "en")
    assert "No articles were added." in page and "&lt;i&gt;.txt" in page and "uploaded:" not in page
