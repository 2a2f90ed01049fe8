"""Writes the files of evals: each is replaced in one step, so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.dataset import BadQuestions


def make_folder(folder: Path, *, option: str = "--out") -> None:
    """Make the folder that reports go to, and those above it.

    Args:
        folder: It may be there already.
        option: Of the command line, by which another one is given.

    Raises:
        BadQuestions: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadQuestions(f"Cannot make {folder}: {error.strerror}; give another {option}.") from None


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Replace a report; its folder is made if it is not there.

    Args:
        path: The file.
        report: Plain types and data classes.

    Raises:
        BadQuestions: It cannot be written.
    """
    write(path, json.dumps(report, ensure_ascii=False, indent=1, default=dataclasses.asdict) + "\n")


def write(path: Path, text: str, *, option: str = "--out") -> None:
    """Replace a file; its folder is made if it is not there.

    Args:
        path: The file.
        text: What is to be in it; what UTF-8 cannot write becomes a question mark.
        option: Of the command line, by which another file is given.

    Raises:
        BadQuestions: It cannot be written.
    """
    make_folder(path.parent, option=option)
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise BadQuestions(f"Cannot write {path}: {error.strerror}; give another {option}.") from None
