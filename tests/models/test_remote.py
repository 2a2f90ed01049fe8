"""Models on servers with OpenAI's API: what they may send, and what can go wrong."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai_server
import pytest
from openai_server import Act, Server, dies, refuses, says, serving
from ui_browser import free_port

from rag import BadSettings, GenerationFailed, ModelMissing, SanadError, Settings
from rag.models.llm import factory
from rag.models.llm.factory import choose_backend, open_generator, replies_at_once
from rag.models.llm.protocol import Cancelled, DeadlinePassed, Generator, Message
from rag.models.llm.watchdog import WatchedGenerator

pytestmark = pytest.mark.slow

HELLO = [Message("system", "Be exact."), Message("user", "Hello?")]

MOST = 9
"""Longest reply of these tests, in tokens."""


def opened(server: Server, **settings: Any) -> Generator:
    return open_generator(Settings.load(llm=server.llm, **settings))


def reply(model: Generator, **limits: Any) -> str:
    return "".join(model.stream(HELLO, max_tokens=MOST, **limits))


def failure(model: Generator, kind: type[SanadError] = GenerationFailed) -> str:
    """The message of a reply that fails: one line."""
    with pytest.raises(kind) as raised:
        reply(model)
    message = str(raised.value)
    assert "\n" not in message
    assert message.endswith((".", "SANAD_ANSWER_SECONDS", ")"))
    return message


# Requests and replies


def test_a_prompt_is_sent_unchanged_and_the_reply_returned() -> None:
    with serving(says("It was", " 308 [2].")) as server:
        model = opened(server)
        assert reply(model) == "It was 308 [2]."
        assert model.identity == f"small ({server.base})"
    (request,) = server.asked
    assert request["messages"] == [
        {"role": "system", "content": "Be exact."},
        {"role": "user", "content": "Hello?"},
    ]
    assert (request["model"], request["max_tokens"], request["temperature"], request["stream"]) == (
        "small", MOST, 0.0, True,
    )  # fmt: skip
    assert request["chat_template_kwargs"] == {"enable_thinking": False}
    assert request["reasoning_effort"] == "none"


def test_a_reply_that_is_cut_at_its_limit_is_taken_as_it_is() -> None:
    with serving(says("It was 308", ended="length")) as server:
        assert reply(opened(server)) == "It was 308"
        assert len(server.asked) == 1


def test_several_replies_are_requested_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def meets(handler: openai_server.Handler) -> None:
        both.wait()
        says("Met.")(handler)

    with serving(meets, meets) as server:
        model = opened(server, at_once=2)
        replies: list[str] = []
        threads = [threading.Thread(target=lambda: replies.append(reply(model))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replies == ["Met.", "Met."]
        assert replies_at_once(Settings.load(llm=server.llm, at_once=3)) == 3


@pytest.mark.parametrize(
    ("entry", "setting", "context"),
    [
        ({"id": "small", "max_model_len": 2048}, 0, 2048),
        ({"id": "small", "context_length": 16_000}, 0, 16_000),
        ({"id": "small", "meta": {"n_ctx": 512}}, 0, 512),
        ({"id": "small", "owned_by": "llamacpp", "meta": {"n_ctx_train": 32_768}}, 0, 1536),
        ({"id": "small"}, 0, 4096),
        ({"id": "small", "max_model_len": "many"}, 0, 4096),
        ({"id": "small", "max_model_len": 2048}, 1000, 1000),
    ],
)
def test_the_context_is_the_settings_or_the_servers(
    entry: dict[str, Any], setting: int, context: int
) -> None:
    with serving(models=[entry]) as server:
        model = opened(server, llm_context=setting)
        assert model.context == context
        assert model.context == context
        assert server.paths.count("/v1/models") == 1


def test_tokens_are_counted_generously_as_the_servers_tokenizer_is_not_known() -> None:
    with serving() as server:
        model = opened(server)
        assert model.count("") == 0
        assert model.count("كم عدد الجنود الأمريكيين في سوريا؟") >= 14


@pytest.mark.parametrize("models", [None, []])
def test_a_server_without_a_list_of_models_is_used_all_the_same(models: Any) -> None:
    with serving(says("Yes."), models=models) as server:
        assert reply(opened(server)) == "Yes."


def test_ollamas_default_tag_need_not_be_given() -> None:
    with serving(says("Yes."), models=[{"id": "small:latest"}]) as server:
        assert reply(opened(server)) == "Yes."


# Thoughts


@pytest.mark.parametrize(
    "act",
    [
        says("<think>Sentence 2", " says it.</think>\n\n", "It was 308 [2]."),
        says("The second one says it.\n</think>\n\nIt was 308 [2]."),
        says("It was 308 [2].", thoughts=["The second", " one [1] says it."]),
        says("<THINK>[1]?</think><think>[3]?</think> It was", " 308 [2]."),
    ],
)
def test_thoughts_are_not_part_of_the_reply(act: Act) -> None:
    with serving(act) as server:
        assert reply(opened(server)) == "It was 308 [2]."


@pytest.mark.parametrize(
    "thinking",
    [
        says("<think>The first one", " is about", ended="length"),
        says(ended="length", thoughts=["The first one"]),
    ],
)
def test_a_reply_that_was_cut_within_its_thoughts_is_requested_again_without_a_limit(thinking: Act) -> None:
    with serving(thinking, says("<think>No, the second.</think>", "It was 308 [2].")) as server:
        assert reply(opened(server)) == "It was 308 [2]."
    assert [body.get("max_tokens") for body in server.asked] == [MOST, None]


def test_what_follows_unlimited_thoughts_keeps_to_the_longest_reply() -> None:
    cut = says("<think>Long", ended="length")
    with serving(cut, says("<think>Long.</think>", *["word "] * 200)) as server:
        assert MOST <= len(reply(opened(server)).split()) <= MOST + 1


def test_a_model_that_only_thinks_says_nothing() -> None:
    cut = says("<think>Long", ended="length")
    with serving(cut, cut) as server:
        assert reply(opened(server)) == ""
        assert len(server.asked) == 2


# Servers and templates that accept less


def strict(field: str) -> Act:
    """Refuses requests that have this field."""

    def act(handler: openai_server.Handler) -> None:
        accepted = field not in handler.server.asked[-1]
        (says("Yes.") if accepted else refuses(400, f"Unrecognized request argument: {field}"))(handler)

    return act


@pytest.mark.parametrize(
    ("field", "still_sent"),
    [("reasoning_effort", {"chat_template_kwargs"}), ("chat_template_kwargs", set[str]())],
)
def test_an_option_against_thinking_that_is_refused_is_left_out_from_then_on(
    field: str, still_sent: set[str]
) -> None:
    with serving(*[strict(field)] * 9) as server:
        model = opened(server)
        assert reply(model) == "Yes."
        before = len(server.asked)
        assert reply(model) == "Yes."
        assert len(server.asked) == before + 1
    assert server.asked[-1].keys() & {"reasoning_effort", "chat_template_kwargs"} == still_sent


@pytest.mark.parametrize("status", [400, 422])
def test_a_template_without_a_system_role_gets_its_text_in_the_users_message(status: int) -> None:
    refusal = refuses(status, "System role not supported")
    with serving(*[refusal] * 3, says("Yes.")) as server:
        assert reply(opened(server)) == "Yes."
    assert server.asked[-1]["messages"] == [{"role": "user", "content": "Be exact.\n\nHello?"}]


def test_a_request_that_is_refused_in_every_form_fails_in_the_servers_words() -> None:
    refusal = refuses(400, "tools\nare broken")
    with serving(*[refusal] * 9) as server:
        assert "status 400): tools are broken. Look into" in failure(opened(server))
        assert len(server.asked) == 4


# Limits


def test_closing_a_reply_ends_the_request_of_a_silent_server_at_once() -> None:
    with serving(openai_server.is_silent) as server:
        pieces = opened(server).stream(HELLO, max_tokens=MOST)
        assert next(pieces) == ""
        begun = time.monotonic()
        pieces.close()
        assert time.monotonic() - begun < 5
        assert server.left.wait(10), "the server's connection was closed"


@pytest.mark.parametrize("watched", [False, True])
def test_a_silent_server_keeps_to_cancel_and_deadline(watched: bool) -> None:
    silent = openai_server.is_silent
    with serving(silent, silent, says("There.")) as server:
        model: Any = WatchedGenerator(lambda: opened(server), seconds=60) if watched else opened(server)
        with pytest.raises(DeadlinePassed):
            reply(model, deadline=time.monotonic() + 0.3)
        cancel = threading.Event()
        threading.Timer(0.3, cancel.set).start()
        with pytest.raises(Cancelled):
            reply(model, cancel=cancel)
        assert reply(model) == "There.", "the model is free for the next question"
        assert threading.active_count() < 20


def test_a_server_that_stays_silent_too_long_is_named_with_the_setting() -> None:
    with serving(*[openai_server.is_silent] * 4) as server:
        model = opened(server, answer_seconds=1)
        message = failure(model)
        assert "silent for 1 s" in message
        assert "SANAD_ANSWER_SECONDS" in message


# What goes wrong


def test_an_address_that_refuses_is_named_with_the_fix() -> None:
    address = f"http://127.0.0.1:{free_port()}/v1"
    message = failure(open_generator(Settings.load(llm=f"{address}#small")), ModelMissing)
    assert address in message
    assert ": Connection refused. Start the server" in message
    assert "--llm" in message


def test_a_server_that_is_gone_after_the_first_reply_is_named_with_the_fix() -> None:
    with serving(says("Yes.")) as server:
        model = opened(server)
        assert reply(model) == "Yes."
    message = failure(model, ModelMissing)
    assert server.base in message
    assert "Start the server" in message


@pytest.mark.parametrize("act", [dies("It was", " 3"), dies("It was 3", politely=True), dies()])
def test_a_server_that_dies_in_mid_answer_gives_no_half_answer(act: Act) -> None:
    with serving(act, says("It was 308 [2].")) as server:
        model = WatchedGenerator(lambda: opened(server), seconds=60)
        message = failure(model)
        assert server.base in message
        assert "in the middle of the answer" in message
        assert reply(model) == "It was 308 [2]."
        assert model.reloads == 0, "there is no engine to be loaded again"


def test_an_error_or_nonsense_within_the_stream_is_a_failure() -> None:
    def breaks(handler: openai_server.Handler) -> None:
        handler.begin()
        handler.send('{"error": {"message": "out of memory", "code": 500}}')
        handler.end()

    def raves(handler: openai_server.Handler) -> None:
        handler.begin()
        handler.send("<html>")
        handler.end()

    with serving(breaks, raves) as server:
        model = opened(server)
        assert "out of memory" in failure(model)
        assert "in the middle of the answer" in failure(model)


def test_a_request_to_a_busy_server_is_repeated_but_not_for_ever() -> None:
    busy = refuses(503, "loading model", retry_after_ms="1")
    with serving(busy, busy, says("Yes."), *[busy] * 9) as server:
        model = opened(server)
        assert reply(model) == "Yes."
        assert len(server.asked) == 3
        assert "status 503): loading model" in failure(model)
        assert len(server.asked) == 6


@pytest.mark.parametrize("key", ["", "wrong-key"])
def test_a_wrong_key_is_reported_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "another-key")
    with serving() as server:
        server.key = "right-key"
        message = failure(opened(server, llm_key=key), ModelMissing)
    assert "SANAD_LLM_KEY" in message
    assert "401" in message
    assert "wrong-key" not in message
    assert ("asks for a key" in message) is not bool(key)


def test_a_key_of_another_server_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "another-key")
    with serving(says("Yes.")) as server:
        assert reply(opened(server)) == "Yes."
        assert len(server.keys) == 2
        assert not any("another-key" in key for key in server.keys)


def test_a_missing_key_that_only_chats_need_is_reported_too() -> None:
    with serving(refuses(401, "no key")) as server:
        assert "asks for a key" in failure(opened(server), ModelMissing)


def test_the_key_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(says("Yes."), says("Yes again.")) as server:
        server.key = "right-key"
        monkeypatch.setenv("SANAD_LLM_KEY", "right-key")
        assert reply(opened(server)) == "Yes."
        file = tmp_path / "key"
        file.write_text("right-key\n", encoding="utf-8")
        monkeypatch.setenv("SANAD_LLM_KEY", "wrong-key")
        monkeypatch.setenv("SANAD_LLM_KEY_FILE", str(file))
        assert reply(opened(server)) == "Yes again."


@pytest.mark.parametrize("content", [None, "two\nlines", "مفتاح"])
def test_a_file_without_a_key_is_named_and_no_key_is_shown(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(BadSettings, match="SANAD_LLM_KEY_FILE") as raised:
        open_generator(Settings.load(llm="http://127.0.0.1:1/v1#small", llm_key_file=str(file)))
    assert "two" not in str(raised.value)
    assert "مفتاح" not in str(raised.value)


def test_a_key_file_in_the_home_of_an_unknown_user_is_named() -> None:
    with pytest.raises(BadSettings, match=r"'~nosuchuser/key': No such file.*SANAD_LLM_KEY_FILE"):
        open_generator(Settings.load(llm="http://127.0.0.1:1/v1#small", llm_key_file="~nosuchuser/key"))


def test_a_key_is_not_shown_with_the_settings() -> None:
    assert "right-key" not in repr(Settings.load(llm_key="right-key"))


def test_a_missing_model_is_reported_with_the_servers_models() -> None:
    others = [{"id": f"other-{n}"} for n in range(30)]
    with serving(models=[*others, {"id": "smaller"}]) as server:
        message = failure(opened(server), ModelMissing)
    assert "no model 'small'; it has 'smaller'" in message
    assert "'#'" in message
    assert len(message) < 500


def test_a_missing_model_that_only_chats_report_is_reported_too() -> None:
    with serving(refuses(404, "model 'small' not found"), models=None) as server:
        message = failure(opened(server), ModelMissing)
    assert "model 'small' not found" in message
    assert "/v1" in message


@pytest.mark.parametrize(
    "error",
    [
        "This model's maximum context length is 512 tokens. However, you requested 700 tokens.",
        "the request exceeds the available context size (512 tokens), try increasing it",
    ],
)
def test_a_context_that_is_too_small_is_reported_with_the_setting(error: str) -> None:
    with serving(refuses(400, error)) as server:
        message = failure(opened(server))
        assert len(server.asked) == 1
    assert "512 tokens" in message
    assert "SANAD_LLM_CONTEXT (now 4096)" in message


# Which names are addresses, and the messages about them


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http://127.0.0.1:11434/v1", "names no model"),
        ("http://127.0.0.1:11434/v1#", "names no model"),
        ("ftp://127.0.0.1/v1#small", "http://"),
        ("http:///v1#small", "http://"),
        ("http://127.0.0.1:99999/v1#small", "not valid"),
        ("http://desk:secret@127.0.0.1/v1#small", "SANAD_LLM_KEY"),
        ("http://127.0.0.1/v1?key=1#small", "SANAD_LLM_KEY"),
        ("localhost:11434/v1#small", "looks like an address"),
        ("127.0.0.1:8080", "looks like an address"),
    ],
)
def test_an_address_of_another_form_is_refused_with_the_right_form(name: str, expected: str) -> None:
    with pytest.raises(BadSettings) as raised:
        open_generator(Settings.load(llm=name))
    message = str(raised.value)
    assert expected in message
    assert name.split("#")[0].rpartition("@")[2] in message
    assert "secret" not in message


@pytest.mark.parametrize("backend", ["openvino", "transformers"])
def test_an_address_cannot_be_run_by_an_engine_of_this_machine(backend: str) -> None:
    with pytest.raises(BadSettings, match="Leave the backend out"):
        open_generator(Settings.load(llm="http://127.0.0.1:1/v1#small", backend=backend))


def test_the_fake_backend_is_used_whatever_the_model() -> None:
    assert choose_backend(Settings.load(llm="http://127.0.0.1:1/v1#small", backend="fake")) == "fake"


def test_another_machine_is_named_once_and_this_one_never(caplog: pytest.LogCaptureFixture) -> None:
    factory._say_where.cache_clear()
    with caplog.at_level(logging.WARNING):
        for host in ("192.0.2.7", "192.0.2.7", "127.0.0.1", "localhost", "[::1]"):
            open_generator(Settings.load(llm=f"http://{host}:8080/v1#small"))
    (line,) = caplog.messages
    assert "are sent to http://192.0.2.7:8080/v1" in line


@contextlib.contextmanager
def through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    yield


def test_a_server_on_this_machine_is_not_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with through_a_proxy(monkeypatch), serving(says("Yes.")) as server:
        assert reply(opened(server)) == "Yes."


def test_a_redirect_to_another_server_is_not_followed() -> None:
    with serving(says("Elsewhere.")) as elsewhere:
        moved = refuses(307, "moved", Location=f"{elsewhere.base}/chat/completions")
        with serving(moved) as server:
            assert "status 307" in failure(opened(server))
    assert elsewhere.asked == []
