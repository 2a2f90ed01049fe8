"""Real clients of OpenAI's API, other than the Python one of test_openai_chat.py, get answers and streams."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Serve, assistant_over
from starlette.applications import Starlette

from rag.answering.decision import NOT_FOUND
from rag.server.login import hashed
from rag.server.serve import Server

pytestmark = pytest.mark.slow

QUESTION = "When did the harbour of Marsa reopen?"
UNANSWERABLE = "What is the price of copper in Chile?"
PACKAGES = Path(sys.prefix) / "js"
"""Where the npm package is, in the environment."""
SCRIPT = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.argv[2], apiKey: process.argv[3], maxRetries: 0 });
const asked = { model: "sanad", messages: [{ role: "user", content: process.argv[4] }] };
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const whole = await client.chat.completions.create(asked);
let streamed = "";
let usage = null;
const annotations = [];
const options = { stream: true, stream_options: { include_usage: true } };
const stream = await client.chat.completions.create({ ...asked, ...options });
for await (const part of stream) {
  streamed += part.choices[0]?.delta?.content ?? "";
  usage = part.usage ?? usage;
  annotations.push(...(part.choices[0]?.delta?.annotations ?? []));
}
let refused = null;
try {
  await client.chat.completions.create({ ...asked, model: "gpt" });
} catch (error) {
  refused = [error.status, error.code, error.param, error.message];
}
console.log(JSON.stringify({ models, whole, streamed, annotations, usage, refused }));
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of OpenAI's API on a server over the small articles."""
    with assistant_over(tmp_path_factory.mktemp("clients")) as assistant:
        server = Server(assistant, page=lambda _: Starlette()).start()
        yield f"{server.address}/v1"
        server.close()


def run_node(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """What the script prints."""
    node = shutil.which("node")
    if not node or not (PACKAGES / "node_modules" / "openai").is_dir():
        pytest.skip("node or its openai package is missing: npm install --prefix .venv/js openai@6.30.1")
    script = tmp_path / "ask.mjs"
    script.write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(PACKAGES / "node_modules")
    done = subprocess.run([node, str(script), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_client_for_javascript(address: str, tmp_path: Path) -> None:
    output = run_node(tmp_path, address, "none", QUESTION)
    assert output["models"] == ["sanad"]
    (choice,) = output["whole"]["choices"]
    assert choice["finish_reason"] == "stop"
    assert "[1]" in choice["message"]["content"]
    assert [one["type"] for one in choice["message"]["annotations"]] == ["url_citation"]
    assert output["annotations"] == choice["message"]["annotations"]
    assert output["streamed"] == choice["message"]["content"]
    assert output["usage"] == output["whole"]["usage"]
    status, code, param, message = output["refused"]
    assert (status, code, param) == (404, "model_not_found", "model")
    assert "no model 'gpt'" in message


def llamaindex(address: str, key: str = "none") -> Any:
    """LlamaIndex's client."""
    llms = pytest.importorskip("llama_index.llms.openai_like", reason="sanad-news[remote] is not installed")
    return llms.OpenAILike(model="sanad", api_base=address, api_key=key, is_chat_model=True, max_retries=0)


def langchain(address: str, key: str = "none", **more: Any) -> Any:
    """LangChain's client."""
    package = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    return package.ChatOpenAI(model="sanad", base_url=address, api_key=key, max_retries=0, **more)


def test_llamaindex(address: str) -> None:
    from llama_index.core.llms import ChatMessage

    model = llamaindex(address)
    whole = model.complete(QUESTION).text
    assert "Sunday" in whole and "[1]" in whole
    *_, last = model.stream_complete(QUESTION)
    assert last.text == whole
    asked = [ChatMessage(role="user", content=QUESTION)]
    assert model.chat(asked).message.content == whole
    parts = list(model.stream_chat(asked))
    assert "".join(part.delta or "" for part in parts) == parts[-1].message.content == whole


def test_llamaindex_gets_the_refusal_of_a_question_that_no_article_answers(address: str) -> None:
    assert llamaindex(address).complete(UNANSWERABLE).text == NOT_FOUND["en"]


def test_langchain(address: str) -> None:
    model = langchain(address)
    whole = model.invoke(QUESTION)
    assert "[1]" in whole.content
    assert whole.usage_metadata["total_tokens"] > 0
    assert whole.response_metadata["finish_reason"] == "stop"
    assert "".join(part.content for part in model.stream(QUESTION)) == whole.content
    assert [one.content for one in model.batch([QUESTION, QUESTION])] == [whole.content] * 2
    *_, counted = (
        part for part in langchain(address, stream_usage=True).stream(QUESTION) if part.usage_metadata
    )
    assert counted.usage_metadata == whole.usage_metadata


def test_a_wrong_key_is_an_error_of_authentication_in_both_frameworks(serve: Serve, tmp_path: Path) -> None:
    openai = pytest.importorskip("openai", reason="the openai client is not installed")
    passwords = tmp_path / "passwords"
    passwords.write_text(f"layla:{hashed('a long password')}\n", encoding="utf-8")
    passwords.chmod(0o600)
    address = f"{serve(passwords=str(passwords)).base_url}/v1"
    right, wrong = "layla:a long password", "layla:guess"
    with pytest.raises(openai.AuthenticationError, match="name and a password"):
        langchain(address, wrong).invoke(QUESTION)
    assert "[1]" in langchain(address, right).invoke(QUESTION).content
    with pytest.raises(openai.AuthenticationError, match="name and a password"):
        llamaindex(address, wrong).complete(QUESTION)
    assert "[1]" in llamaindex(address, right).complete(QUESTION).text
