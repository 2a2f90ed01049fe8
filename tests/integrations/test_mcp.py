"""sanad mcp with the official client: the real command over standard input and output, on fake models."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import FakeAssistant
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

import rag
from rag import Assistant
from rag.integrations.mcp_server import build
from rag.models.llm.fake import FakeLLM
from rag.records import Event, Filter, Language
from rag.server.fair_queue import FairQueue
from rag.server.worker import QuestionRunner

pytestmark = pytest.mark.slow

ROOT = Path(rag.__file__).resolve().parent.parent

COST = "How much did the repairs of the harbour cost?"

FOUND = "The repairs cost 12 million dollars [2]."
"""A reply to COST, which the second sentence of the evidence supports."""

PATIENCE = 60.0
"""Longest wait for a reply, in seconds."""


def started(index: Path, *options: str) -> StdioServerParameters:
    """The command that a client starts."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "rag.cli", "mcp", "--index", index.name, *options],
        env={
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "SANAD_INDEXES": str(index.parent),
            "SANAD_CACHE": os.environ["SANAD_CACHE"],
            "SANAD_EMBEDDER": "fake",
            "SANAD_BACKEND": "fake",
        },
    )


@contextlib.asynccontextmanager
async def connected(assistant: Assistant) -> AsyncIterator[Client]:
    """A client of a server in this process."""
    runner = QuestionRunner(assistant, FairQueue(16))

    def ask(
        _: object, question: str, where: Filter | None, language: Language | None
    ) -> AsyncGenerator[Event, None]:
        return runner.events("client", question, (), where, language)

    async with Client(build(assistant, ask), read_timeout_seconds=PATIENCE) as client:
        yield client


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


async def text_of(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    return str(content.text)


# Over standard input and output


@pytest.mark.slow
def test_a_client_starts_the_command_asks_searches_lists_and_reads(first_index: Path) -> None:
    async def session() -> None:
        async with Client(started(first_index), read_timeout_seconds=PATIENCE) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools.keys() == {"ask", "search", "list_articles"}
            assert all(tool.annotations.read_only_hint for tool in tools.values())
            (template,) = (await client.list_resource_templates()).resource_templates
            assert template.uri_template == "article://{id}"

            found = (await called(client, "search", question=COST, k=1))["passages"]
            (citation,) = (await called(client, "ask", question=COST))["citations"]
            for place, words in ((found[0], "text"), (citation, "quote")):
                text = await text_of(client, place["article"])
                assert text[place["start"] : place["end"]] == place[words]
            assert (await called(client, "list_articles"))["total"] == 3

    anyio.run(session)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_clients_of_older_and_newer_protocols_are_served(first_index: Path, mode: str) -> None:
    async def session() -> None:
        async with Client(
            stdio_client(started(first_index)), mode=mode, read_timeout_seconds=PATIENCE
        ) as client:
            assert (await called(client, "list_articles", article_language="ar"))["total"] == 1
            assert client.server_info.name == "sanad"
            assert "not_found" in (client.instructions or "")

    anyio.run(session)


@pytest.mark.slow
def test_an_index_that_is_not_there_is_one_line_on_standard_error(first_index: Path) -> None:
    command = started(first_index.parent / "nothing")
    done = subprocess.run(
        [command.command, *command.args],
        env={**os.environ, **(command.env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "'nothing'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# What the tools say


def test_an_answer_has_outcome_claims_and_citations_with_outlet_and_date(
    fake_assistant: FakeAssistant,
) -> None:
    async def session() -> None:
        async with connected(fake_assistant([FOUND])) as client:
            answer = await called(client, "ask", question=COST)
            assert (answer["outcome"], answer["language"]) == ("answered", "en")
            assert answer["text"].startswith("The repairs cost 12 million dollars [1].")
            (claim,) = answer["claims"]
            assert (claim["verdict"], claim["citations"]) == ("supported", [1])
            (citation,) = answer["citations"]
            assert (citation["outlet"], citation["published"], citation["line"]) == (
                "Coast Daily", "2024-09-06", 3,
            )  # fmt: skip

    anyio.run(session)


def test_what_the_articles_do_not_say_is_no_error(fake_assistant: FakeAssistant) -> None:
    async def session() -> None:
        async with connected(fake_assistant(["NOT FOUND"])) as client:
            answer = await called(client, "ask", question="Who won the cup?", answer_language="ar")
            assert (answer["outcome"], answer["language"], answer["citations"]) == ("not_found", "ar", [])

    anyio.run(session)


def test_filters_hold_for_every_tool(fake_assistant: FakeAssistant) -> None:
    async def session() -> None:
        async with connected(fake_assistant()) as client:
            listed = await called(client, "list_articles", outlets=["coast daily"])
            assert [one["title"] for one in listed["articles"]] == ["Harbour reopens after two years"]
            found = await called(client, "search", question=COST, article_language="ar", k=50)
            assert {one["article"] for one in found["passages"]} == {"article://library"}
            answer = await called(client, "ask", question=COST, since="2099")
            assert answer["outcome"] == "not_found"

    anyio.run(session)


def test_a_long_list_is_given_in_parts(fake_assistant: FakeAssistant) -> None:
    async def session() -> None:
        async with connected(fake_assistant()) as client:
            parts = [await called(client, "list_articles", limit=2, offset=at) for at in (0, 2, 4)]
            assert [part["total"] for part in parts] == [3, 3, 3]
            ids = [one["article"] for part in parts for one in part["articles"]]
            assert sorted(ids) == ["article://harbour", "article://library", "article://olives"]

    anyio.run(session)


@pytest.mark.parametrize("name", ["بيان رسمي", "a b#1?x=%2F", "..", "week 1:page/2"])
def test_an_id_of_any_characters_can_be_read(
    fake_assistant: FakeAssistant, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = fake_assistant()
    article = assistant.article("harbour")
    named = dataclasses.replace(article, id=name)
    monkeypatch.setattr(assistant, "articles", lambda **_: [named])
    monkeypatch.setattr(assistant, "article", {name: named}.__getitem__)

    async def session() -> None:
        async with connected(assistant) as client:
            (listed,) = (await called(client, "list_articles"))["articles"]
            assert await text_of(client, listed["article"]) == article.text

    anyio.run(session)


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("ask", {"question": " "}, "question"),
        ("search", {"question": ""}, "question"),
        ("ask", {"question": COST, "since": "06/09/2024"}, "'06/09/2024'"),
        ("list_articles", {"outlets": ["?"]}, "'?'"),
        ("search", {"question": COST, "k": 0}, "k"),
        ("ask", {"question": COST, "answer_language": "fr"}, "answer_language"),
    ],
)
def test_what_makes_no_sense_is_an_error_that_the_model_can_read(
    fake_assistant: FakeAssistant, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    async def session() -> None:
        async with connected(fake_assistant()) as client:
            assert expected in await refused(client, tool, **arguments)

    anyio.run(session)


def test_an_article_that_is_not_there_is_named(fake_assistant: FakeAssistant) -> None:
    async def session() -> None:
        async with connected(fake_assistant()) as client:
            with pytest.raises(MCPError, match=r"'nothing'.*list_articles"):
                await client.read_resource("article://nothing")

    anyio.run(session)


def test_a_model_that_fails_is_reported_in_sanads_words(fake_assistant: FakeAssistant) -> None:
    def breaks(_number: int) -> None:
        raise RuntimeError("no memory")

    async def session() -> None:
        llm = FakeLLM.scripted(["a b", FOUND])
        llm._before_piece = breaks
        async with connected(fake_assistant(llm=llm)) as client:
            assert "no memory" in await refused(client, "ask", question=COST)
            llm._before_piece = lambda _number: None
            assert (await called(client, "ask", question=COST))["outcome"] == "answered"

    anyio.run(session)


def test_progress_is_reported_while_the_model_works(fake_assistant: FakeAssistant) -> None:
    stages: list[tuple[float, str | None]] = []

    async def report(progress: float, _total: float | None, message: str | None) -> None:
        stages.append((progress, message))

    async def session() -> None:
        async with connected(fake_assistant([FOUND])) as client:
            await client.call_tool("ask", {"question": COST}, progress_callback=report)

    anyio.run(session)
    assert [number for number, _ in stages] == list(range(1, len(stages) + 1))
    assert [message for _, message in stages][-1] == "checking"
    assert "reading" in str(stages[0][1])


def test_a_call_that_is_cancelled_stops_the_model(fake_assistant: FakeAssistant) -> None:
    writing, stopped = threading.Event(), threading.Event()

    def hold(_number: int) -> None:
        writing.set()
        stopped.wait(10)

    llm = FakeLLM.scripted(["word " * 50, FOUND], hold)

    async def session() -> None:
        async with connected(fake_assistant(llm=llm)) as client:
            with anyio.move_on_after(PATIENCE) as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.call_tool, "ask", {"question": COST})
                    await anyio.to_thread.run_sync(writing.wait, PATIENCE)
                    tasks.cancel_scope.cancel()
            assert not scope.cancelled_caught
            stopped.set()
            assert (await called(client, "ask", question=COST))["outcome"] == "answered"

    anyio.run(session)
    assert llm.stopped == [True, False]
