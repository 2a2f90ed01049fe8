"""Ask one question and print each citation with the sentence that it opens.

python examples/ask.py "when do forces leave Ain al-Asad?"
"""

from __future__ import annotations

import os
import sys
from contextlib import closing

from rag import Assistant

question = " ".join(sys.argv[1:]) or "when do forces leave Ain al-Asad?"
with closing(Assistant.open(index=os.environ.get("INDEX", "seeds"))) as assistant:
    answer = assistant.ask(question)
    print(answer.text, f"({answer.outcome})")
    for citation in answer.citations:
        article = assistant.article(citation.article_id)
        # The quote is the article's own text, character for character.
        print(f"[{citation.number}] {citation.source}: {article.text[citation.start : citation.end]}")
