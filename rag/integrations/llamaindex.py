"""Sanad in LlamaIndex: a retriever, a query engine, a reader of folders and a node parser.

    from llama_index.core.tools import QueryEngineTool
    from rag import Assistant
    from rag.integrations.llamaindex import SanadQueryEngine

    engine = SanadQueryEngine(Assistant.open(index="mine"))
    response = engine.query("who leads the talks?")
    print(response, response.source_nodes[0].metadata["outlet"])
    tool = QueryEngineTool.from_defaults(engine, name="news", description="Answers about news articles.")

``LlamaIndexGenerator`` goes the other way: it lets any LLM of LlamaIndex write Sanad's answers.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.node_parser import NodeParser
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import (
    BaseNode,
    Document,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from pydantic import Field

from rag.assistant import Assistant
from rag.index.chunking import chunks
from rag.integrations.metadata import PLACE, of_article, of_citation, of_passage
from rag.loading.articles import Skipped, load_folder
from rag.models.llm.llama_index import GeneratorLLM, LlamaIndexGenerator
from rag.records import Answer, Article, Citation, Filter, Language, Passage
from rag.settings import Settings

__all__ = [
    "GeneratorLLM",
    "LlamaIndexGenerator",
    "SanadNodeParser",
    "SanadQueryEngine",
    "SanadReader",
    "SanadRetriever",
]


class SanadRetriever(BaseRetriever):
    """Retrieves the passages of an index; no language model runs.

    A node's text is the passage, word for word. Its metadata has the keys ``article_id``, ``title``,
    ``outlet``, ``published``, ``start``, ``end`` and ``rank``, unknown ones empty or absent. Its score is
    Sanad's: higher is better, and only scores of one question can be compared.
    """

    def __init__(self, assistant: Assistant, *, k: int = 10, where: Filter | None = None) -> None:
        """Wrap an assistant.

        Args:
            assistant: Searches its index; it is not closed with the retriever.
            k: Most passages for a question.
            where: Which articles may be searched; None allows all.
        """
        super().__init__()
        self._assistant = assistant
        self._k = k
        self._where = where

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        passages = self._assistant.retrieve(query_bundle.query_str, k=self._k, where=self._where)
        return [_passage_node(passage) for passage in passages]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class SanadQueryEngine(BaseQueryEngine):
    """Answers a question with Sanad's checks and citations.

    The source nodes of a response are the cited sentences, one for each number in its text, in order. They
    have the metadata of a retriever's nodes, without ``rank`` but with ``number``, ``source``, ``line`` and,
    where there is one, ``translation`` (with ``certain`` and ``literal``, as in ``Citation``). The response's
    own metadata holds ``outcome`` (``answered``, ``conflict``, ``partial`` or ``not_found``) and the whole
    answer as plain types under ``answer``.
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        where: Filter | None = None,
        answer_language: Language | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """Wrap an assistant.

        Args:
            assistant: Answers the questions; it is not closed with the engine.
            where: Which articles may be searched; None allows all.
            answer_language: The language of the answers; None takes that of each question.
            callback_manager: LlamaIndex's.
        """
        super().__init__(callback_manager)
        self._assistant = assistant
        self._where = where
        self._language = answer_language

    def _query(self, query_bundle: QueryBundle) -> Response:
        return _response(self._ask(query_bundle))

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        cancel = threading.Event()
        try:
            return _response(await asyncio.to_thread(self._ask, query_bundle, cancel))
        except asyncio.CancelledError:
            cancel.set()  # stops the model
            raise

    def _ask(self, query_bundle: QueryBundle, cancel: threading.Event | None = None) -> Answer:
        return self._assistant.ask(
            query_bundle.query_str, where=self._where, answer_language=self._language, cancel=cancel
        )

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """The passages that an answer would be sought in; see ``SanadRetriever``."""
        return SanadRetriever(self._assistant, where=self._where).retrieve(query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}  # Sanad's prompts are files of its own


class SanadReader(BaseReader):
    """Reads a folder of articles as Sanad's own indexing does: formats, encodings, dates, boilerplate.

    A document's id is the article's, its text is the text that citations refer to, and its metadata has the
    keys ``title``, ``outlet``, ``published``, ``language`` and ``source``, unknown ones empty or absent.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Create a reader.

        Args:
            settings: Limits on files, and the columns of collections; defaults to ``Settings.load()``.
        """
        self._settings = settings or Settings.load()
        self.skipped: tuple[Skipped, ...] = ()
        """What the last folder contained that was not read, with the reason."""

    def lazy_load_data(self, folder: str | Path) -> Iterable[Document]:
        """The articles of a folder and its subfolders, sorted by path.

        Raises:
            BadArticles: The folder does not exist or contains no usable article.
        """
        loaded = load_folder(Path(folder), self._settings)
        self.skipped = loaded.skipped
        for article in loaded.articles:
            yield Document(id_=article.id, text=article.text, metadata=of_article(article))


class SanadNodeParser(NodeParser):
    """Splits documents into the chunks of Sanad's own indexing: whole sentences, Arabic ones too.

    A node's ``start_char_idx`` and ``end_char_idx`` are exact also where a text repeats itself. If the
    documents are those of a ``SanadReader``, the nodes have the ids and texts of the chunks in Sanad's index.
    """

    chunk_tokens: int = Field(default_factory=lambda: Settings().chunk_tokens, ge=1)
    """Longest chunk in o200k_base tokens."""

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        return [node for document in nodes for node in self._nodes_of(document)]

    def _nodes_of(self, document: BaseNode) -> list[TextNode]:
        text = document.get_content(MetadataMode.NONE)
        article = Article(document.node_id, title="", text=text, source="")
        return [
            _node(
                chunk.id,
                text[chunk.start : chunk.end],
                document.as_related_node_info(),
                chunk.start,
                chunk.end,
                {"article_id": article.id, "start": chunk.start, "end": chunk.end},
            )
            for chunk in chunks(article, budget=self.chunk_tokens)
        ]

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        exact = {node.node_id: (node.metadata["start"], node.metadata["end"]) for node in nodes}
        done = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for node in done:  # LlamaIndex looks for the text, and may find it elsewhere
            if isinstance(node, TextNode):
                node.start_char_idx, node.end_char_idx = exact[node.node_id]
        return done


def _response(answer: Answer) -> Response:
    nodes = [_citation_node(citation) for citation in answer.citations]
    return Response(answer.text, nodes, {"outcome": answer.outcome, "answer": answer.to_dict()})


def _passage_node(passage: Passage) -> NodeWithScore:
    chunk = passage.chunk
    of = RelatedNodeInfo(node_id=chunk.article_id)
    node = _node(chunk.id, passage.text, of, chunk.start, chunk.end, of_passage(passage))
    return NodeWithScore(node=node, score=passage.score)


def _citation_node(citation: Citation) -> NodeWithScore:
    name = f"{citation.article_id}:{citation.start}-{citation.end}"
    of, where = RelatedNodeInfo(node_id=citation.article_id), of_citation(citation)
    return NodeWithScore(node=_node(name, citation.quote, of, citation.start, citation.end, where))


def _node(
    name: str, text: str, of: RelatedNodeInfo, start: int, end: int, metadata: dict[str, Any]
) -> TextNode:
    hidden = [key for key in PLACE if key in metadata]
    return TextNode(
        id_=name,
        text=text,
        start_char_idx=start,
        end_char_idx=end,
        metadata=metadata,
        excluded_embed_metadata_keys=hidden,
        excluded_llm_metadata_keys=hidden,
        relationships={NodeRelationship.SOURCE: of},
    )
