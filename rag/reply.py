"""The form in which the adapted model replies: prompts/adapted.txt asks for it, train/ teaches it.

``[2] 308``: the sentence that says it, then the answer. ``[0]``: no sentence says it. ``[1] 308 [4] 318``:
two sentences that differ. ``[2] إريك كوريلا = Erik Kurilla``: from a sentence in another language first its
own words, so that what was read can be told from how it was put.
"""

from __future__ import annotations

QUOTED = " = "
"""Between a sentence's own words and the answer that they make in another language."""


def put(words: str, answer: str) -> str:
    """An answer behind the words of the sentence that it is taken from, or alone where they are the same."""
    return answer if not words or words == answer else f"{words}{QUOTED}{answer}"
