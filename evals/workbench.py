"""Creates and checks question files: ``draft`` proposes questions, ``check`` finds mistakes.

    sanad eval draft mine.jsonl --index mine   propose questions, and add those that you accept
    sanad eval check mine.jsonl --index mine   find missing quotes, duplicates and leaks

Both read the articles from an index; no language model runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.command import exit_status
from evals.dataset import BadQuestions, Question, read_lines
from evals.drafting import Proposal, proposals
from evals.grading.matching import holds, words
from evals.grading.score import gold_spans, is_correct
from rag import Article, Assistant, Settings
from rag.language.text import detect_language, fold
from rag.settings import DEFAULT_INDEX

COMMANDS = ("draft", "check")
"""What its command line does."""

_YES_OR_NO = re.compile(
    r"(?:(?:and|but|so) )?(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may)\b"
    r"|[وف]?هل(?!\w)"
)
"""How questions begin that are answered by yes or no, folded."""

Read = Callable[[str, str], str]
"""A prompt, and a text to begin with → what is typed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a question file."""

    line: int
    """1-based; 0 where the message names it."""
    message: str
    """What is wrong, and how to fix it."""


def check(lines: Iterable[Question | BadQuestions], articles: Sequence[Article]) -> list[Problem]:
    """All that is wrong with the questions of a file.

    Args:
        lines: What ``read_lines`` returned.
        articles: Those that the questions are about.

    Returns:
        Lines that break the format, quotes that are not in their article, questions that are asked twice,
        questions that would be right answers themselves, and answers that no text can satisfy.
    """
    texts = {article.id: article.text for article in articles}
    problems = []
    first: dict[tuple[str, ...], Question] = {}
    for line in lines:
        if isinstance(line, BadQuestions):
            problems.append(Problem(0, str(line)))
            continue
        messages = [*_quotes(line, texts), *_answers(line)]
        key = tuple(sorted(words(line.text)))
        if (same := first.setdefault(key, line)) is not line:
            messages.append(f"asks the same as {same.id} on line {same.line}; remove one")
        problems += [Problem(line.line, f"{line.id}: {message}") for message in messages]
    return problems


def _quotes(question: Question, texts: dict[str, str]) -> Iterable[str]:
    for quote in question.evidence:
        if quote.text in texts.get(quote.article, ""):
            continue
        shown = f"«{quote.text[:60]}»"
        if any(quote.text in text for text in texts.values()):
            other = next(name for name, text in texts.items() if quote.text in text)
            yield f"{shown} is in {other!r}, not in {quote.article!r}; name that article"
        elif quote.article not in texts:
            yield f"there is no article {quote.article!r} any more; remove the evidence or the question"
        elif fold(quote.text) in fold(texts[quote.article]):
            yield f"{shown} is spelt in another way in {quote.article!r}; copy it again"
        else:
            yield f"{shown} is no longer in {quote.article!r}; quote the current text, or remove it"


def _answers(question: Question) -> Iterable[str]:
    if is_correct(question, question.text) and not _says_itself_again(question):
        for at, group in enumerate(question.must):
            leak = next(way for way in group if holds(question.text, way))
            yield f"the question contains the answer «{leak}» (must[{at}]); ask without it"
    for at, group in enumerate(question.must):
        forbidden = [(way, no) for way in group for no in question.must_not if holds(way, no)]
        if forbidden:
            way, no = forbidden[0]
            yield f"«{way}» of must[{at}] contains «{no}», which must_not forbids; change one of them"


def _says_itself_again(question: Question) -> bool:
    """Whether an answer may repeat the question: yes-or-no questions whose ``must_not`` has the denial."""
    return bool(question.must_not and _YES_OR_NO.match(fold(question.text)))


def draft(
    path: Path,
    articles: Sequence[Article],
    *,
    seed: int = 0,
    limit: int | None = None,
    read: Read,
    show: Callable[[str], object] = print,
) -> int:
    """Propose questions to a person, and add those that are accepted to a file, one by one.

    Args:
        path: The question file; it may exist, and its sentences are not asked about again.
        articles: What to ask about.
        seed: Draws the order.
        limit: How many to propose at most.
        read: Shows a prompt and returns what is typed, the second text being there already to be edited;
            EOFError and KeyboardInterrupt end the session.
        show: Prints a line.

    Returns:
        How many were accepted.

    Raises:
        BadQuestions: The file contains a line that is not a question, or cannot be written.
    """
    before = _existing(path)
    texts = {article.id: article.text for article in articles}
    titles = {article.id: article.title for article in articles}
    languages = {article.id: article.language for article in articles}
    asked = [span for question in before for span in gold_spans(question, texts)]
    ids = {question.id for question in before}
    accepted = 0
    try:
        for number, proposal in enumerate(proposals(articles, asked, seed), start=1):
            if limit is not None and number > limit:
                break
            # The quote stands alone on its line: a terminal takes a line's direction from its first letter.
            show(f"\n{number}. {proposal.article_id}  {titles[proposal.article_id]}")
            show(proposal.quote)
            line = _decided(proposal, languages[proposal.article_id], read, show)
            if line is None:
                continue
            line = {"id": _free(f"{proposal.article_id}-{proposal.start}", ids), **line}
            ids.add(line["id"])
            _append(path, line)
            accepted += 1
    except (EOFError, KeyboardInterrupt):
        show("")
    show(f"{path}: {accepted} added, {len(before) + accepted} in the file")
    return accepted


def typed(prompt: str, text: str) -> str:
    """A line that is typed; where the terminal can edit lines, ``text`` stands there to begin with.

    Args:
        prompt: Shown before it.
        text: One line.
    """
    if not text or not sys.stdin.isatty() or importlib.util.find_spec("readline") is None:
        return input(prompt)
    import readline  # not on Windows

    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return input(prompt)
    finally:
        readline.set_startup_hook()


def _existing(path: Path) -> list[Question]:
    if not path.exists() or not path.read_bytes().strip():
        return []
    questions = []
    for line in read_lines(path):
        if isinstance(line, BadQuestions):
            raise line
        questions.append(line)
    return questions


def _decided(
    proposal: Proposal, language: str, read: Read, show: Callable[[str], object]
) -> dict[str, Any] | None:
    """The line for the file; None where the proposal is rejected."""
    question, ways = proposal.question, [proposal.answer]
    while True:
        show(question)
        show(" | ".join(ways))
        choice = read("accept, edit, reject or quit? [a/e/r/q] ", "").strip().lower()[:1]
        if choice == "q":
            raise EOFError
        if choice == "r":
            return None
        if choice == "e":
            question = read("question (empty keeps it): ", question).strip() or question
            typed = read("right answers, with | between (empty keeps them): ", " | ".join(ways))
            ways = [way.strip() for way in typed.split("|") if way.strip()] or ways
        leak = next((way for way in ways if holds(question, way)), None)
        if leak is not None:
            show(f"The question contains the answer «{leak}»; edit it.")
        elif not any(char.isalnum() for char in question):
            show("The question is empty; edit it.")
        elif choice == "a":
            asked_in = detect_language(question)
            return {
                "question": question,
                "lang": asked_in,
                "answerable": True,
                "must": [ways],
                "must_not": [],
                "evidence": [{"article": proposal.article_id, "quote": proposal.quote}],
                "tags": [f"{asked_in}-{language}", proposal.kind],
            }


def _free(name: str, ids: Iterable[str]) -> str:
    taken, free, n = set(ids), name, 2
    while free in taken:
        free, n = f"{name}-{n}", n + 1
    return free


def _append(path: Path, line: dict[str, Any]) -> None:
    try:
        # An editor may have left the last line without its end.
        torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if torn else "") + json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise BadQuestions(f"Cannot write {path}: {error.strerror}; name another file.") from None


def _add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    draft_name, check_name = COMMANDS
    drafting = commands.add_parser(
        draft_name, help="propose questions about your articles, and add the good ones"
    )
    checking = commands.add_parser(
        check_name, help="find missing quotes, duplicates and leaks in a question file"
    )
    for parser in (drafting, checking):
        parser.add_argument("file", type=Path, help="question file, JSON Lines (evals/README.md)")
        parser.add_argument(
            "--index", default=DEFAULT_INDEX, metavar="NAME", help=f"the articles; default: {DEFAULT_INDEX}"
        )
        parser.add_argument("--embedder", help="the one that the index was made with")
    drafting.add_argument("--limit", type=int, metavar="N", help="propose N questions at most")
    drafting.add_argument("--seed", type=int, default=0, metavar="S", help="random seed; default: 0")
    drafting.set_defaults(run=_run_draft)
    checking.set_defaults(run=_run_check)


def _articles(options: argparse.Namespace) -> list[Article]:
    assistant = Assistant.open(options.index, settings=Settings.load(embedder=options.embedder))
    try:
        return assistant.articles()
    finally:
        assistant.close()


def _run_draft(options: argparse.Namespace) -> None:
    draft(options.file, _articles(options), seed=options.seed, limit=options.limit, read=typed)


def _run_check(options: argparse.Namespace) -> None:
    lines = read_lines(options.file)
    problems = check(lines, _articles(options))
    for problem in problems:
        print(
            problem.message if not problem.line else f"{options.file}, line {problem.line}: {problem.message}"
        )
    if problems:
        raise BadQuestions(f"{options.file}: problems found: {len(problems)}; correct the lines named above.")
    print(f"{options.file}: no problem found, {len(lines)} checked")


def main(arguments: Sequence[str] | None = None, *, prog: str = "evals.workbench") -> int:
    """Run the command line and return its exit status: 0, 2 for what the message explains, 130 interrupted.

    Args:
        arguments: Defaults to the process's own.
        prog: What the help calls it.
    """
    parser = argparse.ArgumentParser(prog=prog, description="Make and check question files.")
    _add_commands(parser.add_subparsers(required=True, metavar="COMMAND"))
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    return exit_status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
