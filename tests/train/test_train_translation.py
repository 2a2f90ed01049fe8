"""How the shipped tables are made, and how hints and checks of translations are measured."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag.language.translation.hints import Hint
from train.translation import check_scores, hint_scores, tables, transliteration


def test_meanings_are_sorted_by_how_often_translators_use_them() -> None:
    pairs = [("The mission left.", "غادرت البعثة")] * 4 + [("The delegation left.", "غادرت البعثة")]
    use = tables.usage(pairs, {"بعثه"})
    assert tables.ordered("بعثه", ["delegation", "mission", "group"], use) == [
        "mission#89", "delegation#33", "group",
    ]  # fmt: skip


def test_rare_words_keep_their_order() -> None:
    use = tables.usage([("The mission left.", "غادرت البعثة")], {"بعثه"})
    assert tables.ordered("بعثه", ["delegation", "mission"], use) == ["delegation", "mission"]


def test_garbage_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("هنت\tهنت=- | سنوار=^Sinwar\nكلب\tكلب=-\n", encoding="utf-8")
    assert list(tables.lexicon_rows(tmp_path)) == [("هنت", [("سنوار", ["^Sinwar"])])]


def test_letters_are_aligned_by_their_sounds(tmp_path: Path) -> None:
    names = {("سالم", "salem"): 3, ("سمير", "samir"): 3, ("مراد", "murad"): 3, ("كريم", "karim"): 3}
    file = tmp_path / "letters.tsv"
    transliteration.write(transliteration.learned(names), file)
    assert transliteration.Model(file).spellings("سمير")[0][1] == "samir"


def test_runs_of_letters_distinguish_names_from_words() -> None:
    table = transliteration.shapes(["سيلفان", "سيلفيا"] * 2, ["استحضار", "استعمال"] * 2)
    assert table["سيل"] > 0 > table["است"]


def test_one_number_or_place_of_a_translation_is_changed() -> None:
    rng = random.Random(0)
    assert check_scores.changed_number("In 2014 he left.", rng) not in ("", "In 2014 he left.")
    assert check_scores.changed_number("He left.", rng) == ""
    assert check_scores.changed_place("He left Mosul.", rng, ["Baghdad"]) == "He left Baghdad."
    assert check_scores.changed_place("He left.", rng, ["Baghdad"]) == ""


def test_a_hint_is_right_if_a_whole_meaning_is_in_the_reference() -> None:
    hint = Hint("x", ("draft law", "bill"), "word", 0)
    assert hint_scores.is_right(hint, frozenset(["bill"]), "en")
    assert not hint_scores.is_right(hint, frozenset(["draft"]), "en")


def test_scores_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("25 people left Mosul on Tuesday.\tغادر 25 شخصا الموصل يوم الثلاثاء.\n", encoding="utf-8")
    assert hint_scores.main([str(file), "--show", "1"]) == 0
    assert check_scores.main([str(file), "--show", "1"]) == 0
    printed = capsys.readouterr().out
    assert "content words licensed 1.000 of 4" in printed
    assert "any value 0.000" in printed
