"""Whatever is sent to the HTTP API, it answers as its schema says, and never with a defect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import assistant_over, examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from rag import Assistant
from rag.server.api import DOCS, Asker, build_api
from rag.server.fair_queue import FairQueue
from rag.server.guard import Bodies, Origins
from rag.server.logs import Observed
from rag.server.metrics import Metrics
from rag.server.serve import MCP, ROUTES
from rag.server.worker import QuestionRunner

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def operations_of(assistant: Assistant) -> dict[str, Any]:
    """Every operation of the API with what stands before it, by method and path."""
    import schemathesis  # a second, which a worker that runs other tests need not wait

    metrics = Metrics()
    app = build_api(assistant, Asker(QuestionRunner(assistant, FairQueue(16))), metrics)
    guarded = Observed(Origins(Bodies(app)), metrics, ROUTES)
    found = [
        result.ok()
        for result in schemathesis.openapi.from_asgi("/openapi.json", guarded).get_all_operations()
    ]
    return {operation.label: operation for operation in found}


def cases_of(operation: Any) -> st.SearchStrategy[Any]:
    """What the schema allows to send, and what it does not."""
    from schemathesis import GenerationMode

    return st.one_of(*[operation.as_strategy(generation_mode=mode) for mode in GenerationMode])


def check_case(case: Any) -> None:
    """Send it: the answer is as the schema says, and no defect."""
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    # A question without a letter, or a date that is none, is refused by rules that no schema tells.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    pytest.importorskip("schemathesis")
    with assistant_over(tmp_path_factory.mktemp("fuzz")) as assistant:
        yield operations_of(assistant)


@pytest.mark.parametrize("number", [5, pytest.param(400, marks=pytest.mark.slow)])
def test_every_operation_answers_as_its_schema_says(operations: dict[str, Any], number: int) -> None:
    asked: Counter[str] = Counter()
    for operation in operations.values():

        @examples(number, suppress_health_check=list(HealthCheck), database=None)
        @given(case=cases_of(operation))
        def ask(case: Any) -> None:
            asked[case.operation.label] += 1
            check_case(case)

        ask()
    assert {label.partition(" ")[2] for label in asked} >= set(ROUTES) - {DOCS, "/openapi.json", MCP}
    # Those that take a body have ever more to be sent; a GET is soon exhausted.
    assert all(count >= number for label, count in asked.items() if label.startswith("POST"))
