"""Counts the tokens of a text in the encoding o200k_base, without network access.

tiktoken downloads a vocabulary at first use into a folder that an environment variable names.
llama-index-core ships the same file, so the encoding is built from that copy; nothing is downloaded and no
environment variable is changed.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rag.errors import ModelDamaged, ModelMissing
from rag.language.text import fold
from rag.settings import reinstall_command

if TYPE_CHECKING:
    import tiktoken

Item = TypeVar("Item")

VOCABULARY_URL = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
"""Never downloaded; tiktoken names its cache files by the SHA-1 of this URL."""

VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""The digest that tiktoken 0.12 requires."""

_PACKAGE = "llama-index-core==0.14.*"
"""The package that ships it, in a version that pyproject.toml allows."""

# How o200k_base splits text into words before it merges bytes, copied from tiktoken_ext.openai_public, whose
# function cannot be called because it loads the vocabulary first. A test compares the two.
_LETTERS = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = "|".join(
    [
        rf"{_LETTERS}*{_LOWER}+{_ENDING}",
        rf"{_LETTERS}+{_LOWER}*{_ENDING}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
"""The pre-tokenisation of o200k_base."""


def count(text: str) -> int:
    """The number of o200k_base tokens of ``text``. ``<|endoftext|>`` in it is ordinary text.

    Raises:
        ModelMissing: The vocabulary that llama-index-core ships is missing.
        ModelDamaged: The vocabulary is not the expected file.
    """
    # A lone surrogate (from a file name or a broken API client) has no UTF-8 form.
    return len(_encoding().encode_ordinary(text.encode("utf-8", "replace").decode("utf-8")))


def fitting(items: Iterable[Item], text: Callable[[Item], str], *, most: int, tokens: int) -> list[Item]:
    """The first items that fit together, each text once; an item that is too long is skipped.

    Args:
        items: Best first; no more of them are taken than are needed.
        text: Returns the text of an item.
        most: The largest number of items.
        tokens: The largest total length; the first item is kept whatever its length.
    """
    chosen: list[Item] = []
    seen: set[str] = set()
    for item in items:
        written = text(item)
        cost = count(written)
        if (key := fold(written)) in seen or (chosen and cost > tokens):
            continue
        seen.add(key)
        tokens -= cost
        chosen.append(item)
        if len(chosen) == most:
            break
    return chosen


@functools.lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding:
    import tiktoken

    path = _vocabulary()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelMissing(
            f"Cannot read the token vocabulary {path} ({error.strerror}); reinstall it with: "
            f"{reinstall_command(_PACKAGE)}"
        ) from None
    if hashlib.sha256(data).hexdigest() != VOCABULARY_SHA256:
        raise ModelDamaged(
            f"The token vocabulary {path} is not the expected file; reinstall it with: "
            f"{reinstall_command(_PACKAGE)}"
        )
    pairs = (line.split() for line in data.splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    return tiktoken.Encoding(name="o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def _vocabulary() -> Path:
    """The path of the vocabulary in llama-index-core, which is not imported, as that takes over a second."""
    name = hashlib.sha1(VOCABULARY_URL.encode(), usedforsecurity=False).hexdigest()
    spec = importlib.util.find_spec("llama_index")
    # llama_index is a namespace package, to which several installed packages may add a folder.
    places = (spec and spec.submodule_search_locations) or ()
    paths = [Path(place, "core", "_static", "tiktoken_cache", name) for place in places]
    missing = Path("llama_index", "core", "_static", "tiktoken_cache", name)
    return next((path for path in paths if path.is_file()), missing)
