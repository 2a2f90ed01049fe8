"""Sanad as a retriever of LangChain.

python examples/langchain_retriever.py "who leads the talks?"
"""

from __future__ import annotations

import os
import sys
from contextlib import closing

from rag import Assistant
from rag.integrations.langchain import SanadRetriever

question = " ".join(sys.argv[1:]) or "who leads the talks?"
with closing(Assistant.open(index=os.environ.get("INDEX", "seeds"))) as assistant:
    for document in SanadRetriever(assistant=assistant, k=3).invoke(question):
        print(f"{document.metadata['score']:.2f} {document.metadata['outlet']}: {document.metadata['title']}")
