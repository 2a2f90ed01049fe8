"""Causes every fault of docs/operations.md by the tests that its table names, and prints the results.

python scripts/faults.py [DOCUMENT]       prints case, tries, outcome and data lost
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

NAME = re.compile(r"`((?:\w+/)*test_\w+\.py)::(test_\w+)`")


def documented(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each row of a document's tables whose last column is ``test``: first column, tests that it names.

    Returns:
        The first column, and file and name of each test; a row that names no test has an empty list.
    """
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    inside = False
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[-1] == "test":
            inside = True
        elif inside and not set(line) <= set("|-"):
            rows.append((cells[0], NAME.findall(cells[-1])))
    return rows


class Outcomes:
    """A pytest plugin that counts the outcomes of each test."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], list[str]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test's own part, or what kept it from running."""
        if report.when == "call" or report.outcome != "passed":
            file, _, name = report.nodeid.partition("::")
            self.seen.setdefault((file.removeprefix("tests/"), name.partition("[")[0]), []).append(
                report.outcome
            )


def main() -> int:
    """Run the tests of the table."""
    import pytest

    path = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "operations.md"
    rows = documented(path)
    nodes = sorted({f"{ROOT}/tests/{file}::{name}" for _, tests in rows for file, name in tests})
    outcomes = Outcomes()
    pytest.main([*nodes, "-q", "-q", "-m", "", "--no-header", "-p", "no:cacheprovider"], plugins=[outcomes])
    failed = False
    width = max(len(case) for case, _ in rows)
    sys.stdout.write(f"\n{'case':<{width}} {'tries':>5}  {'outcome':<22} data lost\n")
    for case, tests in rows:
        results = [outcome for test in tests for outcome in outcomes.seen.get(test, [])]
        bad, skipped = results.count("failed"), results.count("skipped")
        verdict = f"{bad} FAILED" if bad else "all well" if len(results) > skipped else "not run here"
        verdict += f", {skipped} skipped" if skipped and len(results) > skipped else ""
        failed = failed or bool(bad) or not results
        # Each test compares what is there afterwards with what was there before.
        sys.stdout.write(f"{case:<{width}} {len(results):>5}  {verdict:<22} {'?' if bad else 0}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
