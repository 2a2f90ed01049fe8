"""The page's endpoint for programs, with Gradio's own client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Serve

from rag.models.llm.fake import FakeLLM
from rag.server.login import hashed
from ui.app import page_app

pytestmark = pytest.mark.slow

gradio_client = pytest.importorskip("gradio_client")

COST = "How much did the repairs of the harbour cost?"
FOUND = "The repairs cost 12 million dollars [2]."

PATIENCE = 60.0
"""Longest wait for an answer, in seconds."""

Connect = Callable[..., Any]


@pytest.fixture
def connect(serve: Serve) -> Iterator[Connect]:
    """Connects the client to a server with a page; a second one to the same server if it has an address."""
    opened: list[Any] = []

    def make(llm: FakeLLM | None = None, *, headers: dict[str, str] | None = None, **settings: Any) -> Any:
        server = serve(llm, server={"page": page_app}, **settings)
        opened.append(
            gradio_client.Client(
                str(server.base_url), headers=headers, verbose=False, analytics_enabled=False
            )
        )
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def test_a_client_gets_an_answer_with_its_sources(connect: Connect) -> None:
    client = connect(FakeLLM.scripted([FOUND]))
    answer = client.predict(COST, api_name="/ask")
    assert answer.startswith("The repairs cost 12 million dollars [1].")
    assert "Coast Daily" in answer and "harbour.txt:3" in answer
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(named) == ["/ask"], "nothing else of the page is offered"


def test_the_stages_are_streamed_before_the_answer(connect: Connect) -> None:
    *stages, answer = connect(FakeLLM.scripted([FOUND])).submit(COST, "en", api_name="/ask")
    assert set(stages) <= {"waiting", "searching", "reading", "checking"} and "reading" in stages
    assert "12 million" in answer


def test_a_job_that_is_cancelled_stops_the_model(connect: Connect) -> None:
    writing, stopped = threading.Event(), threading.Event()

    def hold(_number: int) -> None:
        writing.set()
        stopped.wait(10)

    llm = FakeLLM.scripted(["word " * 50, FOUND], hold)
    client = connect(llm)
    job = client.submit(COST, api_name="/ask")
    assert writing.wait(PATIENCE)
    assert job.cancel()
    stopped.set()
    assert "12 million" in client.predict(COST, api_name="/ask")
    assert llm.stopped == [True, False]


@pytest.mark.parametrize(("question", "expected"), [(" ", "question"), ("x" * 3000, "2,000")])
def test_what_cannot_be_answered_is_an_error_in_words(connect: Connect, question: str, expected: str) -> None:
    with pytest.raises(gradio_client.exceptions.AppError, match=expected):
        connect().predict(question, api_name="/ask")


def test_with_a_login_the_client_sends_the_key(connect: Connect, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"layla:{hashed('a long password')}\n", encoding="utf-8")
    passwords.chmod(0o600)
    key = {"Authorization": "Bearer layla:a long password"}
    client = connect(FakeLLM.scripted([FOUND]), headers=key, passwords=str(passwords))
    assert "12 million" in client.predict(COST, api_name="/ask")
