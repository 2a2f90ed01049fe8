"""Chunks hold whole sentences, all of them, within the budget; tokens are counted without a network."""

from __future__ import annotations

import itertools
import os
import socket
from pathlib import Path

import pytest
import tiktoken_ext.openai_public
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ModelDamaged, ModelMissing
from rag.index.chunking import SCRAP, chunks
from rag.language import tokens
from rag.language.text import sentences
from rag.loading.articles import load_folder
from rag.records import Article
from rag.settings import Settings

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


def article(text: str, name: str = "a") -> Article:
    return Article(id=name, title="", text=text, source=f"{name}.txt")


def pieces(text: str, budget: int) -> list[str]:
    return [text[c.start : c.end] for c in chunks(article(text), budget=budget)]


def check(item: Article, budget: int) -> None:
    spans = sentences(item.text)
    found = chunks(item, budget=budget)
    covered = [span for c in found for span in spans if c.start <= span[0] and span[1] <= c.end]
    assert covered == spans
    for left, right in itertools.pairwise(found):
        assert left.end <= right.start
    for c in found:
        inside = [span for span in spans if c.start <= span[0] and span[1] <= c.end]
        assert (c.start, c.end) == (inside[0][0], inside[-1][1])
        assert c.tokens == tokens.count(item.text[c.start : c.end])
        assert c.tokens <= budget or len(inside) == 1
    assert len({c.id for c in found}) == len(found)


@pytest.mark.parametrize("budget", [1, 20, 60, 200, 10_000])
def test_chunks_of_the_seeds_cover_every_sentence_once_within_the_budget(budget: int) -> None:
    for item in load_folder(SEEDS, Settings()).articles:
        check(item, budget)


@examples(100)
@given(
    st.lists(
        st.sampled_from(["نص قصير.", "One short text.", "كلمة " * 30 + ".", "؟!", "<|endoftext|>."]),
        max_size=12,
    ),
    st.lists(st.sampled_from([" ", "\n", "\n\n"]), min_size=12, max_size=12),
    st.integers(min_value=1, max_value=80),
)
def test_chunks_of_any_text_cover_every_sentence_once(parts: list[str], gaps: list[str], budget: int) -> None:
    check(article("".join(part + gap for part, gap in zip(parts, gaps, strict=False))), budget)


def test_a_chunk_over_half_full_ends_with_its_paragraph() -> None:
    one, two, three = "First sentence of five.", "Second sentence of it.", "A new paragraph begins here now."
    text = f"{one} {two}\n{three}"
    whole = tokens.count(text)
    assert pieces(text, whole) == [f"{one} {two}", three]
    assert pieces(text.replace("\n", " "), whole) == [text.replace("\n", " ")]
    assert pieces(text, 3 * whole) == [text]


def test_a_last_scrap_joins_the_chunk_before_it() -> None:
    text = f"{'A sentence of some length is here. ' * 8}\nSource: AP"
    budget = tokens.count(text) + SCRAP
    assert tokens.count("Source: AP") * SCRAP < budget
    assert pieces(text, budget) == [text]


def test_a_sentence_over_the_budget_is_a_chunk_of_its_own() -> None:
    long = "كلمة " * 50 + "أخيرة."
    assert pieces(f"قصيرة. {long} قصيرة.", 10) == ["قصيرة.", long, "قصيرة."]


def test_the_same_article_has_the_same_ids_and_another_article_others() -> None:
    text = "One sentence. Another sentence."
    first, again, other = (chunks(article(text, name), budget=4) for name in ("a", "a", "b"))
    assert first == again
    assert not {c.id for c in first} & {c.id for c in other}
    assert all(len(c.id) == 32 and int(c.id, 16) >= 0 for c in first)


def test_an_empty_article_has_no_chunks_and_a_budget_below_one_is_refused() -> None:
    assert chunks(article(" \n "), budget=5) == []
    with pytest.raises(ValueError, match="at least 1"):
        chunks(article("Text."), budget=0)


@pytest.mark.slow
def test_tokens_are_counted_without_network_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/nowhere")
    before = dict(os.environ)
    tokens._encoding.cache_clear()
    assert tokens.count("Hello, world!") == 4
    assert dict(os.environ) == before


def test_special_tokens_and_lone_surrogates_are_plain_text() -> None:
    assert tokens.count("<|endoftext|>") > 1
    assert tokens.count("a\ud800b") >= 1
    assert tokens.count("") == 0


def test_the_pattern_is_that_of_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiktoken_ext.openai_public, "load_tiktoken_bpe", lambda *_a, **_k: {})
    assert tiktoken_ext.openai_public.o200k_base()["pat_str"] == tokens.PATTERN


def test_a_missing_or_damaged_vocabulary_is_reported_with_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vocabulary"
    monkeypatch.setattr(tokens, "_vocabulary", lambda: path)
    tokens._encoding.cache_clear()
    try:
        with pytest.raises(ModelMissing, match="pip install"):
            tokens.count("text")
        path.write_bytes(b"damaged")
        with pytest.raises(ModelDamaged, match="pip install"):
            tokens.count("text")
    finally:
        tokens._encoding.cache_clear()
