"""Generators: the fake, engines that call back, the choice of a backend, and transformers models."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rag import GenerationFailed, ModelMissing, Settings
from rag.errors import NoSpace
from rag.models.llm import factory
from rag.models.llm.factory import choose_backend, open_generator
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.models.llm.protocol import Message, stream_from_thread
from rag.settings import BACKENDS

if TYPE_CHECKING:
    from rag.models.llm.llama_index import LlamaIndexGenerator

HELLO = [Message("system", "Be exact."), Message("user", "Hello?")]


# The fake, and what every generator promises


def test_the_fake_streams_its_script_piece_by_piece_and_then_quotes_the_evidence() -> None:
    llm = FakeLLM.scripted(["One two.", ""])
    model = fake_generator(llm)
    assert list(model.stream(HELLO, max_tokens=9)) == ["One", " two."]
    assert list(model.stream(HELLO, max_tokens=9)) == []
    prompt = [Message("user", "[1] An example.\n\n[1] The real one.\n[2] Another.")]
    assert "".join(model.stream(prompt, max_tokens=9)) == "The real one. [1]"
    assert llm.prompts[0] == "system:\nBe exact.\n\nuser:\nHello?"
    assert llm.stopped == [False, False, False]


def test_the_fake_keeps_to_the_longest_reply() -> None:
    assert list(fake_generator(FakeLLM.scripted(["a b c d"])).stream(HELLO, max_tokens=2)) == ["a", " b"]


def test_closing_the_stream_stops_the_model() -> None:
    reached: list[int] = []
    llm = FakeLLM.scripted(["a b c d", "again"], before_piece=reached.append)
    model = fake_generator(llm)
    pieces = model.stream(HELLO, max_tokens=9)
    assert next(pieces) == "a"
    pieces.close()
    assert llm.stopped == [True]
    assert reached == [0]
    assert list(model.stream(HELLO, max_tokens=9)) == ["again"], "the model is free for the next question"


def test_one_reply_at_a_time_also_from_two_threads() -> None:
    running: list[int] = []
    most = 0

    def enter(_number: int) -> None:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        running.pop()

    model = fake_generator(FakeLLM.scripted(["a b c", "d e f"], before_piece=enter))
    replies: list[str] = []
    threads = [
        threading.Thread(target=lambda: replies.append("".join(model.stream(HELLO, max_tokens=9))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(replies) == ["a b c", "d e f"]
    assert most == 1


def foreign(error: Exception | None = None, *, at_call: bool = False) -> LlamaIndexGenerator:
    """Another llama-index LLM, with an error of its own at the call or in the stream."""
    # Imported here, as it takes a second that only the process with these tests should spend.
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseGen, LLMMetadata
    from llama_index.core.llms import CustomLLM

    from rag.models.llm.llama_index import LlamaIndexGenerator

    class Foreign(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(context_window=123)

        def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
            if at_call and error is not None:
                raise error

            def replies() -> ChatResponseGen:
                for piece in ("a", "", None, "b"):
                    yield ChatResponse(message=ChatMessage(content="ab"), delta=piece)
                if error is not None:
                    raise error

            return replies()

        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            raise NotImplementedError

        stream_complete = complete

    return LlamaIndexGenerator(Foreign(), identity="foreign", count=len)


@pytest.mark.slow
def test_any_llama_index_llm_can_be_a_generator() -> None:
    model = foreign()
    assert [piece for piece in model.stream(HELLO, max_tokens=9) if piece] == ["ab"]
    assert (model.identity, model.context, model.count("four")) == ("foreign", 123, 4)


@pytest.mark.parametrize("at_call", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("no memory\nsecond line"),
        ValueError("bad"),
        ConnectionError("refused"),
        KeyError("choices"),
    ],
)
def test_an_error_of_a_foreign_model_becomes_generation_failed(error: Exception, at_call: bool) -> None:
    with pytest.raises(GenerationFailed) as raised:
        list(foreign(error=error, at_call=at_call).stream(HELLO, max_tokens=9))
    message = str(raised.value)
    assert "foreign" in message
    assert "Ask again" in message
    assert "\n" not in message
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("at_call", [True, False])
def test_sanads_own_errors_pass_unchanged(at_call: bool) -> None:
    with pytest.raises(NoSpace, match=r"^full$"):
        list(foreign(error=NoSpace("full"), at_call=at_call).stream(HELLO, max_tokens=9))


# Engines that call back


def threads_named_generator() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "generator"]


def test_pieces_of_an_engine_that_calls_back_come_in_order_and_its_thread_ends() -> None:
    def run(emit: Callable[[str], bool]) -> None:
        assert not emit("a")
        assert not emit("b")

    assert list(stream_from_thread(run)) == ["a", "b"]
    assert threads_named_generator() == []


def test_pieces_come_before_the_engine_has_ended() -> None:
    received = threading.Event()

    def run(emit: Callable[[str], bool]) -> None:
        emit("a")
        assert received.wait(timeout=10), "the first piece was held back"
        emit("b")

    pieces = stream_from_thread(run)
    assert next(pieces) == "a"
    received.set()
    assert list(pieces) == ["b"]


@pytest.mark.parametrize("error", [RuntimeError("broke"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_of_the_engine_is_raised_by_the_iterator(error: BaseException) -> None:
    def run(emit: Callable[[str], bool]) -> None:
        emit("a")
        raise error

    pieces = stream_from_thread(run)
    assert next(pieces) == "a"
    with pytest.raises(type(error)) as raised:
        next(pieces)
    assert raised.value is error
    assert threads_named_generator() == []


def test_closing_the_iterator_stops_the_engine_and_waits_for_its_thread() -> None:
    emitted = 0

    def run(emit: Callable[[str], bool]) -> None:
        nonlocal emitted
        while not emit("more"):
            emitted += 1
            assert emitted < 10_000_000, "it was never asked to stop"

    pieces = stream_from_thread(run)
    assert next(pieces) == "more"
    pieces.close()
    assert threads_named_generator() == []


def test_an_engine_that_fails_after_its_stream_was_closed_raises_nothing() -> None:
    def run(emit: Callable[[str], bool]) -> None:
        while not emit("more"):
            pass
        raise RuntimeError("stopped")

    pieces = stream_from_thread(run)
    next(pieces)
    pieces.close()
    assert threads_named_generator() == []


def drained(pieces: Generator[str, None, Any]) -> tuple[str, Any]:
    text = ""
    while True:
        try:
            text += next(pieces)
        except StopIteration as end:
            return text, end.value


def test_the_engines_return_value_is_returned_after_its_pieces() -> None:
    def run(emit: Callable[[str], bool]) -> float:
        emit("a")
        return -0.5

    assert drained(stream_from_thread(run)) == ("a", -0.5)


def test_a_backend_without_log_probabilities_returns_none() -> None:
    assert drained(fake_generator(FakeLLM.scripted(["One two."])).stream(HELLO, max_tokens=9)) == (
        "One two.",
        None,
    )


# Which backend


@pytest.mark.parametrize(
    ("backend", "llm", "accelerator", "chosen"),
    [
        ("auto", "packaged", False, "openvino"),
        ("auto", "packaged", True, "transformers"),
        ("auto", "some/model", False, "transformers"),
        ("auto", "some/model", True, "transformers"),
        ("openvino", "packaged", True, "openvino"),
        ("openvino", "some/model", False, "openvino"),
        ("transformers", "packaged", False, "transformers"),
        ("fake", "packaged", True, "fake"),
    ],
)
def test_the_backend_suits_model_and_machine(
    monkeypatch: pytest.MonkeyPatch, backend: str, llm: str, accelerator: bool, chosen: str
) -> None:
    monkeypatch.setattr(factory, "has_accelerator", lambda: accelerator)
    assert choose_backend(Settings.load(backend=backend, llm=llm)) == chosen
    assert chosen in BACKENDS


def test_a_folder_in_openvinos_format_is_run_by_openvino(tmp_path: Path) -> None:
    (tmp_path / "openvino_model.xml").touch()
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 777}', encoding="utf-8")
    model = open_generator(Settings.load(llm=str(tmp_path)))
    assert (model.context, model.identity) == (777, f"{tmp_path} (openvino)")


def test_openvino_refuses_a_folder_without_an_openvino_model(tmp_path: Path) -> None:
    for llm in (str(tmp_path), "some/model"):
        with pytest.raises(ModelMissing) as raised:
            open_generator(Settings.load(backend="openvino", llm=llm))
        assert repr(llm) in str(raised.value)
        assert "--backend transformers" in str(raised.value)


# The transformers backend, on a model of a few thousand random weights

TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|> {{ m['content'] }} {% endfor %}<|assistant|>"
SPECIAL = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "<eos>"}
WORDS = [
    *SPECIAL.values(),
    *["<|system|>", "<|user|>", "<|assistant|>", "be", "exact", "hello", "there", "?"],
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("llm") / "tiny-llama"
    plain = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, "<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, chat_template=TEMPLATE, **SPECIAL)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    # Sampling options as many published models carry them: decoding must be greedy all the same.
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=5.0, top_k=50, top_p=0.9, eos_token_id=2, pad_token_id=0
    )
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def local(tiny: Path) -> Iterator[Any]:
    yield open_generator(Settings(llm=str(tiny)))


@pytest.mark.slow  # importing transformers takes seconds
def test_a_local_model_streams_and_decodes_greedily(local: Any) -> None:
    pieces = list(local.stream(HELLO, max_tokens=12))
    assert len(pieces) > 1
    assert "".join(pieces).strip()
    assert list(local.stream(HELLO, max_tokens=12)) == pieces


@pytest.mark.slow  # importing transformers takes seconds
def test_a_local_model_returns_the_log_probabilities_of_its_reply(local: Any) -> None:
    text, log_probabilities = drained(local.stream(HELLO, max_tokens=3))
    assert text
    assert len(log_probabilities) == 3
    assert all(-20 < value < 0 for value in log_probabilities)
    longer = drained(local.stream(HELLO, max_tokens=6))[1]
    assert longer[:3] == pytest.approx(log_probabilities, abs=1e-4)


@pytest.mark.slow  # importing transformers takes seconds
def test_a_local_model_keeps_to_the_longest_reply_and_hides_special_tokens(local: Any) -> None:
    reply = "".join(local.stream(HELLO, max_tokens=3)).split()
    assert 1 <= len(reply) <= 3
    assert not {"<eos>", "<pad>"} & set(reply)


@pytest.mark.slow  # importing transformers takes seconds
def test_a_local_model_stops_when_its_stream_is_closed(local: Any) -> None:
    pieces = local.stream(HELLO, max_tokens=400)
    next(pieces)
    pieces.close()
    assert threads_named_generator() == []
    assert "".join(local.stream(HELLO, max_tokens=2)), "and is free for the next question"


@pytest.mark.slow  # importing transformers takes seconds
def test_a_local_model_reports_its_context_its_tokens_and_its_identity(local: Any, tiny: Path) -> None:
    assert local.context == 512
    assert local.count("hello there ?") == 3
    assert local.count("") == 0
    assert str(tiny) in local.identity


@pytest.mark.slow  # importing transformers takes seconds
def test_a_model_that_several_threads_use_at_once_is_loaded_once(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.models.llm import transformers

    loads: list[str] = []
    real = transformers._load

    def load(name: str) -> Any:
        loads.append(name)
        return real(name)

    monkeypatch.setattr(transformers, "_load", load)
    model = open_generator(Settings(llm=str(tiny)))
    counts: list[int] = []
    start = threading.Barrier(3)

    def ask() -> None:
        start.wait(timeout=10)
        counts.append(model.count("hello there"))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert counts == [2, 2, 2]
    assert loads == [str(tiny)]


@pytest.mark.slow  # importing transformers takes seconds
def test_a_model_without_a_chat_template_gets_the_plain_messages(tiny: Path, tmp_path: Path) -> None:
    import shutil

    from rag.models.llm.transformers import TransformersLLM

    folder = tmp_path / "plain"
    shutil.copytree(tiny, folder)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    llm = TransformersLLM(str(folder), identity="plain")
    assert llm.template([Message("user", "Hello?")]) == "Hello?\n"
    assert "".join(llm.stream([Message("user", "Hello?")], max_tokens=2))


@pytest.mark.slow  # importing transformers takes seconds
def test_a_template_without_a_system_role_or_with_thinking_gets_messages_that_it_accepts(
    tiny: Path, tmp_path: Path
) -> None:
    import shutil

    from rag.models.llm.transformers import TransformersLLM

    folder = tmp_path / "strict"
    shutil.copytree(tiny, folder)
    refuses = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    )
    thinks = "{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}"
    (folder / "chat_template.jinja").write_text(refuses + TEMPLATE + thinks, encoding="utf-8")
    llm = TransformersLLM(str(folder), identity="strict")
    assert llm.template(HELLO) == "<|user|> Be exact.\n\nHello? <|assistant|>"


def spoil(folder: Path, how: str) -> None:
    weights = folder / "model.safetensors"
    if how == "truncated weights":
        weights.write_bytes(weights.read_bytes()[:100])
    elif how == "no weights":
        weights.unlink()
    elif how == "no tokenizer":
        for path in folder.glob("token*"):
            path.unlink()
    elif how == "no config":
        (folder / "config.json").unlink()
    elif how == "half a config":
        (folder / "config.json").write_text("{", encoding="utf-8")
    elif how == "an unknown architecture":
        (folder / "config.json").write_text('{"model_type": "unheard-of"}', encoding="utf-8")


@pytest.mark.parametrize(
    "how",
    [
        "truncated weights",
        "no weights",
        "no tokenizer",
        "no config",
        "half a config",
        "an unknown architecture",
    ],
)
@pytest.mark.slow  # importing transformers takes seconds
def test_a_broken_model_folder_is_one_line_with_its_name_and_the_fix(
    tiny: Path, tmp_path: Path, how: str
) -> None:
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(tiny, folder)
    spoil(folder, how)
    assert_missing(str(folder))


@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "/no/such/folder", "a b c"])
@pytest.mark.slow  # importing transformers takes seconds
def test_an_unknown_model_is_one_line_with_its_name_and_the_fix(name: str) -> None:
    assert_missing(name)


def assert_missing(name: str) -> None:
    model = open_generator(Settings.load(llm=name, backend="transformers"))
    with pytest.raises(ModelMissing) as raised:
        model.count("text")
    message = str(raised.value)
    assert repr(name) in message
    assert "--llm" in message
    assert "\n" not in message


# Any generator behind llama-index's interface


def test_a_generator_serves_as_a_llama_index_llm() -> None:
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.llms import LLM

    from rag.models.llm.llama_index import GeneratorLLM

    fake = FakeLLM.scripted(["One two.", "Three.", "Four five.", "Six."])
    llm: LLM = GeneratorLLM(fake, max_new_tokens=1)
    chat = [ChatMessage(role="system", content="Be exact."), ChatMessage(role="user", content="Hello?")]
    assert llm.chat(chat, max_tokens=9).message.content == "One two."
    assert llm.complete("Hello?").text == "Three."
    assert [reply.delta for reply in llm.stream_chat(chat, max_tokens=9)] == ["Four", " five."]
    assert [reply.delta for reply in llm.stream_complete("Hello?")] == ["Six."]
    assert fake.prompts[0] == "system:\nBe exact.\n\nuser:\nHello?"
    assert (llm.metadata.context_window, llm.metadata.model_name) == (fake.context, "fake")


@pytest.mark.slow  # importing transformers takes seconds
def test_there_and_back_keeps_pieces_and_probability(local: Any) -> None:
    from rag.models.llm.llama_index import GeneratorLLM, LlamaIndexGenerator

    again = LlamaIndexGenerator(GeneratorLLM(local), identity="again", count=local.count)
    assert drained(again.stream(HELLO, max_tokens=4)) == drained(local.stream(HELLO, max_tokens=4))
    pieces = again.stream(HELLO, max_tokens=400)
    next(pieces)
    pieces.close()
    assert threads_named_generator() == []
