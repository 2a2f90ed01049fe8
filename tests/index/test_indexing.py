from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag import Article, Assistant, Filter, Settings, build_index
from rag.errors import IndexUnusable
from rag.index.indexing import indexed_folder, list_articles, remove_articles
from rag.models.embedding.embedder import FakeEmbedder

Make = Callable[..., Assistant]


def test_removing_an_article_is_picked_up_and_its_file_stays(
    fake_assistant: Make, small_articles: Path
) -> None:
    assistant = fake_assistant()
    embedder = FakeEmbedder()
    done = remove_articles(["olives"], "small", allow_shrink=True, embedder=embedder)
    assert (done.removed, done.articles, done.embedded) == (("olives",), 2, 0)
    assert {article.id for article in assistant.articles()} == {"harbour", "library"}
    assert (small_articles / "olives.txt").is_file()
    assert build_index(small_articles, "small", embedder=embedder).written.added == ("olives",)


def test_an_index_updated_while_articles_are_removed_loses_nothing(
    fake_assistant: Make, small_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.index import generations

    assistant = fake_assistant()
    real = generations.write_generation

    def write_generation(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(generations, "write_generation", real)
        (small_articles / "bridge.txt").write_text("The bridge opened on Monday.", encoding="utf-8")
        build_index(small_articles, "small", embedder=FakeEmbedder())
        return real(*arguments, **options)

    monkeypatch.setattr(generations, "write_generation", write_generation)
    with pytest.raises(IndexUnusable, match="meanwhile"):
        remove_articles(["olives"], "small", allow_shrink=True, embedder=FakeEmbedder())
    assert {article.id for article in assistant.articles()} == {"harbour", "library", "olives", "bridge"}


def test_a_correction_on_the_page_while_every_file_is_read_is_not_undone(
    fake_assistant: Make, small_articles: Path
) -> None:
    assistant, changed = fake_assistant(), []

    def correct_once(_stage: str, _share: float) -> None:
        if not changed:
            changed.append(assistant.correct("olives", outlet="Valley News", published=""))

    with pytest.raises(IndexUnusable, match="meanwhile"):
        build_index(small_articles, "small", embedder=FakeEmbedder(), progress=correct_once)
    assert assistant.article("olives").outlet == "Valley News"
    build_index(small_articles, "small", embedder=FakeEmbedder())
    assert assistant.article("olives").outlet == "Valley News"


def test_an_index_remembers_its_folder_and_lists_its_articles_without_an_embedder(
    small_articles: Path,
) -> None:
    assert indexed_folder("small") is None
    build_index(small_articles, "small", embedder=FakeEmbedder())
    assert indexed_folder("small") == small_articles.resolve()
    settings = Settings.load(embedder="no-such/embedder")
    listed = list_articles("small", where=Filter(language="en"), settings=settings)
    assert [(item.article.id, item.passages, item.group) for item in listed] == [
        ("harbour", 1, "harbour"),
        ("olives", 1, "olives"),
    ]


def test_articles_of_one_group_are_listed_under_the_first_that_is_left(small_articles: Path) -> None:
    from rag.index.generations import write_generation
    from rag.index.layout import Contents

    folder = Settings.load().indexes / "small"
    same = "The harbour of Marsa reopened on Sunday after two years of repairs that were slowed by storms."
    texts = {name: same if name in "bce" else f"Story {name} of its own." for name in "abcdefgh"}
    items = tuple(Article(name, "", text, f"{name}.txt") for name, text in texts.items())
    contents = Contents(items, {item.id: (1,) for item in items}, lambda _: [], "none", groups=None)
    write_generation(folder, contents, FakeEmbedder(), lambda *_: None)
    groups = {item.article.id: item.group for item in list_articles("small")}
    assert groups == {**{name: name for name in "adfgh"}, "b": "b", "c": "b", "e": "b"}
    remove_articles(["b"], "small", embedder=FakeEmbedder())
    groups = {item.article.id: item.group for item in list_articles("small")}
    assert groups == {**{name: name for name in "adfgh"}, "c": "c", "e": "c"}
