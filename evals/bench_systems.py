"""The systems that evals/bench_answers.py compares, each a class that answers one question after the other.

All use the same articles, the same embedder and the published weights of the generator.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rag import Answer, Assistant, Finished, Settings
from rag.errors import ModelMissing
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator as LanguageModel
from rag.models.llm.protocol import LogProbabilities, Message
from rag.models.weights.packaged import GENERATOR, GENERATOR_FULL, prepared
from rag.settings import PLAIN, install_command

SIMILAR = 2
"""Chunks that LlamaIndex's starter retrieves: its default."""


def _keep(source: Path, folder: Path, _progress: Callable[[float], None], **_: object) -> None:
    shutil.move(source, folder / source.name)


GGUF = dataclasses.replace(
    GENERATOR,
    name="qwen2.5-coder-1.5b-instruct-q4_k_m-1",
    disk=2_400_000_000,
    file="q4_k_m.gguf",
    convert=_keep,
)
"""The generator's file as its makers published it, for llama.cpp."""

REFUSAL = re.compile(
    r"(not|n't) (explicitly |directly )?(mention|provide|specif|state|contain|given|available|say)"
    r"|no (specific )?(information|mention)|unable to|cannot (be )?(answer|determine)"
    r"|لا (توجد|يوجد|تتوفر|تذكر|يذكر|تحتوي|يحتوي|يمكن)|لم (يذكر|يُذكر|تذكر|يتم ذكر|يرد|ترد)"
    r"|غير (مذكور|متوفر|محدد)",
    re.IGNORECASE,
)
"""A refusal in prose, for systems without an outcome; matched leniently."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a system, with its times and token counts."""

    text: str
    """The answer as a person sees it."""
    outcome: str
    """As ``rag.Outcome``."""
    first: float
    """Seconds from the question to the first words that a person sees."""
    piece: float
    """Seconds from the question to the model's first piece of text, shown or not; ``total`` without one."""
    total: float
    """Seconds from the question to the whole answer."""
    written: float
    """Seconds from that piece to the last one of the same reply."""
    prompt_tokens: int
    """Tokens that the model read for it. What else it was asked for the same question is in ``total``."""
    reply_tokens: int
    """Tokens that it wrote there."""


class System(Protocol):
    """One of those that are compared."""

    weights: int
    """Bytes of weights that are read for every token written."""

    def ask(self, question: str) -> Reply:
        """Answer a question."""


class Metered:
    """A generator that measures the first reply after ``begin``: what it reads and writes, and when."""

    def __init__(self, generator: LanguageModel) -> None:
        self._generator = generator
        self.identity = generator.identity
        self.begin()

    def begin(self) -> None:
        """The next reply is measured."""
        self.prompt, self.reply = "", ""
        self.first: float | None = None
        self.last: float | None = None

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""
        return self._generator.context

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._generator.count(text)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        """The model's reply, piece by piece."""
        measured = not self.prompt
        if measured:
            self.prompt = "\n".join(message.content for message in messages)
        with contextlib.closing(self._generator.stream(messages, max_tokens=max_tokens)) as pieces:
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    likely: LogProbabilities | None = end.value
                    return likely
                if piece and measured:
                    self.last = time.perf_counter()
                    self.first = self.first or self.last
                    self.reply += piece
                yield piece


class Sanad:
    """Sanad as it ships, or its chain around another generator."""

    def __init__(self, settings: Settings, generator: LanguageModel | None = None) -> None:
        settings = dataclasses.replace(
            settings, prompt=settings.template
        )  # else the plain one, if handed over
        self._metered = Metered(generator or open_generator(settings))
        self._assistant = Assistant.open(settings=settings, generator=self._metered)
        folder = settings.cache / "models"
        self.weights = _read_per_token(folder, self._assistant.model) if generator is None else 0

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        meter = self._metered
        meter.begin()
        started = time.perf_counter()
        answer: Answer | None = None
        for event in self._assistant.stream(question):
            if isinstance(event, Finished):
                answer = event.answer
        ended = time.perf_counter()
        assert answer is not None  # noqa: S101 - a stream ends with Finished
        return Reply(
            text=answer.text,
            outcome=answer.outcome,
            first=ended - started,
            piece=(meter.first or ended) - started,
            total=ended - started,
            written=(meter.last or ended) - (meter.first or ended),
            prompt_tokens=meter.count(meter.prompt),
            reply_tokens=meter.count(meter.reply),
        )


def _read_per_token(folder: Path, identity: str) -> int:
    """Bytes of the generator's weights but for the table of word vectors, of which one row is read."""
    files = [path for path in folder.glob("*/openvino_model.bin") if path.is_file()]
    sizes = {path.parent.name: path.stat().st_size for path in files}
    name = next((name for name in sizes if ("adapter" in name) == ("adapter" in identity)), "")
    return sizes.get(name, 0) - WORDS * WIDTH if name else 0


PARAMETERS = 1_310_000_000
"""Weights that each token of a prompt is multiplied by: all but the word vectors (its model card)."""

WORDS, WIDTH = 151_936, 1_536
"""The generator's vocabulary and the length of a word's vector (its config.json)."""


class LlamaCpp:
    """llama.cpp with the published file, as a Generator."""

    def __init__(self, path: Path, *, context: int = 4096) -> None:
        with _needed("xllamacpp"):
            import xllamacpp
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context
        params.n_parallel = 1
        params.sampling.temp = 0.0
        params.verbosity = 0
        params.warmup = True
        self._server = xllamacpp.Server(params)
        self.identity = "Qwen2.5-Coder-1.5B-Instruct Q4_K_M (llama.cpp)"
        self.context = context
        self.usage: Mapping[str, int] = {}

    def count(self, text: str) -> int:
        """Approximate length of a text in tokens; ``usage`` has the exact figures."""
        return len(text) // 3

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        """The reply, piece by piece."""
        from rag.models.llm.protocol import stream_from_thread

        asked = {
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

        def run(emit: Callable[[str], bool]) -> None:
            def take(chunk: Any) -> None:
                for part in chunk if isinstance(chunk, list) else [chunk]:
                    self.usage = part.get("usage") or self.usage
                    for choice in part.get("choices", ()):
                        if text := (choice.get("delta") or {}).get("content"):
                            emit(text)

            self._server.handle_chat_completions(asked, take)

        yield from stream_from_thread(run)
        return None


class SanadOnLlamaCpp:
    """Sanad's evidence and checks, with its messages sent to llama.cpp."""

    def __init__(self, settings: Settings) -> None:
        path = prepared(GGUF, settings) / GGUF.file
        self._engine = LlamaCpp(path)
        self._sanad = Sanad(settings, self._engine)
        self.weights = path.stat().st_size  # its table of word vectors is the output's too, and read whole

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        self._engine.usage = {}
        reply = self._sanad.ask(question)
        read, wrote = (self._engine.usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
        return dataclasses.replace(reply, prompt_tokens=read, reply_tokens=wrote)


class LlamaIndexStarter:
    """LlamaIndex's starter: VectorStoreIndex with its default splitter and prompts, HuggingFaceLLM."""

    def __init__(self, settings: Settings) -> None:
        with _needed("llama-index-llms-huggingface"):
            from llama_index.llms.huggingface import HuggingFaceLLM
        from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = prepared(GENERATOR_FULL, settings)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", use_safetensors=True)
        self._prompt = ""
        llm = HuggingFaceLLM(
            model=model,
            tokenizer=self._tokenizer,
            model_name=str(folder),
            tokenizer_name=str(folder),
            context_window=model.config.max_position_embeddings,
            max_new_tokens=settings.max_new_tokens,
            generate_kwargs={"do_sample": False, "temperature": None, "top_p": None, "top_k": None},
            is_chat_model=True,
            messages_to_prompt=self._templated,
        )
        documents = SimpleDirectoryReader(str(settings.articles), required_exts=[".txt"]).load_data()
        index = VectorStoreIndex.from_documents(documents, embed_model=embedding(open_embedder(settings)))
        self._engine: Any = index.as_query_engine(llm=llm, streaming=True, similarity_top_k=SIMILAR)
        self.weights = sum(p.numel() * p.element_size() for p in model.parameters())

    def _templated(self, messages: Sequence[Any]) -> str:
        plain = [{"role": message.role.value, "content": message.content} for message in messages]
        self._prompt = self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        return self._prompt

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        started = time.perf_counter()
        first: float | None = None
        text = ""
        for piece in self._engine.query(question).response_gen:
            if piece and first is None:
                first = time.perf_counter()
            text += piece
        ended = time.perf_counter()
        seen = (first or ended) - started
        return Reply(
            text=text,
            outcome="not_found" if not text.strip() or REFUSAL.search(text) else "answered",
            first=seen,
            piece=seen,
            total=ended - started,
            written=ended - started - seen,
            prompt_tokens=len(self._tokenizer(self._prompt)["input_ids"]),
            reply_tokens=len(self._tokenizer(text)["input_ids"]),
        )


def embedding(embedder: Embedder) -> Any:
    """An embedder behind llama-index's interface.

    Args:
        embedder: Sanad's own.
    """
    from llama_index.core.base.embeddings.base import BaseEmbedding

    class Embedding(BaseEmbedding):
        """Only whole texts: llama-index does not use vectors of tokens."""

        def _get_query_embedding(self, query: str) -> list[float]:
            return [float(x) for x in embedder.question(query).vector]

        def _get_text_embedding(self, text: str) -> list[float]:
            return [float(x) for x in embedder.passages([text])[0]]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    return Embedding(model_name=embedder.identity)


@contextlib.contextmanager
def _needed(library: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        fix = install_command("bench")
        raise ModelMissing(f"The comparison needs {library} ({error}). Install it: {fix}") from None


def _plain(settings: Settings) -> Settings:
    return dataclasses.replace(settings, prompt=PLAIN)


SYSTEMS: dict[str, Callable[[Settings], System]] = {
    "sanad": Sanad,
    "llamacpp": SanadOnLlamaCpp,
    "llamacpp-plain": lambda settings: SanadOnLlamaCpp(_plain(settings)),
    "llamaindex": LlamaIndexStarter,
}
"""By name. ``llamacpp`` gets the same messages as Sanad's model, although its weights are not trained for
them; ``llamacpp-plain`` gets the prompt with examples that Sanad uses for such weights."""
