"""Question sets as reading lessons: numbered evidence, questions on it, and the wanted answers.

A lesson is one set of evidence sentences with many questions. Answers cite sentences first: ``[2] 308``.
Every lesson is made from a seed, so that two models get the same questions. train/reader/scores.py asks the
questions one by one; the first stage of the shipped adapter was trained on such lessons.

- A question whose sentence is shown is answered in its own language; from a sentence in another, the
  sentence's own words come first: ``[2] إريك كوريلا = Erik Kurilla``.
- A question of the same or a neighbouring article whose sentence is not shown, and whose answer is in no
  shown sentence, is refused: ``[0]``.
- Two sources: the sentence once more in the other language (``[1][4] 308``), or a copy with another number
  (``[1] 308 [4] 318``).
"""

from __future__ import annotations

import hashlib
import pickle
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from rag.answering.draft import put
from rag.language.text import fold, is_arabic
from rag.models.embedding.embedder import PackagedEmbedder
from rag.models.weights.packaged import EMBEDDER, prepared
from rag.settings import Settings
from train.reader.altered import Change, Name, altered, find_names
from train.retrieval.corpora import BLOCK, Corpus, read

Kind = Literal["answer", "both", "conflict", "refuse", "altered"]
Part = Literal["train", "dev", "test"]

PARTS = 8
"""Of eight blocks of documents, one is for choosing between trainings and one for the reported figures; the
first stage of the shipped adapter was trained on the others (docs/research/training-2026-11.md)."""
DEV, TEST = 3, 7

FEWEST, MOST = 5, 7
"""Evidence sentences in a lesson: as many as the assistant shows, plus or minus one."""
QUESTIONS = 12
"""Most questions in a lesson, so that the longest fits into memory."""
REFUSED = 0.2
"""Share of a lesson's questions that cannot be answered from it."""
ALTERED = 0.5
"""Of the questions that can be altered, the share that is also asked altered."""
POOL = 10
"""Best sentences by retrieval for each question, from which distractors are drawn."""
NEIGHBOURS = 4
"""Paragraphs to each side whose questions serve as near misses: paragraphs of an article are consecutive."""
CONFLICTS, MIRRORED = 0.3, 0.15
"""Shares of lessons with a copy of a sentence with another number, or with a sentence in both languages."""

_EDGES = " \t\n.,;:،؛!؟?«»\"'"


@dataclass(frozen=True, slots=True)
class Fact:
    """A question, in each of its languages, and where its answer is."""

    stem: str
    """The same for the same question over another corpus."""
    document: str
    """The article's id."""
    sentences: tuple[int, ...]
    """Those that contain the answer, by place in the corpus."""
    questions: dict[str, str]
    """By language."""
    answers: dict[str, str]
    """By language; a phrase."""
    ranked: tuple[int, ...]
    """The corpus's sentences, best first by retrieval, without its own."""


@dataclass(frozen=True, slots=True)
class Material:
    """One corpus as lessons need it."""

    name: str
    language: str
    sentences: list[str]
    """In order."""
    facts: dict[str, list[Fact]]
    """By document, in order of documents."""
    parts: dict[str, Part]
    """By document."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a lesson."""

    question: str
    language: str
    """Of the answer."""
    answer: str
    """With its markers."""
    kind: Kind
    accepted: tuple[str, ...] = ()
    """The phrase, for grading."""
    cited: tuple[int, ...] = ()
    """Numbers that a right answer cites."""
    words: str = ""
    """The sentence's own words, where the answer is in another language than the sentence."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Evidence, and questions on it."""

    corpus: str
    document: str
    evidence: tuple[str, ...]
    """Numbered from 1 by their order."""
    asked: tuple[Asked, ...]
    language: str = field(default="ar")
    """Of most of the evidence."""


def read_sets(folders: Sequence[Path], cache: Path) -> list[Material]:
    """The facts of question sets; kept in a file, as searching takes minutes.

    Args:
        folders: Each holds ``corpus/`` and ``questions.jsonl``.
        cache: Folder of the file, which is reused only for the same sets, embedder and chunk size.
    """
    settings = Settings.load()
    embedder = PackagedEmbedder(prepared(EMBEDDER, settings), threads=settings.threads)
    file = cache / f"sets-{sets_key(folders, f'{embedder.identity} {settings.chunk_tokens}')}.pkl"
    if file.is_file():
        return list(pickle.loads(file.read_bytes()))  # noqa: S301 - written by this very command
    sets = [gather(read(folder, embedder, settings, 1)) for folder in folders]
    file.write_bytes(pickle.dumps(sets))
    return sets


def sets_key(folders: Sequence[Path], search: str) -> str:
    """A digest of the texts of question sets and of what searches them.

    Args:
        folders: As for ``read_sets``.
        search: Names the embedder and how articles are cut.
    """
    digest = hashlib.sha256(search.encode())
    for folder in folders:
        articles = (path for path in (folder / "corpus").rglob("*") if path.is_file())
        for path in [folder / "questions.jsonl", *sorted(articles)]:
            digest.update(f"\0{folder.name}/{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def gather(corpus: Corpus) -> Material:
    """A corpus's facts.

    Args:
        corpus: With its retrieval scores.
    """
    texts = [
        " ".join(text[start:end].split())
        for text, spans in zip(corpus.texts, corpus.spans, strict=True)
        for start, end in spans
    ]
    passage = 0.4 * corpus.dense + 0.4 * corpus.best_sentence + 0.2 * corpus.words
    scores = 0.2 * corpus.own + 0.8 * passage[:, corpus.chunk_of]
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, question in enumerate(corpus.questions):
        grouped[question.evidence[0].article, question.id.split("-")[0]].append(at)
    order = list(dict.fromkeys(chunk.article_id for chunk in corpus.chunks))
    facts: dict[str, list[Fact]] = {document: [] for document in order}
    for (document, stem), rows in grouped.items():
        gold = tuple(int(i) for i in np.flatnonzero(corpus.gold_sentences[rows[0]]))
        if not gold or len(gold) > 2:  # a phrase does not answer a quote over many sentences
            continue
        questions, answers = {}, {}
        for at in rows:
            question = corpus.questions[at]
            questions[question.lang] = re.sub(r"(?<=؟) ال$", "", question.text)  # a slip of one set's makers
            answers[question.lang] = _phrase(question.must[0], question.lang)
        best = [int(i) for i in np.argsort(-scores[rows].max(axis=0))[: POOL + len(gold)]]
        facts[document].append(
            Fact(stem, document, gold, questions, answers, tuple(i for i in best if i not in gold)[:POOL])
        )
    return Material(
        name=corpus.name,
        language="ar" if is_arabic(" ".join(texts[:50])) else "en",
        sentences=texts,
        facts=facts,
        parts={document: _part(at) for at, document in enumerate(order)},
    )


def lessons(sets: Sequence[Material], part: Part, seed: int) -> list[Lesson]:
    """One lesson a document, in random order.

    Args:
        sets: All corpora; facts over text in two languages are matched by their ids.
        part: Which documents.
        seed: Another seed makes other lessons of the same documents.
    """
    translations: dict[str, dict[str, str]] = defaultdict(dict)
    for material in sets:
        for fact in _all(material):
            if len(fact.sentences) == 1:
                translations[fact.stem][material.language] = material.sentences[fact.sentences[0]]
    made = []
    for material in sets:
        order = list(material.facts)
        in_part = [fact for fact in _all(material) if material.parts[fact.document] == part]
        names = find_names((fact.document, fact.questions, fact.answers) for fact in in_part)
        for at, document in enumerate(order):
            if material.parts[document] != part or not material.facts[document]:
                continue
            near = [
                fact
                for neighbour in order[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]
                if neighbour != document and material.parts[neighbour] == part
                for fact in material.facts[neighbour]
            ]
            key = f"{seed} {material.name} {document}"  # not hash(): Python salts it in every process
            lesson = _lesson(material, document, near, translations, random.Random(key))
            more = random.Random(f"{key} altered")
            made.append(_with_altered(lesson, names, more))
    random.Random(seed).shuffle(made)
    return [lesson for lesson in made if lesson.asked]


def _lesson(
    material: Material,
    document: str,
    near: list[Fact],
    translations: dict[str, dict[str, str]],
    rng: random.Random,
) -> Lesson:
    facts = material.facts[document]
    size = rng.randint(FEWEST, MOST)
    golds = list(dict.fromkeys(i for fact in facts for i in fact.sentences))
    rng.shuffle(golds)
    shown = golds[: rng.randint(1, size - 1)]
    phrases = [fold(a) for fact in facts for a in fact.answers.values() if len(a.split()) > 1]
    seen = {fold(material.sentences[i]) for i in golds}
    pool = []
    for i in dict.fromkeys(i for fact in facts for i in fact.ranked):
        text = fold(material.sentences[i])
        # A single word or number may well be elsewhere; a phrase that is would answer there too.
        if text not in seen and not any(phrase in text for phrase in phrases):
            pool.append(i)
            seen.add(text)
    rng.shuffle(pool)
    shown += pool[: size - len(shown)]
    texts = [material.sentences[i] for i in shown]
    answerable = [fact for fact in facts if set(fact.sentences) <= set(shown)]
    doubled: int | None = None  # the sentence that is shown in both languages
    changed: dict[int, Change] = {}
    extra = rng.random()
    if extra < CONFLICTS:
        texts, changed = _contradicted(material, answerable, shown, texts, rng)
    elif extra < CONFLICTS + MIRRORED:
        texts, doubled = _mirrored(material, answerable, translations, texts, rng)
    places = list(range(len(texts)))
    rng.shuffle(places)
    number_of = {old: new for new, old in enumerate(places, start=1)}
    evidence = tuple(texts[i] for i in places)
    place_of = {i: at for at, i in enumerate(shown)}
    asked: list[Asked] = []
    for fact in answerable:
        cited = [place_of[i] for i in fact.sentences]
        if doubled in fact.sentences:
            cited.append(len(texts) - 1)
        for language, question in fact.questions.items():
            item = _answered(material, fact, language, question, [number_of[c] for c in cited])
            if fact.sentences[0] in changed:
                item = _both_answered(item, changed[fact.sentences[0]], number_of[len(texts) - 1])
            asked.append(item)
    rng.shuffle(asked)
    asked = asked[: round(QUESTIONS * (1 - REFUSED))]
    absent = [fact for fact in facts if not set(fact.sentences) & set(shown)]
    near = [fact for fact in near if not set(fact.sentences) & set(shown)]
    rng.shuffle(near)
    wanted = round(len(asked) * REFUSED / (1 - REFUSED) + rng.random() - 0.5)
    folded = [fold(text) for text in evidence]
    for fact in absent + near:
        if sum(item.kind == "refuse" for item in asked) >= wanted:
            break
        language = rng.choice(list(fact.questions))
        if not any(fold(answer) in text for answer in fact.answers.values() for text in folded):
            asked.append(Asked(fact.questions[language], language, "[0]", "refuse"))
    rng.shuffle(asked)
    return Lesson(material.name, document, evidence, tuple(asked), material.language)


def _with_altered(lesson: Lesson, names: Sequence[Name], rng: random.Random) -> Lesson:
    more = []
    for item in lesson.asked:
        if item.kind in ("answer", "both", "conflict") and rng.random() < ALTERED:
            question = altered(
                item.question,
                item.language,
                evidence=lesson.evidence,
                evidence_language=lesson.language,
                names=names,
                rng=rng,
            )
            if question:
                more.append(Asked(question, item.language, "[0]", "altered"))
    return replace(lesson, asked=(*lesson.asked, *more))


def _answered(material: Material, fact: Fact, language: str, question: str, numbers: Sequence[int]) -> Asked:
    cited = tuple(sorted(numbers))
    marks = "".join(f"[{n}]" for n in cited)
    phrase, words = fact.answers[language], fact.answers.get(material.language, "")
    if language == material.language or words not in material.sentences[fact.sentences[0]]:
        words = ""
    if len(cited) == 1:
        return Asked(question, language, f"{marks} {put(words, phrase)}", "answer", (phrase,), cited, words)
    return Asked(question, language, f"{marks} {phrase}", "both", (phrase,), cited)


def _contradicted(
    material: Material, facts: list[Fact], shown: list[int], texts: list[str], rng: random.Random
) -> tuple[list[str], dict[int, Change]]:
    """The texts and, last, a copy of one sentence with another number or month for one fact."""
    for fact in rng.sample(facts, len(facts)):
        sentence = material.sentences[fact.sentences[0]]
        change = Change.between(sentence, list(fact.answers.values()), rng)
        if len(fact.sentences) == 1 and change:
            return [*texts, change(sentence)], {fact.sentences[0]: change}
    return texts, {}


def _both_answered(item: Asked, change: Change, copy: int) -> Asked:
    """The answer from a sentence and its copy: both values where they differ."""
    phrase = item.accepted[0]
    second = change(phrase)
    if second == phrase:  # the same in both
        cited = tuple(sorted((*item.cited, copy)))
        marks = "".join(f"[{n}]" for n in cited)
        return replace(item, answer=f"{marks} {put(item.words, phrase)}", kind="both", cited=cited)
    sides = sorted([(item.cited[0], item.words, phrase), (copy, change(item.words), second)])
    answer = " ".join(f"[{n}] {put(words, text)}" for n, words, text in sides)
    cited = tuple(n for n, _, _ in sides)
    values = tuple(text for _, _, text in sides)
    return replace(item, answer=answer, kind="conflict", accepted=values, cited=cited)


def _mirrored(
    material: Material,
    facts: list[Fact],
    translations: dict[str, dict[str, str]],
    texts: list[str],
    rng: random.Random,
) -> tuple[list[str], int | None]:
    """The texts and, last, one of the sentences in the other language; and which one."""
    for fact in rng.sample(facts, len(facts)):
        for language, text in translations[fact.stem].items():
            if language != material.language and len(fact.sentences) == 1:
                return [*texts, text], fact.sentences[0]
    return texts, None


def _phrase(alternatives: Sequence[str], language: str) -> str:
    """The answer in a language: the alternative in its script, without marks at its edges."""
    fitting = [a for a in alternatives if is_arabic(a) == (language == "ar")]
    text = " ".join((fitting or list(alternatives))[0].split()).strip(_EDGES)
    for opening, closing in ("()", "[]"):
        if text.count(opening) != text.count(closing):
            text = text.replace(opening, "").replace(closing, "").strip(_EDGES)
    return text


def _part(at: int) -> Part:
    block = at // BLOCK % PARTS
    return "dev" if block == DEV else "test" if block == TEST else "train"


def _all(material: Material) -> Iterable[Fact]:
    return (fact for facts in material.facts.values() for fact in facts)
