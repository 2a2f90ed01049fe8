"""The HTTP API over a real server, with real clients and a fake model."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import FakeAssistant, Serve
from crowd import crowd
from starlette.applications import Starlette

from rag import Answer, BadSettings
from rag.errors import Busy
from rag.models.llm.fake import FakeLLM
from rag.server.guard import MAX_BODY
from rag.server.logs import WAITING, Log
from rag.server.schema import MAX_TEXT, MAX_TURNS
from rag.server.serve import Page, Server
from rag.server.worker import QuestionRunner
from ui.exchange import Exchange
from ui.run import Run

QUESTION = "When did the harbour of Marsa reopen?"


class Gate:
    """A model that waits before each piece until it is let on."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self.llm = FakeLLM.scripted([], self._wait)

    def _wait(self, _: int) -> None:
        self.reached.set()
        assert self.go.wait(60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.go.set()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        threading.Event().wait(0.01)


def metric(client: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def ask(client: httpx.Client, question: str = QUESTION, **more: Any) -> httpx.Response:
    return client.post("/api/ask", json={"question": question, **more})


def test_an_answer_comes_whole_with_citations_that_quote_exactly(serve: Serve) -> None:
    answer = Answer.from_dict(ask(serve()).json())
    assert isinstance(answer, Answer)
    assert answer.outcome == "answered" and "Sunday" in answer.text
    assert answer.citations[0].quote in answer.passages[0].text
    assert Answer.from_dict(json.loads(json.dumps(answer.to_dict()))) == answer


def test_events_come_as_lines_of_json(serve: Serve) -> None:
    with serve().stream("POST", "/api/ask", json={"question": QUESTION, "stream": True}) as response:
        events = [json.loads(line) for line in response.iter_lines()]
    assert [events[0]["event"], events[-1]["event"]] == ["retrieved", "finished"]
    assert {item["event"] for item in events[1:-1]} == {"stage"}
    assert Answer.from_dict(events[-1]["answer"]).outcome == "answered"


def test_a_filter_and_a_history_are_used(serve: Serve) -> None:
    client = serve()
    body = ask(client, filter={"outlets": ["Coast Daily"]}).json()
    assert {passage["title"] for passage in body["passages"]} == {"Harbour reopens after two years"}
    history = [{"question": "How much did the repairs of the harbour cost?", "answer": "12 million dollars."}]
    assert "repairs" in ask(client, "And when?", history=history).json()["understood"]


@pytest.mark.parametrize(
    ("path", "body", "status", "expected"),
    [
        ("/api/ask", {"question": " ?"}, 400, "empty"),
        ("/api/ask", {"question": "x" * 2001}, 400, "2,000"),
        ("/api/ask", {"question": "x" * (MAX_TEXT + 1)}, 422, "body.question"),
        ("/api/ask", {"question": "a", "hystory": []}, 422, "hystory"),
        ("/api/ask", {"question": 3}, 422, "body.question"),
        ("/api/ask", {"question": "a", "filter": {"since": "soon"}}, 400, "YYYY"),
        ("/api/ask", {"question": "a", "stream": True, "filter": {"since": "soon"}}, 400, "YYYY"),
        ("/api/ask", {"question": " ?", "stream": True}, 400, "empty"),
        (
            "/api/ask",
            {"question": "a", "history": [{"question": "a", "answer": "b"}] * (MAX_TURNS + 1)},
            422,
            "body.history",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(
    shared_client: httpx.Client, path: str, body: dict[str, Any], status: int, expected: str
) -> None:
    response = shared_client.post(path, json=body)
    assert response.status_code == status
    assert expected in response.json()["error"]["message"]


@pytest.mark.parametrize("page", [None, lambda _: Starlette()], ids=["no page", "page"])
def test_an_unknown_path_of_the_api_is_refused_in_its_form_and_named(serve: Serve, page: Page | None) -> None:
    client = serve(server={"page": page})
    for method, path, status, kind in (
        ("GET", "/api/askk", 404, "unknown_url"),
        ("POST", "/api/", 404, "unknown_url"),
        ("GET", "/api/ask", 405, "refused"),
        ("PUT", "/api/articles", 405, "refused"),
    ):
        response = client.request(method, path)
        message = f"There is no {method} {path} here; GET /docs describes what there is."
        assert response.status_code == status
        assert response.json() == {"error": {"message": message, "type": kind, "code": status}}
    body = client.get("/v1/askk").json()["error"]
    assert (body["code"], body["param"]) == ("unknown_url", None) and "GET /v1/askk" in body["message"]
    assert metric(client, 'sanad_requests_total{method="GET",route="/api/…",status="404"}') == 1
    if page:
        assert client.get("/apis").text == "Not Found", "other paths are the page's"


def test_a_body_that_is_too_large_is_refused_however_it_is_sent(serve: Serve) -> None:
    client = serve()
    assert client.post("/api/ask", content=b"x" * (MAX_BODY + 1)).status_code == 413

    def parts() -> Iterator[bytes]:  # without a length that would tell before
        for _ in range(MAX_BODY // 100_000 + 1):
            yield b"x" * 100_000

    with contextlib.suppress(httpx.WriteError, httpx.ReadError):  # closed while the rest was being sent
        assert client.post("/api/ask", content=parts()).status_code == 413
    assert ask(client).status_code == 200


def test_of_too_many_at_once_each_is_answered_or_gets_a_time_to_retry(serve: Serve, gate: Gate) -> None:
    client = serve(gate.llm, waiting=4)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(ask, client)
        assert gate.reached.wait(20)
        others = [pool.submit(ask, client) for _ in range(11)]
        until(lambda: sum(other.done() for other in others) == 9)  # of one client two of four may wait
        gate.go.set()
        answers = [first.result(), *[other.result() for other in others]]
    by_status = {status: [a for a in answers if a.status_code == status] for status in (200, 503)}
    assert (len(by_status[200]), len(by_status[503])) == (3, 9)
    for refused in by_status[503]:
        assert 1 <= int(refused.headers["retry-after"]) <= 600
        assert refused.json()["error"]["type"] == "Busy"
    assert ask(client).status_code == 200


@pytest.mark.slow
def test_fifty_clients_at_once_get_their_own_answer_or_busy(serve: Serve) -> None:
    client = serve(waiting=16)
    seen = crowd(client.base_url.port or 0, clients=50, rounds=3)
    assert set(seen.statuses) == {"200", "503"} and seen.statuses.total() == 150
    assert seen.statuses["200"] >= 3 * 17, "one is answered while sixteen wait"
    assert (seen.crossed, seen.silent) == (0, 0)
    assert metric(client, "sanad_waiting") == 0
    until(lambda: metric(client, "sanad_running") == 0)


@pytest.mark.slow
def test_the_memory_of_a_server_stays_flat_while_fifty_ask() -> None:
    command = [sys.executable, str(Path(__file__).parents[2] / "scripts" / "crowd.py"), "--rounds", "40"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr


CHAT = {"model": "sanad", "messages": [{"role": "user", "content": QUESTION}]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "body"), [("/api/ask", {"question": QUESTION}), ("/v1/chat/completions", CHAT)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_its_generation(
    serve: Serve, path: str, body: dict[str, Any], stream: bool
) -> None:
    stepped = threading.Semaphore(0)
    llm = FakeLLM.scripted(["word " * 200] * 2, lambda _: stepped.acquire(timeout=0.05))
    client = serve(llm)
    asked = {"method": "POST", "url": f"{client.base_url}{path}", "json": body | {"stream": stream}}
    if stream:
        with httpx.stream(**asked, timeout=10) as response:
            next(response.iter_lines())
            until(lambda: metric(client, "sanad_running") == 1 and bool(llm.prompts))
    else:
        with pytest.raises(httpx.TimeoutException):
            httpx.request(**asked, timeout=0.5)
    start = time.monotonic()
    until(lambda: metric(client, "sanad_running") == 0, 5)
    assert time.monotonic() - start < 2
    assert llm.stopped == [True]
    assert metric(client, "sanad_left_total") == 1


def test_a_question_that_leaves_the_queue_makes_room_and_is_never_asked(serve: Serve, gate: Gate) -> None:
    client = serve(gate.llm, waiting=4)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, client)
        assert gate.reached.wait(20)
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{client.base_url}/api/ask", json={"question": QUESTION}, timeout=0.3)
        until(lambda: metric(client, "sanad_waiting") == 0)
        gate.go.set()
        assert first.result().status_code == 200
    assert len(gate.llm.prompts) == 1


def test_an_engine_that_fails_costs_its_own_question_only(serve: Serve) -> None:
    calls = 0

    def fail_first(piece: int) -> None:
        nonlocal calls
        calls += piece == 0
        if calls == 1:
            raise RuntimeError("the device is gone")

    client = serve(FakeLLM.scripted([], fail_first))
    broken = ask(client)
    assert (broken.status_code, broken.json()["error"]["type"]) == (500, "GenerationFailed")
    assert ask(client).status_code == 200
    assert metric(client, 'sanad_failures_total{error="GenerationFailed"}') == 1


def test_health_readiness_and_metrics_are_reported(serve: Serve) -> None:
    client = serve()
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["generation"]) == (200, "generation-0001")
    ask(client)
    assert metric(client, 'sanad_answers_total{outcome="answered"}') == 1
    assert metric(client, 'sanad_requests_total{method="POST",route="/api/ask",status="200"}') == 1
    assert metric(client, "process_resident_memory_bytes") > 1e6
    client.get("/" + "x" * 50)
    assert "xxx" not in client.get("/metrics").text, "strangers' paths make no series"


def test_it_is_not_ready_when_the_index_is_gone(serve: Serve, tmp_path: Any) -> None:
    import shutil

    client = serve()
    shutil.rmtree(tmp_path / "indexes" / "small")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["error"]["type"]) == (503, "IndexMissing")
    assert ask(client).status_code == 503


def logged(serve: Serve, **settings: Any) -> list[dict[str, Any]]:
    stream = StringIO()
    log = Log(stream)
    logger = logging.getLogger("rag")
    logger.addHandler(log)
    before, level = logger.level, logging.INFO
    logger.setLevel(level)
    try:
        client = serve(**settings)
        response = client.post(
            "/api/ask", json={"question": QUESTION}, headers={"X-Request-ID": "from-proxy.1"}
        )
        assert response.headers["x-request-id"] == "from-proxy.1"
        odd = client.get("/healthz", headers={"X-Request-ID": "<script>"}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", odd)
        until(lambda: "/healthz" in stream.getvalue())
    finally:
        logger.removeHandler(log)
        logger.setLevel(before)
        log.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_log_is_lines_of_json_with_request_ids_and_without_the_question(serve: Serve) -> None:
    lines = logged(serve)
    assert "Marsa" not in json.dumps(lines)
    asked = [line for line in lines if line.get("request") == "from-proxy.1"]
    assert [line["event"] for line in asked] == ["answered", "request"]
    assert asked[1] | {"ms": 0, "at": ""} == {
        "at": "", "level": "info", "logger": "rag.server.logs", "event": "request",
        "request": "from-proxy.1",
        "method": "POST", "path": "/api/ask", "status": 200, "ms": 0, "client": "127.0.0.1",
    }  # fmt: skip


def test_the_question_is_logged_where_that_is_wanted(serve: Serve) -> None:
    (line,) = [line for line in logged(serve, log_questions=True) if line["event"] == "asked"]
    assert line["question"] == QUESTION


def test_questions_of_the_page_are_counted_and_logged_like_those_of_the_api(
    fake_assistant: FakeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    runners: list[QuestionRunner] = []

    def page(by_index: Mapping[str, QuestionRunner]) -> Starlette:
        runners.extend(by_index.values())
        return Starlette()

    caplog.set_level(logging.INFO, "rag")
    server = Server(fake_assistant(log_questions=True), page=page).start()
    try:
        (runner,) = runners
        for question in (QUESTION, ""):
            list(Run(runner, "tab", Exchange(1, question), ()).grow())
        place = runner.queue.enter("another tab", lambda _: None)
        waiting = Run(runner, "tab", Exchange(2, QUESTION), ())
        for _ in waiting.grow():
            waiting.stop()
        runner.queue.leave(place)
        Run(runner, "tab", Exchange(3, QUESTION), ()).stop()  # it was never asked
        with httpx.Client(base_url=server.address) as client:
            for counted in (
                'answers_total{outcome="answered"}',
                'failures_total{error="BadQuestion"}',
                "left_total",
            ):
                assert metric(client, f"sanad_{counted}") == 1
    finally:
        server.close()
    lines = [record for record in caplog.records if record.getMessage() != "request"]
    assert [line.getMessage() for line in lines] == [
        "asked", "answered", "asked", "question failed", "asked", "client disconnected",
    ]  # fmt: skip
    assert lines[0].question == QUESTION


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    class Stalled(StringIO):
        def write(self, text: str) -> int:
            go.wait(30)
            return len(text)

    go = threading.Event()
    log = Log(Stalled())
    record = logging.makeLogRecord({"msg": "event"})
    start = time.monotonic()
    for _ in range(WAITING + 50):
        log.emit(record)
    log.close()
    assert time.monotonic() - start < 5
    go.set()


@pytest.mark.parametrize("port", [70_000, -1])
def test_what_is_no_port_is_refused(fake_assistant: FakeAssistant, port: int) -> None:
    with pytest.raises(BadSettings, match=rf"{port}.*--port"):
        Server(fake_assistant(), port=port)


def test_a_port_that_is_taken_and_an_address_of_another_machine_are_named(
    serve: Serve, fake_assistant: FakeAssistant
) -> None:
    port = serve().base_url.port
    with pytest.raises(BadSettings, match=rf"Port {port} is in use.*--port"):
        Server(fake_assistant(), port=port or 0)
    with pytest.raises(
        BadSettings, match=r"127\.0\.0\.1\.1' .*Choose an address|Other machines can reach 127\.0\.0\.1\.1"
    ):
        Server(fake_assistant(), host="127.0.0.1.1")


def test_closing_stops_what_is_being_answered_and_is_quick(fake_assistant: FakeAssistant, gate: Gate) -> None:
    server = Server(fake_assistant(llm=gate.llm)).start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.post, f"{server.address}/api/ask", json={"question": QUESTION}, timeout=30)
        assert gate.reached.wait(20)
        start = time.monotonic()
        server.close()
        assert time.monotonic() - start < 5
        gate.go.set()
        with pytest.raises(httpx.HTTPError):
            answer.result().raise_for_status()


def test_busy_says_when_to_try_again() -> None:
    assert Busy("3 questions wait already.", seconds=7).seconds == 7


def test_a_stop_is_logged_as_no_error(
    fake_assistant: FakeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    Server(fake_assistant()).start().close()
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
