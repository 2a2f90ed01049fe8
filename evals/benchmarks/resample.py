"""Articles and questions made by mixing given ones: as many as a benchmark needs, no two alike.

Every sentence is put into another document, with one word in eight replaced by a word of another sentence, so
that neither a cache nor the near-duplicate check can save work. The texts are meaningless; their lengths,
scripts and vocabulary are those of the originals.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.dataset import BadQuestions
from rag.language.text import detect_language
from rag.records import Language

WORDS = (200, 800)
"""Shortest and longest article, in words, evenly spread; the five seed articles have 469 to 945."""

PARAGRAPH = (1, 3)
"""Sentences in a paragraph, as news sets them."""

REPLACED = 1 / 8
"""Share of the words of a sentence that are replaced, at least one."""

SHORTEST = 25
"""Characters. Shorter pieces are headings and fragments."""

_SENTENCE = re.compile(r"[^\n.!?؟]+[.!?؟]*")

Pool = Mapping[Language, Sequence[str]]
"""Sentences by language."""


def read_pool(folders: Sequence[Path]) -> Pool:
    """The sentences of all ``.txt`` files of some folders.

    Args:
        folders: Each holds UTF-8 texts, at any depth.

    Raises:
        BadQuestions: A path is not a folder, or all contain fewer than ten sentences of any language.
    """
    pool: dict[Language, list[str]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadQuestions(f"{folder}: not a folder; give --corpus a folder of .txt articles.")
        for path in sorted(folder.rglob("*.txt")):
            text = path.read_text(encoding="utf-8", errors="replace")
            sentences = [piece.strip() for piece in _SENTENCE.findall(text)]
            pool.setdefault(detect_language(text), []).extend(s for s in sentences if len(s) >= SHORTEST)
    pool = {language: sentences for language, sentences in pool.items() if len(sentences) >= 10}
    if not pool:
        named = " ".join(map(str, folders))
        raise BadQuestions(f"{named}: fewer than ten sentences in .txt files; give --corpus more articles.")
    return pool


def read_questions(files: Sequence[Path]) -> list[str]:
    """The questions of some JSON Lines files, each once.

    Args:
        files: Each line is an object with the key ``question``.

    Raises:
        BadQuestions: A file cannot be read, or a line holds no question.
    """
    questions: dict[str, None] = {}
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadQuestions(f"{path}: cannot be read: {error}; give another --questions.") from None
        for number, line in enumerate(lines, start=1):
            try:
                if not (question := json.loads(line)["question"].strip()):
                    raise ValueError
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadQuestions(f"{path}:{number}: contains no question; correct the line.") from None
            questions[question] = None
    if not questions:
        raise BadQuestions(f"{' '.join(map(str, files))}: no question; give another --questions.")
    return list(questions)


def articles(pool: Pool, seed: int) -> Iterator[str]:
    """An endless sequence of articles, the same for the same seed.

    Args:
        pool: What ``read_pool`` returned; a language comes up as often as its share of the sentences.
        seed: Another one gives other articles.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    languages = sorted(pool)
    weights = [len(pool[language]) for language in languages]
    while True:
        sentences = pool[chance.choices(languages, weights)[0]]
        wanted = chance.randint(*WORDS)
        lines = [" ".join(_altered(sentences, chance).split()[:10])]  # a headline
        words = 0
        while words < wanted:
            paragraph = [_altered(sentences, chance) for _ in range(chance.randint(*PARAGRAPH))]
            lines.append(" ".join(paragraph))
            words += len(lines[-1].split())
        yield "\n".join(lines) + "\n"


def questions(originals: Sequence[str], count: int, seed: int) -> list[str]:
    """``count`` different questions, none of them an original.

    Args:
        originals: What ``read_questions`` returned.
        count: How many.
        seed: Another one gives other questions.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    by_language: dict[Language, list[str]] = {}
    for question in originals:
        by_language.setdefault(detect_language(question), []).append(question)
    made = dict.fromkeys(originals)
    while len(made) < len(originals) + count:
        alike = by_language[detect_language(question := chance.choice(originals))]
        # Few originals give few mixtures: then a number tells them apart.
        mixed = _altered(alike, chance, question)
        made[mixed if mixed not in made else f"{mixed} {len(made)}"] = None
    return list(made)[len(originals) :]


def _altered(sentences: Sequence[str], chance: random.Random, sentence: str | None = None) -> str:
    """A sentence, by default any of them, with some words replaced by words of the others."""
    words = (sentence or chance.choice(sentences)).split()
    for at in chance.sample(range(len(words)), max(1, round(len(words) * REPLACED))):
        words[at] = chance.choice(chance.choice(sentences).split())
    return " ".join(words)
