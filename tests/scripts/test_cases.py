"""The cases of a folder: what is right is printed, and a wrong or unknown one is a failure."""

from __future__ import annotations

import sys
from pathlib import Path

import cases
import pytest


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str]]:
    monkeypatch.setattr(sys, "argv", ["cases.py", str(folder), "--without-model"])
    status = cases.main()
    return status, capsys.readouterr().out.splitlines()


def test_each_check_of_a_case_is_printed_with_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    glued = tmp_path / "26-glued" / "glued.txt"
    glued.parent.mkdir()
    glued.write_text("وصل نحو2500جندي إلى القاعدة.", encoding="utf-8")
    status, lines = run(tmp_path, monkeypatch, capsys)
    assert status == 0
    assert [line.split()[:2] for line in lines[:2]] == [["right", "26-glued"]] * 2
    assert lines[2] == "2 of 2 checks right, 1 cases"
    glued.write_text("وصل 2500 شخص إلى القاعدة.", encoding="utf-8")
    status, lines = run(tmp_path, monkeypatch, capsys)
    assert (status, lines[1].split()[0], lines[2]) == (1, "WRONG", "1 of 2 checks right, 1 cases")


def test_a_case_without_checks_and_a_folder_without_cases_are_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, monkeypatch, capsys)[0] == 1
    (tmp_path / "99-unknown").mkdir()
    status, lines = run(tmp_path, monkeypatch, capsys)
    assert status == 1
    assert lines[0].split()[:2] == ["WRONG", "99-unknown"]
