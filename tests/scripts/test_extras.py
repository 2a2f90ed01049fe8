"""The guide's table of extras has every extra, and their measured sizes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import extras
import pytest

TABLE = re.findall(
    r"^\| (?:`(\w+)`|\(none\)) \| .* \| ([\d,]+) \|$",
    (Path(extras.ROOT) / "docs" / "guide.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_table_has_every_extra_once() -> None:
    assert sorted(name for name, _ in TABLE) == sorted(["", *extras.EXTRAS])


@pytest.mark.slow
def test_an_extra_of_another_extra_brings_what_that_needs() -> None:
    name = extras.PROJECT["name"]
    assert ("torch", "") in extras.needed([f"{name}[bench]"])
    assert ("torch", "") not in extras.needed([name])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="wheels of other systems have other sizes")
def test_the_sizes_are_those_of_what_is_installed() -> None:
    sizes, shown = extras.sizes(), dict(TABLE)
    for name in ("", "models"):  # the others hold PyTorch, whose builds differ, or may not be installed
        measured = sizes[name] / 1e6
        written = int(shown[name].replace(",", ""))
        assert abs(measured - written) <= 0.1 * measured, f"{name}: python scripts/extras.py"
