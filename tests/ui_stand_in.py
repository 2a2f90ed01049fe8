"""A stand-in for the assistant whose every stage waits for the test, and the answers that it gives."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag import (
    Answer,
    Article,
    Citation,
    Claim,
    Evidence,
    Filter,
    Finished,
    GenerationFailed,
    Passage,
    Retrieved,
    Settings,
    StageStarted,
    Turn,
)
from rag.errors import BadArticles
from rag.index.generations import Written
from rag.index.indexing import Built
from rag.language.glossing.gloss import gloss
from rag.language.translation.reader import shown
from rag.loading.articles import Skipped
from rag.records import Chunk, Language, Outcome, Progress, Verdict

FILLER = "\n".join(f"فقرة رقم {n} لا علاقة لها بالسؤال، وهي هنا لكي يطول المقال." for n in range(60))
LEFT = "غادرت آخر دفعة من المستشارين الأمريكيين قاعدة عين الأسد الجوية في محافظة الأنبار غرب العراق."
COUNT = "CNN تقول إن حوالي 2500 جندي كانوا في العراق في ديسمبر/كانون الأول 2021."
HOSTILE = "<img src=https://elsewhere.example/x.png onerror=alert(1)><script>alert(2)</script> \u202eabc"

WORDS = "غادرت آخر دفعة من المستشارين الأمريكيين"
"""What the first English claim puts into English."""

ENGLISH = ["The last advisers left Ain al-Asad [1].", "About 2,500 soldiers were in Iraq in 2021 [2]."]
ARABIC = ["غادرت القوات قاعدة عين الأسد في الأنبار [1].", "وكان في العراق 2500 جندي بحسب CNN [2]."]

BASE = Article(
    id="base", title="القوات الأمريكية تغادر قاعدة عين الأسد", text=f"{FILLER}\n{LEFT}\n{COUNT}\n{FILLER}",
    source="003_base.txt", outlet="CNN", published="2026-01-18",
)  # fmt: skip
LATER_SAYS = "The island has 308 inhabitants, said the mayor."
LATER = Article(
    id="later", title="Island counts its people", text=f"Island counts its people\n{LATER_SAYS}",
    source="later.txt", outlet="Coast Daily", published="2024-09-06", language="en",
)  # fmt: skip
EARLIER_SAYS = "يبلغ عدد سكان الجزيرة 318 نسمة، وفق البلدية."
EARLIER = Article(
    id="earlier", title="إحصاء سكان الجزيرة", text=f"إحصاء سكان الجزيرة\n{EARLIER_SAYS}",
    source="earlier.txt", outlet="عنب بلدي", published="2024-03",
)  # fmt: skip
TRAP = Article(id="trap", title=HOSTILE, text=f"{HOSTILE}\n\n{HOSTILE}", source="trap.txt", outlet=HOSTILE)


LONG = Article(
    id="javascript:alert(1)", title="Long " * 1000, text="x" * 100_000, source="javascript:alert(3)",
    outlet="y" * 5000, published="<b>", language="en",
)  # fmt: skip


class StandIn:
    """Answers by words of the question; each event is yielded when the test calls ``step()``."""

    model = "stand-in"
    generation = "generation-0001"
    at_once = 1
    settings = Settings()

    def __init__(self, uploads: Path = Path("uploads")) -> None:
        self.uploads = uploads
        self.indexed = threading.Event()
        self.asked: list[str] = []
        self.steps = threading.Semaphore(0)
        self.freely = False
        self.closed = threading.Event()
        self.histories: list[list[Turn]] = []
        self.wheres: list[Filter | None] = []
        self.languages: list[Language | None] = []

    def articles(self) -> list[Article]:
        return [BASE, EARLIER, LATER, TRAP, LONG]

    def article(self, article_id: str) -> Article:
        for article in self.articles():
            if article.id == article_id:
                return article
        raise BadArticles(f"There is no article {article_id!r} in this index.")

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        answer_language: Language | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Retrieved | StageStarted | Finished]:
        if "broken" in question:
            raise GenerationFailed("The model gave no token for 60 s. Ask again.")
        self.asked.append(question)
        self.histories.append(list(history))
        self.wheres.append(where)
        self.languages.append(answer_language)
        answer = self._answer(question)
        if history and question.startswith("And"):
            answer = dataclasses.replace(answer, understood=f"{question} ({history[-1].question})")
        try:
            self._wait()
            yield Retrieved(answer.passages, answer.evidence, answer.understood)
            self._wait()
            yield StageStarted("checking")
            self._wait()
            yield StageStarted("translating")
            self._wait()
            yield Finished(answer)
        finally:
            self.closed.set()

    def take_upload(self, file: Path, name: str) -> None:
        file.replace(self.uploads / name)

    def index_uploads(self, *, progress: Progress) -> Built:
        """Report that it embeds until the test sets ``indexed``."""
        while not self.indexed.wait(0.05):
            progress("embedding", 0.4)
        skipped = (Skipped("uploaded://scan.pdf", "holds pictures of text only; run text recognition (OCR)"),)
        return Built(Written("generation-0002", 5, 9, 1, ("uploaded://tower",), (), ()), skipped)

    def correct(self, article_id: str, *, outlet: str, published: str, progress: Progress) -> None:
        """Change nothing."""

    def step(self, times: int = 1) -> None:
        self.steps.release(times)

    def _wait(self) -> None:
        while not self.freely and not self.steps.acquire(timeout=0.05):
            pass

    def _answer(self, question: str) -> Answer:
        if "How many soldiers" in question:
            return make_translated(question)
        if "word for word" in question:
            return make_glossed(question)
        if "Moon" in question:
            return make_answer(question, ["The articles do not say."], [], outcome="not_found")
        if "population" in question or "سكان" in question:
            return make_conflict(question, "ar" if "سكان" in question else "en")
        if "report" in question:
            answer = make_answer(question, ENGLISH, [(BASE, LEFT), (BASE, COUNT)])
            paged = dataclasses.replace(answer.citations[1], source="report.pdf", line=3)
            return dataclasses.replace(answer, citations=(answer.citations[0], paged))
        if numbered := re.search(r"number (\d+)", question):
            return make_answer(question, [f"The answer to number {numbered[1]} [1]."], [(BASE, LEFT)])
        if "trap" in question:
            return make_answer(question, [f"{HOSTILE} [1]."], [(TRAP, HOSTILE)])
        if re.search("[\u0600-\u06ff]", question):
            return make_answer(question, ARABIC, [(BASE, LEFT), (BASE, COUNT)], language="ar")
        return make_answer(question, ENGLISH, [(BASE, LEFT), (BASE, COUNT)], outcome="partial")


def make_answer(
    question: str, claims: list[str], quotes: list[tuple[Article, str]], *, language: Language = "en",
    outcome: Outcome = "answered",
) -> Answer:  # fmt: skip
    """An answer over real spans; with outcome ``partial`` its last claim is only partly supported."""
    checked: list[Claim] = []
    at = 0
    for text in claims if quotes else []:
        doubtful = outcome == "partial" and text is claims[-1]
        numbers = tuple(int(n) for n in re.findall(r"\[(\d)\]", text))
        reason = "the year is not in the sentence" if doubtful else ""
        verdict: Verdict = "partial" if doubtful else "supported"
        words = WORDS if text == ENGLISH[0] else ""
        checked.append(Claim(text, at, at + len(text), numbers, verdict, reason, words))
        at += len(text) + 1
    citations = tuple(make_citation(n, *quote) for n, quote in enumerate(quotes, 1))
    evidence = tuple(
        Evidence(
            number=c.number, article_id=c.article_id, start=c.start, end=c.end, text=c.quote, title=c.title,
            outlet=c.outlet, published=c.published, source=c.source, line=c.line, score=0.9,
        )
        for c in citations
    )  # fmt: skip
    return Answer(
        question=question.strip(), text=" ".join(claims), language=language, outcome=outcome,
        claims=tuple(checked), citations=citations, passages=make_passages(), evidence=evidence,
        model="stand-in", generation="generation-0001",
        timings={"retrieve": 0.3, "generate": 6.1, "translate": 1.7, "total": 8.2},
    )  # fmt: skip


def make_conflict(question: str, language: Language) -> Answer:
    """Two articles that report different numbers."""
    claims = {
        "en": ["308 (Coast Daily, 2024-09-06) [1].", "318 (عنب بلدي, 2024-03) [2]."],
        "ar": ["308 (Coast Daily، 2024-09-06) [1].", "318 (عنب بلدي، 2024-03) [2]."],
    }[language]
    quotes = [(LATER, LATER_SAYS), (EARLIER, EARLIER_SAYS)]
    return make_answer(question, claims, quotes, language=language, outcome="conflict")


def make_translated(question: str) -> Answer:
    """A value with its sentence, and a sentence in translation that may be wrong."""
    count = "CNN says that about 2,500 soldiers were in Iraq in December 2021."
    base = "The last batch of American advisers left Ain al-Asad air base in Anbar, west of Iraq."
    claims = [
        f"2,500: “{count}” (machine translation) [1].",
        f"“{base}” (machine translation, may be wrong) [2].",
    ]
    answer = make_answer(question, claims, [(BASE, COUNT), (BASE, LEFT)], outcome="partial")
    sure, doubtful = answer.citations
    citations = (
        dataclasses.replace(sure, translation=count),
        dataclasses.replace(doubtful, translation=base, certain=False),
    )
    claim = dataclasses.replace(answer.claims[1], reason="machine translation; it may be wrong")
    return dataclasses.replace(answer, citations=citations, claims=(answer.claims[0], claim))


def make_glossed(question: str) -> Answer:
    """A sentence that is shown word for word."""
    answer = make_answer(question, ["The last batch of advisers left [1]."], [(BASE, LEFT)])
    literal = dataclasses.replace(
        answer.citations[0], translation=gloss(LEFT, shown()), certain=False, literal=True
    )  # fmt: skip
    return dataclasses.replace(answer, citations=(literal,))


def make_citation(number: int, article: Article, quote: str) -> Citation:
    start = article.text.index(quote)
    line = article.text.count("\n", 0, start) + 1
    return Citation(
        number, article.id, article.title, article.outlet, article.published, article.source, line,
        start, start + len(quote), quote,
    )  # fmt: skip


def make_passages() -> tuple[Passage, ...]:
    text = BASE.text[:400]
    chunk = Chunk(id="c1", article_id=BASE.id, start=0, end=400, tokens=120)
    return (Passage(chunk, text, BASE.title, BASE.outlet, BASE.published, 0.7, 0.7, None, 1),)
