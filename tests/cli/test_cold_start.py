"""What a cold process loads before it can answer: by module, as seconds depend on the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeAssistant

import rag
from rag import Assistant, ModelMissing, Settings
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm import factory
from rag.models.llm.fake import FakeLLM
from rag.server.local_socket import socket_path
from rag.server.serve import Server
from rag.settings import DEFAULT_INDEX, index_folder

ROOT = Path(rag.__file__).resolve().parent.parent

ENGINES = {"openvino", "openvino_genai", "tokenizers", "safetensors"}
"""What the packaged models run on: loaded beside the generator, never before it."""

NEVER = {
    "torch", "transformers", "sentence_transformers", "gguf", "chromadb", "llama_index", "gradio", "fastapi",
    "sqlalchemy", "httpx", "pydantic", "watchfiles", "docx", "lxml", "pdfminer", "trafilatura", "rensa",
    "matplotlib",
}  # fmt: skip
"""What no question needs: together over four seconds of a cold processor's time."""


def loaded_by(code: str, *arguments: str, **variables: str) -> set[str]:
    """The modules that a fresh process holds when ``code`` has run."""
    loaded = "json.dumps([name for name, module in sys.modules.items() if module])"
    script = f"{code}\nimport json, sys\nsys.stderr.write('\\n' + {loaded})"
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **variables},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stderr.splitlines()[-1]))


THROUGH_THE_SOCKET = {
    "rag", "rag.conversation", "rag.conversation.question", "rag.cli", "rag.cli.arguments",
    "rag.cli.commands", "rag.cli.indexes", "rag.cli.printing", "rag.errors",
    "rag.records", "rag.server", "rag.server.local_socket", "rag.settings",
}  # fmt: skip
"""What a question to a running server loads of Sanad: a quarter of what answering it here takes."""

LISTING_INDEXES = {"rag.index", "rag.index.layout", "rag.models", "rag.models.disk"}
"""What it loads besides to notice that there are other indexes, if it names none: 10 ms."""

ASK = "import sys; from rag.cli import main; status = main(sys.argv[1:]); assert status == 0, status"


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "rag"}


def third_parties(modules: set[str]) -> set[str]:
    names = {name.partition(".")[0] for name in modules - loaded_by("")}
    names -= set(sys.stdlib_module_names) | {"rag"}
    return {name for name in names if not name.startswith("_")}


def test_importing_rag_loads_none_of_its_modules() -> None:
    loaded = loaded_by("import rag")
    assert own(loaded) == {"rag"} and not third_parties(loaded)


@pytest.mark.slow
def test_all_public_names_together_load_numpy_and_the_standard_library_alone() -> None:
    assert third_parties(loaded_by("from rag import *")) <= {"numpy"}


def test_help_loads_no_more_than_importing_rag() -> None:
    code = "from rag.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(code) & (NEVER | ENGINES | {"rich", "scipy"})


@pytest.mark.slow
def test_a_question_loads_neither_chroma_nor_llama_index_nor_a_reader_of_files(indexed: Path) -> None:
    loaded = loaded_by(ASK, "ask", "How much did it cost?", SANAD_EMBEDDER="fake", SANAD_BACKEND="fake")
    assert not loaded & (NEVER | ENGINES), loaded & (NEVER | ENGINES)
    assert {"rag.index.bm25", "rag.models.llm.fake"} <= loaded


@pytest.mark.parametrize(
    ("named", "expected"),
    [(("--index", DEFAULT_INDEX), THROUGH_THE_SOCKET), ((), THROUGH_THE_SOCKET | LISTING_INDEXES)],
    ids=["with --index", "without"],
)
def test_a_question_to_a_running_server_loads_next_to_nothing(
    fake_assistant: FakeAssistant, indexed: Path, named: tuple[str, ...], expected: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as cache:  # a test's own folder can be too long for a socket's path
        variables = {"SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake", "SANAD_CACHE": cache}
        settings = Settings.load(embedder="fake", backend="fake", cache=cache)
        path = socket_path(index_folder(settings, DEFAULT_INDEX), settings)
        assert path is not None
        server = Server(fake_assistant(), local=path).start()
        try:
            loaded = loaded_by(ASK, "ask", "When did the harbour of Marsa reopen?", *named, **variables)
        finally:
            server.close()
    assert own(loaded) == expected
    assert third_parties(loaded) <= {"platformdirs", "rich"}
    assert not loaded & {"asyncio", "numpy", "sqlite3", "multiprocessing"}


@pytest.mark.model
def test_a_question_to_the_packaged_models_loads_their_engines_and_nothing_else(tmp_path: Path) -> None:
    loaded = loaded_by(ASK, "ask", "من يقود المحادثات؟", SANAD_BACKEND="openvino")
    assert {"openvino", "openvino_genai"} <= loaded
    loaded = loaded_by(ASK, "ask", "--no-cache", "من يقود المحادثات؟", SANAD_BACKEND="openvino")
    assert not loaded & NEVER, loaded & NEVER  # the run before built the index


# The generator loads while the index opens


class Slow(FakeLLM):
    """Tells when it is loaded, and by which thread."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.error = error

    def count(self, text: str) -> int:
        if not text:
            self.loads.append(threading.current_thread().name)
        if self.error:
            raise self.error
        return super().count(text)


def opened(monkeypatch: pytest.MonkeyPatch, llm: FakeLLM, first_index: Path, **options: Any) -> Assistant:
    monkeypatch.setattr("rag.assistant.open_generator", lambda *_: llm)
    settings = Settings.load(indexes=first_index.parent, backend="fake")
    return Assistant.open("small", settings=settings, embedder=FakeEmbedder(), **options)


def finish() -> None:
    for thread in threading.enumerate():
        if thread.name == "generator loading":
            thread.join(timeout=10)


@pytest.mark.parametrize(("eager", "loads"), [(True, ["generator loading"]), (False, [])])
def test_an_eager_assistant_begins_to_load_its_generator_in_a_thread(
    first_index: Path, monkeypatch: pytest.MonkeyPatch, eager: bool, loads: Sequence[str]
) -> None:
    llm = Slow()
    assistant = opened(monkeypatch, llm, first_index, eager=eager)
    finish()
    assert llm.loads == loads
    assert assistant.ask("How much did it cost?").text
    assert assistant.model == "fake"
    assistant.close()


def test_what_keeps_the_generator_from_loading_is_reported_by_the_first_question(
    first_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = Slow(ModelMissing("Cannot load the model. Name another."))
    assistant = opened(monkeypatch, llm, first_index, eager=True)
    finish()
    with pytest.raises(ModelMissing, match=r"^Cannot load the model. Name another\.$"):
        assistant.ask("How much did it cost?")
    assistant.close()


def test_a_generator_that_was_handed_over_is_left_to_its_first_question(
    first_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = Slow()
    assistant = opened(monkeypatch, FakeLLM(), first_index, generator=llm, eager=True)
    finish()
    assert llm.loads == []
    assistant.close()


def test_loading_in_the_background_hides_no_thread_from_the_end_of_the_process() -> None:
    held, go = threading.Event(), threading.Event()

    class Held(FakeLLM):
        def count(self, text: str) -> int:
            held.set()
            go.wait(timeout=10)
            return 0

    factory.load_in_background(Held())
    assert held.wait(timeout=10)
    (thread,) = [one for one in threading.enumerate() if one.name == "generator loading"]
    assert not thread.daemon  # an engine that is cut off while it loads can end the process with a signal
    go.set()
    finish()
    assert not thread.is_alive()


def test_the_default_index_is_searched_without_its_graph(indexed: Path) -> None:
    assistant = Assistant.open(DEFAULT_INDEX, settings=Settings.load(backend="fake", embedder="fake"))
    assert all(segment.graph is None for segment in assistant._open.generation.segments)
    assert assistant.retrieve("How much did it cost?", k=1)
    assistant.close()
