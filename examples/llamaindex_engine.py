"""Sanad as a query engine and as a retriever of LlamaIndex.

python examples/llamaindex_engine.py "who leads the talks?"
"""

from __future__ import annotations

import os
import sys
from contextlib import closing

from rag import Assistant
from rag.integrations.llamaindex import SanadQueryEngine, SanadRetriever

question = " ".join(sys.argv[1:]) or "who leads the talks?"
with closing(Assistant.open(index=os.environ.get("INDEX", "seeds"))) as assistant:
    for found in SanadRetriever(assistant, k=3).retrieve(question):  # no language model
        print(f"{found.score:.2f} {found.metadata['outlet']}: {found.metadata['title']}")
    response = SanadQueryEngine(assistant).query(question)
    print(response)
    for node in response.source_nodes:
        print("source:", node.text)
