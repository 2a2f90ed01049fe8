"""Files that this user may not read cost one line with the path, the reason and the fix."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Run, refused

from rag import Settings
from rag.index.layout import CURRENT

COST = "The repairs cost how many dollars, said the port director?"

Lock = Callable[[Path], None]


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> Lock:
    """Takes from this user the right to a path, and to see what is below it: tests may run as root."""
    locked: list[Path] = []

    def guarded(real: Callable[..., Any], *, itself: bool) -> Callable[..., Any]:
        def call(path: Any = ".", *arguments: Any, **options: Any) -> Any:
            if not isinstance(path, int):
                whole = Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - resolve() looks at the disk
                if any((itself and whole == one) or one in whole.parents for one in locked):
                    raise PermissionError(13, "Permission denied", str(path))
            return real(path, *arguments, **options)

        return call

    for module, name in ((io, "open"), (builtins, "open"), (os, "open"), (os, "scandir"), (os, "listdir")):
        monkeypatch.setattr(module, name, guarded(getattr(module, name), itself=True))
    for name in ("stat", "lstat", "mkdir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name), itself=False))
    return locked.append


@pytest.mark.usefixtures("indexed")
def test_a_question_is_answered_where_the_sockets_belong_to_another_user(run: Run, lock: Lock) -> None:
    lock(Settings.load().cache / "serve")
    status, out, err = run("ask", COST)
    assert (status, "harbour.txt:3" in out, "denied" in err) == (0, True, False)


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("below", "command"),
    [
        ("cache/models", ["models"]),
        ("indexes/seeds/.lock", ["index", "--show-collection"]),
        ("elsewhere", ["export", "elsewhere/x.tar"]),
        ("elsewhere", ["import", "elsewhere/x.tar", "--index", "mine"]),
    ],
)
def test_a_path_without_permission_is_named_with_the_fix(
    run: Run, lock: Lock, tmp_path: Path, below: str, command: list[str]
) -> None:
    lock(tmp_path / below)
    message = refused(run(*command))
    assert below in message and "Permission denied. Give your user access" in message


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (CURRENT, ["articles"]),
        (CURRENT, ["remove", "olives"]),
        (CURRENT, ["index", "--show-collection"]),
        ("generation-0001/manifest.json", ["articles"]),
        ("generation-0001/manifest.json", ["index", "--show-collection"]),
        ("generation-0001/articles.jsonl", ["articles"]),
        ("generation-0001/articles.jsonl", ["remove", "olives"]),
    ],
)
def test_an_index_that_may_not_be_read_is_not_called_damaged(
    run: Run, lock: Lock, indexed: Path, name: str, command: list[str]
) -> None:
    lock(indexed / name)
    message = refused(run(*command))
    assert f"cannot be read: {indexed / name}" in message and "Permission denied. Give" in message
    assert "Rebuild" not in message and "damaged" not in message


def test_a_damaged_index_has_no_collection_to_show(run: Run, indexed: Path) -> None:
    (indexed / CURRENT).write_bytes(b"?")
    assert "is damaged: CURRENT has changed on disk. Rebuild it" in refused(run("index", "--show-collection"))
