"""The systems that evals/benchmarks/answers.py compares, each a class that answers one question at a time.

All use the same articles, the same embedder and the published weights of the generator.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.benchmarks.systems import Reply, Sanad, System
from evals.grading.refusals import refuses
from rag import Assistant, Settings
from rag.errors import ModelMissing
from rag.language.text import detect_language
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.models.llm.protocol import LogProbabilities, Message
from rag.models.weights.packaged import GENERATOR, GENERATOR_FULL, prepared
from rag.settings import PLAIN, install_command

CHAIN = """Answer the question in {language}, in a few words, from these sentences of news articles alone, and
translate what is in another language. Name the sentence that you used, like [2]. If they do not contain the
answer, say so.

{evidence}

Question: {question}"""
"""The prompt of ``LlamaCppChain``."""

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

    def __init__(self, settings: Settings, index: str) -> None:
        path = prepared(GGUF, settings) / GGUF.file
        self._engine = LlamaCpp(path)
        self._sanad = Sanad(settings, index, self._engine)
        self.weights = path.stat().st_size  # its table of word vectors is the output's too, and read whole

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        self._engine.usage = {}
        return _counted(self._sanad.ask(question), self._engine)


class LlamaCppChain:
    """Sanad's evidence in one prompt to llama.cpp that asks for an answer in the question's language.

    The reply is the answer as it comes: nothing is checked.
    """

    def __init__(self, settings: Settings, index: str) -> None:
        path = prepared(GGUF, settings) / GGUF.file
        self._engine = LlamaCpp(path)
        self._assistant = Assistant.open(index, settings=settings)
        self._most = settings.max_new_tokens
        self.weights = path.stat().st_size

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        self._engine.usage = {}
        started = time.perf_counter()
        evidence = self._assistant.search(question).evidence
        shown = "\n".join(f"[{one.number}] {one.text}" for one in evidence)
        language = {"en": "English", "ar": "Arabic"}[detect_language(question)]
        messages = [Message("user", CHAIN.format(language=language, evidence=shown, question=question))]
        given = time.perf_counter() - started
        reply = _prose(started, self._engine.stream(messages, max_tokens=self._most))
        return dataclasses.replace(_counted(reply, self._engine), given=given)


class LlamaIndexStarter:
    """LlamaIndex's starter: VectorStoreIndex with its default splitter and prompts, HuggingFaceLLM."""

    def __init__(self, settings: Settings, _index: str) -> None:
        with _needed("llama-index-llms-huggingface"):
            from llama_index.llms.huggingface import HuggingFaceLLM
        from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = prepared(GENERATOR_FULL, settings)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", use_safetensors=True)
        self._prompt, self._given = "", 0.0
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
        documents = SimpleDirectoryReader(str(settings.articles), required_exts=[".txt", ".md"]).load_data()
        index = VectorStoreIndex.from_documents(documents, embed_model=embedding(open_embedder(settings)))
        self._engine = self._opened(index, llm)
        self.weights = sum(p.numel() * p.element_size() for p in model.parameters())

    def _opened(self, index: Any, llm: Any) -> Any:
        return index.as_query_engine(llm=llm, streaming=True, similarity_top_k=SIMILAR)

    def _templated(self, messages: Sequence[Any]) -> str:
        plain = [{"role": message.role.value, "content": message.content} for message in messages]
        self._prompt = self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        self._given = time.perf_counter()
        return self._prompt

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        started = time.perf_counter()
        reply = _prose(started, self._engine.query(question).response_gen)
        read, wrote = (len(self._tokenizer(text)["input_ids"]) for text in (self._prompt, reply.text))
        given = self._given - started
        return dataclasses.replace(reply, given=given, prompt_tokens=read, reply_tokens=wrote)


class LlamaIndexCitations(LlamaIndexStarter):
    """The same with LlamaIndex's CitationQueryEngine: numbered sources, and their numbers asked for."""

    def _opened(self, index: Any, llm: Any) -> Any:
        from llama_index.core.query_engine import CitationQueryEngine

        return CitationQueryEngine.from_args(index, llm=llm, streaming=True, similarity_top_k=SIMILAR)


def _prose(started: float, pieces: Iterable[str]) -> Reply:
    """The reply of a system without an outcome, shown as it comes.

    Its tokens, and when the prompt was given, are not known yet.
    """
    first: float | None = None
    text = ""
    for piece in pieces:
        if piece and first is None:
            first = time.perf_counter()
        text += piece
    ended = time.perf_counter()
    seen = (first or ended) - started
    return Reply(
        text=text,
        outcome="not_found" if not text.strip() or refuses(text) else "answered",
        first=seen,
        given=0.0,
        piece=seen,
        total=ended - started,
        written=ended - started - seen,
        prompt_tokens=0,
        reply_tokens=0,
    )


def _counted(reply: Reply, engine: LlamaCpp) -> Reply:
    """A reply with the tokens that llama.cpp says it has read and written."""
    read, wrote = (engine.usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
    return dataclasses.replace(reply, prompt_tokens=read, reply_tokens=wrote)


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


SYSTEMS: dict[str, Callable[[Settings, str], System]] = {
    "sanad": Sanad,
    "llamacpp": SanadOnLlamaCpp,
    "llamacpp-plain": lambda settings, index: SanadOnLlamaCpp(_plain(settings), index),
    "llamacpp-chain": LlamaCppChain,
    "llamaindex": LlamaIndexStarter,
    "llamaindex-citations": LlamaIndexCitations,
}
"""By name; each is opened with the settings and the name of the index. ``llamacpp`` gets the same messages as
Sanad's model, although its weights are not trained for them; ``llamacpp-plain`` gets the prompt with examples
that Sanad uses for such weights; ``llamacpp-chain`` one prompt without examples or checks."""
