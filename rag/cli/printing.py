"""Printing for the command line: answers, updates, lists of articles, progress."""

from __future__ import annotations

import contextlib
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rag import Answer, Language, Reprint
from rag.records import Progress

if TYPE_CHECKING:
    from rich.console import Console

    from rag import Built, Listed

SHOWN_SKIPPED = 20
"""Skipped files that are named; a folder of pictures would hide the summary."""

SHOWN_REPRINTS = 5
"""Other articles with the same text that are named; dozens can print one agency's story."""

COLUMN_GAP = 2
"""Spaces between two columns of a table, as in Rich."""

_PARTLY: dict[Language, str] = {
    "en": "Partly supported ({reason}){claim}",
    "ar": "مدعوم جزئيًا ({reason}){claim}",
}

_WORDS: dict[Language, str] = {"en": "In the article's words: {words}", "ar": "نص المقال: {words}"}

_UNDERSTOOD: dict[Language, str] = {
    "en": "Understood as: {question}",
    "ar": "فُهم السؤال على أنه: {question}",
}

_LEFT_TO_RIGHT = "\u200e"
"""Left-to-right mark, which has no width. It precedes each cell of a table, because a terminal that reorders
Arabic would otherwise treat two neighbouring Arabic cells as one run and swap them."""


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 article``, ``2 articles``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def answer(given: Answer) -> None:
    """Print an answer with its sources; without sources, with the nearest passages."""
    out = console()
    if given.understood:
        note = _UNDERSTOOD[given.language].format(question=given.understood)
        out.print(note, style="dim", markup=False, highlight=False, soft_wrap=True)
    out.print(given.text, style="bold", markup=False, highlight=False, soft_wrap=True)
    for claim in given.claims:
        if claim.words:
            words = _WORDS[given.language].format(words=claim.words)
            out.print(words, style="dim", markup=False, highlight=False, soft_wrap=True)
        if claim.reason:
            which = f": {claim.text}" if len(given.claims) > 1 else ""  # a single claim is the line above
            note = _PARTLY[given.language].format(reason=claim.reason, claim=which)
            out.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if given.citations:
        _heading(out, "Sources")
        for cited in given.citations:
            origin = " · ".join(part for part in (cited.outlet, cited.published, cited.title) if part)
            place = f"{cited.source}:{cited.line}"
            _source(out, f"[{cited.number}]", origin, cited.quote, place, cited.also)
    elif given.passages:
        _heading(out, "Closest passages, which may not answer the question")
        for passage in given.passages[:3]:
            origin = " · ".join(part for part in (passage.outlet, passage.published, passage.title) if part)
            excerpt = textwrap.shorten(passage.text, 300, placeholder=" …")
            _source(out, "–", origin, excerpt, passage.chunk.article_id, passage.also)


def _heading(out: Console, text: str) -> None:
    out.print(f"\n{text}", style="bold", markup=False, highlight=False)


def _source(out: Console, mark: str, origin: str, quote: str, place: str, also: Sequence[Reprint]) -> None:
    out.print(f"{mark} {origin}", markup=False, highlight=False, soft_wrap=True)
    # The quote has a line of its own: a terminal takes a line's direction from its first letter, so an Arabic
    # quote runs from right to left as a whole.
    out.print(quote, style="italic", markup=False, highlight=False, soft_wrap=True)
    out.print(place, style="dim", markup=False, highlight=False, soft_wrap=True)
    if also:
        names = [" · ".join(filter(None, (one.outlet or one.article_id, one.published))) for one in also]
        more = f" and {len(names) - SHOWN_REPRINTS} more" if len(names) > SHOWN_REPRINTS else ""
        line = f"also in: {', '.join(names[:SHOWN_REPRINTS])}{more}"
        out.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def update(name: str, built: Built, *, verbose: bool) -> None:
    """Print the result of an update as one line, and the skipped files on standard error.

    Args:
        name: Name of the index.
        built: Result of the update.
        verbose: Name every skipped file, not only the first ``SHOWN_SKIPPED``.
    """
    shown = built.skipped if verbose else built.skipped[:SHOWN_SKIPPED]
    for file in shown:
        print(f"skipped {file.source}: {file.reason}", file=sys.stderr)
    if left := len(built.skipped) - len(shown):
        print(f"… and {left:,} more skipped; use --verbose to list all", file=sys.stderr)
    done = built.written
    changes = [
        (len(done.added), "added"),
        (len(done.changed), "changed"),
        (len(done.removed), "removed"),
        (len(built.skipped), "skipped"),
    ]
    summary = ", ".join(f"{number:,} {what}" for number, what in changes if number) or "nothing changed"
    print(
        f"{name}: {count(done.articles, 'article')}, {count(done.chunks, 'passage')} "
        f"({summary}; {count(done.embedded, 'passage')} embedded)",
        flush=True,
    )


def articles(listed: Sequence[Listed], *, as_json: bool) -> None:
    """Print a list of articles: a table on a terminal, tab-separated lines elsewhere.

    Args:
        listed: The articles.
        as_json: Print JSON instead.
    """
    if as_json:
        print(json.dumps([_entry(item) for item in listed], ensure_ascii=False, indent=2))
        return
    out = console()
    if out.is_terminal:
        if listed:
            _table(out, listed)
        again = sum(item.group != item.article.id for item in listed)
        note = f", {again:,} of them with the same story as another one" if again else ""
        out.print(f"{count(len(listed), 'article')}{note}", style="dim", highlight=False)
        return
    for item in listed:
        cells = ("" if value is None else str(value) for value in _entry(item).values())
        print("\t".join(" ".join(cell.split()) for cell in cells))


def _entry(item: Listed) -> dict[str, str | int | None]:
    article = item.article
    return {
        "id": article.id,
        "published": article.published,
        "outlet": article.outlet,
        "language": article.language,
        "title": article.title,
        "passages": item.passages,
        "group": item.group,
    }


def _table(out: Console, listed: Sequence[Listed]) -> None:
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    columns = ["published", "id", "lang", "passages", "same story as", "outlet", "title"]
    if all(item.group == item.article.id for item in listed):
        columns.remove("same story as")
    rows = [_cells(item, columns) for item in listed]
    # Rich shrinks whole columns in its own order. Here the title gets the remaining width, and ids, which
    # sanad remove needs, are never shortened.
    most = {"id": out.width // 3, "same story as": out.width // 4, "outlet": out.width // 6}
    left = out.width
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(columns):
        needed = max(cell_len(text) for text in (name, *(row[at] for row in rows)))
        width = max(left, len(name)) if name == "title" else min(needed, most.get(name, needed))
        whole = name in ("id", "same story as")
        table.add_column(
            name,
            width=width,
            no_wrap=not whole,
            overflow="fold" if whole else "ellipsis",
            justify="right" if name == "passages" else "left",
        )
        left -= width + COLUMN_GAP
    for row in rows:
        table.add_row(*(Text(_LEFT_TO_RIGHT + text) for text in row))
    out.print(table)


def _cells(item: Listed, columns: Sequence[str]) -> list[str]:
    article = item.article
    cells = {
        "published": article.published or "–",
        "id": article.id,
        "lang": article.language,
        "passages": str(item.passages),
        "same story as": item.group if item.group != article.id else "",
        "outlet": article.outlet or "–",
        "title": article.title,
    }
    return [" ".join(cells[name].split()) for name in columns]


def console() -> Console:
    """A console on standard output."""
    from rich.console import Console

    class Plain(Console):
        """Prints text unchanged, and leaves a closed pipe to ``main``."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Plain(file=sys.stdout, emoji=False)  # otherwise ":smile:" in an article becomes a picture


@contextlib.contextmanager
def live() -> Iterator[Callable[[str], None]]:
    """Shows a growing text on a terminal and removes it at the end; elsewhere it shows nothing."""
    out = console()
    if not out.is_terminal:
        yield lambda _text: None
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=out, transient=True, refresh_per_second=8) as shown:
        yield lambda text: shown.update(Text(text, style="dim"))


def stages() -> Progress:
    """Progress as one line per stage on standard error."""
    shown: set[str] = set()

    def show(stage: str, _share: float) -> None:
        if stage not in shown:
            shown.add(stage)
            print(f"{stage} …", file=sys.stderr, flush=True)

    return show


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Progress on standard error: a bar on a terminal, one line per stage elsewhere."""
    if not sys.stderr.isatty():
        yield stages()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, share: float) -> None:
            if stage not in tasks:
                for task in tasks.values():
                    bar.update(task, visible=False)
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=share, visible=share < 1.0)

        yield show
