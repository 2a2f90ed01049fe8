"""Replies that refuse are distinguished from those that answer, whatever the answer reports."""

from __future__ import annotations

import pytest

from evals.grading.refusals import refuses

REFUSALS = (
    "I don't know.",
    "I don’t know [1].",
    "I cannot determine that.",
    "I cannot find that in them.",
    "I'm sorry, but I am unable to answer this question.",
    "I do not have enough information to say.",
    "Not stated.",
    "Not mentioned in the articles.",
    "Unknown.",
    "The context does not mention who leads the talks.",
    "The passages do not mention a painter.",
    "The text doesn't explicitly state who it was [1].",
    "The provided context information does not contain the answer.",
    "Based on the given passages, the articles do not specify the price.",
    "None of the articles mention him.",
    "The passages contain no information about that.",
    "It does not say.",
    "They do not contain the answer.",
    "It isn't specified.",
    "It is not stated who leads the talks.",
    "I'm unable to find this in the passages.",
    "It is not specified in the given passages.",
    "The ambassador's name is not mentioned [2].",
    "The price was not given in the articles.",
    "It cannot be determined from the text.",
    "It is unclear from the passages.",
    "There is no information about that in the articles.",
    "No information is available.",
    "Unfortunately, there is no mention of this.",
    "لا أعرف.",
    "لا أستطيع الإجابة عن هذا السؤال.",
    "لا يمكن تحديد ذلك.",
    "لا تحتوي المقالات على الإجابة",
    "لا تذكر المقالات ذلك.",
    "لا تحتوي على الإجابة.",
    "لم يذكر النص عدد الجنود.",
    "المقالات المتاحة لا تذكر اسمه [1].",
    "وفقًا للنص، لا توجد معلومات عن ذلك.",
    "لا يوجد معلومات عن ذلك في النص.",
    "لم يُذكر ذلك في النصوص.",
    "لم يُذكر اسم القائد في المقال.",
    "لم يتم ذكر عدد الضحايا في النص.",
    "الاسم غير مذكور.",
    "السبب غير محدد في النص.",
    "غير معروف.",
    "عذرًا، لا أعلم.",
)

ANSWERS = (
    "",
    "He did not say who was responsible.",
    "The price was not given to reporters",
    "About 900 soldiers are in Syria. The articles do not mention Iraq.",
    "They did not leave the base [1].",
    "They do not know where he is.",
    "It does not contain uranium.",
    "I was able to find three cases, the auditor said.",
    "The minister said that he could not answer the question.",
    "“I do not know,” the minister said.",
    "The text of the agreement does not mention Iraq.",
    "The UN report did not mention Iran.",
    "No evidence of fraud was found.",
    "No soldiers were killed.",
    "The names of the victims are not yet known to their families.",
    "Iran is not mentioned by name in the speech.",
    "An unknown gunman.",
    "Information about the pilots was given to the police.",
    "يوجد نحو 900 جندي في سوريا.",
    "لم يغادر الجنود القاعدة [1].",
    "لم يذكر الوزير عدد القتلى.",
    "لم يحدد البيان موعد الانسحاب.",
    "نُقل إلى مكان غير معروف.",
    "تأجل الاجتماع إلى أجل غير محدد.",
    "لا يمكن أن تبقى القوات بعد 2026.",
    "لا توجد قوات أمريكية في النجف.",
    "قال إن الاتفاق لا يذكر العراق.",
)


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_recognised(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_no_refusal_whatever_it_reports(text: str) -> None:
    assert not refuses(text)
