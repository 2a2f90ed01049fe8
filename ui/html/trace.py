"""How an answer was found: what was searched for, what was read, the steps with their seconds, the model."""

from __future__ import annotations

from rag import Answer
from rag.records import Language
from ui.wording.text import flow, safe
from ui.wording.words import WORDS, counted

STEPS = ("retrieve", "generate", "reread", "cross_check", "translate")
"""Steps of ``Answer.timings``, in the order in which they run."""


def trace(answer: Answer, sentences: int, number: int, language: Language) -> str:
    """The folded part below an answer.

    Args:
        answer: The answer.
        sentences: Number of sentences that the model read; 0 if unknown.
        number: Number of its turn.
        language: Language of the page.
    """
    words = WORDS[language]
    steps = [
        f"{words[f'step_{name}']} <bdi>{_seconds(answer.timings[name], language)}</bdi>"
        for name in STEPS
        if name in answer.timings
    ]
    rows = {
        "searched_for": editable(answer.understood or answer.question, language),
        "sentences_read": counted("sentences", sentences, language) if sentences else "",
        "steps": " · ".join(steps),
        "model": f'<bdi dir="ltr">{safe(answer.model)}</bdi>' if answer.model else "",
        "generation": f'<bdi dir="ltr">{safe(answer.generation)}</bdi>' if answer.generation else "",
    }
    listed = "".join(f"<dt>{words[name]}</dt><dd>{value}</dd>" for name, value in rows.items() if value)
    total = answer.timings.get("total")
    took = f' · <bdi class="timing">{_seconds(total, language)}</bdi>' if total is not None else ""
    return (
        f'<details class="how" id="t{number}-how"><summary>{words["how"]}{took}</summary>'
        f"<dl>{listed}</dl></details>"
    )


def editable(question: str, language: Language) -> str:
    """A question with a button that puts it into the question box.

    Args:
        question: As it was searched for.
        language: Language of the page.
    """
    word = WORDS[language]["edit"]
    button = f'<button type="button" class="edit" data-act="edit">{word}</button>'
    return f"<bdi {flow(question)}>{safe(question)}</bdi> {button}"


def _seconds(value: float, language: Language) -> str:
    return WORDS[language]["elapsed"].format(s=f"{value:.1f}")
