"""Tasks that chat front ends send in the background: a title, tags or follow-ups for a conversation.

They arrive like questions, with the conversation in the text. Articles cannot answer them, and searching and
reading would take seconds of the model for each: they are answered here, from the text alone. Recognised are
an instruction near the beginning to write one of these things, and a conversation that it is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal, cast

from rag.language.text import detect_language
from rag.models.llm.prompt import LANGUAGE_NAMES
from rag.records import Language
from rag.server.openai.schema import ChatBody, ChatMessageBody

Task = Literal["title", "tags", "follow_ups", "queries", "text"]
"""What is to be written, by the key under which Open WebUI expects it: ``text`` completes what is typed."""

BEGINNING = 400
"""Characters of a message in which its instruction is looked for."""

TITLE_WORDS = 8
"""Most words of a title."""

GENERAL_TAG: dict[Language, str] = {"en": "News", "ar": "أخبار"}
"""The only tag that is true of every conversation."""

_WRITE = (
    r"\b(?:generate|create|write|provide|produce|give|suggest|propose|summari[sz]e|choose|come up with)\b"
)
_INSTRUCTION: dict[Task, re.Pattern[str]] = {
    "title": re.compile(rf"{_WRITE}[^?؟]{{0,160}}?\b(?:title|name)\b|标题|標題", re.IGNORECASE),
    "tags": re.compile(rf"{_WRITE}[^?؟]{{0,80}}?\btags?\b", re.IGNORECASE),
    "follow_ups": re.compile(
        rf"{_WRITE}[^?؟]{{0,80}}?(?:\bfollow[-_ ]?ups?\b|\b(?:next|further) questions\b)", re.IGNORECASE
    ),
    "queries": re.compile(r"\bgenerat\w+[^?؟]{0,80}?\bsearch quer(?:y|ies)\b", re.IGNORECASE),
    "text": re.compile(r"\bautocompletion system\b", re.IGNORECASE),
}
_IMPERATIVE = re.compile(
    r"\s*(?:#+[^\n]*\n\s*)?(?:you are [^.\n]*[.\n]\s*)?"
    rf"(?:(?:your task is to|please|analy[sz]e|based on|continue)\b|{_WRITE}|你)",
    re.IGNORECASE,
)
"""How an instruction begins, after a heading and the role that it gives to the model."""

_CONVERSATION = re.compile(
    r"\b(?:chat history|conversations?|dialogu?e|discussion|exchange|chat)\b|<chat_history>|会话|對話|对话",
    re.IGNORECASE,
)
_OURS = re.compile(r"\b(?:this|our|the above) (?:chat|conversation|dialogu?e|discussion)\b", re.IGNORECASE)
"""The conversation that a message is part of."""

_SAID = re.compile(
    r"^[\s|>*-]*(?:user|human|用户)\**\s*[:：]\s*(.+)$"
    r"|\"role\"\s*:\s*\"user\"[^{}]*?\"(?:content|text|mainText)\"\s*:\s*\"([^\"]+)\"",
    re.IGNORECASE | re.MULTILINE,
)
"""What the user says in a conversation that is part of a text."""

_KEY = re.compile(r"\{\s*\"(title|tags|follow_ups|queries|text)\"\s*:")
"""The form that an instruction shows."""


def task_of(messages: Sequence[ChatMessageBody]) -> Task | None:
    """The task that a chat consists of; None for a question.

    Args:
        messages: Of the chat.
    """
    asked = [message.text() for message in messages if message.role == "user"]
    if not asked:
        return None
    task = _instructed(asked[-1])
    # A reader types one line; a front end sends a conversation with it, or behind one.
    if task and ("\n" in asked[-1].strip() or (len(asked) > 1 and _OURS.search(asked[-1]))):
        return task
    # As an instruction of the system, only a title: others are also standing orders for a real conversation.
    system = [message.text() for message in messages if message.role in ("system", "developer")]
    return "title" if any(_instructed(text) == "title" for text in system) else None


def _instructed(text: str) -> Task | None:
    beginning = text[:BEGINNING]
    if not _IMPERATIVE.match(beginning) or not _CONVERSATION.search(text):
        return None
    tasks = {task for task, pattern in _INSTRUCTION.items() if pattern.search(beginning)}
    if tasks and (shown := _KEY.search(text)):
        return cast("Task", shown[1])
    return next((task for task in _INSTRUCTION if task in tasks), None)


def reply(task: Task, body: ChatBody) -> str:
    """What is answered to a task, as JSON where JSON is asked for.

    Args:
        task: The task.
        body: The chat.
    """
    question = _first_question(task, [m.text() for m in body.messages if m.role == "user"])
    language = detect_language(question)
    value: str | list[str] = ""
    if task == "title":
        value = _title(question)
    elif task == "tags":
        value = [GENERAL_TAG[language]]
    elif task != "text":
        value = []
    wanted = json.dumps(body.response_format)
    if f'"{task}"' in wanted or any(_KEY.search(message.text()) for message in body.messages):
        also = {"language": LANGUAGE_NAMES[language]} if '"language"' in wanted else {}
        return json.dumps({task: value, **also}, ensure_ascii=False)
    return value if isinstance(value, str) else ", ".join(value)


def _first_question(task: Task, asked: Sequence[str]) -> str:
    """What the user asked first in the conversation that a task is for; empty where it is not found."""
    for text in asked:
        if said := _SAID.search(text.rpartition("<chat_history>")[2]):
            return str(said[1] or said[2]).strip().strip('"')
    # Without roles it is the first message, or what follows the instruction.
    if len(asked) > 1 or _instructed(asked[-1]) != task:
        return asked[0].strip()
    _, _, conversation = asked[-1].rpartition(":\n")
    return next((line.strip() for line in conversation.splitlines() if line.strip()), "")


def _title(question: str) -> str:
    words = question.split()
    title = " ".join(words[:TITLE_WORDS]).rstrip(" ?؟.!,،:")
    return f"{title}…" if len(words) > TITLE_WORDS else title
