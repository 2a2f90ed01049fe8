"""Tasks that chat front ends send in the background are answered without the index and the model."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from conftest import Serve

from rag.models.llm.fake import FakeLLM
from rag.server.openai.schema import ChatBody
from rag.server.openai.tasks import Task, reply, task_of

TALK = "USER: How much did the repairs of the harbour cost?\nASSISTANT: 12 million dollars [1]"
ARABIC = "USER: كم بلغت تكلفة المكتبة في حي النخيل؟\nASSISTANT: 4 ملايين دينار [1]"
MADE = "How much did the repairs of the harbour…"
BLOCK = f"### Chat History:\n<chat_history>\n{TALK}\n</chat_history>"


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def system(text: str, talk: str) -> list[dict[str, Any]]:
    return [{"role": "system", "content": text}, {"role": "user", "content": talk}]


TASKS: list[tuple[list[dict[str, Any]], Task, str]] = [
    (
        user(f'### Task:\nGenerate a short title with an emoji for the chat history.\n### Guidelines:\n- '
             f'Be brief.\n### Output:\nJSON format: {{ "title": "your title" }}\n### Examples:\n'
             f'- {{ "title": "Remote work" }}\n{BLOCK}'),
        "title", json.dumps({"title": "How much did the repairs of the harbour…"}, ensure_ascii=False),
    ),
    (
        user(f'### Task:\nGenerate 1-2 broad tags for the themes of the chat history.\n### Output:\n'
             f'JSON format: {{ "tags": ["tag1", "tag2"] }}\n{BLOCK}'),
        "tags", '{"tags": ["News"]}',
    ),
    (
        user(f'### Task:\nSuggest three follow-up questions that the user might ask next in this '
             f'conversation.\n### Output:\nJSON format: {{ "follow_ups": ["Question 1?"] }}\n{BLOCK}'),
        "follow_ups", '{"follow_ups": []}',
    ),
    (
        user(f'### Task:\nAnalyze the chat history and decide about generating search queries.\n'
             f'### Output:\n{{ "queries": ["query1"] }}\n{BLOCK}'),
        "queries", '{"queries": []}',
    ),
    (
        user(f'### Task:\nYou are an autocompletion system. Continue the text in `<text>`.\n'
             f'{{ "text": "<completion>" }}\n{BLOCK}'),
        "text", '{"text": ""}',
    ),
    (
        user("Provide a title of five words at most for the conversation. Only return the title.\n\n"
             "Conversation:\nUser: When does the library open?\nAI: On Sunday."),
        "title", "When does the library open",
    ),
    (
        system("Please write a concise title of at most five words for the conversation.",
               '||>User:\n"When does the library open?"\n||>Response:\n"On Sunday."'),
        "title", "When does the library open",
    ),
    (
        system("You are a professional conversation summarizer. Generate a title for the conversation.\n\n"
               "Rules:\n- At most ten words", "user: Who leads the farmers' union?\nassistant: Nobody says."),
        "title", "Who leads the farmers' union",
    ),
    (
        system("Summarize the conversation into a title within 10 characters.",
               '[{"role":"user","mainText":"Who leads the union?"},{"role":"assistant","mainText":"-"}]'),
        "title", "Who leads the union",
    ),
    (system("你是一名会话助理，请将用户的会话总结为标题", f"user: {ARABIC.partition(': ')[2]}"), "title",
     "كم بلغت تكلفة المكتبة في حي النخيل"),
    (
        [*user("Who leads the union?"), {"role": "assistant", "content": "The articles do not say."},
         *user("Please generate a title of four words for our conversation, without quotation marks.")],
        "title", "Who leads the union",
    ),
    (
        user(f'### Task:\nGenerate tags for the chat history.\nJSON format: {{ "tags": [] }}\n'
             f"<chat_history>\n{ARABIC}\n</chat_history>"),
        "tags", '{"tags": ["أخبار"]}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "task", "expected"), TASKS)
def test_a_task_is_recognised_and_answered_from_its_text(
    messages: list[dict[str, Any]], task: Task, expected: str
) -> None:
    body = ChatBody.model_validate({"model": "sanad", "messages": messages})
    assert task_of(body.messages) == task
    assert reply(task, body) == expected


def test_a_schema_for_the_title_is_filled_in() -> None:
    schema = {"properties": {"language": {"type": "string"}, "title": {"type": "string"}}}
    body = ChatBody.model_validate(
        {
            "model": "sanad",
            "messages": user(
                f"Analyze this conversation and provide:\n1. Its language\n2. A title\n\n{TALK}"
            ),
            "response_format": {"type": "json_schema", "json_schema": {"name": "t", "schema": schema}},
        }
    )
    assert json.loads(reply("title", body)) == {"title": MADE, "language": "English"}


@pytest.mark.parametrize(
    "messages",
    [
        user("Who won the title after the conversation with the coach?"),
        user("Write the name of the minister who led the dialogue in Geneva."),
        user("Give the title of the book that was discussed in the exchange."),
        user("Suggest questions that the judges asked in the discussion of the novel."),
        user("Which tags did the customs authority attach?\nI mean the ones on the ferries."),
        user("ما عنوان الحوار بين الوزيرين؟"),
        user("### Task:\nRespond to the question using the context.\n<context>\nIt cost 3 million.\n"
             "How much did the harbour cost?"),
        system("You are a helpful assistant. Suggest follow-ups in every conversation.", "And when?"),
        [{"role": "system", "content": "Generate a title for the conversation."}],
    ],
)  # fmt: skip
def test_a_question_is_no_task(messages: list[dict[str, Any]]) -> None:
    assert task_of(ChatBody.model_validate({"model": "sanad", "messages": messages}).messages) is None


def post(client: httpx.Client, messages: list[dict[str, Any]], **more: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json={"model": "sanad", "messages": messages, **more})


def test_a_task_costs_neither_search_nor_model_and_has_the_form_of_an_answer(serve: Serve) -> None:
    llm = FakeLLM.scripted([])
    client = serve(llm)
    messages, _, expected = TASKS[0]
    whole = post(client, messages).json()
    assert whole["choices"][0]["message"]["content"] == expected
    assert whole["choices"][0]["finish_reason"] == "stop" and whole["usage"]["total_tokens"] > 0
    streamed = post(client, messages, stream=True, stream_options={"include_usage": True})
    lines = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line]
    *_, text, end, usage = [json.loads(line) for line in lines[:-1]]
    assert (text["choices"][0]["delta"]["content"], lines[-1]) == (expected, "[DONE]")
    assert end["choices"][0]["finish_reason"] == "stop" and usage["usage"] == whole["usage"]
    assert llm.prompts == [] and "sanad_answers_total{" not in client.get("/metrics").text
