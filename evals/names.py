"""How many names the tables of rag/language/translation spell as English newspapers do, without the model.

    python -m evals.names FILE

FILE has a line for each name: Arabic, TAB, accepted spellings separated by ``|``, TAB, a group, and where
the context is to count, TAB and a sentence with the name. What the tables hint first has to be an accepted
spelling; case, accents, hyphens and "the" make no difference. Prints how many names of each group are right,
with Wilson's 95 % interval, where their spellings come from, and the wrong ones.

Exit status: 0 done; 2 could not run.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evals.command import exit_status
from evals.grading.intervals import wilson
from rag.errors import SanadError
from rag.language.translation.hints import Hint, hints_for
from rag.language.translation.words import keys_of

Origin = Literal["table", "letters", "words", "none"]
"""Where a spelling comes from: a table of names, its letters, ordinary words, or nowhere."""

_ORIGINS: dict[Origin, str] = {
    "table": "from tables of names",
    "letters": "spelled by letter, at least in part",
    "words": "translated as ordinary words, at least in part",
    "none": "not translated",
}


class NoNames(SanadError):
    """The file holds no names, or a line of it cannot be used."""


@dataclass(frozen=True, slots=True)
class Item:
    """A name whose English spelling is known."""

    arabic: str
    """As in the sentence."""
    accepted: tuple[str, ...]
    group: str
    sentence: str
    """That has the name; the name itself where the file gives none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tables spell a name."""

    item: Item
    spelling: str
    """What is hinted first; empty where nothing is."""
    right: bool
    hinted: bool
    """Whether an accepted spelling is among the equivalents that are hinted."""
    origin: Origin


def read(file: Path) -> list[Item]:
    """The names of a file.

    Args:
        file: See the module's description.

    Raises:
        NoNames: It cannot be read, has no lines, or a line lacks a column or its own name.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NoNames(f"{file} cannot be read: {error}") from None
    items = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        arabic, spellings, group, sentence = [*map(str.strip, line.split("\t")), "", "", ""][:4]
        if not (arabic and spellings and group):
            raise NoNames(f"{file}, line {number} needs Arabic, spellings and group between tabs: {line!r}")
        if arabic not in (sentence or arabic):
            raise NoNames(f"{file}, line {number}: the sentence does not contain {arabic!r}.")
        items.append(Item(arabic, tuple(spellings.split("|")), group, sentence or arabic))
    if not items:
        raise NoNames(f"{file} holds no names.")
    return items


def outcome(item: Item) -> Outcome:
    """How the tables spell a name."""
    start = item.sentence.index(item.arabic)
    end = start + len(item.arabic)
    hints = [h for h in hints_for(item.sentence, "ar") if h.start < end and h.start + len(h.source) > start]
    wider = any(h.start < start - 2 or h.start + len(h.source) > end for h in hints)
    choices = itertools.product(*(hint.targets for hint in hints))
    fits = [_is_accepted(" ".join(choice), item.accepted, within=wider) for choice in choices]
    spelling = " ".join(hint.targets[0] for hint in hints)
    return Outcome(item, spelling, bool(hints) and fits[0], bool(hints) and any(fits), _origin(hints))


def _is_accepted(spelling: str, accepted: Sequence[str], *, within: bool) -> bool:
    """Whether a spelling is accepted, or contains one that is, where a longer name is hinted."""
    shown = _plain(spelling)
    return any(
        wanted == shown or (within and f" {wanted} " in f" {shown} ") for wanted in map(_plain, accepted)
    )


def _plain(text: str) -> str:
    return " ".join(key for key in keys_of(text) if key != "the")


def _origin(hints: Sequence[Hint]) -> Origin:
    if not hints:
        return "none"
    if any(hint.kind != "name" for hint in hints):
        return "words"
    return "letters" if any(hint.spelled for hint in hints) else "table"


def summary(outcomes: Sequence[Outcome]) -> str:
    """What is printed: all names, by group, by origin, and the wrong ones.

    Args:
        outcomes: At least one.
    """
    lines = [_row("names", outcomes)]
    for group in dict.fromkeys(o.item.group for o in outcomes):
        lines.append(_row(f"  {group}", [o for o in outcomes if o.item.group == group]))
    for origin, title in _ORIGINS.items():
        if among := [o for o in outcomes if o.origin == origin]:
            lines.append(f"  {title}: {len(among)}, right {sum(o.right for o in among)}")
    lines.append(f"right or among the other equivalents that are hinted: {sum(o.hinted for o in outcomes)}")
    lines += (
        f"  wrong ({o.origin}): {o.item.arabic}: {o.spelling or 'nothing'}, not {' | '.join(o.item.accepted)}"
        for o in outcomes
        if not o.right
    )
    return "\n".join(lines)


def _row(title: str, outcomes: Sequence[Outcome]) -> str:
    n, right = len(outcomes), sum(o.right for o in outcomes)
    none = sum(o.origin == "none" for o in outcomes)
    low, high = wilson(right / n, n)
    return (
        f"{title}: {n}, right {right} = {right / n:.2f} [{low:.2f}, {high:.2f}], "
        f"otherwise {n - right - none}, not translated {none}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    parser = argparse.ArgumentParser(
        prog="evals.names", description="Compare spellings of names with accepted ones."
    )
    parser.add_argument(
        "file", type=Path, help="Arabic, accepted spellings, group and sentence, tab-separated"
    )
    args = parser.parse_args(argv)

    def run() -> None:
        print(summary([outcome(item) for item in read(args.file)]))

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())
