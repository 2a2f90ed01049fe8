"""Answers as files: Markdown, HTML and CSL-JSON; and the warnings of copied text."""

from __future__ import annotations

import dataclasses
import json

import pytest
from test_ui_render import BASE, HOSTILE, TOTAL, Page, answer, citation

from ui.html import copying, export


@pytest.mark.parametrize("form", [copying.text, copying.markdown])
def test_copied_text_keeps_its_warnings(form) -> None:
    doubtful = answer(
        "They left [1].", citations=(citation(),), verdict="partial", outcome="partial", reason="no year"
    )
    copied = form(doubtful, "en").replace("\\", "")
    assert "The sources do not support every part of this answer." in copied
    assert "◐ partly supported (no year): They left [1]." in copied
    assert "◐" not in form(answer("They left [1].", citations=(citation(),)), "en")
    refused = answer("Nearest [1].", citations=(citation(),), verdict="partial", outcome="not_found")
    assert "◐" not in form(refused, "en")


def test_a_conversation_becomes_one_file_with_every_answer_and_quote() -> None:
    answers = [
        answer("They left [1].", citations=(citation(),)),
        answer("2500 [1].", citations=(citation(1, TOTAL),)),
    ]
    for kind, ending in (("markdown", ".md"), ("html", ".html")):
        file = export.file(answers, kind, "ar")
        assert file["name"].endswith(ending)
        text = file["text"].replace("\\", "")
        assert all(part in text for part in ("They left [1].", "2500 [1].", BASE, TOTAL, "6 سبتمبر 2024"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_saved_page_contains_no_element_of_an_article(hostile: str) -> None:
    cited = dataclasses.replace(citation(quote=hostile, title=hostile, source=hostile), outlet=hostile)
    made = dataclasses.replace(
        answer(f"{hostile} [1]", citations=(cited,), verdict="partial", reason=hostile), question=hostile
    )
    source = export.html([made], "en").replace("<!doctype html>", "").replace('<meta charset="utf-8">', "")
    page = Page(source)
    allowed = {
        "html",
        "head",
        "title",
        "style",
        "body",
        "section",
        "h1",
        "h2",
        "p",
        "ol",
        "li",
        "bdi",
        "blockquote",
        "span",
    }
    assert {tag for tag, _ in page.elements} <= allowed
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_cited_articles_become_references_once_each_with_their_quotes() -> None:
    web = dataclasses.replace(
        citation(2, TOTAL), article_id="w", source="https://paper.example/1", published="2024-03"
    )
    undated = dataclasses.replace(citation(3, TOTAL), article_id="u", published=None, outlet=None)
    answers = [
        answer("A [1].", citations=(citation(), web)),
        answer("B [1].", citations=(citation(1, TOTAL), undated)),
    ]
    first, second, third = json.loads(export.csl(answers, "en"))
    assert first == {
        "id": "a", "type": "article-newspaper", "title": "عنوان", "container-title": "CNN",
        "issued": {"date-parts": [[2024, 9, 6]]}, "source": "a.txt", "language": "ar",
        "annote": f"{BASE}\n{TOTAL}",
    }  # fmt: skip
    assert (second["URL"], second["issued"]) == ("https://paper.example/1", {"date-parts": [[2024, 3]]})
    assert "issued" not in third and "container-title" not in third
