"""Compares the automatic grades with a person's, answer by answer.

    python -m evals.judge sheet report.json --sheet FILE   collect a run's answers, without their grades
    python -m evals.judge grade --sheet FILE               grade them, blind to the automatic grade
    python -m evals.judge agree --sheet FILE               agreement, Cohen's kappa, every disagreement

A sheet is JSON Lines: ``set`` (folder and stem of the question file), ``id``, ``answer``, ``outcome``,
``run`` (commit), ``right`` (true, false, or null where nobody has graded it yet) and ``class``: for an answer
on which the two grades differ, why. The automatic grade is not stored, but computed by the questions and
rules of today.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from evals import files
from evals.command import exit_status
from evals.dataset import BadQuestions, Question, read_questions
from evals.grading import intervals
from evals.grading.score import is_right_outcome

HERE = Path(__file__).resolve().parent
QUESTIONS = HERE / "questions"
SHEET = HERE / "grades" / "answers.jsonl"


@dataclass(frozen=True, slots=True)
class Graded:
    """One answer with a person's grade."""

    set: str
    """The question file, as ``set_name`` calls it."""
    id: str
    """The question's id."""
    answer: str
    """The answer's text, with its markers."""
    outcome: str
    """How the question ended."""
    run: str
    """Commit of the run that it is from, shortened; empty where that is not known."""
    right: bool | None = None
    """The person's grade; None where there is none yet."""
    class_: str = ""
    """Why the automatic grade differs; empty if it does not."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Key of an answer; the same answer in another run is graded only once."""
        return self.set, self.id, self.answer, self.outcome


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two graders agree over the same answers."""

    both_right: int
    """Right by hand and by rule."""
    hand_only: int
    """Right by hand, wrong by rule."""
    rule_only: int
    """Wrong by hand, right by rule."""
    both_wrong: int
    """Wrong by hand and by rule."""
    kappa: float
    """Cohen's: 0 for chance, 1 for the same grades."""
    low: float
    """Lower end of its 95 % interval, questions resampled."""
    high: float
    """Upper end."""

    @property
    def n(self) -> int:
        """Answers graded by both."""
        return self.both_right + self.hand_only + self.rule_only + self.both_wrong

    @property
    def share(self) -> float:
        """Answers on which they agree."""
        return (self.both_right + self.both_wrong) / self.n


def set_name(questions: Path) -> str:
    """A question file's name in a sheet: folder and stem, as all public sets are called questions.jsonl."""
    return f"{questions.resolve().parent.name}/{questions.stem}"


def read_sheet(path: Path) -> list[Graded]:
    """The lines of a sheet.

    Args:
        path: The sheet.

    Raises:
        BadQuestions: It cannot be read, or a line has another format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuestions(f"{path}: {error}; make one with: python -m evals.judge sheet") from None
    return [_line(path, at, raw) for at, raw in enumerate(text.split("\n"), start=1) if raw.strip()]


def _line(path: Path, number: int, raw: str) -> Graded:
    try:
        line = Graded(**{"class_" if k == "class" else k: v for k, v in json.loads(raw).items()})
    except (ValueError, TypeError, AttributeError):
        line = None
    if line is None or line.right not in (True, False, None):
        raise BadQuestions(f"{path}, line {number}: is not a line of a sheet; correct or remove it.")
    return line


def write_sheet(path: Path, lines: Sequence[Graded]) -> None:
    """Replace a sheet in one step.

    Args:
        path: The sheet.
        lines: All of it.

    Raises:
        BadQuestions: It cannot be written.
    """
    agreement_report = [
        {("class" if k == "class_" else k): v for k, v in asdict(line).items()} for line in lines
    ]
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in agreement_report)
    files.write(path, text, option="--sheet")


def collect(report: Path) -> list[Graded]:
    """The answers of a run, not yet graded.

    Args:
        report: Its report.json.

    Raises:
        BadQuestions: It is not a report with answers.
    """
    try:
        data = json.loads(report.read_text(encoding="utf-8"))
        name, run = set_name(Path(data["run"]["questions"])), (data["run"]["commit"] or "")[:12]
        items = [(item["id"], item["answer"]) for item in data["items"] if item["answer"] is not None]
        return [Graded(name, id_, answer["text"], answer["outcome"], run) for id_, answer in items]
    except OSError as error:
        raise BadQuestions(f"{report}: {error.strerror}; name a report.json.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadQuestions(f"{report}: is not a report.json with answers; name another.") from None


def by_rule(lines: Sequence[Graded], questions: Mapping[tuple[str, str], Question]) -> list[bool | None]:
    """The automatic grade of each answer; None where its question is gone or cannot be graded.

    Args:
        lines: Answers.
        questions: By set and id.
    """
    asked = (questions.get((line.set, line.id)) for line in lines)
    return [
        None if question is None else is_right_outcome(question, line.answer, line.outcome, quotations=True)
        for question, line in zip(asked, lines, strict=True)
    ]


def agreement(lines: Sequence[Graded], rule: Sequence[bool | None]) -> Agreement:
    """The agreement of the two grades, over the answers that have both.

    Args:
        lines: Answers, at least one of them graded by hand.
        rule: Their automatic grades, in the same order.
    """
    pairs = [(f"{li.set} {li.id}", li.right, r) for li, r in zip(lines, rule, strict=True)]
    both = [
        (cluster, hand, ruled) for cluster, hand, ruled in pairs if hand is not None and ruled is not None
    ]
    _, member = np.unique([cluster for cluster, _, _ in both], return_inverse=True)
    cell = np.array([2 * (not hand) + (not ruled) for _, hand, ruled in both])
    counts = np.zeros((member.max() + 1, 4))
    np.add.at(counts, (member, cell), 1)
    rng = np.random.default_rng(intervals.BOOTSTRAP_SEED)
    drawn = rng.integers(0, len(counts), size=(intervals.RESAMPLES, len(counts)))
    resampled = [kappa(*counts[rows].sum(axis=0)) for rows in drawn]
    low, high = (float(end) for end in np.quantile(resampled, (0.025, 0.975)))
    a, b, c, d = (int(n) for n in counts.sum(axis=0))
    return Agreement(a, b, c, d, kappa(a, b, c, d), low, high)


def kappa(both_right: float, hand_only: float, rule_only: float, both_wrong: float) -> float:
    """Cohen's kappa of a table of counts; 1 where both graders only ever gave one and the same grade."""
    n = both_right + hand_only + rule_only + both_wrong
    observed = (both_right + both_wrong) / n
    hand, rule = (both_right + hand_only) / n, (both_right + rule_only) / n
    chance = hand * rule + (1 - hand) * (1 - rule)
    return 1.0 if chance == 1 else float((observed - chance) / (1 - chance))


def agreement_report(lines: Sequence[Graded], rule: Sequence[bool | None]) -> str:
    """The agreement as Markdown, with every class of disagreement.

    Args:
        lines: Answers.
        rule: Their automatic grades, in the same order.
    """
    sides = agreement(lines, rule)
    classes: dict[str, list[str]] = {}
    for line, ruled in zip(lines, rule, strict=True):
        if None not in (line.right, ruled) and line.right != ruled:
            direction = "rule too strict" if line.right else "rule too lenient"
            classes.setdefault(f"{direction}: {line.class_ or 'NOT EXPLAINED'}", []).append(line.id)
    rows = [
        "| | right by hand | wrong by hand |",
        "|---|---|---|",
        f"| right by rule | {sides.both_right} | {sides.rule_only} |",
        f"| wrong by rule | {sides.hand_only} | {sides.both_wrong} |",
        "",
        f"Agreement {sides.share:.2f}, Cohen's kappa {sides.kappa:.2f} [{sides.low:.2f}, {sides.high:.2f}], "
        f"n {sides.n} answers to {len({(line.set, line.id) for line in lines})} questions.",
    ]
    if classes:
        rows += ["", "| disagreement | n | questions |", "|---|---|---|"]
        rows += [f"| {name} | {len(ids)} | {' '.join(ids)} |" for name, ids in sorted(classes.items())]
    return "\n".join(rows)


def grade(
    lines: list[Graded],
    questions: Mapping[tuple[str, str], Question],
    save: Callable[[Sequence[Graded]], None],
    read: Callable[[str], str],
    show: Callable[[str], object],
) -> None:
    """Let a person grade what is not graded yet; each grade is saved at once.

    Args:
        lines: The sheet; changed in place.
        questions: By set and id.
        save: Keeps the sheet.
        read: Shows a prompt and returns what is typed; EOFError ends the session.
        show: Prints a line.
    """
    left = [at for at, line in enumerate(lines) if line.right is None and (line.set, line.id) in questions]
    for number, at in enumerate(left, start=1):
        line = lines[at]
        question = questions[line.set, line.id]
        # Neither `must` nor the automatic grade is shown: the person judges by what the articles say.
        show(f"\n{number} of {len(left)}  {line.id}")
        show(question.text)
        for quote in question.evidence:
            show(f"  {quote.article}:")
            show(f"  {quote.text}")
        show(line.answer)
        show(f"({line.outcome}{'' if question.answerable else '; the articles do not answer this'})")
        choice = ""
        try:
            while choice not in ("y", "n", "s", "q"):
                choice = read("right? [y/n], skip or quit [s/q] ").strip().lower()[:1]
        except EOFError:  # Ctrl+D
            choice = "q"
        if choice == "q":
            return
        if choice != "s":
            lines[at] = replace(line, right=choice == "y")
            save(lines)


def question_files() -> list[Path]:
    """The committed files of single questions; the dialogues beside them are in another format."""
    return [path for path in sorted(QUESTIONS.glob("*.jsonl")) if not path.stem.endswith("-dialogues")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2 for what the message explains, 130 interrupted.

    Args:
        arguments: Defaults to the process's own.
    """
    args = _parser().parse_args(arguments)
    return exit_status(lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    if args.command == "sheet":
        lines = read_sheet(args.sheet) if args.sheet.exists() else []
        known = {line.key for line in lines}
        new = {line.key: line for report in args.reports for line in collect(report) if line.key not in known}
        write_sheet(args.sheet, [*lines, *new.values()])
        print(f"{args.sheet}: {len(new)} new answers, {len(lines) + len(new)} in all")
        return
    every = [*question_files(), *args.questions]
    questions = {
        (set_name(path), question.id): question for path in every for question in read_questions(path)
    }
    lines = read_sheet(args.sheet)
    if args.command == "grade":
        grade(lines, questions, lambda kept: write_sheet(args.sheet, kept), input, print)
        return
    rule = by_rule(lines, questions)
    if not any(line.right is not None and r is not None for line, r in zip(lines, rule, strict=True)):
        raise BadQuestions(f"{args.sheet}: nothing is graded yet; grade it with: python -m evals.judge grade")
    print(agreement_report(lines, rule))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals.judge", description="Compare automatic grades with a person's."
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    sheet = commands.add_parser("sheet", help="collect the answers of runs for grading")
    sheet.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="report.json of a run")
    grading = commands.add_parser("grade", help="grade what is not graded yet")
    agree = commands.add_parser("agree", help="print how the grades agree")
    for command in (sheet, grading, agree):
        command.add_argument(
            "--sheet", type=Path, default=SHEET, metavar="FILE", help="default: evals/grades/answers.jsonl"
        )
    for command in (grading, agree):
        command.add_argument(
            "--questions",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="more questions, beside all of evals/questions; may be repeated",
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
