from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from evals.benchmarks import answers as bench_answers
from evals.benchmarks import ceilings
from evals.benchmarks import peers as bench_peers
from evals.benchmarks.peers import embedding
from evals.benchmarks.ratios import ratio, worse
from evals.benchmarks.systems import Metered, Reply, Sanad
from evals.dataset import BadQuestions, read_questions
from evals.reporting.baseline import FOLDER
from evals.run import open_fresh
from rag import Settings
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM
from rag.models.llm.protocol import Message
from rag.settings import DEFAULT_INDEX
from tests import small_generator


def seconds(*values: float) -> dict[str, list[float]]:
    return {f"q{number}": [value] for number, value in enumerate(values)}


# Ratios


def test_a_ratio_is_the_median_over_questions_of_each_questions_own() -> None:
    found = ratio(seconds(2, 6, 40), seconds(1, 2, 4))
    assert found is not None
    assert found.median == pytest.approx(3)
    assert (found.low, found.high, found.n) == (pytest.approx(2), pytest.approx(10), 3)


def test_rounds_of_a_question_count_once_by_their_median() -> None:
    found = ratio({"q": [2.0, 2.0, 90.0]}, {"q": [1.0, 1.0, 1.0]})
    assert found is not None
    assert (found.median, found.n) == (pytest.approx(2), 1)


def test_questions_that_one_of_them_did_not_answer_are_left_out() -> None:
    assert ratio({"a": [1.0], "b": []}, {"b": [1.0], "c": [1.0]}) is None


@examples(50)
@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=1, max_size=12))
def test_a_ratio_lies_in_its_interval_and_turns_round_with_the_systems(
    pairs: list[tuple[float, float]],
) -> None:
    one, two = seconds(*(a for a, _ in pairs)), seconds(*(b for _, b in pairs))
    there, back = ratio(one, two), ratio(two, one)
    assert there is not None
    assert back is not None
    assert there.low <= there.median * (1 + 1e-9)
    assert there.median <= there.high * (1 + 1e-9)
    assert math.isclose(there.median * back.median, 1, rel_tol=1e-6)


def measured(median: float, low: float, high: float) -> dict[str, Any]:
    return {"llamaindex": {"first": {"median": median, "low": low, "high": high, "n": 40}}}


@pytest.mark.parametrize(
    ("now", "before", "lines"),
    [
        (measured(8, 7, 9), measured(8, 7, 9), 0),
        (measured(6.5, 6, 7.2), measured(8, 7, 9), 0),
        (measured(20, 18, 22), measured(8, 7, 9), 0),
        (measured(5, 4, 6), measured(8, 7, 9), 1),
        ({}, measured(8, 7, 9), 1),
        ({}, {}, 0),
    ],
    ids=["same", "within the noise", "better", "worse", "left out", "nothing to compare"],
)
def test_only_what_is_worse_beyond_the_noise_of_both_is_reported(
    now: dict[str, Any], before: dict[str, Any], lines: int
) -> None:
    assert len(worse(now, before)) == lines


# Systems


def test_the_meter_counts_what_was_read_and_written_and_stops_the_model() -> None:
    llm = FakeLLM.scripted(["one two three", "one two three"])
    meter = Metered(llm)
    asked = [Message("system", "Be exact."), Message("user", "Hello?")]
    assert list(meter.stream(asked, max_tokens=9)) == ["one", " two", " three"]
    assert (meter.prompt, meter.reply) == ("Be exact.\nHello?", "one two three")
    pieces = meter.stream([Message("user", "Sure?")], max_tokens=9)
    next(pieces)
    pieces.close()
    assert llm.stopped == [False, True]
    assert (meter.prompt, meter.reply) == ("Be exact.\nHello?", "one two three"), "asked again, not measured"
    meter.begin()
    assert list(meter.stream([Message("user", "And?")], max_tokens=9))
    assert meter.prompt == "And?"
    assert meter.first is not None
    assert meter.last is not None
    assert meter.last >= meter.first


def test_sanad_is_measured_as_it_ships_with_its_own_prompt(indexed: Path) -> None:
    system = Sanad(Settings.load(backend="fake", embedder="fake"), DEFAULT_INDEX)
    reply = system.ask("How much did it cost?")
    assert 0 < reply.given < reply.piece <= reply.first <= reply.total
    assert reply.prompt_tokens > reply.reply_tokens > 0
    assert system._assistant._template[0].content.startswith("You answer questions about news articles")
    again = system.ask("How much did it cost?")
    assert again.reply_tokens == reply.reply_tokens, "nothing is remembered"


@pytest.mark.slow
def test_the_embedder_serves_llama_index_as_it_serves_sanad() -> None:
    fake = FakeEmbedder()
    through = embedding(fake)
    assert through.get_query_embedding("How much?") == pytest.approx(
        fake.question("How much?").vector.tolist()
    )
    assert through.get_text_embedding("It cost 12.") == pytest.approx(
        fake.passages(["It cost 12."])[0].tolist()
    )


def test_reading_is_measured_from_the_moment_at_which_the_prompt_was_given() -> None:
    reply = Reply("12.", "answered", 4.0, 2.0, 3.0, 5.0, 1.0, 200, 3)
    never_asked = Reply("The articles do not say.", "not_found", 1.0, 1.0, 1.0, 1.0, 0.0, 0, 0)
    taken = {"a": [reply], "b": [never_asked]}
    runner: Any = SimpleNamespace(name="sanad", error="", cold=1.0, peak=1, weights=0, taken=taken)
    report = bench_answers.report_of([runner], [], [ceilings.Ceilings(7e9, 14e9, 1e12)])
    assert report["systems"]["sanad"]["reading"] == pytest.approx(200)


# The whole


def bench(out: Path, *arguments: str) -> int:
    asked = ["--systems", "sanad", "--limit", "2", "--rounds", "2", "--out", str(out)]
    return bench_answers.main([*asked, "--backend", "fake", "--embedder", "fake", *arguments])


@pytest.mark.slow
def test_a_run_writes_every_figure(
    tmp_path: Path, small_articles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANAD_ARTICLES", str(small_articles))
    monkeypatch.setattr(ceilings, "measure", lambda: ceilings.Ceilings(7e9, 14e9, 1e12))
    assert bench(tmp_path / "out") == 0
    report = json.loads((tmp_path / "out" / "bench-answers.json").read_text(encoding="utf-8"))
    figures = report["systems"]["sanad"]
    assert figures["cold"] > figures["total"][1] > 0
    assert figures["peak"] > 30e6
    assert figures["graded"] == 2
    assert figures["of_bandwidth"] is None, "a fake reads no weights"
    assert [len(replies) for replies in report["replies"]["sanad"].values()] == [2, 2]
    output = capsys.readouterr()
    assert "| sanad |" in output.out
    assert output.err.splitlines()[-1] == "round 2, question 2 of 2, 0 min left"


@pytest.mark.slow
def test_a_run_ends_with_the_question_at_which_its_minutes_are_over(
    tmp_path: Path, small_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANAD_ARTICLES", str(small_articles))
    monkeypatch.setattr(ceilings, "measure", lambda: ceilings.Ceilings(7e9, 14e9, 1e12))
    assert bench(tmp_path / "out", "--minutes", "0") == 0
    report = json.loads((tmp_path / "out" / "bench-answers.json").read_text(encoding="utf-8"))
    assert [len(replies) for replies in report["replies"]["sanad"].values()] == [1]


def test_the_first_questions_are_a_fair_sample_in_the_same_order_every_time() -> None:
    every = read_questions(bench_answers.QUESTIONS)
    asked = bench_answers.mixed(every)
    assert asked == bench_answers.mixed(every) and sorted(q.id for q in asked) == sorted(q.id for q in every)
    first = asked[: len(asked) // 3]
    assert any(not q.answerable for q in first)
    assert {q.lang for q in first} == {"en", "ar"}


def replies(first: dict[str, float]) -> dict[str, list[dict[str, float]]]:
    return {id_: [{"first": value, "total": 2 * value}] for id_, value in first.items()}


def test_only_questions_that_both_reports_asked_are_compared() -> None:
    before = {
        "sanad": replies({"a": 1, "b": 1, "c": 1}),
        "other": replies({"a": 5, "b": 9, "c": 9}),
        "gone": {},
    }
    now = {"sanad": replies({"a": 1, "d": 1}), "other": replies({"a": 5, "d": 1})}
    then, new = bench_answers.compared(before, now)
    assert then == new
    assert new["other"]["first"]["median"] == pytest.approx(5)
    slower = {"sanad": replies({"a": 2}), "other": replies({"a": 5})}
    assert len(worse(*reversed(bench_answers.compared(before, slower)))) == 2


@pytest.mark.parametrize("now", [{}, {"sanad": replies({"z": 1})}, {"other": replies({"a": 1})}])
def test_reports_that_share_no_question_are_refused(now: dict[str, Any]) -> None:
    with pytest.raises(BadQuestions, match="share no question"):
        bench_answers.compared({"sanad": replies({"a": 1})}, now)


def test_a_missing_report_is_reported_with_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(tmp_path / "out", "--check", str(tmp_path / "none.json")) == 2
    assert "none.json to compare with: run make bench-answers" in capsys.readouterr().err


def test_a_report_that_is_none_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.json"
    path.write_text("{}", encoding="utf-8")
    assert bench(tmp_path / "out", "--check", str(path)) == 2
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_system_is_refused_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench_answers.main(["--systems", "sanad,other"])
    assert "unknown: other; known are sanad, llamacpp, llamacpp-plain" in capsys.readouterr().err


@pytest.mark.slow
def test_the_ceilings_are_positive_and_copying_counts_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "BYTES", 2**20)
    monkeypatch.setattr(ceilings, "SIDE", 64)
    monkeypatch.setattr(ceilings, "_seconds", lambda work: (work(), 0.5)[1])
    found = ceilings.measure()
    assert found.copy == pytest.approx(found.read), "half is read, half is written"
    assert found.products == pytest.approx(2 * 64**3 / 0.5)


# The others, on networks of a few thousand random weights


def tiny_transformers(folder: Path) -> Path:
    """A Llama of random weights with a word for a token."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "<eos>"}
    words = {"<pad>": 0, "<unk>": 1, "<eos>": 2, "harbour": 3, "cost": 4}
    plain = Tokenizer(WordLevel(words, "<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        chat_template="{% for m in messages %}{{ m['content'] }} {% endfor %}",
        **special,
    )
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def small_settings(small_articles: Path) -> Settings:
    return Settings.load(backend="fake", embedder="fake", articles=small_articles, max_new_tokens=6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llamaindex", "llamaindex-citations"])
def test_llama_indexs_engines_answer_from_the_articles_and_are_measured(
    small_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip("llama_index.llms.huggingface")
    folder = tiny_transformers(tmp_path / "tiny")
    monkeypatch.setattr(bench_peers, "prepared", lambda *_: folder)
    system: Any = bench_peers.SYSTEMS[name](small_settings, DEFAULT_INDEX)
    reply = system.ask("How much did the repairs cost?")
    assert "12 million" in system._prompt, "the harbour's article is among what it reads"
    assert reply.prompt_tokens > 50
    assert reply.reply_tokens <= 7
    assert 0 < reply.given < reply.first <= reply.total
    assert system.weights > 1000


@pytest.fixture
def small_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small generator in place of the published file that llama.cpp runs."""
    pytest.importorskip("xllamacpp")
    small_generator.write(tmp_path / bench_peers.GGUF.file)
    monkeypatch.setattr(bench_peers, "prepared", lambda *_: tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("small_gguf")
def test_a_plain_chain_over_llama_cpp_is_sent_the_evidence(small_settings: Settings) -> None:
    open_fresh(DEFAULT_INDEX, small_settings).close()
    reply = bench_peers.LlamaCppChain(small_settings, DEFAULT_INDEX).ask("How much did the repairs cost?")
    assert reply.prompt_tokens > 500, "it reads bytes"
    assert 0 < reply.reply_tokens <= 6
    assert 0 < reply.given < reply.first <= reply.total


@pytest.mark.slow
@pytest.mark.usefixtures("small_gguf")
def test_llama_cpp_is_sent_the_messages_and_is_measured(small_settings: Settings) -> None:
    system = bench_peers.SanadOnLlamaCpp(small_settings, DEFAULT_INDEX)
    reply = system.ask("How much did the repairs cost?")
    assert reply.prompt_tokens > 500, "it reads bytes"
    assert 0 < reply.reply_tokens <= 6
    assert 0 < reply.given < reply.piece <= reply.total
    assert system.weights > 1000


def test_the_committed_report_is_of_questions_that_there_are() -> None:
    report = bench_answers._read(FOLDER / "bench-answers.json")
    known = {question.id for question in read_questions(bench_answers.QUESTIONS)}
    assert report["replies"].keys() <= set(bench_peers.SYSTEMS)
    assert all(replies and replies.keys() <= known for replies in report["replies"].values())
