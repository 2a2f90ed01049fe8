"""Sanad's retriever inside the real LangChain."""

from __future__ import annotations

import asyncio

import pytest
from conftest import FakeAssistant

from rag import BadQuestion, Filter

pytest.importorskip("langchain_core", reason="LangChain is not installed: pip install langchain-core")

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from rag.integrations.langchain import SanadRetriever

pytestmark = pytest.mark.slow  # importing LangChain takes seconds

COST = "How much did the repairs of the harbour cost?"


def test_a_retriever_gives_passages_with_outlet_date_and_offsets(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    documents = SanadRetriever(assistant=assistant, k=2).invoke(COST)
    assert len(documents) == 2
    for document in documents:
        where = document.metadata
        text = assistant.article(where["article_id"]).text
        assert text[where["start"] : where["end"]] == document.page_content
    first = documents[0].metadata
    assert (first["outlet"], first["published"], first["rank"]) == ("Coast Daily", "2024-09-06", 1)
    assert [d.metadata["score"] for d in documents] == [p.score for p in assistant.retrieve(COST, k=2)]


def test_a_filter_limits_the_articles(fake_assistant: FakeAssistant) -> None:
    retriever = SanadRetriever(assistant=fake_assistant(), where=Filter(outlets=("Coast Daily",)))
    documents = retriever.invoke("How many tonnes of olives?")
    assert {document.metadata["article_id"] for document in documents} == {"harbour"}
    assert SanadRetriever(assistant=fake_assistant(), where=Filter(since="2099")).invoke(COST) == []


def test_it_is_a_step_of_a_chain_in_a_batch_and_asynchronously(fake_assistant: FakeAssistant) -> None:
    def quoted(documents: list[Document]) -> str:
        return " / ".join(f"{document.metadata['title']}" for document in documents)

    retriever = SanadRetriever(assistant=fake_assistant(), k=1)
    chain = {
        "context": retriever | RunnableLambda(quoted),
        "question": RunnablePassthrough(),
    } | RunnableLambda(lambda both: f"{both['question']} {both['context']}")
    wanted = f"{COST} Harbour reopens after two years"
    assert chain.invoke(COST) == wanted
    assert chain.batch([COST, COST]) == [wanted, wanted]
    assert asyncio.run(chain.ainvoke(COST)) == wanted


def test_an_empty_question_is_refused_in_sanads_words(fake_assistant: FakeAssistant) -> None:
    with pytest.raises(BadQuestion):
        SanadRetriever(assistant=fake_assistant()).invoke("")
