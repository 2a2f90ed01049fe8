"""Names are compared with the spellings that newspapers use."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.names import Item, NoNames, main, outcome, read, summary

SENTENCE = "وصل الوزير إلى القاهرة مساء الاثنين"


def item(arabic: str, *accepted: str, sentence: str = "") -> Item:
    return Item(arabic, accepted, "made up", sentence or arabic)


@pytest.mark.parametrize(
    ("one", "right"),
    [
        (item("القاهرة", "Cairo"), True),
        (item("القاهرة", "Kairo", "cairo", sentence=SENTENCE), True),
        (item("القاهرة", "Alexandria"), False),
        (item("القاهرة", "Cairo Tower"), False),
    ],
)
def test_a_name_is_right_if_its_first_spelling_is_accepted(one: Item, right: bool) -> None:
    assert outcome(one).right is right


def test_where_a_spelling_comes_from_is_reported() -> None:
    assert outcome(item("القاهرة", "Cairo")).origin == "table"
    assert outcome(item("أوبتيكور", "Opticor")).origin == "letters"
    assert outcome(item("مدينة", "Medina")).origin == "words"
    assert outcome(item("في", "Fay")).origin == "none"


def test_the_summary_counts_by_group_and_lists_what_is_wrong() -> None:
    text = summary([outcome(item("القاهرة", "Cairo")), outcome(item("القاهرة", "Alexandria"))])
    assert "names: 2, right 1 = 0.50 [0.09, 0.91], otherwise 1, not translated 0" in text
    assert "made up: 2" in text
    assert "القاهرة: Cairo, not Alexandria" in text


def test_a_file_of_names_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "names.tsv"
    lines = f"القاهرة\tCairo|Al-Qahira\tplaces\t{SENTENCE}\n\nلندن\tLondon\tplaces\n"
    file.write_text(lines, encoding="utf-8")
    assert [one.accepted for one in read(file)] == [("Cairo", "Al-Qahira"), ("London",)]
    assert main([str(file)]) == 0
    assert "names: 2, right 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("القاهرة\tCairo\n", "line 1 needs"),
        ("لندن\tLondon\tplaces\nالقاهرة\tCairo\tplaces\tفي لندن\n", "line 2: the sentence does not contain"),
        ("\n", "holds no names"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "names.tsv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(NoNames, match=reason):
        read(file)
    assert main([str(file)]) == 2
