"""An assistant over small articles whose model gets the prompt that the adapter was trained on."""

from __future__ import annotations

from pathlib import Path

from rag import Answer, Assistant, Settings
from rag.embed import FakeEmbedder
from rag.generate import Generator
from rag.indexing import build_index


def asked(
    tmp_path: Path,
    generator: Generator,
    *texts: str,
    question: str,
    prompt: str = "adapted",
    without: str = "",
) -> Answer:
    """What a question gets.

    Args:
        tmp_path: An empty folder for articles and index.
        generator: The model.
        *texts: An article each.
        question: The question.
        prompt: The prompt's template.
        without: Parts of the answering that are left out.
    """
    (tmp_path / "articles").mkdir()
    for n, text in enumerate(texts):
        (tmp_path / "articles" / f"{n}.txt").write_text(text, encoding="utf-8")
    settings = Settings(
        embedder="fake", backend="fake", indexes=tmp_path / "indexes", prompt=prompt, without=without
    )
    build_index(tmp_path / "articles", "mine", settings=settings, embedder=FakeEmbedder())
    assistant = Assistant.open("mine", settings=settings, embedder=FakeEmbedder(), generator=generator)
    try:
        return assistant.ask(question)
    finally:
        assistant.close()
