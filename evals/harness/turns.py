"""Dialogues: questions that are asked one after the other, each with the answers before it as history.

A turn is a question like any other, and graded like one; ``Question.turn`` is its place in the dialogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.dataset import (
    KEYS,
    REQUIRED,
    BadQuestions,
    DialogueTurn,
    Question,
    check_id,
    check_keys,
    json_object,
    parse_question,
    raw_lines,
    short,
    wrong,
)
from evals.grading import intervals
from evals.grading.score import headline
from evals.grading.stats import Result, Score, ranking, score
from rag import Turn

DIALOGUES = Path(__file__).resolve().parents[1] / "dialogues.jsonl"
"""The hand-written ones, over the seed articles."""

SPLITS = ("dev", "test")
"""Development, and the reported figure alone."""

_TURN_KEYS = (*(key for key in KEYS if key != "id"), "standalone")
_TURN_REQUIRED = tuple(key for key in REQUIRED if key != "id")

WAYS = {"searched": "", "typed": "typed_", "by_hand": "by_hand_"}
"""What can be searched for: the assistant's own wording, the question as typed, or the file's ``standalone``;
each with what the names of its ranks begin with in ``Scores``."""

GAINS = (("passage", 1), ("passage", 5), ("evidence", 1), ("evidence", 10))
"""Stages and depths at which the gain of rewriting is reported."""


def read_dialogues(path: Path, split: str | None = None) -> tuple[list[Question], str | None]:
    """The turns of a file's dialogues, in order, and their split.

    Args:
        path: A JSON Lines file in UTF-8, one dialogue per line.
        split: Read only the dialogues of this split. None reads ``dev`` if the file names splits, so that
            those
            reserved for the reported figure are not used by accident, and otherwise all.

    Raises:
        BadQuestions: The file cannot be read, a line breaks the format, or no dialogue is of that split.
    """
    ids: dict[str, int] = {}
    turns: list[tuple[str | None, list[Question]]] = []
    for number, raw in raw_lines(path):
        data = json_object(raw, path, number)
        check_keys(data, ("id", "split", "turns"), ("id", "turns"), path, number)
        if not isinstance(data["id"], str) or not data["id"].strip():
            raise wrong(path, number, "id", short(data["id"]), "must be a text")
        check_id(data["id"], ids, path, number)
        named = data.get("split")
        if named not in (None, *SPLITS):
            raise wrong(path, number, "split", short(named), f"must be one of {', '.join(SPLITS)}")
        turns.append((named, _turns(data, path, number)))
    if split is None and any(named is not None for named, _ in turns):
        split = SPLITS[0]
    chosen = [turn for named, of in turns if split is None or named == split for turn in of]
    if not chosen:
        raise BadQuestions(f"{path}: contains no dialogue of the split {split!r}; leave --split away.")
    return chosen, split


def _turns(data: Mapping[str, Any], path: Path, line: int) -> list[Question]:
    if not isinstance(data["turns"], list) or not data["turns"]:
        raise wrong(path, line, "turns", short(data["turns"]), "must be a list of questions")
    questions: list[Question] = []
    for number, turn in enumerate(data["turns"], start=1):
        at = f"turns[{number - 1}]"
        if not isinstance(turn, dict):
            raise wrong(path, line, at, short(turn), "must be a question")
        check_keys(turn, _TURN_KEYS, _TURN_REQUIRED, path, line, f"{at}.")
        standalone = turn.get("standalone", "")
        if not isinstance(standalone, str):
            raise wrong(path, line, f"{at}.standalone", short(standalone), "must be a text")
        place = DialogueTurn(
            data["id"], number, len(data["turns"]), standalone.strip(), tuple(q.text for q in questions)
        )
        questions.append(parse_question({**turn, "id": f"{data['id']}.{number}"}, path, line, place))
    return questions


def history(question: Question, done: Mapping[str, Result], questions: Sequence[Question]) -> list[Turn]:
    """The turns before a question, oldest first; turns that failed are left out, as on the page.

    If only the search runs, there are no answers, and the first alternatives of ``must`` are used instead.

    Args:
        question: The question that will be asked.
        done: Results so far, by the question's id.
        questions: All of the run.
    """
    if question.turn is None:
        return []
    before = [
        q for q in questions
        if q.turn is not None and q.unit == question.unit and q.turn.number < question.turn.number
    ]  # fmt: skip
    return [
        Turn(q.text, "; ".join(ways[0] for ways in q.must) if answer is None else answer["text"])
        for q in before
        if q.id in done and done[q.id].error is None
        for answer in [done[q.id].answer]
    ]


def summarise(results: Sequence[Result], *, retrieval_only: bool = False) -> dict[str, Any]:
    """The part of a report that is about dialogues.

    Args:
        results: The turns asked.
        retrieval_only: No answers were asked for: nothing is right or wrong.
    """
    later = [r for r in results if _number(r) > 1]

    def mean(among: Sequence[Result]) -> Score | None:
        if retrieval_only:
            return None
        pairs = [(value, r.question.cluster) for r in among if (value := _right(r)) is not None]
        return score([value for value, _ in pairs], [cluster for _, cluster in pairs])

    whole = _whole(results)
    return {
        "n": len({r.question.unit for r in results}),
        "opening_right": mean([r for r in results if _number(r) == 1]),
        "later_right": mean(later),
        "whole_right": None if retrieval_only else score(list(whole.values()), list(whole)),
        "search": {
            way: {stage: ranking(later, f"{prefix}{stage}_rr") for stage in ("passage", "evidence")}
            for way, prefix in WAYS.items()
        },
        "gain": {
            way: {f"{stage} recall@{k}": _gain(later, way, stage, k) for stage, k in GAINS}
            for way in WAYS
            if way != "typed"
        },
    }


def _number(result: Result) -> int:
    return 0 if result.question.turn is None else result.question.turn.number


def _right(result: Result) -> float | None:
    value: float | None = getattr(result.scores, headline(result.question))
    return value


def _whole(results: Sequence[Result]) -> dict[str, float]:
    """Whether all turns are right, by dialogue; without those that are not asked to the end, or unscored."""
    turns: dict[str, list[Result]] = {}
    for result in results:
        turns.setdefault(result.question.unit, []).append(result)
    right = {}
    for unit, of in turns.items():
        scores = [_right(result) for result in of]
        ended = of[0].question.turn is not None and len(of) == of[0].question.turn.of
        if 0.0 in scores or (ended and None not in scores):
            right[unit] = float(0.0 not in scores)
    return right


def _gain(results: Sequence[Result], way: str, stage: str, k: int) -> Score:
    """The difference in recall between a wording and the questions as typed, turn by turn."""
    moved, clusters = [], []
    for result in results:
        ours, typed = (getattr(result.scores, f"{WAYS[w]}{stage}_rr") for w in (way, "typed"))
        if ours is not None and typed is not None:
            moved.append(float(ours >= 1 / k) - float(typed >= 1 / k))
            clusters.append(result.question.cluster)
    if not moved:
        return {"value": None, "low": None, "high": None, "n": 0}
    mean, low, high, _ = intervals.difference(moved, clusters)
    if len(set(clusters)) < intervals.FEWEST:
        low, high = -1.0, 1.0  # so few dialogues prove nothing
    return {"value": mean, "low": low, "high": high, "n": len(moved)}
