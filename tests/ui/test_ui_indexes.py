"""Several indexes behind one page, without a browser: each call reaches the index that it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from test_ui_page import Request
from ui_stand_in import LATER, StandIn

from rag import Article, Settings
from rag.errors import BadArticles
from rag.server.fair_queue import FairQueue
from rag.server.guard import UPLOADS
from rag.server.worker import QuestionRunner
from ui import originals
from ui.exchange import Exchange, pack
from ui.guard import Guard
from ui.indexes import Indexes, Unserved

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_disk")]

NUMBER = {"question": "number 7", "filter": [[], "", "", ""]}

SAID = {"en": "There is no index “<bdi>gone</bdi>”", "ar": "لم يعد الفهرس «<bdi>gone</bdi>» متاحًا"}


class Island(StandIn):
    """Knows one article only."""

    def articles(self) -> list[Article]:
        return [LATER]


@pytest.fixture
def assistants(tmp_path: Path) -> Iterator[dict[str, StandIn]]:
    made = {name: kind(tmp_path / name) for name, kind in (("world", StandIn), ("جزيرة", Island))}
    for one in made.values():
        one.settings = Settings(cache=tmp_path / "cache")
        one.freely = True
        one.uploads.mkdir()
    yield made
    for one in made.values():
        one.freely = True
        one.indexed.set()


@pytest.fixture
def indexes(assistants: dict[str, StandIn]) -> Indexes:
    first = QuestionRunner(assistants["world"], FairQueue(16))  # type: ignore[arg-type]
    return Indexes({name: first.beside(one) for name, one in assistants.items()})  # type: ignore[arg-type]


def call(indexes: Indexes, name: str, sent: Any) -> Any:
    return next(each for each in indexes.functions if each.__name__ == name)(sent)


@pytest.mark.parametrize("sent", [{}, None, [], {"index": None}, {"index": ""}])
def test_what_names_no_index_reaches_the_first(indexes: Indexes, sent: Any) -> None:
    assert "5 articles" in call(indexes, "start", sent)["welcome"]
    assert "<header" in call(indexes, "read_article", {"article": "base", "span": None, **(sent or {})})


def test_each_function_reaches_the_index_that_is_named(
    indexes: Indexes, assistants: dict[str, StandIn]
) -> None:
    island = {"index": "جزيرة"}
    assert "1 article" in call(indexes, "start", island)["welcome"]
    assert "1 article" in call(indexes, "articles", NUMBER | island)
    assert "no article" in call(indexes, "read_article", {**island, "article": "base", "span": None})
    assert "<header" in call(indexes, "read_article", {"article": "base", "span": None, "index": "world"})
    assert "no article" in call(
        indexes, "correct", {**island, "article": "base", "outlet": "", "published": ""}
    )
    *_, last = indexes.answer({**NUMBER, **island}, Request())  # type: ignore[arg-type]
    assert 'data-stage="done"' in last["turn"]
    assert [one.asked for one in assistants.values()] == [[], ["number 7"]]
    *_, answer = indexes.ask(Request(), "number 8", "", "جزيرة")  # type: ignore[arg-type]
    assert "The answer to number 8" in answer
    *_, answer = indexes.ask(Request(), "number 9")  # type: ignore[arg-type]
    assert [one.asked for one in assistants.values()] == [["number 9"], ["number 7", "number 8"]]


@pytest.mark.parametrize("name", ["world", "جزيرة"])
def test_a_question_of_any_index_is_stopped_by_its_id_alone(
    indexes: Indexes, assistants: dict[str, StandIn], name: str
) -> None:
    assistants[name].freely = False
    answers = indexes.answer({**NUMBER, "index": name}, Request("q5"))  # type: ignore[arg-type]
    next(answers)
    assert call(indexes, "stop", {"asked": "q4"}) is False
    assert call(indexes, "stop", {"asked": "q5", "index": "gone"}) is True
    *_, last = answers
    assert last["kept"]["stage"] == "stopped"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_index_that_is_not_served_is_refused_in_words(
    indexes: Indexes, assistants: dict[str, StandIn], language: str
) -> None:
    sent = {**NUMBER, "index": "gone", "language": language, "article": "base", "span": None}
    said = SAID[language]
    (last,) = indexes.answer(sent, Request())  # type: ignore[arg-type]
    assert last["kept"]["fault"] == {"word": "fault_unserved", "values": {"index": "gone"}, "detail": ""}
    assert said in last["turn"] and last["turn"] == call(indexes, "begin", sent)["turn"]
    start = call(indexes, "start", sent)
    assert start["filter"] == "" and said in start["welcome"]
    for name in ("read_article", "articles", "adding", "correct", "rate"):
        published = {"outlet": "", "published": ""} if name == "correct" else {}
        assert said in call(indexes, name, sent | published), name
    assert call(indexes, "index", sent) is False and call(indexes, "remove", sent) is False
    assert call(indexes, "working", sent) == {"html": "", "running": False, "changes": 0}
    assert [one.asked for one in assistants.values()] == [[], []]
    import gradio

    with pytest.raises(gradio.Error, match="no index “gone”"):
        list(indexes.ask(Request(), "number 7", "", "gone"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [5, ["world"], {"a": 1}, "../world", "x" * 10_000, "<b>"])
def test_whatever_is_sent_as_a_name_leads_to_no_index(indexes: Indexes, name: Any) -> None:
    assert isinstance(indexes.page(name), Unserved)
    for function in indexes.functions:
        shown = str(function({"index": name, "language": "en"}))
        assert "<b>" not in shown and len(shown) < 2000, function.__name__


def test_kept_turns_of_an_index_that_is_gone_are_shown_copied_and_saved(indexes: Indexes) -> None:
    *_, last = indexes.answer({**NUMBER, "index": "world"}, Request())  # type: ignore[arg-type]
    turns = [last["kept"], pack(Exchange(2, "And then?", "stopped"))]
    shown = call(indexes, "show", {"turns": turns, "index": "gone"})
    assert "The answer to number 7" in shown and "And then?" in shown
    assert "The answer to number 7" in call(indexes, "copy", {"turn": turns[0], "index": "gone"})
    saved = call(indexes, "save", {"turns": turns, "form": "markdown", "index": "gone"})
    assert "The answer to number 7" in saved["text"]


def test_files_and_the_work_on_them_belong_to_one_index(
    indexes: Indexes, assistants: dict[str, StandIn]
) -> None:
    guard = Guard(Starlette(), [], receives=indexes.receive, path=UPLOADS)
    client = TestClient(guard, base_url="http://127.0.0.1:7860")
    query = {"index": "جزيرة", "language": "ar"}
    assert client.put(f"{UPLOADS}bell.txt", params=query, content=b"Bell").status_code == 200
    assert client.put(f"{UPLOADS}tower.txt", content=b"Tower").status_code == 200
    assert [sorted(file.name for file in one.uploads.iterdir()) for one in assistants.values()] == [
        ["tower.txt"],
        ["bell.txt"],
    ]
    refused = client.put(f"{UPLOADS}bell.txt", params=query | {"index": "gone"}, content=b"Bell")
    assert refused.status_code == 422 and SAID["ar"] in refused.text
    assistants["جزيرة"].indexed.clear()
    assert call(indexes, "index", {"index": "جزيرة"}) is True
    assert call(indexes, "working", {"index": "جزيرة"})["running"] is True
    assert call(indexes, "working", {})["running"] is False


def test_the_file_of_an_article_is_that_of_the_named_index(
    indexes: Indexes, assistants: dict[str, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def remember(name: str) -> Any:
        def article(article_id: str) -> Article:
            asked.append((name, article_id))
            raise BadArticles("There is no article.")

        return article

    for name, one in assistants.items():
        monkeypatch.setattr(one, "article", remember(name))
    client = TestClient(Starlette(routes=originals.routes(indexes.assistant)))
    for query in ({}, {"index": "world"}, {"index": "جزيرة"}):
        assert client.get(originals.FILE, params={"article": "a", **query}).status_code == 404
    assert asked == [("world", "a"), ("world", "a"), ("جزيرة", "a")]
    gone = client.get(originals.FILE, params={"article": "a", "index": "gone"})
    assert gone.status_code == 404 and "no index “gone”" in gone.text
    assert len(asked) == 3
