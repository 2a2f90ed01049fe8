"""Sanad inside the real LlamaIndex: retriever, query engine, router, tool and agent."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeAssistant
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import ReActAgent
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine, RouterQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import Document, MetadataMode, TextNode
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import QueryEngineTool

from rag import Assistant, BadQuestion, Filter, GenerationFailed
from rag.errors import BadArticles
from rag.integrations.llamaindex import (
    GeneratorLLM,
    LlamaIndexGenerator,
    SanadNodeParser,
    SanadQueryEngine,
    SanadReader,
    SanadRetriever,
)
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM

pytestmark = pytest.mark.slow  # importing LlamaIndex takes seconds

COST = "How much did the repairs of the harbour cost?"

FOUND = "The repairs cost 12 million dollars [2]."
"""A reply to COST, which the second sentence of the evidence supports."""


def exact(assistant: Assistant, node: Any) -> None:
    """A node quotes its article by its offsets."""
    where = node.metadata
    text = assistant.article(where["article_id"]).text[where["start"] : where["end"]]
    assert text == node.node.text
    assert (node.node.start_char_idx, node.node.end_char_idx) == (where["start"], where["end"])
    assert node.node.ref_doc_id == where["article_id"]


# Retriever


def test_a_retriever_gives_passages_with_outlet_date_and_offsets(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    nodes = SanadRetriever(assistant, k=2).retrieve(COST)
    assert [node.score for node in nodes] == [found.score for found in assistant.retrieve(COST, k=2)]
    assert len(nodes) == 2
    for node in nodes:
        exact(assistant, node)
    where = nodes[0].metadata
    assert (where["article_id"], where["rank"]) == ("harbour", 1)
    assert (where["outlet"], where["published"]) == ("Coast Daily", "2024-09-06")


def test_what_is_unknown_of_an_article_is_empty(fake_assistant: FakeAssistant) -> None:
    (node,) = SanadRetriever(fake_assistant(), k=1).retrieve("How many tonnes of olives?")
    assert node.metadata["article_id"] == "olives"
    assert (node.metadata["outlet"], node.metadata["published"]) == ("", "")


def test_a_model_and_an_embedder_read_outlet_and_date_and_no_offsets(fake_assistant: FakeAssistant) -> None:
    (node,) = SanadRetriever(fake_assistant(), k=1).retrieve(COST)
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        shown = node.node.get_content(mode)
        assert "Coast Daily" in shown
        assert "2024-09-06" in shown
        assert "start" not in shown
        assert "article_id" not in shown


def test_a_filter_holds_for_the_retriever_and_the_engine(fake_assistant: FakeAssistant) -> None:
    assistant, where = fake_assistant(), Filter(language="ar")
    nodes = SanadRetriever(assistant, where=where).retrieve(COST)
    assert {node.metadata["article_id"] for node in nodes} == {"library"}
    cited = SanadQueryEngine(assistant, where=where).query(COST).source_nodes
    assert {node.metadata["article_id"] for node in cited} <= {"library"}


def test_a_retriever_works_without_blocking_the_loop(fake_assistant: FakeAssistant) -> None:
    retriever = SanadRetriever(fake_assistant(), k=3)

    async def together() -> list[Any]:
        return await asyncio.gather(*(retriever.aretrieve(COST) for _ in range(3)))

    first, *others = asyncio.run(together())
    assert [node.node_id for node in first] == [node.node_id for node in retriever.retrieve(COST)]
    assert all(other == first for other in others)


def test_an_empty_question_is_refused_in_sanads_words(fake_assistant: FakeAssistant) -> None:
    with pytest.raises(BadQuestion):
        SanadRetriever(fake_assistant()).retrieve(" ")
    with pytest.raises(BadQuestion):
        SanadQueryEngine(fake_assistant()).query("")


def test_the_retriever_feeds_another_query_engine(fake_assistant: FakeAssistant) -> None:
    llm = FakeLLM.scripted(["Twelve million dollars."])
    synthesizer = get_response_synthesizer(llm=GeneratorLLM(llm), response_mode=ResponseMode.COMPACT)
    engine = RetrieverQueryEngine(SanadRetriever(fake_assistant(), k=1), synthesizer)
    response = engine.query(COST)
    assert str(response) == "Twelve million dollars."
    assert "12 million dollars" in llm.prompts[0]
    assert "Coast Daily" in llm.prompts[0]


# Query engine


def test_an_engine_answers_with_the_cited_sentences_as_source_nodes(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant([FOUND])
    response = SanadQueryEngine(assistant).query(COST)
    assert str(response).startswith("The repairs cost 12 million dollars [1].")
    (node,) = response.source_nodes
    exact(assistant, node)
    assert node.node.text.startswith("The repairs cost 12 million dollars, said")
    where = node.metadata
    assert (where["number"], where["outlet"], where["source"], where["line"]) == (
        1, "Coast Daily", "harbour.txt", 3,
    )  # fmt: skip
    assert response.metadata is not None
    assert response.metadata["outcome"] == "answered"
    assert response.metadata["answer"]["citations"][0]["quote"] == node.node.text
    assert node.node_id in response.get_formatted_sources()


def test_what_the_articles_do_not_say_has_its_outcome(fake_assistant: FakeAssistant) -> None:
    response = SanadQueryEngine(fake_assistant(["NOT FOUND"])).query("Who won the cup?")
    assert response.metadata is not None
    assert response.metadata["outcome"] == "not_found"
    assert response.source_nodes == []


def test_an_engine_answers_in_the_language_that_it_is_made_for(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant(["NOT FOUND"])
    response = SanadQueryEngine(assistant, answer_language="ar").query("Who won the cup?")
    assert response.metadata is not None
    assert response.metadata["answer"]["language"] == "ar"


def test_a_query_that_is_cancelled_stops_the_model(fake_assistant: FakeAssistant) -> None:
    writing, stopped = threading.Event(), threading.Event()

    def hold(_number: int) -> None:
        writing.set()
        stopped.wait(10)

    llm = FakeLLM.scripted(["word " * 50], hold)
    engine = SanadQueryEngine(fake_assistant(llm=llm))

    async def leave() -> None:
        task = asyncio.create_task(engine.aquery(COST))
        await asyncio.to_thread(writing.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stopped.set()

    asyncio.run(leave())
    assert llm.stopped == [True]


def test_a_model_that_fails_is_reported_in_sanads_words(fake_assistant: FakeAssistant) -> None:
    def breaks(_number: int) -> None:
        raise RuntimeError("no memory")

    engine = SanadQueryEngine(fake_assistant(llm=FakeLLM.scripted(["a b"], breaks)))
    with pytest.raises(GenerationFailed, match="no memory"):
        engine.query(COST)


# Reader and node parser


def test_reader_and_parser_give_the_chunks_of_sanads_own_index(
    fake_assistant: FakeAssistant, small_articles: Path
) -> None:
    assistant = fake_assistant(embedder=FakeEmbedder(), chunk_tokens=25)
    documents = SanadReader(assistant.settings).load_data(small_articles)
    assert {document.id_ for document in documents} == {"harbour", "library", "olives"}
    nodes = SanadNodeParser(chunk_tokens=25).get_nodes_from_documents(documents)
    passages = {found.chunk.id: found for found in assistant.retrieve(COST, k=100)}
    assert len(nodes) == len(passages) > 3
    for node in nodes:
        assert isinstance(node, TextNode)
        passage = passages[node.node_id]
        assert (node.text, node.start_char_idx) == (passage.text, passage.chunk.start)
        assert node.ref_doc_id == passage.chunk.article_id
        assert node.metadata["outlet"] == (passage.outlet or "")


def test_a_text_that_repeats_itself_has_exact_offsets() -> None:
    text = "It rains in the north today, they say. It rains. It rains.\n\nIt rains. It rains."
    nodes = SanadNodeParser(chunk_tokens=4).get_nodes_from_documents([Document(id_="a", text=text)])
    ends = 0
    for node in nodes:
        assert isinstance(node, TextNode)
        start, end = node.start_char_idx, node.end_char_idx
        assert start is not None
        assert end is not None
        assert text[start:end] == node.text
        assert text[ends:start].strip() == "", "nothing is left out, and nothing is there twice"
        ends = end
    assert ends == len(text)


def test_what_a_reader_cannot_read_is_reported_with_the_reason(small_articles: Path) -> None:
    (small_articles / "empty.txt").touch()
    reader = SanadReader()
    assert len(reader.load_data(str(small_articles))) == 3
    (skipped,) = reader.skipped
    assert skipped.source == "empty.txt"
    assert skipped.reason
    with pytest.raises(BadArticles, match="nowhere"):
        reader.load_data(small_articles / "nowhere")


def test_sanads_nodes_fill_an_index_of_llamaindex(small_articles: Path) -> None:
    documents = SanadReader().load_data(small_articles)
    index = VectorStoreIndex.from_documents(
        documents, transformations=[SanadNodeParser()], embed_model=MockEmbedding(embed_dim=4)
    )
    (found,) = index.as_retriever(similarity_top_k=1).retrieve(COST)
    exact_text = next(one.text for one in documents if one.id_ == found.metadata["article_id"])
    assert exact_text[found.metadata["start"] : found.metadata["end"]] == found.node.get_content()


# Inside LlamaIndex's own


class Weather(CustomQueryEngine):
    """Another engine, beside which Sanad is chosen or not."""

    def custom_query(self, query_str: str) -> str:
        return f"Sunny: {query_str}"


def tools(engine: SanadQueryEngine) -> list[QueryEngineTool]:
    return [
        QueryEngineTool.from_defaults(Weather(), name="weather", description="Tells the weather."),
        QueryEngineTool.from_defaults(engine, name="news", description="Answers about news articles."),
    ]


def routed(chosen: int, engine: SanadQueryEngine) -> RouterQueryEngine:
    llm = GeneratorLLM(FakeLLM.scripted([f'[{{"choice": {chosen}, "reason": "news"}}]']), max_new_tokens=50)
    return RouterQueryEngine(
        selector=LLMSingleSelector.from_defaults(llm=llm), query_engine_tools=tools(engine), llm=llm
    )


def test_a_router_sends_a_question_to_sanad_and_keeps_its_sources(fake_assistant: FakeAssistant) -> None:
    engine = SanadQueryEngine(fake_assistant([FOUND]))
    response = routed(2, engine).query(COST)
    assert str(response).startswith("The repairs cost 12 million dollars [1].")
    assert [node.metadata["outlet"] for node in response.source_nodes] == ["Coast Daily"]
    assert str(routed(1, engine).query(COST)) == f"Sunny: {COST}"


def test_a_tool_is_called_with_a_question_and_also_asynchronously(fake_assistant: FakeAssistant) -> None:
    tool = tools(SanadQueryEngine(fake_assistant([FOUND, FOUND])))[1]
    for output in (tool.call(COST), asyncio.run(tool.acall(input=COST))):
        assert output.content.startswith("The repairs cost 12 million dollars [1].")
        assert output.raw_output.source_nodes[0].metadata["article_id"] == "harbour"


def test_an_agent_asks_sanad_and_repeats_its_answer(fake_assistant: FakeAssistant) -> None:
    thinking = FakeLLM.scripted(
        [
            f'Thought: I need a tool.\nAction: news\nAction Input: {{"input": "{COST}"}}',
            "Thought: I can answer.\nAnswer: 12 million dollars [1].",
        ]
    )
    agent = ReActAgent(
        tools=tools(SanadQueryEngine(fake_assistant([FOUND]))), llm=GeneratorLLM(thinking), streaming=False
    )

    async def run() -> str:
        return str(await agent.run(COST))

    assert asyncio.run(run()) == "12 million dollars [1]."
    assert "The repairs cost 12 million dollars [1]." in thinking.prompts[1]


def test_an_llm_of_llamaindex_writes_sanads_answers(fake_assistant: FakeAssistant) -> None:
    llm = GeneratorLLM(FakeLLM.scripted([f"<think>Or [2]?</think>{FOUND}"]))
    model = LlamaIndexGenerator(llm, identity="theirs", count=len)
    settings = fake_assistant().settings
    with contextlib.closing(
        Assistant.open("small", settings=settings, embedder=FakeEmbedder(), generator=model)
    ) as assistant:
        answer = assistant.ask(COST)
    assert (answer.outcome, answer.model) == ("answered", "theirs")
    assert answer.citations[0].article_id == "harbour"
