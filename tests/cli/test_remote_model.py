"""sanad ask with a model on a server: from the command line to an answer, or to one line with the fix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Run, refused
from openai_server import dies, says, serving

pytestmark = pytest.mark.slow  # importing the client takes seconds; tests/models/test_remote.py has fast ones

QUESTION = "How much did the repairs of the harbour cost?"


def ask(run: Run, llm: str, *options: str) -> tuple[int, str, str]:
    return run("ask", QUESTION, "--backend", "auto", "--llm", llm, *options)


def cited(prompt: str) -> str:
    """The number by which the prompt's last evidence names the sentence with the answer."""
    lines = prompt.rpartition("Evidence:")[2].splitlines()
    (line,) = [line for line in lines if "12 million" in line]
    return line.partition("]")[0] + "]"


@pytest.mark.usefixtures("indexed")
def test_the_answer_of_a_model_that_thinks_cites_the_sentence_and_shows_no_thought(run: Run) -> None:
    with serving() as server:

        def thinks(handler) -> None:  # type: ignore[no-untyped-def]
            number = cited(server.asked[-1]["messages"][-1]["content"])
            says("<think>Ferries [1]? No.</think>", f"The repairs cost 12 million dollars {number}.")(handler)

        server.acts = [thinks]
        status, out, err = ask(run, server.llm)
    assert (status, err) == (0, "")
    assert out.startswith("The repairs cost 12 million dollars [1].")
    assert "harbour.txt:3" in out
    assert "Ferries" not in out
    assert "think" not in out


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "asdf qwer zxcv",
        "Purple 99 dishwashers [2].",
        "<think>The repairs cost 12 million [1].",
        "[7]",
        "\ufffd",
    ],
)
def test_a_model_that_writes_nonsense_finds_nothing(run: Run, nonsense: str) -> None:
    with serving(*[says(nonsense)] * 4) as server:
        status, out, _ = ask(run, server.llm, "--json")
    assert status == 0
    answer = json.loads(out)
    assert answer["outcome"] == "not_found"
    assert not nonsense or nonsense not in answer["text"]


@pytest.mark.usefixtures("indexed")
def test_what_goes_wrong_is_one_line(run: Run) -> None:
    with serving(dies("The repairs cost")) as server:
        assert "in the middle of the answer" in refused(ask(run, server.llm))
        assert "no model 'big'" in refused(ask(run, f"{server.base}#big"))
    assert "Cannot reach" in refused(ask(run, server.llm))
    assert "names no model" in refused(ask(run, server.base))


@pytest.mark.usefixtures("indexed")
def test_the_address_may_be_in_the_settings_file_and_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        Path("sanad.toml").write_text(f'llm = "{server.llm}"\nllm_key = "right-key"', encoding="utf-8")
        monkeypatch.setenv("SANAD_BACKEND", "auto")
        server.key = "right-key"
        assert run("ask", QUESTION)[0] == 0
        monkeypatch.setenv("SANAD_LLM", f"{server.base}#big")
        assert "no model 'big'" in refused(run("ask", QUESTION))
        assert "--llm-key" not in run("ask", "--help")[1]
