"""The command ``sanad eval``, the numbers that command lines of evals take, and how they end.

They end with status 2 and one line for an error that the user can fix, and with 130 when interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from rag import SanadError


def exit_status(work: Callable[[], int | None]) -> int:
    """Run a command's work and return its exit status.

    Args:
        work: Returns the status; None is 0.
    """
    try:
        return work() or 0
    except SanadError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone; without this Python complains again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def natural(text: str) -> int:
    """The value of an option that takes 0 or more."""
    return _at_least(0, text)


def positive(text: str) -> int:
    """The value of an option that takes 1 or more."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    if (value := int(text)) < least:
        raise argparse.ArgumentTypeError(f"{text} is below {least}")
    return value


def main(arguments: Sequence[str]) -> int:
    """Run ``sanad eval`` and return its exit status.

    Args:
        arguments: Those of evals/run.py, or ``draft`` or ``check`` and those of evals/workbench.py.
    """
    from evals import run, workbench

    if arguments and arguments[0] in workbench.COMMANDS:
        return workbench.main(arguments, prog="sanad eval")
    return run.main(arguments, prog="sanad eval")
