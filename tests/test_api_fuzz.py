"""Whatever is sent to the HTTP API, it answers as its schema says, and never with a defect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import write_articles
from hypothesis import HealthCheck, settings

from rag import Assistant, Settings, build_index
from rag.answering import Answering
from rag.api import build_api
from rag.embed import FakeEmbedder
from rag.fair_queue import FairQueue
from rag.http_guard import Bodies, Origins
from rag.llm_fake import fake_generator
from rag.metrics import Metrics
from rag.observed import Observed
from rag.server import ROUTES

schemathesis = pytest.importorskip("schemathesis")
positive_data_acceptance = pytest.importorskip("schemathesis.specs.openapi.checks").positive_data_acceptance

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    folder = tmp_path_factory.mktemp("fuzz")
    articles = write_articles(folder / "articles")
    chosen = Settings(indexes=folder / "indexes", cache=folder / "cache", articles=articles)
    build_index(articles, "small", settings=chosen, embedder=FakeEmbedder())
    made = Assistant.open("small", settings=chosen, embedder=FakeEmbedder(), generator=fake_generator())
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(assistant: Assistant) -> Any:
    """The API with what stands before it, and its schema."""
    metrics = Metrics()
    app = build_api(assistant, Answering(assistant, FairQueue(16)), metrics)
    guarded = Observed(Origins(Bodies(app)), metrics, ROUTES)
    return schemathesis.openapi.from_asgi("/openapi.json", guarded)


@pytest.mark.parametrize("examples", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_every_operation_answers_as_its_schema_says(api: Any, examples: int) -> None:
    asked = 0
    for result in api.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @schemathesis_given(operation)
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            # A question without a letter, or a date that is none, is refused by rules that no schema tells.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        ask()
    assert asked >= examples


def schemathesis_given(operation: Any) -> Any:
    from hypothesis import given
    from hypothesis import strategies as st

    modes = schemathesis.GenerationMode
    return given(case=st.one_of(*[operation.as_strategy(generation_mode=mode) for mode in modes]))
