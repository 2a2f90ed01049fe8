"""The origin of a run: enough to decide whether two reports can be compared, and to repeat a run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.dataset import Question
from rag import Assistant
from rag.settings import resource_dir

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, or the folder of installed packages."""


def settings_of(assistant: Assistant) -> dict[str, Any]:
    """The settings that can change an answer: all except paths, which differ on every machine."""
    settings = dataclasses.asdict(assistant.settings)
    return {name: value for name, value in settings.items() if not isinstance(value, Path)}


def prompt_versions() -> dict[str, str]:
    """A short digest of every prompt template: a prompt's text is its version."""
    files = sorted(resource_dir("prompts").iterdir())
    return {file.name: _digest(file.read_bytes()) for file in files if file.is_file()}


def corpus_digest(assistant: Assistant) -> str:
    """A digest of every article: another text is another question, whatever the generation's number."""
    return _digest("\n".join(sorted(f"{a.id} {a.sha256}" for a in assistant.articles())).encode())


def question_digests(questions: Sequence[Question]) -> dict[str, str]:
    """A digest of each question and its gold, by id: answers to two wordings are never compared."""
    return {question.id: question_digest(question) for question in questions}


def question_digest(question: Question) -> str:
    """A digest of everything that a grade depends on, without line and tags."""
    content = dataclasses.asdict(question)
    del content["line"], content["tags"]
    if question.turn is None:
        del content["turn"]  # so that digests of before there were dialogues still hold
    # Of the tags this one alone is graded by.
    content["conflict"] = "conflict" in question.tags
    return _digest(json.dumps(content, ensure_ascii=False, sort_keys=True).encode())


def commit() -> str | None:
    """The checkout's commit, ``-dirty`` where files differ from it; None where this is no checkout."""
    git = shutil.which("git")
    # Looked for here, not left to git: an installed copy may lie inside someone else's checkout.
    if git is None or not (ROOT / ".git").exists():
        return None

    def output(*arguments: str) -> str | None:
        done = subprocess.run(  # noqa: S603 fixed arguments
            [git, "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else None

    head = output("rev-parse", "HEAD")
    # Not files that git does not know: the run's own reports may be among them, and are new at --resume.
    changed = output("status", "--porcelain", "--untracked-files=no")
    return head if head is None else head + ("-dirty" if changed else "")


def shown_path(path: Path) -> str:
    """``path`` as a report names it: from the checkout where it lies in it."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)


def header(
    assistant: Assistant, questions: Sequence[Question], *, retrieval_only: bool, date: str
) -> Mapping[str, Any]:
    """Values that must be the same for a run to be continued, and its date.

    Args:
        assistant: The assistant that is measured.
        questions: All questions of the run.
        retrieval_only: Whether only the search runs.
        date: When the run starts, ISO 8601.
    """
    return {
        "date": date,
        "retrieval_only": retrieval_only,
        "questions": _digest(json.dumps(question_digests(questions)).encode()),
        "corpus": corpus_digest(assistant),
        "embedder": assistant.embedder,
        "settings": settings_of(assistant),
        "prompts": prompt_versions(),
        "commit": commit(),
    }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
