"""Cited sentences in another language get a translation, and what was changed in it is noticed."""

from __future__ import annotations

from collections.abc import Generator as PieceGenerator
from collections.abc import Sequence
from typing import Any

import pytest
from contexts import ADAPTED, ARABIC_TRANSLATION, TRANSLATION, Replying, context
from shown import source

from rag.answering.draft import Draft, Statement
from rag.answering.support import translates
from rag.answering.translation import MOST, Translation, as_shown, translate, translate_cited
from rag.language.glossing.gloss import gloss
from rag.language.translation.reader import shown
from rag.models.llm.protocol import LogProbabilities, Message

ARABIC = "وقال وزير الزراعة إن المزارعين فقدوا نحو ثلث محصولهم بعد ساعتين من العاصفة."
ENGLISH = "The agriculture minister said farmers lost about a third of their crop two hours after the storm."


class Translating(Replying):
    """A generator that writes one text, whatever the prompt."""

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        self.prompts.append(messages[-1].content)
        yield self._reply
        return None


def draft(*texts: str, outcome: str = "answered") -> Draft:
    items = tuple(source(text, number) for number, text in enumerate(texts, start=1))
    statements = tuple(Statement("It did.", (item,)) for item in items)
    return Draft("What?", items, statements, outcome=outcome)  # type: ignore[arg-type]


def test_the_prompt_gives_the_meanings_of_the_words() -> None:
    model = Translating(ENGLISH)
    translation = translate(ARABIC, "en", context(model))
    assert translation is not None
    assert (translation.text, translation.certain) == (ENGLISH, True)
    [prompt] = model.prompts
    assert prompt.startswith(ARABIC)
    assert "ساعتين=two hours" in prompt
    assert "وزير الزراعة=agriculture minister" in prompt
    translate(ARABIC, "en", context(model), hinted=False)
    assert model.prompts[-1].endswith("Hints: none")


LOOP = "It was said, as was mentioned by them, as was mentioned by them, as was mentioned by them."


@pytest.mark.parametrize("reply", ["", "...", ARABIC, LOOP])
def test_a_reply_that_is_not_a_translation_gives_none(reply: str) -> None:
    assert translate(ARABIC, "en", context(Translating(reply))) is None


@pytest.mark.parametrize(
    ("sentence", "translation"),
    [
        ("قُتل 12 شخصا في بغداد يوم الاثنين.", "Twenty people were killed in Baghdad on Monday."),
        ("قُتل 12 شخصا في بغداد يوم الاثنين.", "Twelve people were killed in Baghdad on Tuesday."),
        ("قُتل 12 شخصا في بغداد يوم الاثنين.", "Twelve people were killed in Doha on Monday."),
        ("لا تتمتع المحكمة بسلطة على الميناء.", "The court has authority over the port."),
        ("لا تتمتع المحكمة بسلطة، ولن تقرر شيئا.", "The court has authority, and will not decide anything."),
    ],
)
def test_another_number_day_place_or_a_lost_negation_is_noticed(sentence: str, translation: str) -> None:
    assert translates(sentence, translation) is None


def test_a_faithful_translation_is_certain() -> None:
    comparison = translates(
        "قُتل 12 شخصا في بغداد يوم الاثنين.", "Twelve people were killed in Baghdad on Monday."
    )
    assert comparison is not None
    assert comparison.licensed > 0.6


@pytest.mark.parametrize(
    ("sentence", "translation"),
    [
        ("انتُخبت مديرة غير تنفيذية.", "She was elected non-executive director."),
        ("لا يوجد شيء في الميناء.", "There is nothing in the port."),
        ("غير أن الوزير وصل إلى العاصمة.", "However, the minister arrived in the capital."),
        ("غيّر الوزير رأيه.", "The minister changed his opinion."),
    ],
)
def test_a_negation_in_other_words_is_not_lost(sentence: str, translation: str) -> None:
    assert translates(sentence, translation) is not None


def test_cited_sentences_of_the_other_language_are_translated_each_once() -> None:
    model = Replying()
    twice = draft(ARABIC, "The port opened.", ARABIC)
    after = translate_cited(twice, context(model))
    translations = [item.translation for statement in after.statements for item in statement.cited]
    assert translations == [TRANSLATION, None, TRANSLATION]
    arabic = translate_cited(draft(ARABIC, "The port opened."), context(model, "ar"))
    translations = [item.translation for statement in arabic.statements for item in statement.cited]
    assert translations == [None, ARABIC_TRANSLATION]


def test_below_the_packaged_models_english_answers_arabic_is_glossed_word_for_word() -> None:
    model = Translating(ENGLISH)
    assert as_shown(ARABIC, context(model, settings=ADAPTED)) == Translation(
        gloss(ARABIC, shown()), False, True
    )
    assert model.prompts == []
    assert as_shown(ARABIC, context(model)) == translate(ARABIC, "en", context(model))
    arabic = as_shown("The port opened.", context(Translating(ARABIC), "ar", settings=ADAPTED))
    assert arabic is not None
    assert (arabic.text, arabic.literal) == (ARABIC, False)


def test_no_more_than_a_few_are_translated_and_none_of_a_refusal() -> None:
    many = draft(*(f"{ARABIC} {n}" for n in range(MOST + 2)))
    after = translate_cited(many, context(Replying()))
    assert sum(statement.cited[0].translation is not None for statement in after.statements) == MOST
    glossed = translate_cited(many, context(Replying(), settings=ADAPTED))
    assert all(statement.cited[0].literal for statement in glossed.statements), "glosses take no time"
    refused = draft(ARABIC, outcome="not_found")
    assert translate_cited(refused, context(Replying())) is refused
