"""The commands that keep an index up to date and look into it: index, articles, remove, and the filters."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command import Run, refused
from rich.cells import cell_len

from rag import Settings

COST = "The repairs cost how many dollars, said the port director?"


def assert_reports(out: str, beginning: str) -> None:
    assert out.startswith(beginning)
    assert out.endswith("embedded)\n")
    assert out.count("\n") == 1


def test_indexing_reports_what_changed(run: Run, small_articles: Path) -> None:
    folder = str(small_articles)
    status, out, _ = run("index", folder, "--index", "mine")
    assert status == 0
    assert_reports(out, "mine: 3 articles, 3 passages (3 added; 3 ")
    assert_reports(
        run("index", folder, "--index", "mine")[1], "mine: 3 articles, 3 passages (nothing changed; 0 "
    )
    (small_articles / "olives.txt").write_text("No olives this year, the farmers said.", encoding="utf-8")
    (small_articles / "library.txt").unlink()
    line = refused(run("index", folder, "--index", "mine"))
    assert "1 of the 3 articles" in line
    assert "--allow-shrink" in line
    # The catalogue's table without an article is reported as skipped.
    expected = "mine: 2 articles, 2 passages (1 changed, 1 removed, 1 skipped; 1 "
    assert_reports(run("index", folder, "--index", "mine", "--allow-shrink")[1], expected)


@pytest.mark.slow
def test_unusable_files_are_named_counted_and_skipped(run: Run, small_articles: Path) -> None:
    (small_articles / "picture.txt").write_bytes(b"\x89PNG\0\0\0")
    (small_articles / "report.pdf").write_bytes(b"%PDF-1.7")
    (small_articles / "empty.txt").write_bytes(b"")
    status, out, err = run("index")
    assert status == 0
    skipped = [line for line in err.splitlines() if line.startswith("skipped ")]
    assert [line.partition(":")[0] for line in skipped] == [
        "skipped empty.txt",
        "skipped picture.txt",
        "skipped report.pdf",
    ]
    assert "binary" in skipped[1]
    assert_reports(out, "seeds: 3 articles, 3 passages (3 added, 3 skipped; 3 ")


def test_a_named_index_needs_a_folder_once(run: Run, small_articles: Path) -> None:
    assert "sanad index FOLDER --index mine" in refused(run("index", "--index", "mine"))
    run("index", "articles", "--index", "mine")
    (small_articles / "bridge.txt").write_text("The bridge opened on Monday.", encoding="utf-8")
    assert_reports(run("index", "--index", "mine")[1], "mine: 4 articles, 4 passages (1 added; 1 ")


def test_of_many_skipped_files_the_first_are_named(run: Run, small_articles: Path) -> None:
    for n in range(30):
        (small_articles / f"{n:02}.png").write_bytes(b"\x89PNG\0")
    status, out, err = run("index")
    assert status == 0
    lines = [line for line in err.splitlines() if "skipped" in line]
    assert [line.partition(":")[0] for line in lines[:20]] == [f"skipped {n:02}.png" for n in range(20)]
    assert len(lines) == 20
    assert "… and 10 more; use --verbose to list all" in err.splitlines()
    assert_reports(out, "seeds: 3 articles, 3 passages (3 added, 30 skipped; 3 ")
    everything = run("index", "--verbose")[2]
    assert len([line for line in everything.splitlines() if line.startswith("skipped ")]) == 30
    assert "more" not in everything


def rows(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


LISTED = [
    ["harbour", "2024-09-06", "Coast Daily", "en", "Harbour reopens after two years", "1", "harbour"],
    ["library", "", "صحيفة النخيل", "ar", "افتتاح مكتبة في حي النخيل", "1", "library"],
    ["olives", "", "", "en", "Olive harvest falls by a third", "1", "olives"],
]


def test_articles_are_listed_by_date_those_without_one_last(run: Run, small_articles: Path) -> None:
    run("index")
    assert rows(run("articles")[1]) == LISTED
    catalogue = small_articles / "articles.toml"
    with catalogue.open("a", encoding="utf-8") as file:
        file.write(
            'published = "2024-09"\n\n[olives]\ntitle = "A\\ttab\\nand a line"\npublished = "2023-01-01"\n'
        )
    run("index")
    listed = rows(run("articles")[1])
    assert [(row[0], row[1]) for row in listed] == [
        ("olives", "2023-01-01"),
        ("library", "2024-09"),
        ("harbour", "2024-09-06"),
    ]
    assert listed[0][4] == "A tab and a line"


@pytest.mark.usefixtures("indexed")
def test_articles_are_listed_as_json(run: Run) -> None:
    entries = json.loads(run("articles", "--json")[1])
    assert [list(entry) for entry in entries] == 3 * [
        ["id", "published", "outlet", "language", "title", "passages", "group"]
    ]
    assert [[str(value or "") for value in entry.values()] for entry in entries] == LISTED


@pytest.mark.usefixtures("indexed")
def test_articles_are_listed_by_filter(run: Run) -> None:
    for flags, found in (
        (("--outlet", "coast daily"), ["harbour"]),
        (("--outlet", "صحيفه النخيل", "--outlet", "Coast Daily"), ["harbour", "library"]),
        (("--since", "2024"), ["harbour"]),
        (("--since", "2024-09-07"), []),
        (("--until", "2024-09"), ["harbour"]),
        (("--language", "en"), ["harbour", "olives"]),
        (("--language", "ar", "--outlet", "Coast Daily"), []),
    ):
        status, out, err = run("articles", *flags)
        assert (status, bool(err)) == (0, not found)
        assert [row[0] for row in rows(out)] == found, flags


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("terminal", [False, True])
def test_a_filter_that_matches_no_article_is_reported_with_what_there_is_beside_an_empty_list(
    run: Run, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    if terminal:
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
    expected = (
        "No article matches the filter (outlet “CNN”). In the index: outlets “Coast Daily”, “صحيفة النخيل” "
        "(without one: 1 of 3 articles); only the date 2024-09-06 (without one: 2 of 3 articles); "
        "languages Arabic, English.\n"
    )
    assert run("articles", "--outlet", "CNN") == (0, "", expected)
    assert run("articles", "--outlet", "CNN", "--json") == (0, "[]\n", expected)


@pytest.mark.usefixtures("indexed")
def test_of_many_outlets_that_a_filter_does_not_name_ten_are_reported(run: Run, small_articles: Path) -> None:
    (small_articles / "more.jsonl").write_text(
        "\n".join(json.dumps({"text": f"Story {n}.", "outlet": f"Outlet {n}"}) for n in range(12)),
        encoding="utf-8",
    )
    run("index")
    message = run("articles", "--outlet", "CNN")[2]
    assert message.count("“") == 11 and " and 4 more (" in message


@pytest.mark.parametrize("command", [("ask", COST), ("articles",)])
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--since", "soon"), "'soon'"),
        (("--until", "2024-02-30"), "'2024-02-30'"),
        (("--since", "2025", "--until", "2024"), "'2025'"),
        (("--language", "fr"), "'fr'"),
        (("--outlet", ""), "''"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_before_anything_runs(
    run: Run, command: tuple[str, ...], flags: tuple[str, ...], expected: str
) -> None:
    assert expected in refused(run(*command, *flags))


def test_articles_of_an_unknown_index_are_refused_with_its_command(run: Run) -> None:
    assert refused(run("articles")).endswith("sanad index")


@pytest.mark.usefixtures("indexed")
def test_a_table_on_a_terminal_keeps_its_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "72")
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in run("articles")[1].splitlines()]
    assert lines[-1] == "3 articles"
    cells = [[cell.strip() for cell in line.split("\u200e")[1:]] for line in lines[1:-1]]
    assert [(row[0], row[1], row[2], row[3], row[4]) for row in cells] == [
        ("2024-09-06", "harbour", "en", "1", "Coast Daily"),
        ("–", "library", "ar", "1", "صحيفة النخيل"),
        ("–", "olives", "en", "1", "–"),
    ]
    starts = {cell_len(line[: line.rindex("\u200e")]) for line in lines[1:-1]}
    assert len(starts) == 1, "the last column begins in the same place in every line"
    assert max(cell_len(line) for line in lines) <= 72


@pytest.mark.usefixtures("indexed")
def test_a_question_is_answered_from_what_the_filter_allows(run: Run) -> None:
    assert "harbour.txt:3" in run("ask", COST)[1]
    _, out, _ = run("ask", COST, "--language", "ar")
    assert "library.txt" in out
    assert "harbour.txt" not in out
    status, out, err = run("ask", COST, "--outlet", "CNN", "--since", "2024")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "No article matches the filter (outlet “CNN”; from 2024). In the index: outlets “Coast Daily”, "
        "“صحيفة النخيل” (without one: 1 of 3 articles); only the date 2024-09-06 (without one: "
        "2 of 3 articles); languages Arabic, English."
    ]
    answer = json.loads(run("ask", COST, "--json", "--until", "2024-10")[1])
    assert answer["where"] == {"outlets": [], "since": None, "until": "2024-10", "language": None}


@pytest.mark.slow
def test_removed_articles_are_gone_until_their_folder_is_indexed_again(
    run: Run, small_articles: Path
) -> None:
    for n in range(8):
        (small_articles / f"more{n}.txt").write_text(f"Story {n} of many was told.", encoding="utf-8")
    run("index")
    status, out, err = run("remove", "olives", "more3")
    assert (status, out) == (0, "seeds: 2 removed, 9 articles left\n")
    assert err.splitlines()[-1].endswith("the next update (sanad index) adds the articles again.")
    listed = [row[0] for row in rows(run("articles")[1])]
    assert len(listed) == 9
    assert not {"olives", "more3"} & set(listed)
    assert "olives.txt" not in run("ask", "How many tonnes of olives were gathered?")[1]
    assert (small_articles / "olives.txt").is_file()
    assert_reports(run("index")[1], "seeds: 11 articles, 11 passages (2 added; 2 ")


@pytest.mark.usefixtures("indexed")
def test_an_unknown_article_is_refused_with_near_ones_and_nothing_is_removed(run: Run) -> None:
    line = refused(run("remove", "olives", "harbor", "zzz", "--allow-shrink"))
    assert "'harbor' (similar: 'harbour'), 'zzz'" in line
    assert "'olives'" not in line
    assert len(rows(run("articles")[1])) == 3


@pytest.mark.usefixtures("indexed")
def test_many_articles_are_removed_only_on_purpose(run: Run) -> None:
    line = refused(run("remove", "olives"))
    assert "1 of the 3 articles" in line
    assert "--allow-shrink" in line
    assert len(rows(run("articles")[1])) == 3
    assert run("remove", "olives", "olives", "--allow-shrink")[1] == "seeds: 1 removed, 2 articles left\n"
    line = refused(run("remove", "harbour", "library", "--allow-shrink"))
    assert str(Settings.load().indexes / "seeds") in line
    assert len(rows(run("articles")[1])) == 2


def test_removing_from_an_index_that_does_not_exist_is_refused(run: Run) -> None:
    assert "'mine'" in refused(run("remove", "olives", "--index", "mine"))
