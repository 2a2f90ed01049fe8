"""A model on a server with OpenAI's API (Ollama, vLLM, LM Studio, llama.cpp, …), by LlamaIndex's OpenAILike.

Before the first reply the server is asked once for its models, which shows whether it is there, accepts the
key, has the model, and how long its context is. A reply is complete only if the server says why it ended, so
that half of a sentence is never taken for an answer.

Servers and chat templates differ in what they accept. A prompt that is refused is sent again in a plainer
form: first without the options that switch thinking off, then with the system message inside the user's.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import ipaddress
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import openai
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from rag.errors import GenerationFailed, ModelMissing, SanadError
from rag.language import tokens
from rag.models.llm import prompt
from rag.models.llm.base import StreamedLLM
from rag.models.llm.names import Address
from rag.models.llm.protocol import LogProbabilities, Message, stream_from_thread
from rag.models.llm.thoughts import without_thoughts

CONTEXT = 4096
"""Context in tokens of a server that does not report it: the default of Ollama and LM Studio."""

LONGER = 2.0
"""Tokens of another tokenizer for each token of o200k_base, at most: Arabic takes up to twice as many."""

ASK_SECONDS = 10.0
"""Longest time in which a server lists its models."""

POLL_SECONDS = 0.2
"""How often a silent server's reply can be stopped."""

RETRIES = 2
"""How often a request is sent again after a lost connection, a server's error or "too many requests"; the
pauses between them grow from half a second."""

NO_THINKING: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": False}}
"""Switches thinking off in the templates that allow it (llama.cpp, vLLM, SGLang)."""

NO_EFFORT: dict[str, Any] = {"reasoning_effort": "none"}
"""The same for Ollama, which ignores the other option; older versions of vLLM refuse it."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a request."""

    options: Mapping[str, Any]
    """Fields beyond those of OpenAI's oldest clients."""
    system: bool = True
    """Whether there is a system message; otherwise its text begins the user's."""


FORMS = (Form(NO_THINKING | NO_EFFORT), Form(NO_THINKING), Form({}), Form({}, system=False))
"""Each is tried where the server refuses the one before."""

SHOWN_MODELS = 8
"""Models of a server that an error message names."""

_WINDOW_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")
"""Fields in which servers give a model's context (vLLM, OpenRouter, Groq, LM Studio)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent."""

    text: str
    """Everything, thoughts in the text included."""
    ended: str | None
    """Why it ended, in OpenAI's words (``stop``, ``length``); None if the connection was closed before."""


class RemoteLLM(StreamedLLM):
    """A model on a server as a ``Generator``; greedy decoding. The types of its libraries stay inside."""

    survives = True

    def __init__(
        self, address: Address, *, key: str = "", context: int = 0, seconds: float = 300.0, at_once: int = 1
    ) -> None:
        """Create the generator without opening a connection.

        Args:
            address: The server and its model.
            key: What the server asks for; empty where it asks for none.
            context: Longest prompt and reply together in tokens; 0 asks the server.
            seconds: Longest silence of the server.
            at_once: How many replies may be asked for at the same time.
        """
        super().__init__(at_once)
        self.identity = f"{address.model} ({address.base})"
        self._address = address
        self._key = key
        self._given_context = context
        self._context = 0
        self._seconds = seconds
        self._form = 0
        # A loopback address is never reached through a proxy.
        self._proxies = not is_loopback(address.host)

    @property
    def context(self) -> int:
        """Longest prompt and reply together, in tokens; asks the server once.

        Raises:
            ModelMissing: The server cannot be reached, refuses the key or does not have the model.
        """
        with self._loading:
            if not self._context:
                self._context = self._ask_server()
            return self._given_context or self._context

    def count(self, text: str) -> int:
        """Length of a text in tokens, rounded up: the server's tokenizer is not known."""
        return math.ceil(LONGER * tokens.count(text))

    def pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        """Empty pieces while the server works, then the reply without thoughts; closing it stops both."""
        self.context  # noqa: B018 - a server that is not there is reported as such
        form, limit = self._form, max_tokens
        while True:
            try:
                reply = yield from self._reply(messages, form, limit, max_tokens)
            except openai.APIStatusError as error:
                if not _may_be_the_form(error) or form + 1 == len(FORMS):
                    raise self._explained(error) from error
                form += 1
                continue
            self._form = form
            spoken = without_thoughts(reply.text)
            if limit and reply.ended == "length" and not spoken:
                limit = 0  # the reply was only thoughts, which are not counted
                continue
            yield spoken
            return None

    def _reply(
        self, messages: Sequence[Message], form: int, limit: int, most: int
    ) -> Generator[str, None, Reply]:
        """Empty pieces, then the whole reply, of at most ``limit`` tokens.

        With a limit of 0 the model may think as long as it likes, and the reply has at most ``most`` pieces.
        """

        async def listen(emit: Callable[[str], bool]) -> Reply:
            listening = asyncio.create_task(self._receive(messages, form, limit, most))
            while not listening.done():
                await asyncio.wait({listening}, timeout=POLL_SECONDS)
                if emit(""):
                    listening.cancel()
            return await listening

        try:
            reply = yield from stream_from_thread(lambda emit: asyncio.run(listen(emit)))
        except (SanadError, openai.APIStatusError):
            raise
        except (openai.APIError, httpx.HTTPError, ValueError) as error:  # ValueError: not JSON
            raise self._explained(error) from error
        if reply.ended is None:
            raise self._stopped("the reply has no end")
        return reply

    async def _receive(self, messages: Sequence[Message], form: int, limit: int, most: int) -> Reply:
        options: dict[str, Any] = {"max_tokens": limit} if limit else {}
        options["extra_body"] = dict(FORMS[form].options)
        if not FORMS[form].system:
            messages = prompt.without_system(messages)
        chat = [ChatMessage(role=message.role, content=message.content) for message in messages]
        text, ended, pieces = "", None, 0
        async with httpx.AsyncClient(trust_env=self._proxies) as client:
            llm = OpenAILike(
                model=self._address.model,
                api_base=self._address.base,
                api_key=self._key or "none",  # without one, LlamaIndex would send OPENAI_API_KEY
                is_chat_model=True,
                temperature=0.0,
                max_retries=RETRIES,
                timeout=self._seconds,
                async_http_client=client,
            )
            async with contextlib.aclosing(await llm.astream_chat(chat, **options)) as replies:
                async for reply in replies:
                    text += reply.delta or ""
                    choices = getattr(reply.raw, "choices", None) or ()
                    ended = next((choice.finish_reason for choice in choices if choice.finish_reason), ended)
                    pieces += bool(without_thoughts(text) and reply.delta)
                    if not limit and pieces > most:
                        return Reply(text, "length")
        return Reply(text, ended)

    def _ask_server(self) -> int:
        """The context of the model, from the server's list of models.

        Raises:
            ModelMissing: See ``context``.
        """
        base, model = self._address.base, self._address.model
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        with httpx.Client(timeout=ASK_SECONDS, trust_env=self._proxies, headers=headers) as client:
            try:
                answer = client.get(f"{base}/models")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise self._unreachable(error) from error
            if answer.status_code in (401, 403):
                raise self._refused_key(answer.status_code)
            listed = {str(entry["id"]): entry for entry in _entries(answer)}
            entry = listed.get(model) or listed.get(f"{model}:latest")  # Ollama's default tag
            if listed and entry is None:
                raise ModelMissing(self._no_model(listed))
            window = _window(entry or {})
            if not window and (entry or {}).get("owned_by") == "llamacpp":
                with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
                    properties = client.get(f"{base.removesuffix('/v1')}/props").json()
                    window = int(properties["default_generation_settings"]["n_ctx"])
        return window or CONTEXT

    def _no_model(self, listed: Sequence[str] | dict[str, Any]) -> str:
        near = difflib.get_close_matches(self._address.model, listed, n=SHOWN_MODELS, cutoff=0.3)
        names = near or list(listed)[:SHOWN_MODELS]
        more = " and others" if len(names) < len(listed) else ""
        return (
            f"The server at {self._address.base} has no model {self._address.model!r}; it has "
            f"{', '.join(map(repr, names))}{more}. Name one of them after '#' (--llm, SANAD_LLM)."
        )

    def _unreachable(self, error: Exception) -> ModelMissing:
        return ModelMissing(
            f"Cannot reach the language model's server at {self._address.base}: {_message(error)}. Start the "
            "server, or correct the address (--llm, SANAD_LLM)."
        )

    def _refused_key(self, status: int) -> ModelMissing:
        what = "does not accept the key" if self._key else "asks for a key"
        return ModelMissing(
            f"The language model's server at {self._address.base} {what} (status {status}). Put the right "
            "one into the variable SANAD_LLM_KEY, or into a file that SANAD_LLM_KEY_FILE names."
        )

    def _stopped(self, why: str) -> GenerationFailed:
        return GenerationFailed(
            f"The language model's server at {self._address.base} stopped in the middle of the answer: "
            f"{why}. Look into the server's log, then ask again."
        )

    def _explained(self, error: Exception) -> SanadError:
        """The error that the reader gets for an exception of the libraries."""
        if isinstance(error, (openai.APITimeoutError, httpx.TimeoutException)):
            return GenerationFailed(
                f"The language model's server at {self._address.base} was silent for {self._seconds:g} s. "
                "Ask again, or allow more time: set SANAD_ANSWER_SECONDS to a larger number of seconds."
            )
        if isinstance(error, openai.APIConnectionError):
            return self._unreachable(error)
        if not isinstance(error, openai.APIStatusError):
            return self._stopped(_message(error))
        message = _message(error)
        if error.status_code in (401, 403):
            return self._refused_key(error.status_code)
        if _is_too_long(message):
            return GenerationFailed(
                f"The prompt is too long for {self._address.model!r}: {message}. Start the server with a "
                f"longer context, or give its length in tokens: SANAD_LLM_CONTEXT (now {self.context})"
            )
        if error.status_code == 404:
            return ModelMissing(
                f"The server at {self._address.base} has no model {self._address.model!r}, or the address is "
                f"wrong, which usually ends in /v1: {message}. Correct it (--llm, SANAD_LLM)."
            )
        return GenerationFailed(
            f"The language model's server at {self._address.base} failed (status {error.status_code}): "
            f"{message}. Look into the server's log, then ask again."
        )


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _entries(answer: httpx.Response) -> list[dict[str, Any]]:
    """The models that a server lists; none where it has no such list."""
    with contextlib.suppress(ValueError, AttributeError):
        listed = answer.json().get("data") if answer.is_success else None
        if isinstance(listed, list):
            return [entry for entry in listed if isinstance(entry, dict) and "id" in entry]
    return []


def _window(entry: dict[str, Any]) -> int:
    """The context that a server's entry of a model gives; 0 if it gives none."""
    meta = entry.get("meta")
    values = [entry.get(key) for key in _WINDOW_KEYS] + [
        meta.get("n_ctx") if isinstance(meta, dict) else None
    ]
    return next((value for value in values if isinstance(value, int) and value > 0), 0)


def _may_be_the_form(error: openai.APIStatusError) -> bool:
    """Whether a plainer request may succeed: the server or its template refused this one."""
    return error.status_code in (400, 422, 500) and not _is_too_long(_message(error))


def _is_too_long(message: str) -> bool:
    words = message.casefold()
    return "context" in words and any(word in words for word in ("length", "size", "window", "exceed"))


def _message(error: Exception) -> str:
    """The message of an exception, on one line."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else inner
    if not isinstance(message, str):
        message = str(error.__cause__ or error) or type(error).__name__
    return re.sub(r"^\[Errno \d+\] ", "", " ".join(message.split()))[:300].rstrip(".")
