"""What others wrote, made safe to stand in a prompt: text of an article or of a question is data.

The engines parse a prompt's control tokens wherever they stand: an article that holds ``<|im_end|>`` would
end the reader's message and could begin one of the system. Angle and square brackets go, from which all such
tokens and the numbers of evidence are made; so do line breaks, which could imitate a new line of evidence,
and what no reader sees. Only the model's view is changed: citations quote the article to the letter.
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
"""With the characters of which Unicode's compatibility forms (NFKC) make the same ones."""

_SEEN = frozenset(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)))
"""Format characters that have a shape: signs of years and verses."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Marks, letters and signs without a shape."""

_LINK = re.compile(
    r"[\w+.-]{0,20}://[^\s<>\"“”«»()]*|\bwww\.[^\s<>\"“”«»()]+|\b(?:javascript|data|mailto):[^\s<>\"“”«»()]+",
    re.IGNORECASE,
)

GONE = "…"
"""Stands for a link. A model copies links to order, and no answer needs one: the cited sentence shows it."""


def neutral(text: str) -> str:
    """A text on one line, as the model may see it.

    Args:
        text: A sentence of an article, or a question.
    """
    shown = "".join(_shown(char) for char in text)
    return " ".join(_LINK.sub(GONE, shown).translate(_TABLE).split())


def _shown(char: str) -> str:
    """A character, or nothing where a reader would see nothing; a line break stays white space."""
    if char.isspace() or (char.isascii() and char.isprintable()):
        return char
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    unseen = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in _SEEN
    return "" if unseen or selector or char in _BLANK else char


_TABLE = str.maketrans(_BRACKETS)
