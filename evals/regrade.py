"""Grades the stored answers of a report again, by today's rules and today's gold; nothing is asked.

    python -m evals.regrade report.json                                  print its scores
    python -m evals.regrade report.json --out new.json                   write them; the same file replaces it
    python -m evals.regrade report.json --questions FILE --corpus DIR    where these have been moved

If the gold of a question has changed, its retrieval ranks are left out, because the search results are not
stored. Whether citations were exact when the answer was made is taken from the report.

Exit status: 0 done; 2 could not run.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals import run
from evals.command import exit_status
from evals.dataset import BadQuestions, Question, check_quotes, read_questions
from evals.files import write_json
from evals.grading.answers import StoredAnswer
from evals.grading.score import Scores, grade_answer
from evals.grading.stats import Result, beside, summarise
from evals.harness import turns
from evals.harness.provenance import ROOT, commit, question_digest
from evals.reporting import table
from rag import Assistant, Settings

Opener = Callable[[str, Settings], Assistant]
"""Index and settings → what knows the articles."""

_RANKS = tuple(field.name for field in dataclasses.fields(Scores) if field.name.endswith("_rr"))
"""Scores of the search, which cannot be graded again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Regraded:
    """A report with today's grades."""

    report: Mapping[str, Any]
    """As it was read."""
    results: tuple[Result, ...]
    """Its items, graded again."""
    left_out: tuple[str, ...]
    """Ids of items whose question no longer exists or has other words now."""
    moved: int
    """Citations that do not quote the articles as they are read now: their grades cannot be relied on."""

    @property
    def retrieval_only(self) -> bool:
        """Whether no answers were asked for."""
        return self.report["accuracy"] is None


def read_report(path: Path) -> dict[str, Any]:
    """A report of this version or another.

    Args:
        path: A report.json, or a baseline.

    Raises:
        BadQuestions: It cannot be read, or is not a report.
    """
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        [(item["id"], item["answer"], item["scores"], item["error"]) for item in report["items"]]
        report["run"]["question_digests"], report["accuracy"], report["latency"]
    except OSError as error:
        raise BadQuestions(f"{path}: {error.strerror}; name a report.json.") from None
    except (ValueError, KeyError, TypeError):
        raise BadQuestions(f"{path}: is not a report.json of evals/run.py; name another file.") from None
    return report


def regrade(report: Mapping[str, Any], questions: Sequence[Question], texts: Mapping[str, str]) -> Regraded:
    """Grade every stored answer again.

    Args:
        report: What ``read_report`` returned.
        questions: With today's gold. An item counts if its question, and in a dialogue the questions before
            it, are asked in the same words.
        texts: Article text by article id.

    Raises:
        BadQuestions: An answer lacks its text, its outcome or the place of a citation.
    """
    by_id = {question.id: question for question in questions}
    asked = {item["id"]: (item["answer"] or {}).get("question") for item in report["items"]}
    digests = report["run"]["question_digests"]
    results, left_out, moved = [], [], 0
    for item in report["items"]:
        question = by_id.get(item["id"])
        if question is None:
            left_out.append(item["id"])
            continue
        same = digests.get(question.id) == question_digest(question)
        if not same and not _in_these_words(question, asked):
            left_out.append(item["id"])
            continue
        try:
            results.append(_result(item, question, texts, same_gold=same))
            moved += _moved(item["answer"], texts)
        except (KeyError, TypeError, ValueError) as error:
            raise BadQuestions(
                f"The item {question.id!r} of the report cannot be graded ({error!r}); ask it again."
            ) from None
    return Regraded(report, tuple(results), tuple(left_out), moved)


def _in_these_words(question: Question, asked: Mapping[str, str | None]) -> bool:
    turn = question.turn
    earlier = () if turn is None else turn.earlier
    before = {f"{turn.dialogue}.{at}": text for at, text in enumerate(earlier, start=1)} if turn else {}
    wanted = {**before, question.id: question.text}
    return all(_trimmed(asked.get(id_)) == text.strip() for id_, text in wanted.items())


def _trimmed(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _result(
    item: Mapping[str, Any], question: Question, texts: Mapping[str, str], *, same_gold: bool
) -> Result:
    stored = item["scores"]
    scores = Scores()
    if item["answer"] is not None:
        answer = StoredAnswer.from_dict(item["answer"])
        scores = dataclasses.replace(
            grade_answer(question, answer, texts), citations_exact=stored.get("citations_exact")
        )
    if same_gold:
        scores = dataclasses.replace(scores, **{name: stored.get(name) for name in _RANKS})
    return Result(
        question=question,
        scores=scores,
        answer=item["answer"],
        seconds=dict((item["answer"] or {}).get("timings") or {}),
        error=item["error"],
        searched=item.get("searched", ""),
    )


def _moved(answer: Mapping[str, Any] | None, texts: Mapping[str, str]) -> int:
    if answer is None:
        return 0
    cited = StoredAnswer.from_dict(answer).citations
    return sum(bool(c.quote) and texts.get(c.article_id, "")[c.start : c.end] != c.quote for c in cited)


def report_of(regraded: Regraded) -> dict[str, Any]:
    """The report with today's grades, in the format of report.schema.json.

    Args:
        regraded: What ``regrade`` returned.
    """
    report, results = regraded.report, regraded.results
    summary = summarise(results, retrieval_only=regraded.retrieval_only)
    if not summary["latency"]:
        summary["latency"] = report["latency"]  # a baseline keeps no seconds of single answers
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    digests = {result.question.id: question_digest(result.question) for result in results}
    of_dialogues = {"dialogues": turns.summarise(results, retrieval_only=regraded.retrieval_only)}
    items = {item["id"]: item for item in report["items"]}
    return {
        "run": {**report["run"], "question_digests": digests, "regraded": {"date": now, "commit": commit()}},
        **summary,
        **(of_dialogues if "dialogues" in report else {}),
        "items": [
            {**items[result.question.id], "scores": dataclasses.asdict(result.scores)} for result in results
        ],
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options by which questions and articles are named.

    Args:
        parser: Gets them.
    """
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--questions", type=Path, metavar="FILE", help="question file; default: the one that the report names"
    )
    asked.add_argument(
        "--dialogues",
        nargs="?",
        type=Path,
        const=turns.DIALOGUES,
        metavar="FILE",
        help="the report is of these dialogues; without FILE of the hand-written ones",
    )
    parser.add_argument("--split", choices=turns.SPLITS, help="of dialogues; default: the report's")
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="folder of articles; default: the one that the report names",
    )


def read_asked(
    args: argparse.Namespace, report: Mapping[str, Any], open_assistant: Opener
) -> tuple[list[Question], dict[str, str]]:
    """The questions of a report with today's gold, and the articles' texts by article id.

    Args:
        args: The options of ``add_options``.
        report: What they default to.
        open_assistant: Opens an index of the articles.

    Raises:
        BadQuestions: The questions or the articles cannot be read, or do not belong together.
    """
    named = _found(report["run"].get("questions", ""))
    path = args.dialogues or args.questions or named
    if args.dialogues is not None or (args.questions is None and "dialogues" in report):
        questions, _ = turns.read_dialogues(path, args.split or report["run"].get("split"))
    else:
        questions = read_questions(path)
    texts = article_texts(args.corpus or _found(report["run"].get("corpus", "")), open_assistant)
    check_quotes(questions, texts, path)
    return questions, texts


def _found(named: str) -> Path:
    """A path of a report, which names what is in the checkout from there."""
    return Path(named) if Path(named).exists() else ROOT / named


def article_texts(corpus: Path, open_assistant: Opener) -> dict[str, str]:
    """Text by article id, as the product reads the files of a folder.

    Args:
        corpus: The folder. It gets an index in the cache, without the embedder.
        open_assistant: Opens the index.

    Raises:
        BadQuestions: It is not a folder.
    """
    index, settings = run.own_index(corpus, Settings.load(embedder="fake", backend="fake"))
    assistant = open_assistant(index, settings)
    try:
        return {article.id: article.text for article in assistant.articles()}
    finally:
        assistant.close()


def check(regraded: Regraded, path: Path) -> None:
    """Warn on standard error about items that were not graded or have unreliable grades.

    Args:
        regraded: What ``regrade`` returned.
        path: The report.

    Raises:
        BadQuestions: No item could be graded.
    """
    if not regraded.results:
        raise BadQuestions(
            f"{path}: none of these questions was asked in these words; name other --questions."
        )
    if regraded.left_out:
        ids = " ".join(regraded.left_out)
        sys.stderr.write(f"{path}: left out, because their questions have other words today: {ids}\n")
    if regraded.moved:
        sys.stderr.write(
            f"{path}: {regraded.moved} citations do not quote the articles as they are read now; give the "
            "--corpus of that run, or do not rely on the scores of citations.\n"
        )


def differently_graded(regraded: Regraded) -> dict[str, list[str]]:
    """Ids of the items whose grade in the report is another one, by score; new scores are left out.

    Args:
        regraded: What ``regrade`` returned.
    """
    stored = {item["id"]: item["scores"] for item in regraded.report["items"]}
    changes: dict[str, list[str]] = {}
    for result in regraded.results:
        for name, value in dataclasses.asdict(result.scores).items():
            before = stored[result.question.id].get(name, value)
            if before != value and (before is None or value is None or abs(before - value) > 1e-9):
                changes.setdefault(name, []).append(result.question.id)
    return changes


def main(argv: Sequence[str] | None = None, *, open_assistant: Opener = run.open_fresh) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
        open_assistant: Opens an index of the articles.
    """
    parser = argparse.ArgumentParser(
        prog="python -m evals.regrade", description="Grade the answers of a report again; nothing is asked."
    )
    parser.add_argument("report", type=Path, metavar="REPORT", help="report.json of a run, or a baseline")
    add_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report with the new grades here")
    args = parser.parse_args(argv)
    return exit_status(lambda: _run(args, open_assistant))


def _run(args: argparse.Namespace, open_assistant: Opener) -> None:
    report = read_report(args.report)
    regraded = regrade(report, *read_asked(args, report, open_assistant))
    check(regraded, args.report)
    new = report_of(regraded)
    lines = [table.summary(new, beside(regraded.results))]
    for name, ids in differently_graded(regraded).items():
        lines.append(f"graded differently: {name}, {len(ids)} items: {' '.join(ids)}")
    sys.stdout.write("\n".join(lines) + "\n")
    if args.out is not None:
        write_json(args.out, new)


if __name__ == "__main__":
    sys.exit(main())
