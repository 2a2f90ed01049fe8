"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""The fixture ``run``: arguments → status, standard output, standard error."""


def refused(result: tuple[int, str, str]) -> str:
    """The message of a command that ended with 2 and no output; stages of work may be printed before it."""
    status, out, err = result
    assert (status, out) == (2, "")
    *stages, line = err.splitlines()
    assert all(stage.endswith(" …") for stage in stages)
    assert line.startswith("sanad: ")
    return line
