"""Sanad as a retriever of LangChain.

from rag import Assistant
from rag.integrations.langchain import SanadRetriever

retriever = SanadRetriever(assistant=Assistant.open(index="mine"), k=5)
for document in retriever.invoke("who leads the talks?"):
    print(document.metadata["outlet"], document.page_content)
"""

from __future__ import annotations

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag.assistant import Assistant
from rag.integrations.metadata import of_passage
from rag.records import Filter


class SanadRetriever(BaseRetriever):
    """Retrieves the passages of an index; no language model runs.

    A document's content is the passage, word for word. Its metadata has the keys ``article_id``, ``title``,
    ``outlet``, ``published``, ``start``, ``end``, ``rank`` and ``score``, unknown ones empty or absent.
    """

    assistant: Assistant
    """Searches its index; it is not closed with the retriever."""
    k: int = 10
    """Most passages for a question."""
    where: Filter | None = None
    """Which articles may be searched; None allows all."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        passages = self.assistant.retrieve(query, k=self.k, where=self.where)
        return [
            Document(
                id=passage.chunk.id,
                page_content=passage.text,
                metadata=of_passage(passage) | {"score": passage.score},
            )
            for passage in passages
        ]
