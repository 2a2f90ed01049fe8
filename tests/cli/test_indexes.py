"""What the command line says of the indexes on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Run, refused

from rag import Settings
from rag.cli import indexes

COST = "The repairs cost how many dollars, said the port director?"


def make(*names: str) -> Settings:
    """Settings, and folders that look like indexes."""
    settings = Settings.load()
    for name in names:
        (settings.indexes / name).mkdir(parents=True)
        (settings.indexes / name / "CURRENT").touch()
    return settings


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    "command",
    [
        ("ask", COST),
        ("articles",),
        ("remove", "olives"),
        ("export", "out.sanad"),
        ("index", "--show-collection"),
        ("index",),
        ("serve", "--port", "0"),
        ("ui", "--port", "0"),
        ("serve", "--port", "0", "--index", "seeds"),
    ],
    ids=" ".join,
)
def test_a_misspelt_index_is_refused_with_those_that_exist(run: Run, command: tuple[str, ...]) -> None:
    make("alpha")
    line = refused(run(*command, "--index", "sedes"))
    assert "'sedes'" in line
    assert line.endswith("sanad index FOLDER --index sedes, or use an index that exists: seeds, alpha")


def test_the_default_index_that_is_missing_is_refused_with_the_others(run: Run) -> None:
    make("mine")
    assert refused(run("articles")).endswith("sanad index, or use an index that exists: mine")


def test_of_many_indexes_ten_are_named_those_with_a_similar_name_first() -> None:
    settings = make(*(f"a{number:02}" for number in range(12)), "oslo-2024", "أوسلو")
    assert indexes.instead(["oslo2024"], settings) == (
        ", or use an index that exists: oslo-2024, a00, a01, a02, a03, a04, a05, a06, a07, a08 and 4 more"
    )
    assert indexes.instead(["اوسلو"], settings).startswith(", or use an index that exists: أوسلو, a00")


def test_only_folders_of_indexes_are_named(tmp_path: Path) -> None:
    settings = make("mine", ".importing")
    (settings.indexes / "README.md").touch()
    (settings.indexes / "notes").mkdir()
    (settings.indexes / "damaged" / "generation-0001").mkdir(parents=True)
    assert indexes.existing(settings) == ["damaged", "mine"]


ASKED = "Asking the index 'seeds'; choose another with --index."


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_question_that_names_no_index_says_which_one_is_asked_if_there_are_others(
    run: Run, more: tuple[str, ...]
) -> None:
    named = run("ask", COST, "--index", "seeds", *more)
    assert (named[0], named[2]) == (0, "")
    make("mine")
    status, out, err = run("ask", COST, *more)
    assert (status, err.splitlines()) == (0, [ASKED])
    if not more:
        assert out == named[1]
    assert run("ask", COST, "--index", "seeds", *more)[2] == ""


def test_a_question_on_a_machine_without_other_indexes_says_nothing_of_them(run: Run) -> None:
    assert "--index" not in run("ask", COST)[2]  # builds the default index
    (Settings.load().indexes / "notes").mkdir()
    assert run("ask", COST)[2] == ""


def test_nothing_is_added_where_there_is_no_index_or_none_is_missing() -> None:
    assert indexes.instead(["mine"], Settings.load()) == ""
    assert indexes.instead(["mine"], make("mine")) == ""
