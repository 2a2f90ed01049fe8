"""How command lines of evals end: 2 and one line for what can be mended, 130 where they are interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable

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
