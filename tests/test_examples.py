"""Every example runs, as a user starts it, over a small index with fake models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
QUESTION = "When did the harbour of Marsa reopen?"

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(indexed: Path, small_articles: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {
        "SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake", "SANAD_ARTICLES": str(small_articles),
        "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip


@pytest.fixture
def address(environment: dict[str, str]) -> Iterator[str]:
    """The address of a running `sanad serve`."""
    command = [sys.executable, "-m", "rag.cli", "serve", "--no-page", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http"))
        process.terminate()


def printed(name: str, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ask_prints_the_answer_and_the_sentences_that_it_cites(environment: dict[str, str]) -> None:
    out = printed("ask.py", environment, QUESTION)
    assert "[1] " in out.splitlines()[1]
    assert "harbour" in out


def test_an_index_of_your_own_is_named_as_the_table_of_examples_says(
    environment: dict[str, str], indexed: Path
) -> None:
    assert "with `INDEX=NAME`" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    indexed.rename(indexed.with_name("mine"))
    assert "harbour" in printed("ask.py", environment | {"INDEX": "mine"}, QUESTION)
    opening = [path for path in EXAMPLES.glob("*.py") if "Assistant.open" in path.read_text(encoding="utf-8")]
    assert len(opening) == 4
    assert all('.get("INDEX", "seeds")' in path.read_text(encoding="utf-8") for path in opening)


def test_a_follow_up_is_understood_with_the_question_before_it(environment: dict[str, str]) -> None:
    out = printed("follow_up.py", environment)
    assert "understood as: كم عدد الجنود الأمريكيين في العراق؟" in out


def test_llamaindex_gets_passages_and_sources(environment: dict[str, str]) -> None:
    pytest.importorskip("llama_index.core")
    out = printed("llamaindex_engine.py", environment, QUESTION)
    assert "source: " in out


def test_langchain_gets_documents(environment: dict[str, str]) -> None:
    pytest.importorskip("langchain_core")
    out = printed("langchain_retriever.py", environment, QUESTION)
    assert len(out.splitlines()) == 3


def test_openais_client_gets_an_answer_with_its_sources(environment: dict[str, str], address: str) -> None:
    pytest.importorskip("openai")
    out = printed("openai_client.py", environment, f"{address}/v1", QUESTION)
    assert "harbour" in out
    assert "total_tokens" in out


def test_the_configuration_for_mcp_names_a_command_that_exists(environment: dict[str, str]) -> None:
    pytest.importorskip("mcp")
    server = json.loads((EXAMPLES / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]["news"]
    command = [sys.executable, "-m", "rag.cli", server["args"][0], "--help"]
    usage = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert usage.returncode == 0
    assert all(option in usage.stdout for option in server["args"] if option.startswith("--"))


def test_the_table_of_examples_names_every_file() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in table for path in EXAMPLES.iterdir() if path.name != "README.md")
