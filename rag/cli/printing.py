"""Printing for the command line: answers, updates, lists of articles, progress."""

from __future__ import annotations

import contextlib
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.records import Answer, Citation, Claim, Language, Passage, Progress

if TYPE_CHECKING:
    from rich.console import Console

    from rag.index.collection import Shown
    from rag.index.indexing import Built, Listed
    from rag.models.weights.download import Recommended
    from rag.models.weights.packaged import ModelStatus

ADDED = "added with a note"
"""Of a file or row that was added though a part of it, such as its date, was not read."""

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


_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - set(map(ord, "\t\n")), "\ufffd")


def harmless(text: str) -> str:
    """Text without the control characters by which an article could command the terminal."""
    return text.translate(_CONTROLS)


def as_json(value: object) -> None:
    """Print a value as JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=2)  # escapes only the first 32 control characters
    print(text.translate({code: f"\\u{code:04x}" for code in _CONTROLS if code >= 0x7F}))


def warn(text: str) -> None:
    """Print a line on standard error at once."""
    print(harmless(text), file=sys.stderr, flush=True)


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 article``, ``2 articles``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def answer(given: Answer) -> None:
    """Print an answer with its sources; without sources, with the nearest passages."""
    out = console()
    if given.understood:
        out.out(_UNDERSTOOD[given.language].format(question=given.understood), style="dim")
    out.out(given.text, style="bold")
    for claim in given.claims:
        if claim.words:
            out.out(_WORDS[given.language].format(words=claim.words), style="dim")
        if claim.reason and not _is_marked(claim, given):
            # A single claim is the line above; of several the beginning shows which one is meant.
            which = f": {textwrap.shorten(claim.text, 60, placeholder=' …')}" if len(given.claims) > 1 else ""
            out.out(_PARTLY[given.language].format(reason=claim.reason, claim=which), style="yellow")
    if given.citations:
        out.out("\nSources", style="bold")
        for cited in given.citations:
            shown = (
                f"{cited.quote}\n{_translated(cited, given.language)}" if cited.translation else cited.quote
            )
            _source(out, f"[{cited.number}]", cited, shown, f"{cited.source}:{cited.line}")
    elif given.passages:
        out.out("\nClosest passages, which may not answer the question", style="bold")
        for passage in given.passages[:3]:
            excerpt = textwrap.shorten(passage.text, 300, placeholder=" …")
            _source(out, "–", passage, excerpt, passage.chunk.article_id)


def _is_marked(claim: Claim, given: Answer) -> bool:
    """Whether the mark of a translation says why the claim is not fully supported."""
    if all(one.certain for one in given.citations):
        return False
    from rag.answering.presentation import is_marked  # as for a translation

    return is_marked(claim, given.citations, given.language)


def _translated(cited: Citation, language: Language) -> str:
    from rag.answering.presentation import translated  # a question without a translation loads nothing more

    return translated(cited, language)


def _source(out: Console, mark: str, item: Citation | Passage, quote: str, place: str) -> None:
    origin = " · ".join(part for part in (item.outlet, item.published, item.title) if part)
    out.out(f"{mark} {origin}")
    # The quote has a line of its own: a terminal takes a line's direction from its first letter, so an Arabic
    # quote runs from right to left as a whole.
    out.out(quote, style="italic")
    out.out(place, style="dim")
    names = [" · ".join(filter(None, (one.outlet or one.article_id, one.published))) for one in item.also]
    if names:
        more = f" and {len(names) - SHOWN_REPRINTS} more" if len(names) > SHOWN_REPRINTS else ""
        out.out(f"also in: {', '.join(names[:SHOWN_REPRINTS])}{more}", style="dim")


def model(status: ModelStatus) -> None:
    """Print what is known of a packaged model."""
    packaged = status.model
    others = f" and {len(packaged.parts) - 1} more" if len(packaged.parts) > 1 else ""
    state = {"ready": "ready, verified", "installed": "not verified yet"}.get(status.state, status.state)
    print(f"{packaged.title}  ({packaged.licence})")
    print(f"  from      {packaged.parts[0].requirement}{others}")
    print(f"  sha256    {packaged.sha256}")
    print(f"  size      {packaged.size / 1e6:,.0f} MB packaged, {status.size / 1e6:,.0f} MB prepared")
    print(f"  state     {state}")
    print(f"  folder    {status.folder}")
    if status.detail:
        print(f"  {status.detail}")


def recommended(model: Recommended, folder: Path | None) -> None:
    """Print what is known of a model of the hub, and its folder if it was fetched."""
    account = "; the hub asks for an account (HF_TOKEN)" if model.gated else ""
    print(f"{model.name}  ({model.licence}{account})")
    print(f"  size      {model.size / 1e9:.1f} GB to fetch, and at least as much memory")
    print(f"  revision  {model.revision}")
    print(f"  state     {'fetched' if folder else f'not fetched: sanad models --get {model.name}'}")
    if folder:
        print(f"  folder    {folder}")


def collection(shown: Shown) -> None:
    """Print where a collection is and what it contains, and Python that reads it."""
    from rag.index.collection import DATABASE, KEYS, TENANT

    place = ("server", shown.place) if isinstance(shown.place, str) else ("path", str(shown.place))
    rows = (
        place,
        ("collection", shown.name),
        ("tenant", TENANT),
        ("database", DATABASE),
        ("count", f"{shown.chunks:,}"),
        ("metadata", ", ".join(KEYS)),
    )
    for name, value in rows:
        print(f"{name:<10}  {value}")
    print("\n" + "\n".join(shown.code))
    if shown.chunks != shown.expected:
        print(
            f"The index has {count(shown.expected, 'passage')}, but the collection {shown.chunks:,}. "
            f"Bring it up to date: {shown.fix}",
            file=sys.stderr,
        )


def update(name: str, built: Built, *, verbose: bool) -> None:
    """Print the result of an update as one line, and on standard error what was skipped or noted.

    Args:
        name: Name of the index.
        built: Result of the update.
        verbose: Name every skipped file, not only the first ``SHOWN_SKIPPED``.
    """
    shown = built.skipped if verbose else built.skipped[:SHOWN_SKIPPED]
    for file in shown:
        warn(f"{ADDED if file.added else 'skipped'} {file.source}: {file.reason}")
    if left := len(built.skipped) - len(shown):
        warn(f"… and {left:,} more; use --verbose to list all")
    done = built.written
    changes = {
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "moved": done.moved,
        "skipped": [file for file in built.skipped if not file.added],
        ADDED: [file for file in built.skipped if file.added],
    }
    summary = ", ".join(f"{len(some):,} {what}" for what, some in changes.items() if some)
    print(
        f"{name}: {count(done.articles, 'article')}, {count(done.chunks, 'passage')} "
        f"({summary or 'nothing changed'}; {count(done.embedded, 'passage')} embedded)",
        flush=True,
    )


def articles(listed: Sequence[Listed], *, in_json: bool) -> None:
    """Print a list of articles: a table on a terminal, tab-separated lines elsewhere.

    Args:
        listed: The articles.
        in_json: Print JSON instead.
    """
    entries = [_entry(item) for item in listed]
    if in_json:
        as_json(entries)
        return
    out = console()
    if not out.is_terminal:
        for entry in entries:
            print("\t".join(_cell(value, "") for value in entry.values()))
        return
    if entries:
        _table(out, entries)
    again = sum(entry["group"] != entry["id"] for entry in entries)
    note = f", {again:,} of them with the same story as another one" if again else ""
    out.out(f"{count(len(entries), 'article')}{note}", style="dim")


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


def _cell(value: str | int | None, missing: str) -> str:
    """A value on one line."""
    return harmless(" ".join((missing if value is None else str(value)).split()))


def _table(out: Console, entries: Sequence[dict[str, str | int | None]]) -> None:
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    headings = {
        "published": "published",
        "id": "id",
        "language": "lang",
        "passages": "passages",
        "group": "same story as",
        "outlet": "outlet",
        "title": "title",
    }
    rows = [entry | ({"group": ""} if entry["group"] == entry["id"] else {}) for entry in entries]
    if not any(row["group"] for row in rows):
        del headings["group"]
    columns = {key: [_cell(row[key], "–") for row in rows] for key in headings}
    # Rich shrinks whole columns in its own order. Here the title gets the remaining width, and ids, which
    # sanad remove needs, are never shortened.
    most = {"id": out.width // 3, "group": out.width // 4, "outlet": out.width // 6}
    left = out.width
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, heading in headings.items():
        needed = max(map(cell_len, (heading, *columns[key])))
        width = max(left, len(heading)) if key == "title" else min(needed, most.get(key, needed))
        whole = key in ("id", "group")
        table.add_column(
            heading,
            width=width,
            no_wrap=not whole,
            overflow="fold" if whole else "ellipsis",
            justify="right" if key == "passages" else "left",
        )
        left -= width + COLUMN_GAP
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(Text(_LEFT_TO_RIGHT + text) for text in row))
    out.print(table)


def console() -> Console:
    """A console on standard output."""
    from rich.console import Console

    class Plain(Console):
        """Prints text unchanged but for control characters, and leaves a closed pipe to ``main``."""

        def out(self, *objects: Any, **options: Any) -> None:
            super().out(*(harmless(str(one)) for one in objects), **options)

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Plain(file=sys.stdout, highlight=False)


@contextlib.contextmanager
def live(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Shows a growing text on a terminal and removes it at the end; elsewhere, or if quiet, nothing."""
    if quiet or not (out := console()).is_terminal:
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
