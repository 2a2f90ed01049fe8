"""Errors on the page, as entries of its word table: they can be shown in either language.

The errors of ``rag`` are lines of English. The page has its own words for everything that it checks itself.
For any other error it shows the kind of error in the page's language, followed by the English line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rag import BadQuestion, BadSettings, GenerationFailed, IndexMissing, ModelMissing, SanadError
from rag.errors import BadArticles, BadUpload, Busy, IndexUnusable, ModelDamaged, NoSpace
from rag.records import Language
from ui.wording.text import flow, safe, spoken
from ui.wording.words import WORDS

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


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?")
_KEPT = r'<span class="day">\g<0></span>'
"""A date on one line: broken after a hyphen, the parts of one within Arabic would change places."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error that the page shows."""

    word: str
    """Key of its sentence in ``WORDS``."""
    values: dict[str, str] = field(default_factory=dict)
    """Values for the sentence's placeholders."""
    detail: str = ""
    """A line of English to show unchanged; empty if the sentence is complete by itself."""


class Refused(SanadError):
    """An error that the page itself finds, in words of its table."""

    def __init__(self, word: str, **values: str) -> None:
        super().__init__(WORDS["en"][word].format(**values))
        self.fault = Fault(word, values)


def fault(error: SanadError) -> Fault:
    """The fault that the page shows for an error."""
    if isinstance(error, Refused):
        return error.fault
    if isinstance(error, BadUpload):
        return Fault(f"fault_{error.reason}", error.values)
    if isinstance(error, Busy):
        return Fault("fault_crowded")
    return Fault(_KINDS.get(type(error), "fault_other"), detail=str(error))


def sentence(what: Fault) -> str:
    """A fault as a line of English."""
    return what.detail or _sentence(what, "en").format_map(_Values(what.values))


def failure(what: Fault, language: Language) -> str:
    """A fault as HTML.

    Args:
        what: The fault.
        language: Language of the page.
    """
    values = _Values({name: f"<bdi>{safe(value)}</bdi>" for name, value in what.values.items()})
    # For a reader of English the error's own line is enough; the kind would only repeat it.
    lead = (
        ""
        if what.detail and language == "en"
        else _DAY.sub(_KEPT, _sentence(what, language).format_map(values))
    )
    kind = "detail below" if lead else "detail"
    detail = f'<span class="{kind}" {flow(what.detail)}>{safe(what.detail)}</span>' if what.detail else ""
    between = " " if lead and detail else ""
    return f'<p class="failure" role="alert" {spoken(language)}>{lead}{between}{detail}</p>'


class _Values(dict[str, str]):
    """Values of a sentence; a fault that a browser kept may lack some."""

    def __missing__(self, name: str) -> str:
        return "…"


def _sentence(what: Fault, language: Language) -> str:
    known = what.word.startswith("fault_") and what.word in WORDS[language]
    return WORDS[language][what.word if known else "fault_other"]
