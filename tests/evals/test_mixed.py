"""Collections whose articles are in Arabic or English by lot."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from evals import mixed
from evals.dataset import read_questions
from evals.mixed import Item, ask, open_searcher, read_pairs, table
from rag.models.embedding.embedder import FakeEmbedder
from rag.settings import Settings

ARABIC = {
    "ferry": "أعلنت شركة العبارات أن الرحلات إلى مصر تتوقف في الشتاء.",
    "wheat": "ارتفعت أسعار القمح في فرنسا بعد الجفاف.",
}
ENGLISH = {
    "ferry": "The ferry company said that its trips to Egypt stop in winter.",
    "wheat": "Wheat prices rose in France after the drought.",
}
QUESTIONS = [
    ("q1", "en", "When do the trips to Egypt stop?", ["ferry"]),
    ("q2", "ar", "أين ارتفعت أسعار القمح؟", ["wheat"]),
    ("q3", "en", "What do the ferry company and France have in common?", ["ferry", "wheat"]),
]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Articles in Arabic, the same in English, and questions about them."""
    for name, texts in (("ar", ARABIC), ("en", ENGLISH)):
        (tmp_path / name).mkdir()
        for article, text in texts.items():
            (tmp_path / name / f"{article}.txt").write_text(text, encoding="utf-8")
    rows = [
        {
            "id": id_, "question": text, "lang": lang, "answerable": True, "must": [["x"]], "must_not": [],
            "evidence": [{"article": name, "quote": ARABIC[name]} for name in right], "tags": ["x"],
        }
        for id_, lang, text, right in QUESTIONS
    ]  # fmt: skip
    rows.append(rows[0] | {"id": "none", "answerable": False, "evidence": []})
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path / "ar", tmp_path / "en", file


def arguments(folders: Sequence[Path], *more: str) -> list[str]:
    corpus, english, questions = map(str, folders)
    return ["--corpus", corpus, "--english", english, "--questions", questions, *more]


def test_every_question_is_asked_of_every_draw_and_reported_by_direction(
    folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "items.jsonl"
    argv = arguments(folders, "--draws", "4", "--out", str(out))
    assert mixed.main(argv, embedder=FakeEmbedder()) == 0
    items = [Item(**json.loads(line)) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [item.id for item in items] == ["q1", "q2", "q3"] * 4
    assert {item.direction for item in items if item.id == "q1"} == {"en-ar", "en-en"}
    assert {item.direction for item in items if item.id == "q3"} <= {
        "both, one language",
        "both, two languages",
    }
    assert all(1 <= item.rank <= 2 for item in items)
    shown = capsys.readouterr().out
    assert shown == table(items) + "\n"
    assert {line[:20].strip() for line in shown.splitlines()[1:]} == {item.direction for item in items}
    assert mixed.main(argv, embedder=FakeEmbedder()) == 0
    assert capsys.readouterr().out == shown, "the same seed draws the same lots"


def test_a_draw_holds_each_article_in_one_language(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    arabic, english, questions = folders
    settings = Settings.load()
    pairs = read_pairs(arabic, english, settings)
    assert {article.id for article in pairs.articles} == {"ar/ferry", "ar/wheat", "en/ferry", "en/wheat"}
    draws = [pairs.draw(str(seed)) for seed in range(20)]
    assert {tuple(draw.items()) for draw in draws} == {
        (("ferry", one), ("wheat", other)) for one in ("ar", "en") for other in ("ar", "en")
    }
    searcher = open_searcher(pairs.articles, tmp_path / "index", settings, FakeEmbedder())
    items = list(ask(searcher, pairs, read_questions(questions), {"ferry": "ar", "wheat": "en"}))
    assert [(item.id, item.direction, item.article) for item in items] == [
        ("q1", "en-ar", "ferry"),
        ("q2", "ar-en", "wheat"),
        ("q3", "both, two languages", "ferry"),
    ]
    assert items[2].rank == 2, "the second of two articles, as both are wanted"


def test_files_with_other_names_are_paired_in_order(folders: tuple[Path, Path, Path]) -> None:
    arabic, english, _ = folders
    for number, file in enumerate(sorted(english.iterdir())):
        file.rename(english / f"en{number}.txt")
    pairs = read_pairs(arabic, english, Settings.load())
    assert pairs.name_of == {"ferry": "ferry", "wheat": "wheat", "en0": "ferry", "en1": "wheat"}


@pytest.mark.parametrize("change", ["missing", "other name"])
def test_articles_that_do_not_pair_are_an_error(
    folders: tuple[Path, Path, Path], change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folders[1] / "wheat.txt"
    if change == "missing":
        file.unlink()
    else:
        file.rename(file.with_name("corn.txt"))
    assert mixed.main(arguments(folders), embedder=FakeEmbedder()) == 2
    message = capsys.readouterr().err
    assert "2 articles" in message
    assert "1 have the same name" in message


def test_questions_without_a_right_article_are_an_error(
    folders: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = folders[2].read_text(encoding="utf-8").splitlines()
    folders[2].write_text(lines[-1] + "\n", encoding="utf-8")
    assert mixed.main(arguments(folders), embedder=FakeEmbedder()) == 2
    assert "no question has evidence" in capsys.readouterr().err


def test_recall_counts_the_ranks_up_to_each_depth() -> None:
    items = [Item("q", "ar-en", f"a{rank}", rank) for rank in (1, 1, 2, 5, 6, 10, 0, 0)]
    row = table(items).splitlines()[1].split()
    assert row[:2] == ["ar-en", "8"]
    assert re.findall(r"\d\.\d{3}", " ".join(row)) == ["0.250", "0.500", "0.750", "0.371"]
