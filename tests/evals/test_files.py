"""Reports are replaced whole, and a place that cannot be written is named with the option to change."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from evals import files
from evals.dataset import BadQuestions


@dataclasses.dataclass
class Row:
    size: int


def test_a_report_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    files.write_json(path, {"rows": [Row(1)], "text": "ميناء"})
    files.write_json(path, {"rows": [Row(2)], "text": "ميناء"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"rows": [{"size": 2}], "text": "ميناء"}
    assert "ميناء" in path.read_text(encoding="utf-8")
    assert list(path.parent.iterdir()) == [path]


def test_what_utf_8_cannot_write_becomes_a_question_mark(tmp_path: Path) -> None:
    files.write(tmp_path / "a.txt", "a\ud800b")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "a?b"


@pytest.mark.parametrize("place", ["file/out.json", "folder"])
def test_a_place_that_cannot_be_written_is_named_and_what_was_there_stays(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadQuestions, match=r"Cannot (make|write) .*; give another --sheet"):
        files.write(tmp_path / place, "x", option="--sheet")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
