"""/mcp of a server, with the official client over loopback."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from conftest import FakeAssistant, Serve
from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

from rag.models.llm.fake import FakeLLM
from rag.server.login import hashed
from rag.server.serve import CLOSE_SECONDS, Server

pytestmark = pytest.mark.slow

COST = "How much did the repairs of the harbour cost?"
FOUND = "The repairs cost 12 million dollars [2]."

PATIENCE = 60.0
"""Longest wait for a reply, in seconds."""

MODES = ["legacy", "auto"]
"""The older protocol, with sessions, and the newest that the client knows."""


@contextlib.asynccontextmanager
async def connected(server: httpx.Client, mode: str = "auto", key: str = "") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(f"{server.base_url}/mcp", http_client=http)
        async with Client(transport, mode=mode, read_timeout_seconds=PATIENCE) as client:
            yield client


def left(server: httpx.Client) -> int:
    """1 as soon as a question was given up."""
    return server.get("/metrics").text.count("sanad_left_total 1.0")


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


@pytest.mark.parametrize("mode", MODES)
def test_a_client_asks_searches_lists_and_reads_the_cited_sentence(serve: Serve, mode: str) -> None:
    server = serve(FakeLLM.scripted([FOUND]))

    async def session() -> None:
        async with connected(server, mode) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == {
                "ask", "search", "list_articles",
            }  # fmt: skip
            (citation,) = (await called(client, "ask", question=COST))["citations"]
            (passage,) = (await called(client, "search", question=COST, k=1))["passages"]
            for place, words in ((passage, "text"), (citation, "quote")):
                (content,) = (await client.read_resource(place["article"])).contents
                assert content.text[place["start"] : place["end"]] == place[words]
            assert (await called(client, "list_articles"))["total"] == 3
            assert (await client.call_tool("ask", {"question": " "})).is_error

    anyio.run(session)


def test_its_questions_are_counted_and_logged_like_those_of_the_api(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = logging.getLogger().handlers[:]
    with caplog.at_level(logging.INFO, "rag"):
        server = serve(FakeLLM.scripted([FOUND]))

        async def session() -> None:
            async with connected(server) as client:
                await called(client, "ask", question=COST)

        anyio.run(session)
    metrics = server.get("/metrics").text
    assert 'sanad_answers_total{outcome="answered"} 1.0' in metrics
    assert 'route="/mcp"' in metrics
    assert logging.getLogger().handlers == handlers, "the package configures no log of its own"
    assert "harbour" not in caplog.text


@pytest.mark.parametrize("mode", MODES)
def test_with_a_login_it_needs_the_same_key_as_the_api(serve: Serve, tmp_path: Path, mode: str) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"layla:{hashed('a long password')}\n", encoding="utf-8")
    passwords.chmod(0o600)
    server = serve(FakeLLM.scripted([FOUND]), passwords=str(passwords))

    async def session(key: str) -> int:
        async with connected(server, mode, key) as client:
            return int((await called(client, "list_articles"))["total"])

    assert anyio.run(session, "layla:a long password") == 3
    for wrong in ("", "layla:another password"):
        with pytest.raises(Exception) as raised:
            anyio.run(session, wrong)
        assert not isinstance(raised.value, AssertionError)
    assert server.post("/mcp", json={}).status_code == 401


def test_pages_of_other_sites_and_unknown_host_names_are_refused(serve: Serve) -> None:
    server = serve()
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert server.post("/mcp", json=hello, headers={"Origin": "http://evil.example"}).status_code == 403
    assert server.post("/mcp", json=hello, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_is_cancelled_stops_the_model_and_frees_the_queue(serve: Serve, mode: str) -> None:
    writing, stopped = threading.Event(), threading.Event()

    def hold(_number: int) -> None:
        writing.set()
        stopped.wait(10)

    llm = FakeLLM.scripted(["word " * 50, FOUND], hold)
    server = serve(llm)

    async def session() -> None:
        async with connected(server, mode) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "ask", {"question": COST})
                await anyio.to_thread.run_sync(writing.wait, PATIENCE)
                tasks.cancel_scope.cancel()
            with anyio.fail_after(PATIENCE):  # until the server knows
                while await anyio.to_thread.run_sync(left, server) < 1:
                    await anyio.sleep(0.02)
            stopped.set()
            assert (await called(client, "ask", question=COST))["outcome"] == "answered"

    anyio.run(session)
    assert llm.stopped == [True, False]


def test_progress_arrives_while_the_model_works(serve: Serve) -> None:
    server, stages = serve(FakeLLM.scripted([FOUND])), []

    async def report(_progress: float, _total: float | None, message: str | None) -> None:
        stages.append(message)

    async def session() -> None:
        async with connected(server) as client:
            await client.call_tool("ask", {"question": COST}, progress_callback=report)

    anyio.run(session)
    assert "reading" in str(stages[0]) and stages[-1] == "checking"


def test_a_server_closes_in_time_while_clients_are_connected(fake_assistant: FakeAssistant) -> None:
    server = Server(fake_assistant()).start()

    async def session() -> None:
        with contextlib.suppress(Exception):  # the client's connection is lost
            async with connected(httpx.Client(base_url=server.address), "legacy") as client:
                await called(client, "list_articles")
                begun = time.monotonic()
                await anyio.to_thread.run_sync(server.close)
                seconds.append(time.monotonic() - begun)

    seconds: list[float] = []
    anyio.run(session)
    assert seconds[0] <= CLOSE_SECONDS + 1
    assert not any(thread.is_alive() for _, thread in server._running)


def test_its_package_is_loaded_at_the_first_request_for_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "rag.integrations.mcp_server", raising=False)
    client = serve()
    assert client.get("/healthz").status_code == 200
    assert "rag.integrations.mcp_server" not in sys.modules
    assert client.post("/mcp", json={}).status_code in range(400, 500)
    assert "rag.integrations.mcp_server" in sys.modules


def test_without_the_package_the_path_says_what_to_install(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "rag.integrations.mcp_server", raising=False)
    for name in [name for name in sys.modules if name == "mcp" or name.startswith("mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    refused = serve().post("/mcp", json={})
    assert refused.status_code == 404
    assert "pip install" in refused.json()["error"]["message"]
