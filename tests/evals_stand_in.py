"""An assistant for the tests of evals that answers by what the question says, over an article of its own."""

import hashlib
import json
from pathlib import Path

from rag import SanadError
from rag.records import Answer, Article, Chunk, Citation, Passage, Retrieved

ROOT = Path(__file__).resolve().parent.parent
TEXT = "غادرت القوات القاعدة. بقي 900 جندي في سوريا."
QUOTE = "بقي 900 جندي في سوريا."

RIGHT = {
    "id": "right",
    "question": "How many?",
    "lang": "en",
    "answerable": True,
    "must": [["900"]],
    "evidence": [{"article": "one", "quote": QUOTE}],
    "tags": ["en-ar", "number"],
}
WRONG = RIGHT | {"id": "wrong", "question": "wrong?", "tags": ["en-ar"]}
NOWHERE = {
    "id": "nowhere",
    "question": "nowhere?",
    "lang": "en",
    "answerable": False,
    "tags": ["en-ar", "unanswerable"],
}
FAILS = RIGHT | {"id": "fails", "question": "fails?"}


class StandIn:
    """Answers by what the question says; counts what was asked."""

    model, embedder, generation = "stand-in", "fake", "generation-0001"

    def __init__(self, settings, corpus):
        self.settings, self.closed, self.asked = settings, False, []
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

    def articles(self):
        return self.corpus

    def close(self):
        self.closed = True

    def ask(self, question, history=()):
        self.asked.append(question)
        if question == "fails?":
            raise SanadError("the model stopped")
        if question == "stop?":
            raise KeyboardInterrupt
        text, outcome, quote = "There are 900 [1].", "answered", QUOTE
        if question == "wrong?":
            text = "There are 2500 [1]."
        if question == "nowhere?":
            text, outcome, quote = "The articles do not say.", "not_found", None
        start = TEXT.index(QUOTE) + (1 if question == "shifted?" else 0)
        citations = (
            ()
            if quote is None
            else (
                Citation(
                    number=1,
                    article_id="one",
                    title="",
                    outlet=None,
                    published=None,
                    source="one.txt",
                    line=1,
                    start=start,
                    end=start + len(quote),
                    quote=quote,
                ),
            )
        )
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

    def search(self, question, k=10, history=()):
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


def write(folder, *questions):
    file = folder / "questions.jsonl"
    lines = (q if isinstance(q, str) else json.dumps(q, ensure_ascii=False) for q in questions)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def schema(name):
    return json.loads((ROOT / "evals" / f"{name}.schema.json").read_text(encoding="utf-8"))
