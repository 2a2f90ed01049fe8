"""Spellings of one name are recognised, and other names are not taken for it."""

from __future__ import annotations

import pytest

from evals.grading.spellings import same_name

SAME = (
    ("Nevsky", "Nevski"),
    ("Mohammed", "Muhammad"),
    ("Zelensky", "Zelenskyy"),
    ("Soleimani", "Sulaymani"),
    ("Abdelaziz", "Abdulaziz"),
    ("Abdullah", "Abdallah"),
    ("Hussein", "Hossein"),
    ("Khalid", "Khaled"),
    ("Ahmed", "Ahmad"),
    ("Qassem", "Kasim"),
    ("Haddad", "Hadad"),
    ("Assad", "Asad"),
    ("Sarah", "Sara"),
    ("Fatima", "Fatimah"),
    ("Mecca", "Makkah"),
    ("Osama", "Usama"),
    ("Tehran", "Teheran"),
    ("Amman", "amman"),
    ("Ian", "Ian"),
    ("Peterson", "Petersen"),  # two names, which a rule for vowels cannot tell from one
)

OTHERS = (
    ("Austria", "Australia"),
    ("Rowlett", "roulette"),
    ("Ian", "in"),
    ("Brookline", "Brooklyn"),
    ("Amman", "Oman"),
    ("Iran", "Iraq"),
    ("Georgia", "George"),
    ("Marie", "Maria"),
    ("Paul", "Paula"),
    ("Christian", "Christina"),
    ("Daniel", "Danielle"),
    ("Karim", "Karam"),
    ("Milan", "Malin"),
    ("Mali", "Malé"),
    ("Jordan", "Jordanian"),
    ("Martin", "Merton"),
    ("Hassan", "Hussein"),
    ("Niger", "Nigeria"),
    ("Slovakia", "Slovenia"),
)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_name_are_recognised(one: str, other: str) -> None:
    assert same_name(one, other)
    assert same_name(other, one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_other_names_are_not_taken_for_it(one: str, other: str) -> None:
    assert not same_name(one, other)
    assert not same_name(other, one)
