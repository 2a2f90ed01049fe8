"""Translations are scored against human ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from contexts import ADAPTED, TRANSLATION, Replying, context

from evals import translation
from evals.translation import (
    SYSTEMS,
    Item,
    interval,
    names_exact,
    names_kept,
    numbers_kept,
    read_pairs,
    report,
    run,
    scores,
)
from rag.language.glossing.gloss import gloss
from rag.language.translation.reader import shown

REFERENCE = "On Monday the mayor, Samer Haddad, opened 12 schools in Amman."


def item(text: str) -> Item:
    return Item("…", REFERENCE, text, certain=True, seconds=1.0)


@pytest.mark.parametrize(
    ("text", "names", "numbers"),
    [
        (REFERENCE, (3, 3), (1, 1)),
        ("Mayor Sameer Hadad opened twelve schools in Oman.", (2, 3), (1, 1)),
        ("A mayor opened 13 schools.", (0, 3), (0, 1)),
    ],
)
def test_names_and_numbers_of_the_reference_are_looked_for(
    text: str, names: tuple[int, int], numbers: tuple[int, int]
) -> None:
    assert names_kept(REFERENCE, text) == names
    assert numbers_kept(REFERENCE, text) == numbers


def test_the_parts_of_a_name_count_by_themselves_and_contractions_do_not() -> None:
    reference = "He said I'm sure that Tim Berners-Lee met Paul O'Keefe's son on an F-16 of Al-Asad."
    assert names_kept(reference, "Tim Berners Lee of Asad met the son of Paul O'Keefe") == (6, 6)


def test_another_name_or_a_common_word_is_not_the_name() -> None:
    reference = "There Ian Rowlett of Brookline met Alexander Nevsky in Austria."
    text = "In roulette Brooklyn met Alexander Nevski in Australia."
    assert names_kept(reference, text) == (2, 6)
    assert names_exact(reference, text) == (1, 6)


def test_where_there_is_no_name_there_is_no_share_of_names() -> None:
    pytest.importorskip("sacrebleu")
    nameless = Item("…", "He left.", "He went.", certain=True, seconds=1.0)
    assert scores([nameless])["names_kept"] is None
    # A sample of the bootstrap may have no name.
    assert interval([nameless, item(REFERENCE)], "names_kept") == (1.0, 1.0)


def test_a_perfect_translation_has_full_scores() -> None:
    pytest.importorskip("sacrebleu")
    found = scores([item(REFERENCE)])
    assert found == {
        "chrf": 100.0,
        "bleu": pytest.approx(100.0),
        "numbers_kept": 1.0,
        "names_kept": 1.0,
        "names_exact": 1.0,
    }
    worse = scores([item("No.")])["chrf"]
    assert worse is not None
    assert worse < 20


def test_the_report_holds_every_sentence() -> None:
    pytest.importorskip("sacrebleu")
    pairs = [("قُتل 12 شخصا في بغداد.", "Twelve people were killed in Baghdad.")]
    items = run(pairs, context(Replying()))
    found = report(items, "a model")
    assert found["n"] == 1
    assert found["items"] == [dataclasses.asdict(items[0])]
    assert items[0].translation == TRANSLATION
    assert not items[0].certain


def test_what_answers_show_is_compared_with_sentences_by_the_model() -> None:
    adapted = context(Replying(), settings=ADAPTED)
    source = "قُتل 12 شخصا في بغداد."
    texts = {name: run([(source, "")], adapted, system)[0].translation for name, system in SYSTEMS.items()}
    assert texts == {"shown": gloss(source, shown()), "hinted": TRANSLATION, "plain": TRANSLATION}


def test_files_that_do_not_fit_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "ar.txt", tmp_path / "en.txt"
    one.write_text("سطر\n\nآخر\n", encoding="utf-8")
    two.write_text("a line\n\nanother\n", encoding="utf-8")
    assert read_pairs(one, two) == [("سطر", "a line"), ("آخر", "another")]
    two.write_text("a line\n", encoding="utf-8")
    assert translation.main(["--source", str(one), "--reference", str(two)]) == 2
    assert "one translation a line" in capsys.readouterr().err
    assert translation.main(["--source", str(tmp_path / "none"), "--reference", str(two)]) == 2
