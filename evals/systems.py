"""Systems to compare the assistant with: itself with a part left out, and the naive chain.

They are asked like it, and opened by evals/ablation.py alone: nothing here is a setting of the product.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag import Answer, Assistant, Event, Evidence, Filter, Finished, Retrieved, Settings, Turn

NAIVE_PASSAGES = 4
"""Passages that the naive chain reads: what tutorials and libraries take unless told otherwise."""

_REFUSALS = re.compile(
    r"(?i)\bI (?:do not|don[’']t|cannot|can[’']t) (?:know|say|tell|answer|find)\b"
    r"|\b(?:passages?|articles?|texts?|context|they|it) (?:do|does|did)(?: not|n[’']t) (?:\w+ )?"
    r"(?:mention|state|specify|provide|contain|indicate|say|tell)\b"
    r"|\b(?:is|are|was|were)(?: not|n[’']t) (?:\w+ )?(?:mentioned|stated|specified|provided|given|known)\b"
    r"|\bno (?:information|mention)\b"
    r"|لا (?:أعرف|أعلم|أدري|نعرف|توجد معلومات|يوجد ذكر)|(?:لم|لا) [يت]ُ?(?:ذكر|رد|حدد|وضح)(?!\w)"
    r"|غير (?:معروف|مذكور|محدد)"
)
"""How a model says in its own words that it cannot answer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """What a model wrote."""

    text: str
    """The whole reply."""
    first: float
    """Seconds until its first piece."""
    seconds: float
    """Seconds until its last one."""
    likelihood: tuple[float, ...] | None
    """Log probabilities of its tokens; None where the backend does not tell them."""


class Drafts:
    """What models wrote, by model and prompt, on disk.

    Parts that work on the finished draft change no prompt: a model that decodes greedily would write the same
    again, and an hour of its time is spared.
    """

    def __init__(self, path: Path) -> None:
        """Read what an earlier sitting kept.

        Args:
            path: A file in a folder that exists; a line that a kill tore is left out.
        """
        self._path = path
        self._kept: dict[str, Draft] = {}
        if path.exists():
            for raw in path.read_bytes().split(b"\n"):
                try:
                    line = json.loads(raw)
                    likely = line["likelihood"]
                    likelihood = None if likely is None else tuple(likely)
                    self._kept[line["key"]] = Draft(line["text"], line["first"], line["seconds"], likelihood)
                except (ValueError, KeyError, TypeError):
                    continue

    @staticmethod
    def key(model: str, tokens: int, messages: Sequence[Any]) -> str:
        """What a draft is kept under.

        Args:
            model: Its name, which tells whether the adapter is merged into it.
            tokens: Limit of its reply.
            messages: The prompt.
        """
        asked = [model, tokens, [(m.role, m.content) for m in messages]]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def get(self, key: str) -> Draft | None:
        """The draft of this key; None where there is none yet."""
        return self._kept.get(key)

    def said(
        self, key: str, reply: Generator[str, None, tuple[float, ...] | None], *, keep: bool = True
    ) -> Generator[str, None, tuple[float, ...] | None]:
        """The kept draft of this key, or a model's reply piece by piece, which is kept.

        Args:
            key: Of model and prompt.
            reply: Not begun; it is left alone where there is a draft.
            keep: Whether a new one is kept.

        Returns:
            How probable it was.
        """
        kept = self._kept.get(key)
        if kept is not None:
            yield kept.text
            return kept.likelihood
        text, first, started = "", 0.0, time.perf_counter()
        while True:
            try:
                piece = next(reply)
            except StopIteration as end:
                likelihood: tuple[float, ...] | None = end.value
                break
            first = first or (time.perf_counter() - started if piece else 0.0)
            text += piece
            yield piece
        if keep:
            self.add(key, Draft(text, first, time.perf_counter() - started, likelihood))
        return likelihood

    def add(self, key: str, draft: Draft) -> None:
        """Keep a draft."""
        self._kept[key] = draft
        with self._path.open("a", encoding="utf-8") as file:
            line = {"key": key, **dataclasses.asdict(draft)}
            file.write("\n" + json.dumps(line, ensure_ascii=False))  # before it: the last line may be torn


class Recorded(Assistant):
    """The assistant, whose model is asked once for each prompt; its seconds are those of that one time."""

    drafts: Drafts
    """To be set before anything is asked."""
    _spared: list[Draft]
    _warm = False

    def stream(
        self, question: str, *, history: Sequence[Turn] = (), where: Filter | None = None
    ) -> Iterator[Event]:
        """As ``Assistant.stream``."""
        self._spared = []
        for event in super().stream(question, history=history, where=where):
            yield Finished(self._finished(event.answer)) if isinstance(event, Finished) else event

    def _finished(self, answer: Answer) -> Answer:
        if not self._spared:
            return answer
        seconds = sum(draft.seconds for draft in self._spared)
        spared = {"generate": seconds, "total": seconds, "first_token": self._spared[0].first}
        timings = {stage: own + spared.get(stage, 0.0) for stage, own in answer.timings.items()}
        return dataclasses.replace(answer, timings=timings)

    def _write(self, messages: Sequence[Any], longest: int) -> Generator[str, None, tuple[float, ...] | None]:
        key = Drafts.key(self.model, longest, messages)
        kept = self.drafts.get(key)
        if kept is not None:
            self._spared.append(kept)
        # The first reply's seconds hold the loading of the model.
        likelihood = yield from self.drafts.said(key, super()._write(messages, longest), keep=self._warm)
        self._warm = self._warm or kept is None
        return likelihood


class Naive(Recorded):
    """The naive chain: the best passages whole, in one plain prompt to the model without the adapter.

    Its text is the reply; it cites the passages that the reply's markers name. Nothing is dropped or mended:
    the verifier's verdicts stand in its claims, and that is all they do.
    """

    def _search(
        self,
        question: str,
        searcher: Any,
        k: int,
        allowed: frozenset[str] | None = None,
        limit: int | None = None,
    ) -> Retrieved:
        found = super()._search(question, searcher, k, allowed)
        return Retrieved(
            found.passages,
            tuple(
                Evidence(
                    number=number,
                    article_id=passage.chunk.article_id,
                    start=passage.chunk.start,
                    end=passage.chunk.end,
                    text=passage.text,
                    title=passage.title,
                    outlet=passage.outlet,
                    published=passage.published,
                    source="",
                    line=searcher.generation.line(passage.chunk.article_id, passage.chunk.start),
                    score=passage.score,
                    also=passage.also,
                )
                for number, passage in enumerate(found.passages[: self.settings.passages], start=1)
            ),
        )

    def _finished(self, answer: Answer) -> Answer:
        refused = _REFUSALS.search(answer.text) is not None
        return super()._finished(dataclasses.replace(answer, outcome="not_found") if refused else answer)


@dataclasses.dataclass(frozen=True, slots=True)
class System:
    """Something that is asked."""

    about: str
    """What it is, in a few words."""
    settings: Callable[[Settings], Settings] = lambda settings: settings
    """The user's settings → its own."""
    kind: type[Recorded] = Recorded
    """What answers."""

    def open(self, index: str, settings: Settings, drafts: Drafts) -> Recorded:
        """Open it over an index that is there.

        Args:
            index: The index's name.
            settings: The user's.
            drafts: What models wrote so far.
        """
        opened = self.kind.open(index, settings=self.settings(settings))
        assert isinstance(opened, Recorded)  # noqa: S101 - Assistant.open opens its own kind
        opened.drafts = drafts
        return opened


def _without(part: str) -> Callable[[Settings], Settings]:
    return lambda settings: dataclasses.replace(settings, without=part)


WHOLE = "whole"
"""The assistant as the settings have it, with which every other system is compared."""

NAIVE = "naive"
"""The naive chain."""

SYSTEMS = {
    WHOLE: System("the assistant"),
    "verification": System("claims that are not borne out stay", _without("verification")),
    "repair": System("no other sentence is looked for", _without("repair")),
    "quotes": System("no quoting where a translation is in doubt", _without("quotes")),
    "certainty": System("improbable words are told like others", _without("certainty")),
    "kind": System("any kind of answer to when and how many", _without("kind")),
    "dates": System("relative dates stay as they are", _without("dates")),
    "second": System("no other article is asked", _without("second")),
    "parts": System("a question of two parts is asked as one", _without("parts")),
    "answerability": System("a named sentence is not judged again", _without("answerability")),
    "reread": System("unsure replies are not read again", _without("reread")),
    "context": System("phrases stand without their sentences", _without("context")),
    "outdated": System("a number of the past will do for one of now", _without("outdated")),
    "adapter": System(
        "the model as its makers published it", lambda settings: dataclasses.replace(settings, adapter=False)
    ),
    NAIVE: System(
        f"the {NAIVE_PASSAGES} best passages in one prompt",
        lambda settings: dataclasses.replace(
            settings,
            adapter=False,
            prompt="naive",
            passages=NAIVE_PASSAGES,
            without="verification,quotes,certainty,kind,dates,parts,second,answerability,reread,context,outdated",
        ),
        Naive,
    ),
}
"""By name: the assistant, itself without a part, and the naive chain."""
