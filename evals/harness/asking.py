"""Asks the questions one after the other, and grades and keeps each answer as it comes."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from evals.dataset import Question
from evals.grading.score import DEPTH, Scores, grade_answer, grade_retrieval
from evals.grading.stats import Result
from evals.harness.journal import Journal
from evals.harness.turns import history
from rag import Answer, Assistant, SanadError, Turn
from rag.language.tokens import count as count_tokens


def ask_all(
    assistant: Assistant,
    questions: Sequence[Question],
    texts: Mapping[str, str],
    journal: Journal,
    *,
    retrieval_only: bool,
) -> tuple[list[Result], bool]:
    """Ask the questions that are not in the journal yet.

    Args:
        assistant: The assistant that is measured.
        questions: All questions of the run, in order.
        texts: Article text by article id.
        journal: Gets every item as it is completed.
        retrieval_only: Search only; no model runs.

    Returns:
        All items asked so far, earlier sittings included, in the order of the questions; and whether these
        are all, which is not the case after Ctrl+C.
    """
    done = dict(journal.done)
    todo = [question for question in questions if question.id not in done]
    complete = False
    try:
        if todo and not retrieval_only:
            # A missing model ends the run here; one answer loads it, so that no item's latency includes
            # loading.
            assistant.model  # noqa: B018 - naming the model prepares its weights
            with contextlib.suppress(Exception):  # an error occurs again with the item
                assistant.ask(todo[0].text)
        with progress_bar(len(questions), len(done)) as advance:
            for question in todo:
                said = history(question, done, questions)
                result = ask(assistant, question, texts, said, retrieval_only=retrieval_only)
                done[question.id] = result
                journal.add(result)
                advance(result)
        complete = True
    except KeyboardInterrupt:
        asked = f"{len(done)} of {len(questions)} questions"
        sys.stderr.write(f"Interrupted after {asked}; continue with --resume.\n")
    return [done[question.id] for question in questions if question.id in done], complete


def ask(
    assistant: Assistant,
    question: Question,
    texts: Mapping[str, str],
    said: Sequence[Turn] = (),
    *,
    retrieval_only: bool,
) -> Result:
    """Ask one question and grade what comes back. An error is recorded, not raised.

    Args:
        assistant: The assistant that is measured.
        question: The question.
        texts: Article text by article id.
        said: Earlier turns of the dialogue, oldest first.
        retrieval_only: Search only.
    """
    answer = None
    scores = Scores()
    turn = question.turn
    try:
        if not retrieval_only:
            answer = assistant.ask(question.text, history=said)
            scores = grade_answer(question, answer, texts)
        # Searched in both modes and to the same depth, so that their retrieval scores can be compared;
        # after asking, so that a warm search does not flatter the answer's latency.
        started = time.perf_counter()
        retrieved = assistant.search(question.text, k=DEPTH, history=said)
        seconds = time.perf_counter() - started
        passage_rr, evidence_rr = grade_retrieval(question, retrieved, texts)
        scores = dataclasses.replace(scores, passage_rr=passage_rr, evidence_rr=evidence_rr)
        if turn is not None and turn.number > 1:
            for way, text in (("typed", question.text), ("by_hand", turn.standalone)):
                if text:
                    ranks = grade_retrieval(question, assistant.search(text, k=DEPTH), texts)
                    named = {f"{way}_passage_rr": ranks[0], f"{way}_evidence_rr": ranks[1]}
                    scores = dataclasses.replace(scores, **named)
    except SanadError as error:
        return _failed(question, str(error))
    except Exception as error:
        # A defect of ours or of a library: only this item fails, and the run continues.
        return _failed(question, f"defect: {type(error).__name__}: {' '.join(str(error).split())}")
    return Result(
        question=question,
        scores=scores,
        answer=None if answer is None else answer.to_dict(),
        seconds={"retrieve": seconds} if answer is None else dict(answer.timings),
        tokens={} if answer is None else _tokens(answer),
        error=None,
        searched="" if turn is None else retrieved.understood or question.text,
    )


def _failed(question: Question, reason: str) -> Result:
    return Result(question=question, scores=Scores(), answer=None, seconds={}, error=reason)


def _tokens(answer: Answer) -> dict[str, int]:
    read = sum(count_tokens(item.text) for item in answer.evidence)
    return {"evidence": read, "answer": count_tokens(answer.text)}


@contextlib.contextmanager
def progress_bar(total: int, done: int) -> Iterator[Callable[[Result], None]]:
    """A bar with the time left on a terminal; elsewhere nothing.

    Args:
        total: All items of the run.
        done: Items of an earlier sitting, which say nothing about the speed of this one.

    Yields:
        What is called after each item.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[tally]}", markup=False),
    )
    right = graded = failed = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, completed=done, tally="")

        def advance(result: Result) -> None:
            nonlocal right, graded, failed
            right += result.scores.correct == 1.0
            graded += result.scores.correct is not None
            failed += result.error is not None
            tally = f"{right} of {graded} right" if graded else ""
            bar.update(task, advance=1, tally=f"{tally}, {failed} failed" if failed else tally)

        yield advance
