"""An assistant for the tests of evals whose answer depends on the question, over one article of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag import SanadError, Settings
from rag.records import Answer, Article, Chunk, Citation, Outcome, Passage, Retrieved

ROOT = Path(__file__).resolve().parent.parent
TEXT = "غادرت القوات القاعدة. بقي 900 جندي في سوريا."
QUOTE = "بقي 900 جندي في سوريا."

Row = dict[str, Any]
"""A question as a line of a question file."""

RIGHT: Row = {
    "id": "right",
    "question": "How many?",
    "lang": "en",
    "answerable": True,
    "must": [["900"]],
    "evidence": [{"article": "one", "quote": QUOTE}],
    "tags": ["en-ar", "number"],
}
WRONG: Row = RIGHT | {"id": "wrong", "question": "wrong?", "tags": ["en-ar"]}
NOWHERE: Row = {
    "id": "nowhere",
    "question": "nowhere?",
    "lang": "en",
    "answerable": False,
    "tags": ["en-ar", "unanswerable"],
}
FAILS: Row = RIGHT | {"id": "fails", "question": "fails?"}


class StandIn:
    """Gives a right, a wrong or no answer depending on the question, and keeps the questions in ``asked``."""

    model, embedder, generation = "stand-in", "fake", "generation-0001"

    def __init__(self, settings: Settings, corpus: Path) -> None:
        self.settings, self.closed = settings, False
        self.asked: list[str] = []
        self.corpus = [
            Article(
                id=path.stem,
                title="",
                text=path.read_text(encoding="utf-8"),
                source=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in sorted(corpus.glob("*.txt"))
        ]

    def articles(self) -> list[Article]:
        return self.corpus

    def close(self) -> None:
        self.closed = True

    def ask(self, question: str, history: Sequence[Any] = ()) -> Answer:
        self.asked.append(question)
        if question == "fails?":
            raise SanadError("the model stopped")
        if question == "stop?":
            raise KeyboardInterrupt
        text = "There are 900 [1]."
        outcome: Outcome = "answered"
        citations: tuple[Citation, ...] = (self._citation(1 if question == "shifted?" else 0),)
        if question == "wrong?":
            text = "There are 2500 [1]."
        if question == "nowhere?":
            text, outcome, citations = "The articles do not say.", "not_found", ()
        return Answer(
            question=question,
            text=text,
            language="en",
            outcome=outcome,
            claims=(),
            citations=citations,
            passages=(),
            evidence=(),
            model=self.model,
            generation=self.generation,
            timings={"retrieve": 0.1, "total": 1.5},
        )

    def _citation(self, shift: int) -> Citation:
        """A citation of the quote; a shift makes its offsets wrong by that many characters."""
        start = TEXT.index(QUOTE) + shift
        return Citation(
            number=1,
            article_id="one",
            title="",
            outlet=None,
            published=None,
            source="one.txt",
            line=1,
            start=start,
            end=start + len(QUOTE),
            quote=QUOTE,
        )

    def search(self, question: str, k: int = 10, history: Sequence[Any] = ()) -> Retrieved:
        chunk = Chunk(id="c", article_id="one", start=0, end=len(TEXT), tokens=9)
        passage = Passage(
            chunk=chunk,
            text=TEXT,
            title="",
            outlet=None,
            published=None,
            score=1.0,
            dense=1.0,
            lexical=None,
            rank=1,
        )
        return Retrieved(passages=(passage,), evidence=())


def write(folder: Path, *questions: Mapping[str, Any] | str) -> Path:
    """A question file; a text is written as a line unchanged."""
    file = folder / "questions.jsonl"
    lines = (q if isinstance(q, str) else json.dumps(q, ensure_ascii=False) for q in questions)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def schema(name: str) -> Any:
    """A JSON schema of evals/."""
    return json.loads((ROOT / "evals" / f"{name}.schema.json").read_text(encoding="utf-8"))
