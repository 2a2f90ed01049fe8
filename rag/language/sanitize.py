"""Makes the text of articles and questions safe for a prompt, where it must be data and never instructions.

The engines parse control tokens anywhere in a prompt: an article that contains ``<|im_end|>`` would end the
user's message and could begin a system message. Angle and square brackets are therefore replaced, since all
control tokens and the numbers of evidence are written with them. Line breaks, which could imitate a new line
of evidence, and invisible characters are removed. This changes only what the model sees; citations quote the
article exactly.
"""

from __future__ import annotations

import re
import unicodedata

_BRACKETS = {
    **dict.fromkeys("<＜﹤", "‹"),
    **dict.fromkeys(">＞﹥", "›"),
    **dict.fromkeys("[［﹇", "("),
    **dict.fromkeys("]］﹈", ")"),
}
"""Including characters that Unicode compatibility normalisation (NFKC) maps to the same brackets."""

_VISIBLE = frozenset(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)))
"""Format characters that are visible: signs for years and verses."""

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Marks, letters and signs that are invisible."""

_LINK = re.compile(
    r"[\w+.-]{0,20}://[^\s<>\"“”«»()]*|\bwww\.[^\s<>\"“”«»()]+|\b(?:javascript|data|mailto):[^\s<>\"“”«»()]+",
    re.IGNORECASE,
)

GONE = "…"
"""Replaces a link. Models copy links on instruction, and no answer needs one: the citation shows it."""


def neutral(text: str) -> str:
    """The sanitised text on one line.

    Args:
        text: A sentence of an article, or a question.
    """
    shown = "".join(_visible(char) for char in text)
    return " ".join(_LINK.sub(GONE, shown).translate(_TABLE).split())


def _visible(char: str) -> str:
    """The character, or an empty string if it is invisible; line breaks are kept as white space."""
    if char.isspace() or (char.isascii() and char.isprintable()):
        return char
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    invisible = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in _VISIBLE
    return "" if invisible or selector or char in _INVISIBLE else char


_TABLE = str.maketrans(_BRACKETS)
