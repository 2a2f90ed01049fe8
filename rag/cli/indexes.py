"""What the command line says of the indexes on this machine.

The errors of the other rooms do not name them, as a server passes those on to clients that may be strangers.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

from rag.settings import DEFAULT_INDEX, Settings

SHOWN = 10
"""Indexes that are listed when another one is not found: as many as can be read at a glance."""


def existing(settings: Settings, *, but: str = "") -> list[str]:
    """The names of the indexes on this machine, except ``but``, sorted."""
    try:
        folders = sorted(path for path in settings.indexes.iterdir() if path.name[0] != "." and path.is_dir())
    except OSError:
        return []
    folders = [folder for folder in folders if folder.name != but]
    if not folders:
        return []
    from rag.index.layout import exists  # a question to a running server needs nothing more of that room

    return [folder.name for folder in folders if exists(folder)]


def chosen(settings: Settings) -> str:
    """The index to ask if none is named; a line on standard error says which, if it is not the only one."""
    if existing(settings, but=DEFAULT_INDEX):
        print(f"Asking the index {DEFAULT_INDEX!r}; choose another with --index.", file=sys.stderr)
    return DEFAULT_INDEX


def instead(wanted: Sequence[str], settings: Settings) -> str:
    """How a message goes on that an index is missing: the indexes that exist, those of a similar name first.

    Args:
        wanted: The names that were given.
        settings: Name the folder of the indexes.

    Returns:
        The empty string if all of ``wanted`` exist, or if there are no indexes.
    """
    known = existing(settings)
    missing = [name for name in wanted if name not in known]
    if not missing or not known:
        return ""
    near = difflib.get_close_matches(missing[0], known, n=SHOWN)
    listed = [*near, *(name for name in known if name not in near)]
    more = f" and {len(listed) - SHOWN:,} more" if len(listed) > SHOWN else ""
    return f", or use an index that exists: {', '.join(listed[:SHOWN])}{more}"
