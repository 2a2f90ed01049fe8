"""A real server with OpenAI's API on loopback: llama.cpp's, from the wheel xllamacpp."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_generator

from rag import Assistant, GenerationFailed, ModelMissing, Settings, build_index
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator, Message
from rag.models.weights.packaged import prepared

xllamacpp = pytest.importorskip(
    "xllamacpp", reason="llama.cpp's server is not installed: pip install xllamacpp"
)

HELLO = [Message("system", "Be exact."), Message("user", "Hello?")]


def started(model: Path, context: int, *, key: str = "") -> Any:
    """A server of one model file, on a free port."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {"local"}
    params.n_ctx = context
    params.n_parallel = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.verbosity = 0
    params.api_keys = [key] if key else []
    return xllamacpp.Server(params)


def opened(server: Any, **settings: Any) -> Generator:
    return open_generator(Settings.load(llm=f"{server.listening_address}/v1#local", **settings))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A model of a few thousand random weights, which reads bytes and writes nonsense."""
    file = tmp_path_factory.mktemp("gguf") / "small.gguf"
    small_generator.write(file, rounded=True)
    yield started(file, 512, key="right-key")


@pytest.mark.slow
def test_a_real_server_replies_and_reports_its_context(small: Any) -> None:
    model = opened(small, llm_key="right-key")
    first = "".join(model.stream(HELLO, max_tokens=12))
    assert first
    assert "".join(model.stream(HELLO, max_tokens=12)) == first, "decoding is greedy"
    assert model.context == 512


@pytest.mark.slow
def test_a_real_server_refuses_what_is_too_long_a_wrong_key_and_an_unknown_model(small: Any) -> None:
    model = opened(small, llm_key="right-key", llm_context=9000)
    with pytest.raises(GenerationFailed, match=r"too long for 'local'.*SANAD_LLM_CONTEXT"):
        list(model.stream([Message("user", "word " * 400)], max_tokens=12))
    with pytest.raises(ModelMissing, match="does not accept the key"):
        list(opened(small, llm_key="wrong-key").stream(HELLO, max_tokens=12))
    address = f"{small.listening_address}/v1"
    another = open_generator(Settings.load(llm=f"{address}#another", llm_key="right-key"))
    with pytest.raises(ModelMissing, match="no model 'another'; it has 'local'"):
        list(another.stream(HELLO, max_tokens=12))


@pytest.mark.model
def test_the_packaged_model_on_a_real_server_answers_and_cites(small_articles: Path) -> None:
    from evals.benchmarks.peers import GGUF

    server = started(prepared(GGUF, Settings.load()) / GGUF.file, 4096)
    settings = Settings.load(llm=f"{server.listening_address}/v1#local")
    build_index(small_articles, "small", settings=settings)
    with contextlib.closing(Assistant.open("small", settings=settings)) as assistant:
        answer = assistant.ask("How much did the repairs of the harbour cost?")
        assert answer.outcome == "answered"
        assert "12 million" in answer.text
        assert [citation.article_id for citation in answer.citations] == ["harbour"]
        assert answer.model == f"local ({server.listening_address}/v1)"
