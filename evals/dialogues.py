"""Measures how follow-ups are understood, over the hand-written conversations of dialogues.jsonl.

    python evals/dialogues.py                 the development half: rewriting and search, no language model
    python evals/dialogues.py --ask           whole answers, each turn behind the assistant's own answers
    python evals/dialogues.py --split test    the half that rules were not written by: totals only

What is searched for is compared with the bare follow-up, with the question before it joined to it, and with
the question that a person wrote to stand for it. Without --ask the answers of earlier turns are gold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

from evals.command import exit_status  # noqa: E402
from evals.dataset import BadQuestions, Question, Quote, check_quotes  # noqa: E402
from evals.score import grade_retrieval, is_right_outcome  # noqa: E402
from evals.stats import score  # noqa: E402
from rag import DEFAULT_INDEX, Assistant, Retrieved, Settings, Turn, detect_language  # noqa: E402

DIALOGUES = Path(__file__).resolve().parent / "dialogues.jsonl"

REFUSED = {"en": "The articles do not say.", "ar": "لا تذكر المقالات ذلك."}
"""Stands for the answer to an unanswerable turn, as the assistant words it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn of a conversation."""

    question: Question
    """As asked; its id is the dialogue's and the turn's number."""
    standalone: str
    """What a person wrote to stand for it: the same text where it stands alone."""
    dialogue: str
    """The conversation, whose turns share their luck."""
    number: int
    """1 for the opening."""


def read_dialogues(path: Path, split: str) -> list[list[Asked]]:
    """The conversations of one half, in order.

    Args:
        path: JSON Lines; a line has ``id``, ``split`` and ``turns``, each a question of the format of
            evals/README.md without its id, and ``standalone``.
        split: ``dev`` or ``test``.

    Raises:
        BadQuestions: A line breaks the format.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            if told["split"] == split:
                found.append(
                    [_turn(told["id"], at, turn, number) for at, turn in enumerate(told["turns"], 1)]
                )
        except (ValueError, KeyError, TypeError) as error:
            raise BadQuestions(f"{path}, line {number}: {error!r}; see evals/README.md.") from None
    return found


def _turn(dialogue: str, at: int, turn: dict[str, object], line: int) -> Asked:
    told: dict[str, list[dict[str, str]]] = turn  # type: ignore[assignment]
    question = Question(
        id=f"{dialogue}.{at}",
        text=str(turn["question"]),
        lang=str(turn["lang"]),
        answerable=bool(turn["answerable"]),
        must=tuple(tuple(group) for group in told["must"]),
        must_not=tuple(map(str, told["must_not"])),
        evidence=tuple(Quote(entry["article"], entry["quote"]) for entry in told["evidence"]),
        tags=tuple(map(str, told["tags"])),
        line=line,
    )
    return Asked(question, str(turn["standalone"]), dialogue, at)


def gold_answer(question: Question) -> str:
    """A right answer in a few words, in the question's language where gold has one in it."""
    if not question.must:
        return REFUSED[question.lang]
    ways = [
        [way for way in group if detect_language(way) == question.lang] or group for group in question.must
    ]
    return f"{(' and ' if question.lang == 'en' else ' و').join(group[0] for group in ways)} [1]."


@dataclass(frozen=True, slots=True)
class Row:
    """One turn, searched for in one way or answered."""

    asked: Asked
    way: str
    """How: bare, joined, rules or by hand; or ``answer``."""
    values: dict[str, float]
    """Scores by name."""
    text: str
    """What was searched for, or answered."""


def searched(assistant: Assistant, dialogues: Sequence[Sequence[Asked]]) -> Iterator[Row]:
    """Every turn but the openings, searched for in four ways."""
    texts = {article.id: article.text for article in assistant.articles()}
    for turns in dialogues:
        check_quotes([turn.question for turn in turns], texts, DIALOGUES)
        for at, turn in enumerate(turns[1:], start=1):
            history = [Turn(t.question.text, gold_answer(t.question)) for t in turns[:at]]
            bare = turn.question.text
            ways: dict[str, Callable[[], Retrieved]] = {
                "bare": lambda bare=bare: assistant.search(bare),  # type: ignore[misc]
                "joined": lambda q=f"{history[-1].question} {bare}": assistant.search(q),  # type: ignore[misc]
                "rules": lambda bare=bare, h=history: assistant.search(bare, history=h),  # type: ignore[misc]
                "by hand": lambda q=turn.standalone: assistant.search(q),  # type: ignore[misc]
            }
            for way, search in ways.items():
                found = search()
                passage, evidence = grade_retrieval(turn.question, found, texts)
                values = {}
                if passage is not None and evidence is not None:
                    values = {
                        "passage@1": float(passage == 1),
                        "passage@5": float(passage >= 1 / 5),
                        "evidence@1": float(evidence == 1),
                        "evidence": float(evidence > 0),
                    }
                if way == "rules":
                    values["changed" if turn.standalone != bare else "left alone"] = float(
                        bool(found.understood) == (turn.standalone != bare)
                    )
                yield Row(turn, way, values, found.understood or bare)


def answered(assistant: Assistant, dialogues: Sequence[Sequence[Asked]]) -> Iterator[Row]:
    """Every turn, asked behind the assistant's own answers."""
    for turns in dialogues:
        history: list[Turn] = []
        for turn in turns:
            answer = assistant.ask(turn.question.text, history=history)
            history.append(Turn(turn.question.text, answer.text))
            right = is_right_outcome(turn.question, answer.text, answer.outcome)
            if right is not None:
                yield Row(turn, "answer", {"right": float(right)}, f"{answer.understood} → {answer.text}")


def summary(rows: Sequence[Row]) -> str:
    """Scores by way and kind of turn, each with its 95 % interval and n, as lines of a table."""
    lines = []
    groups: dict[str, Callable[[Asked], bool]] = {
        "all": lambda turn: True,
        "openings": lambda turn: turn.number == 1,
        "follow-ups": lambda turn: turn.number > 1 and turn.standalone != turn.question.text,
        "new topics": lambda turn: turn.number > 1 and turn.standalone == turn.question.text,
    }
    for way in dict.fromkeys(row.way for row in rows):
        for group, belongs in groups.items():
            own = [row for row in rows if row.way == way and belongs(row.asked)]
            for name in dict.fromkeys(name for row in own for name in row.values):
                told = [(row.values[name], row.asked.dialogue) for row in own if name in row.values]
                value = score([v for v, _ in told], [d for _, d in told])
                lines.append(
                    f"{way:<8} {group:<11} {name:<11} {value['value']:.3f}"
                    f"  [{value['low']:.3f}, {value['high']:.3f}]  n {value['n']}"
                )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    parser = argparse.ArgumentParser(prog="evals/dialogues.py", description="Follow-ups, measured.")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--ask", action="store_true", help="whole answers, with the language model")
    parser.add_argument("--limit", type=int, help="so many conversations, from the first")
    parser.add_argument("--verbose", action="store_true", help="every turn too; never with the test half")
    args = parser.parse_args(argv)
    return exit_status(lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    if args.verbose and args.split == "test":
        raise BadQuestions("The test half is for totals: leave out --verbose, or take --split dev.")
    dialogues = read_dialogues(DIALOGUES, args.split)[: args.limit]
    assistant = Assistant.open(DEFAULT_INDEX, settings=Settings.load())
    rows = []
    try:
        for row in (answered if args.ask else searched)(assistant, dialogues):
            rows.append(row)
            if args.verbose:
                print(f"{row.asked.question.id} {row.way}: {row.text} {row.values}", flush=True)
            elif sys.stderr.isatty():
                print(f"\r{row.asked.question.id}", end="", file=sys.stderr, flush=True)
    finally:
        assistant.close()
    print(summary(rows))


if __name__ == "__main__":
    sys.exit(main())
