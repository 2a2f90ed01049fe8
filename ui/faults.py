"""What went wrong, as a word of the page's table: told in either language, and again after a switch.

Errors of ``rag`` are English lines. The page tells what it can check itself in its own words; around any
other error it puts what kind it is, in the language of the page, and shows the line as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rag import (
    BadArticles,
    BadQuestion,
    BadSettings,
    Busy,
    GenerationFailed,
    IndexMissing,
    IndexUnusable,
    Language,
    ModelDamaged,
    ModelMissing,
    NoSpace,
    SanadError,
)
from ui.text import flow, safe, spoken
from ui.words import WORDS

_KINDS: dict[type[SanadError], str] = {
    BadQuestion: "fault_question",
    BadArticles: "fault_articles",
    BadSettings: "fault_settings",
    IndexMissing: "fault_index",
    IndexUnusable: "fault_index",
    ModelMissing: "fault_model",
    ModelDamaged: "fault_model",
    NoSpace: "fault_space",
    GenerationFailed: "fault_generation",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong."""

    word: str
    """Its sentence: a key of ``WORDS``."""
    values: dict[str, str] = field(default_factory=dict)
    """What the sentence names."""
    detail: str = ""
    """A line of English to show as it came; empty where the sentence says all."""


class Refused(SanadError):
    """Something that the page itself refuses, in words of its table."""

    def __init__(self, word: str, **values: str) -> None:
        super().__init__(WORDS["en"][word].format(**values))
        self.fault = Fault(word, values)


def fault(error: SanadError) -> Fault:
    """An error as the page tells it."""
    if isinstance(error, Refused):
        return error.fault
    if isinstance(error, Busy):
        return Fault("fault_crowded")
    return Fault(_KINDS.get(type(error), "fault_other"), detail=str(error))


def failure(what: Fault, language: Language) -> str:
    """What went wrong, as HTML.

    Args:
        what: The fault.
        language: Of the page.
    """
    values = _Values({name: f"<bdi>{safe(value)}</bdi>" for name, value in what.values.items()})
    # Its own line says it all to who reads English; the kind alone would only repeat it.
    lead = "" if what.detail and language == "en" else _sentence(what, language).format_map(values)
    kind = "detail below" if lead else "detail"
    detail = f'<span class="{kind}" {flow(what.detail)}>{safe(what.detail)}</span>' if what.detail else ""
    between = " " if lead and detail else ""
    return f'<p class="failure" role="alert" {spoken(language)}>{lead}{between}{detail}</p>'


class _Values(dict[str, str]):
    """What a sentence names; a fault kept by a browser may lack something."""

    def __missing__(self, name: str) -> str:
        return "…"


def _sentence(what: Fault, language: Language) -> str:
    known = what.word.startswith("fault_") and what.word in WORDS[language]
    return WORDS[language][what.word if known else "fault_other"]
