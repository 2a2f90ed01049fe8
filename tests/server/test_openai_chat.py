"""Clients of OpenAI's API: what they send is understood, and what they get has the form that they expect."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import FakeAssistant, Serve
from starlette.applications import Starlette

from rag import Answer, build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM
from rag.server.guard import MAX_BODY
from rag.server.login import hashed
from rag.server.openai.schema import UNREAD, ChatBody
from rag.server.schema import MAX_TEXT, MAX_TURNS
from rag.server.serve import Server

pytestmark = pytest.mark.slow

QUESTION = "When did the harbour of Marsa reopen?"
ASKED = {"role": "user", "content": QUESTION}
PATH = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def chat(client: httpx.Client, *messages: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"model": "sanad", "messages": list(messages) or [ASKED], **more}
    return client.post(PATH, json=body)


def content(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def chunks(client: httpx.Client, *messages: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    response = chat(client, *messages, stream=True, **more)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def check_error(response: httpx.Response, status: int, code: str | None = None) -> str:
    """The message of a failure, after its form has been checked."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] in {
        "invalid_request_error", "server_error", "permission_error", "rate_limit_error"
    }  # fmt: skip
    assert error["code"] == code
    return str(error["message"])


def test_a_client_gets_answer_sources_and_usage(serve: Serve) -> None:
    body = chat(serve()).json()
    (choice,) = body["choices"]
    assert choice["message"]["content"].endswith("harbour.txt:2")
    assert "[1] Coast Daily · 2024-09-06" in choice["message"]["content"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert Answer.from_dict(body["sanad"]).outcome == "answered"
    usage = body["usage"]
    assert usage["prompt_tokens"] > 5 and usage["completion_tokens"] > 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_annotations_link_each_statement_to_the_sentence_that_it_cites(serve: Serve) -> None:
    client = serve(server={"page": lambda _: Starlette()})
    body = chat(client).json()
    message, answer = body["choices"][0]["message"], Answer.from_dict(body["sanad"])
    (one,) = message["annotations"]
    (claim,), (citation,) = answer.claims, answer.citations
    cited = one["url_citation"]
    assert (one["type"], cited["title"]) == ("url_citation", citation.title)
    assert message["content"][cited["start_index"] : cited["end_index"]] == claim.text
    link = httpx.URL(cited["url"])
    assert f"{link.scheme}://{link.netloc.decode()}" == str(client.base_url).rstrip("/")
    place = {"article": "harbour", "start": str(citation.start), "end": str(citation.end)}
    assert dict(link.params) == place
    text = client.get("/api/articles/harbour").json()["text"]
    assert text[int(place["start"]) : int(place["end"])] == citation.quote


def test_without_a_page_there_are_no_links_to_it(shared_client: httpx.Client) -> None:
    assert chat(shared_client).json()["choices"][0]["message"]["annotations"] == []


def test_a_filter_limits_which_articles_are_searched(shared_client: httpx.Client) -> None:
    def searched(**where: Any) -> set[str]:
        passages = chat(shared_client, filter=where).json()["sanad"]["passages"]
        return {passage["chunk"]["article_id"] for passage in passages}

    assert "harbour" in searched(outlets=["Coast Daily"])
    assert searched(outlets=["صحيفة النخيل"]) == {"library"}
    assert "harbour" in searched(since=None)
    assert "filter" in check_error(chat(shared_client, filter={"outlet": ["Coast Daily"]}), 400)
    assert "'yesterday'" in check_error(
        chat(shared_client, filter={"since": "yesterday"}), 400, "bad_settings"
    )


@pytest.mark.parametrize(
    "more",
    [
        dict.fromkeys(["stream", "stream_options", "n", "temperature", "stop", "user", "tools"]),
        {"stream_options": {"include_usage": None}, "response_format": None, "logit_bias": None},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
        {"tool_choice": "auto", "response_format": {"type": "text"}},
        {"temperature": 0.3, "top_p": 1, "seed": 7, "n": 1, "max_completion_tokens": 100},
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": {}}}], "tool_choice": "auto"},
    ],
)
def test_what_a_client_leaves_open_or_sanad_does_not_use_changes_nothing(
    shared_client: httpx.Client, more: dict[str, Any]
) -> None:
    assert content(chat(shared_client, **more)) == content(chat(shared_client))


CALLED = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "the result of a tool"}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "text", "text": QUESTION}], "name": None}],
        [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
        [{"role": "user", "content": [QUESTION]}],
        [{"role": "system", "content": "Be brief."}, ASKED],
        [{"role": "developer", "content": None}, ASKED, {"role": "system", "content": "Answer in French."}],
        [ASKED, CALLED, RESULT],
        [RESULT, ASKED],
        [ASKED, {"role": "function", "name": "f", "content": "result"}],
        [ASKED, {"role": "assistant", "content": ""}],
        [{"role": "user", "content": "Here is context."}, ASKED],
    ],
)
def test_parts_and_messages_of_tools_and_systems_are_understood_anywhere(
    shared_client: httpx.Client, messages: list[dict[str, Any]]
) -> None:
    assert content(chat(shared_client, *messages)) == content(chat(shared_client))


def turns(*messages: dict[str, Any]) -> list[tuple[str, str]]:
    body = ChatBody.model_validate({"model": "sanad", "messages": [*messages, ASKED]})
    return [(turn.question, turn.answer) for turn in body.turns()]


def test_the_turns_before_are_questions_with_what_was_answered_in_the_end() -> None:
    first = {"role": "user", "content": "first"}
    done = {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    assert turns(first, CALLED, RESULT, done) == [("first", "no")]
    assert turns(first, {"role": "user", "content": "second"}, done) == [("second", "no")]
    assert turns(first, {"role": "system", "content": "x"}, done, {"role": "tool", "content": "y"}) == [
        ("first", "no")
    ]
    assert turns({"role": "assistant", "content": "Welcome!"}) == []


@pytest.mark.parametrize(
    "part", [IMAGE, {"type": "input_audio", "input_audio": {}}, {"type": "file", "file": {"file_id": "1"}}]
)
def test_images_and_files_are_left_out_with_a_note(shared_client: httpx.Client, part: dict[str, Any]) -> None:
    client = shared_client
    message = {"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}
    assert content(chat(client, message)) == f"{content(chat(client))}\n\n{UNREAD['en']}"
    streamed = chunks(client, message)
    assert streamed[1]["choices"][0]["delta"]["content"].endswith(UNREAD["en"])
    earlier = [message, {"role": "assistant", "content": "On Sunday."}]
    assert UNREAD["en"] not in content(chat(client, *earlier, ASKED)), "it was said before"
    only = check_error(chat(client, {"role": "user", "content": [part]}), 400, "bad_question")
    assert "no text" in only


def test_long_conversations_go_on_without_their_oldest_turns(shared_client: httpx.Client) -> None:
    turn = [{"role": "user", "content": "x" * (MAX_TEXT + 1)}, {"role": "assistant", "content": "an answer"}]
    many = turn * (MAX_TURNS + 10)
    assert "Sunday" in content(chat(shared_client, *many, ASKED))
    kept = turns(*many)
    assert len(kept) == MAX_TURNS and len(kept[0][0]) == MAX_TEXT


def test_a_streamed_chat_contains_the_checked_answer_and_ends_as_openais_do(serve: Serve) -> None:
    client = serve(FakeLLM.scripted(["It reopened on Sunday [1]. It cost 77 million [1]."]))
    streamed = chunks(client)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in streamed)
    assert "Sunday" in text and "77" not in text, "what the check drops is never sent"
    assert [chunk["choices"][0]["finish_reason"] for chunk in streamed] == [None, None, "stop"]
    assert streamed[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len({chunk["id"] for chunk in streamed}) == 1
    assert not any("usage" in chunk for chunk in streamed)


def test_a_stream_ends_with_the_usage_where_it_is_asked_for(serve: Serve) -> None:
    client = serve()
    *before, last = chunks(client, stream_options={"include_usage": True})
    assert [chunk["usage"] for chunk in before] == [None] * len(before)
    assert last["choices"] == [] and last["usage"] == chat(client).json()["usage"]


def test_the_one_model_can_be_asked_for(shared_client: httpx.Client) -> None:
    client = shared_client
    (listed,) = client.get("/v1/models").json()["data"]
    assert client.get("/v1/models/sanad").json() == listed
    assert (listed["id"], listed["object"]) == ("sanad", "model")
    check_error(client.get("/v1/models/gpt-4o"), 404, "model_not_found")


def test_each_of_several_indexes_is_a_model_that_answers_from_its_own_articles(
    fake_assistant: FakeAssistant, tmp_path: Path
) -> None:
    openai = pytest.importorskip("openai", reason="the openai client is not installed")
    (tmp_path / "towers").mkdir()
    (tmp_path / "towers" / "bell.txt").write_text(
        "Tower bell rings again\nThe bell of the old tower rang on Friday for the first time since 1952.\n",
        encoding="utf-8",
    )
    first = fake_assistant()
    build_index(tmp_path / "towers", "towers", settings=first.settings, embedder=FakeEmbedder())
    second = first.beside("towers")
    indexes = {"small": first, "towers": second}
    server = Server(first, indexes=indexes, page=lambda _: Starlette()).start()
    try:
        with openai.OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client:
            assert [model.id for model in client.models.list()] == ["sanad", "sanad/small", "sanad/towers"]
            assert client.models.retrieve("sanad/towers").id == "sanad/towers"

            def sources(model: str) -> set[str]:
                completion = client.chat.completions.create(model=model, messages=[ASKED])
                return {passage["title"] for passage in completion.model_extra["sanad"]["passages"]}

            assert sources("sanad") == sources("sanad/small")
            assert "Harbour reopens after two years" in sources("sanad")
            assert sources("sanad/towers") == {"Tower bell rings again"}
            for model, index in (("sanad", "small"), ("sanad/small", "small"), ("sanad/towers", "towers")):
                completion = client.chat.completions.create(model=model, messages=[ASKED])
                streamed = client.chat.completions.create(model=model, messages=[ASKED], stream=True)
                assert {completion.model, *(chunk.model for chunk in streamed)} == {model}
                links = [one.url_citation.url for one in completion.choices[0].message.annotations]
                assert {httpx.URL(link).params["index"] for link in links} <= {index}
                assert links or model == "sanad/towers"
            with pytest.raises(openai.NotFoundError, match="'sanad/small' or 'sanad/towers'"):
                client.chat.completions.create(model="sanad/other", messages=[ASKED])
    finally:
        server.close()
        second.close()


@pytest.mark.parametrize(
    ("send", "status", "code", "said"),
    [
        (lambda c: chat(c, n=2), 400, "unsupported_value", "n is 2"),
        (lambda c: chat(c, n=0), 400, "unsupported_value", "n is 0"),
        (lambda c: chat(c, response_format={"type": "json_schema"}), 400, "unsupported_value", "json_schema"),
        (lambda c: chat(c, tool_choice="required"), 400, "unsupported_value", "no tools"),
        (lambda c: chat(c, tool_choice={"type": "function"}), 400, "unsupported_value", "no tools"),
        (lambda c: chat(c, stream="perhaps"), 400, None, "stream"),
        (lambda c: chat(c, {"role": "user", "content": 7}), 400, None, "messages.0.content"),
        (lambda c: chat(c, {"role": "king", "content": "x"}), 400, None, "role"),
        (lambda c: chat(c, {"role": "assistant", "content": "x"}), 400, "bad_question", "empty"),
        (lambda c: chat(c, {"role": "user", "content": " ?"}), 400, "bad_question", "empty"),
        (lambda c: chat(c, {"role": "user", "content": " ?"}, stream=True), 400, "bad_question", "empty"),
        (lambda c: chat(c, {"role": "user", "content": "x" * 3000}), 400, "bad_question", "2,000"),
        (lambda c: c.post(PATH, json={"model": "sanad", "messages": []}), 400, None, "messages"),
        (lambda c: c.post(PATH, json={"messages": [ASKED]}), 400, None, "model"),
        (lambda c: c.post(PATH, content=b"{", headers=JSON), 400, None, "JSON"),
        (lambda c: chat(c, model="gpt"), 404, "model_not_found", "'gpt'"),
        (lambda c: chat(c, model="sanad:latest"), 404, "model_not_found", "'sanad'"),
        (lambda c: c.post("/v1/embeddings", json={}), 404, "unknown_url", "POST /v1/embeddings"),
        (lambda c: c.get("/v1/"), 404, "unknown_url", "GET /v1/"),
        (lambda c: c.get(PATH), 405, "method_not_allowed", f"GET {PATH}"),
        (lambda c: c.delete("/v1/models/sanad"), 405, "method_not_allowed", "DELETE"),
        (lambda c: c.post(PATH, content=b"x" * (MAX_BODY + 1)), 413, "request_too_large", "8 MB"),
        (lambda c: c.post(PATH, headers={"Host": "elsewhere.example"}), 400, None, "SANAD_HOSTS"),
        (lambda c: c.post(PATH, headers={"Origin": "http://elsewhere.example"}), 403, None, "other sites"),
    ],
)  # fmt: skip
def test_every_failure_has_openais_form(
    shared_client: httpx.Client,
    send: Callable[[httpx.Client], httpx.Response],
    status: int,
    code: str | None,
    said: str,
) -> None:
    assert said in check_error(send(shared_client), status, code)


def test_the_field_that_is_wrong_is_named(shared_client: httpx.Client) -> None:
    client = shared_client
    wrong = [chat(client, n=3), chat(client, model="gpt"), chat(client, {"role": "user", "content": 7})]
    assert [sent.json()["error"]["param"] for sent in wrong][:2] == ["n", "model"]
    assert wrong[2].json()["error"]["param"].startswith("messages.0.content")


def test_a_failure_of_the_model_has_openais_form_in_a_stream_too(serve: Serve) -> None:
    def fail(_: int) -> None:
        raise RuntimeError("the device is gone")

    client = serve(FakeLLM.scripted([], fail))
    check_error(chat(client), 500, "generation_failed")
    *_, last = chunks(client)
    assert last["error"]["code"] == "generation_failed" and last["error"]["type"] == "server_error"


def test_a_missing_index_has_openais_form(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    for file in (tmp_path / "indexes" / "small").rglob("*"):
        if file.is_file():
            file.unlink()
    assert chat(client).status_code == 503
    assert chat(client).json()["error"]["type"] == "server_error"


@pytest.mark.slow  # hashing a password is meant to be
def test_a_key_of_name_and_password_logs_in_and_a_wrong_one_is_refused(serve: Serve, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"desk:{hashed('kitab maftuh')}\n", encoding="utf-8")
    passwords.chmod(0o600)
    client = serve(passwords=str(passwords))

    def keyed(key: str, scheme: str = "Bearer") -> httpx.Response:
        headers = {"Authorization": f"{scheme} {key}"}
        return client.get("/v1/models", headers=headers)

    assert keyed("desk:kitab maftuh").status_code == 200
    assert keyed(base64.b64encode(b"desk:kitab maftuh").decode(), "Basic").status_code == 200
    assert "NAME:PASSWORD" in check_error(keyed("desk:kitab maghlaq"), 401, "invalid_api_key")
    check_error(client.get("/v1/models"), 401, "invalid_api_key")
    for _ in range(10):
        keyed("sk-nothing")
    limited = keyed("sk-nothing")
    check_error(limited, 429, "rate_limit_exceeded")
    assert int(limited.headers["retry-after"]) > 0


@pytest.mark.slow  # importing openai takes seconds
def test_the_real_client_understands_all_of_it(serve: Serve) -> None:
    openai = pytest.importorskip("openai", reason="the openai client is not installed")
    with openai.OpenAI(base_url=f"{serve().base_url}/v1", api_key="none", max_retries=0) as client:
        create = client.chat.completions.create
        whole = create(model="sanad", messages=[ASKED], temperature=None, stream=None)
        assert whole.usage.total_tokens > 0 and whole.choices[0].finish_reason == "stop"
        options = {"include_usage": True}
        *before, last = create(model="sanad", messages=[ASKED], stream=True, stream_options=options)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in before)
        assert text == whole.choices[0].message.content
        assert last.choices == [] and last.usage == whole.usage
        assert client.models.retrieve("sanad").id == client.models.list().data[0].id == "sanad"
        with pytest.raises(openai.NotFoundError, match="no model 'gpt'") as refused:
            create(model="gpt", messages=[ASKED])
        assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError, match="n is 2"):
            create(model="sanad", messages=[ASKED], n=2)
        with pytest.raises(openai.NotFoundError, match="/v1/responses"):
            client.responses.create(model="sanad", input="hello")
