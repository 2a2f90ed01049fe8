"""The benchmark measures what it says it does, on texts that are all different."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evals.benchmarks import growth as bench_growth
from evals.benchmarks import indexing as bench
from evals.benchmarks import report as bench_report
from evals.benchmarks import resample
from evals.benchmarks import updates as bench_updates
from evals.benchmarks.lending import Lending
from evals.dataset import BadQuestions
from rag.language.text import detect_language
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM

ROOT = Path(bench.__file__).resolve().parents[2]

ENGLISH = [
    f"The {place} council counted {number} new {thing} in the spring, said the head of its office."
    for place, number, thing in itertools.product(
        ("northern", "coastal", "old"), (12, 40), ("boats", "trees")
    )
]
ARABIC = [
    f"أعلن مجلس {place} أن عدد {thing} بلغ {number} خلال الربيع الماضي."
    for place, number, thing in itertools.product(("الشمال", "الساحل"), (12, 40, 75), ("القوارب", "الأشجار"))
]
POOL = {"en": ENGLISH, "ar": ARABIC}


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "en.txt").write_text("\n".join(ENGLISH), encoding="utf-8")
    (folder / "ar.txt").write_text(" ".join(ARABIC), encoding="utf-8")
    return folder


@pytest.fixture
def questions(tmp_path):
    file = tmp_path / "questions.jsonl"
    asked = ["How many boats did the council count?", "كم بلغ عدد الأشجار في الساحل؟"]
    file.write_text("".join(json.dumps({"id": q, "question": q}) + "\n" for q in asked), encoding="utf-8")
    return file


def test_the_pool_holds_sentences_by_language(corpus):
    pool = resample.read_pool([corpus])
    assert sorted(pool["en"]) == sorted(ENGLISH)
    assert sorted(pool["ar"]) == sorted(ARABIC)


def test_articles_are_repeatable_and_hardly_a_paragraph_comes_twice():
    made = list(itertools.islice(resample.articles(POOL, seed=1), 20))
    assert made[:7] == list(itertools.islice(resample.articles(POOL, seed=1), 7))
    assert made[:7] != list(itertools.islice(resample.articles(POOL, seed=2), 7))
    assert {detect_language(article) for article in made} == {"en", "ar"}
    least, most = resample.WORDS
    assert all(least <= len(article.split()) <= most + 100 for article in made)
    paragraphs = [line for article in made for line in article.splitlines()]
    assert len(set(paragraphs)) > 0.95 * len(paragraphs)  # of two dozen sentences


@pytest.mark.parametrize("originals", [["why?"], ["who left?", "who came?", "متى غادرت القوات القاعدة؟"]])
def test_questions_are_all_different_and_new(originals):
    made = resample.questions(originals, 50, seed=3)
    assert len(made) == len(set(made)) == 50
    assert not set(originals) & set(made)
    assert made == resample.questions(originals, 50, seed=3)


def in_this_process(measure, *arguments):
    return measure(*arguments)


@pytest.mark.slow
def test_every_figure_comes_from_a_fresh_process():
    pids = {bench._fresh(os.getpid), bench._fresh(os.getpid), os.getpid()}
    assert len(pids) == 3


def test_a_process_that_is_killed_is_reported_in_words():
    with pytest.raises(BadQuestions, match="was killed, most likely for lack of memory"):
        bench._fresh(os._exit, 9)


@pytest.mark.slow
def test_it_builds_searches_and_reports(corpus, questions, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "_fresh", in_this_process)
    out = tmp_path / "out"
    arguments = [f"--corpus={corpus}", f"--questions={questions}", "--embedder=fake", "--queries=6"]
    assert bench.main([*arguments, "--sizes=40", "--reuse", f"--out={out}"]) == 0
    printed = capsys.readouterr().out
    report = json.loads((out / "bench.json").read_text(encoding="utf-8"))
    [row] = report["sizes"]
    built, searched = row["built"], row["searched"]
    assert row["size"] == 40
    assert 30 <= built["chunks"] <= 50
    assert 0 < sum(built["stages"].values()) == pytest.approx(built["seconds"], rel=0.01)
    assert built["peak_mb"] > 50
    assert built["disk_mb"] > 0.05
    assert searched["questions"] == 5
    assert 0 < searched["median_ms"] <= searched["p95_ms"] <= searched["worst_ms"]
    assert searched["open_seconds"] > 0
    assert searched["first_ms"] > 0
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert f"| {built['chunks']} | {built['articles']} |" in printed

    # The kept index is searched again, not built again.
    assert bench.main([*arguments, "--sizes=12,40", "--reuse", f"--out={out}"]) == 0
    sizes = json.loads((out / "bench.json").read_text(encoding="utf-8"))["sizes"]
    assert [size["size"] for size in sizes] == [12, 40]
    assert sizes[1]["built"] == built
    assert sizes[1]["searched"] != searched


@pytest.mark.slow
def test_whole_questions_are_asked_of_every_kept_index_in_turn(
    corpus, questions, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(bench, "_fresh", in_this_process)
    monkeypatch.setattr(bench_growth, "open_generator", lambda settings: FakeLLM())
    monkeypatch.setenv("SANAD_EMBEDDER", "fake")
    out = tmp_path / "out"
    arguments = [f"--corpus={corpus}", f"--questions={questions}"]
    assert bench_growth.main([str(out), arguments[1]]) == 2
    assert "contains 0 indexes, but two or more are needed" in capsys.readouterr().err
    built = [*arguments, "--embedder=fake", "--queries=2", "--sizes=12,40", "--reuse", f"--out={out}"]
    assert bench.main(built) == 0
    capsys.readouterr()
    assert bench_growth.main([str(out), arguments[1], "--limit=3"]) == 0
    _, _, small, large = capsys.readouterr().out.splitlines()
    assert small.endswith("| 1.000 [1.000, 1.000] | 3 |")
    assert large.endswith("] | 3 |")
    assert int(small.split("|")[1]) < int(large.split("|")[1])


@pytest.mark.slow
def test_adding_one_article_is_measured_at_each_size(corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench_updates, "UPDATES", 3)
    out = tmp_path / "out"
    asked = ["--updates", "--sizes", "110,130", "--corpus", str(corpus), "--out", str(out)]
    assert bench.main(asked) == 0
    rows = json.loads((out / "report.json").read_text(encoding="utf-8"))["updates"]
    assert [one["n"] for one in rows] == [3, 3]
    assert rows[0]["chunks"] < rows[1]["chunks"]
    assert all(0 < one["median_s"] <= one["p95_s"] for one in rows)
    assert "| 1.0 | 3 |" in capsys.readouterr().out
    assert [path.name for path in out.iterdir()] == ["report.json"], "the indexes are removed"


def test_an_index_that_is_not_to_be_kept_is_removed(corpus, questions, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "_fresh", in_this_process)
    monkeypatch.setattr(bench, "SAMPLE", 8)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # a plot takes seconds
    out = tmp_path / "out"
    arguments = [f"--corpus={corpus}", f"--questions={questions}", "--embedder=fake", "--queries=2"]
    assert bench.main([*arguments, "--sizes=12", f"--out={out}"]) == 0
    assert [path.name for path in out.iterdir()] == ["bench.json"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--corpus=nowhere"], "nowhere: not a folder"),
        (["--corpus=empty"], "fewer than ten sentences"),
        (["--questions=missing.jsonl"], "missing.jsonl: cannot be read"),
        (["--questions=broken.jsonl"], "broken.jsonl:2: contains no question"),
        (["--questions=blank.jsonl"], "blank.jsonl:1: contains no question"),
        (["--questions=none.jsonl"], "none.jsonl: no question"),
        (["--out=file/out"], "file/out"),
    ],
)
def test_a_wrong_argument_is_one_line(given, message, corpus, questions, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "broken.jsonl").write_text('{"question": "who?"}\n["who?"]\n', encoding="utf-8")
    (tmp_path / "blank.jsonl").write_text('{"question": " "}\n', encoding="utf-8")
    (tmp_path / "none.jsonl").write_text("", encoding="utf-8")
    usual = {"--corpus": corpus, "--questions": questions, "--embedder": "fake", "--sizes": 10}
    for argument in given:
        name, _, value = argument.partition("=")
        usual[name] = value
    assert bench.main([f"{name}={value}" for name, value in usual.items()]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error


@pytest.mark.parametrize("given", ["--sizes=0", "--sizes=ten", "--queries=1"])
def test_a_number_that_makes_no_sense_is_refused(given, capsys):
    with pytest.raises(SystemExit):
        bench.main([given])
    assert "error: argument" in capsys.readouterr().err


@pytest.mark.slow
def test_memory_is_the_largest_that_the_process_had():
    code = "from evals.benchmarks.indexing import peak_memory as p; a = p(); b'x' * 60_000_000; print(a, p())"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    before, after = map(int, process.stdout.split())
    assert before + 50_000_000 < after < before + 80_000_000


def row(chunks, seconds, median, p95):
    built = {"chunks": chunks, "articles": chunks // 5, "seconds": seconds, "peak_mb": 900.0, "disk_mb": 7.0}
    built["stages"] = {"embedding": seconds - 1, "reading": 1.0, "nothing": 0.01}
    searched = {"questions": 300, "open_seconds": 0.5, "first_ms": 900.0, "median_ms": median, "p95_ms": p95}
    return {"built": built, "searched": searched | {"peak_mb": 700.0}}


def test_the_table_reads_as_it_should():
    lines = bench_report.table([row(1000, 20.0, 12.0, 30.0), row(100_000, 4000.0, 58.3, 151.0)]).splitlines()
    assert lines[2] == "| 1,000 | 200 | 20.0 | 50.0 | 900 | 7.0 | 0.50 | 900 | 12.0 | 30.0 | 700 |"
    assert lines[3].startswith("| 100,000 | 20,000 | 4,000.0 | 25.0 |")
    assert lines[5:] == [
        "n = 300 searches at each size, after the first.",
        "Seconds by stage at 1,000 chunks: embedding 19.0, reading 1.0.",
        "Seconds by stage at 100,000 chunks: embedding 3,999.0, reading 1.0.",
        "Throughput 25.0 chunks/s at least, target 30: missed.",
        "Search at 100,000 chunks, median 58.3 ms, target under 60: met.",
        "Search at 100,000 chunks, 95th percentile 151.0 ms, target under 150: missed.",
        "An answer of 2.0 s takes 2.3% longer at 100,000 chunks than at 1,000, 4.6% with a second search, "
        "target under 10%: met.",
    ]


def test_without_matplotlib_there_is_no_plot_and_no_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not bench_report.draw([row(1000, 20.0, 12.0, 30.0)], tmp_path / "bench.png")
    assert not list(tmp_path.iterdir())


def test_lent_vectors_have_their_texts_shapes_and_the_embedders_name() -> None:
    real = FakeEmbedder()
    lending = Lending(real, 2)
    texts = ["The harbour reopened.", "Ferries carry passengers.", "The library has books."]
    own = lending.with_tokens(texts[:2])
    assert np.allclose(own[0], real.with_tokens(texts[:2])[0])
    assert np.allclose(lending.passages(texts[:2]), real.passages(texts[:2]))
    vectors, tokens = lending.with_tokens(texts)
    assert vectors.shape == (3, real.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[2], real.passages(texts)[2], atol=1e-2), "it is not the text's own"
    for text, one in zip(texts, tokens, strict=True):
        assert one.spans.shape == (len(one.vectors), 2)
        assert not len(one.spans) or (one.spans[0, 0], one.spans[-1, 1]) == (0, len(text))
    assert lending.identity == real.identity
    assert np.allclose(lending.question(texts[0]).vector, real.question(texts[0]).vector)
