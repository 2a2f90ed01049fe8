"""Tries corrupted input on everything that reads files or requests from outside, for a limited time.

python scripts/fuzz.py [--minutes 10] [WORD]      prints target, inputs and findings; WORD selects rows

Inputs and checks are those of tests/scripts/test_fuzz.py and tests/server/test_api_fuzz.py, which try only a
few; every run tries others. An input that is found here becomes a test there. Ends with 1 if one is found.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / room) for room in ("", "scripts", "server"))]

from conftest import assistant_over  # its import also keeps libraries off the network
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from test_api_fuzz import cases_of, check_case, operations_of
from test_fuzz import (
    PARSED,
    PARSED_FILES,
    ROWS,
    SPOILT_WEIGHTS,
    check_loader,
    check_read,
    check_weights,
    folders,
)

from rag.loading.articles import ARTICLE_FILES
from rag.loading.parsed import ParsedFile
from rag.loading.sandbox import Readers, read

BATCH = 100
"""Inputs between two looks at the clock."""

Target = tuple[str, SearchStrategy[Any], Callable[[Any], None]]
"""Name of the target, its inputs, and the check."""


def targets(stack: ExitStack) -> Iterator[Target]:
    """Everything that reads input from outside."""
    readers = stack.enter_context(Readers({}, seconds=60))
    plain = tuple(ending for ending in ARTICLE_FILES if ending not in PARSED)
    yield "folders of articles", folders(plain), check_loader
    for kind, rows in ROWS.items():
        yield f"{kind} collections", rows, checked(partial(read, kind))
    for kind, files in PARSED_FILES.items():
        yield f"{kind} files", files, checked(partial(readers.read, kind))
    yield "weights", SPOILT_WEIGHTS, check_weights
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sanad-fuzz-")))
    for label, operation in operations_of(stack.enter_context(assistant_over(folder))).items():
        if operation.method.upper() == "POST":  # what a GET takes is soon exhausted
            yield label, cases_of(operation), check_case


def checked(parse: Callable[[bytes], ParsedFile]) -> Callable[[bytes], None]:
    """A check that a parser turns a file into articles or a reason."""
    return lambda data: check_read(partial(parse, data))


def tried(strategy: SearchStrategy[Any], check: Callable[[Any], None], seconds: float) -> tuple[int, str]:
    """Try inputs until the time is over, or until one is not handled properly.

    Returns:
        The number of inputs tried, and what was found, which is empty for nothing.
    """
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:

        @seed(random.randrange(2**32))
        @settings(
            max_examples=BATCH, database=None, deadline=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )  # fmt: skip
        @given(strategy)
        def batch(value: Any) -> None:
            nonlocal count
            count += 1
            check(value)

        try:
            batch()
        except Exception:
            return count, traceback.format_exc()
    return count, ""


def main() -> int:
    """Try all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    logging.getLogger("rag").addHandler(logging.NullHandler())  # questions that are refused are warned of
    findings = []
    with ExitStack() as stack:
        chosen = [target for target in targets(stack) if options.word in target[0]]
        sys.stdout.write(f"{'what':<28} {'inputs':>8}  findings\n")
        for name, strategy, check in chosen:
            count, failure = tried(strategy, check, options.minutes * 60 / len(chosen))
            sys.stdout.write(f"{name:<28} {count:>8}  {1 if failure else 0}\n")
            sys.stdout.flush()
            findings += [f"\n{name}\n{failure}"] if failure else []
    sys.stdout.write("".join(findings))
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
