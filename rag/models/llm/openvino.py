"""The packaged generator in openvino-genai, the default on machines without a GPU."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from rag.errors import GenerationFailed, ModelMissing
from rag.models.llm.base import StreamedLLM
from rag.models.llm.names import OPENVINO_FILE
from rag.models.llm.prompt import without_system
from rag.models.llm.protocol import LogProbabilities, Message, failed
from rag.models.llm.thoughts import spoken
from rag.models.weights import memory
from rag.settings import expanded

STEP = 128
"""Tokens of a prompt that are processed in one step, which takes 0.4 s on two cores. The engine can be
stopped, and other Python threads can run, only between two steps. With 64 a prompt takes a third longer; 256
is no faster."""

PAUSE = 0.02
"""Pause after a step of a prompt, as a share of the step's time. A request to stop the reply passes through
several threads of a server, and the engine holds Python's lock during a step. Without a pause it takes the
lock back after the first of these threads; on a slow machine, where a step takes seconds, the answer was
complete before the request arrived."""

BLOCK = 32
"""Tokens of a block of the engine's cache of keys and values on a processor."""

CACHED = 8_192
"""Longest prompt and reply together, in tokens, and what the cache holds for all requests: about 115 MB
with the packaged model. A cache that grows as needed is smaller, and then the fixed beginning of a prompt,
such as the examples for translation, is read again for every question: other prompts have displaced it."""

UNFINISHED = "\ufffd"
"""The decoded form of a character whose last bytes have not been generated yet."""


NO_THINKING = {"enable_thinking": False}
"""Variables of a chat template that switch thinking off where it allows that."""

CONTEXT = 32_768
"""Context in tokens of a model whose config.json does not give it; that of Qwen2.5-Coder-1.5B (its card)."""


class OpenVinoLLM(StreamedLLM):
    """An OpenVINO model folder as a Generator; greedy decoding."""

    def __init__(
        self, folder: str, *, identity: str, threads: int = 0, at_once: int = 1, may_think: bool = False
    ) -> None:
        """Create the generator of a folder with a model, its tokenizer and detokenizer, without loading them.

        Args:
            folder: The folder.
            identity: Names the model, its weights and the backend.
            threads: Processor threads; 0 lets the engine choose.
            at_once: How many replies are generated in one batch.
            may_think: The model may think before it replies. Its replies come in one piece, without
                thoughts.

        Raises:
            ModelMissing: The folder contains no OpenVINO model.
        """
        super().__init__(at_once)
        self.identity = identity
        self._folder = expanded(folder)
        if not (self._folder / OPENVINO_FILE).is_file():
            raise ModelMissing(
                f"{folder!r} is not a folder with an OpenVINO model (openvino_model.xml). Name such a "
                "folder, or run the model through transformers: --backend transformers"
            )
        self.context = min(_context(self._folder), CACHED)
        self._may_think = may_think
        self._options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads} if threads else {}
        self._batch: Batch | None = None

    def pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        """The reply, piece by piece; closing the generator stops the model."""
        pieces = self._pieces(messages, max_tokens)
        return spoken(pieces) if self._may_think else pieces

    def template(self, messages: Sequence[Message]) -> str:
        """The messages as one prompt, in the model's own chat template, which may refuse system messages."""

        def rendered(prompt: Sequence[Message]) -> str:
            chat = [dataclasses.asdict(message) for message in prompt]
            options: dict[str, Any] = {"extra_context": NO_THINKING} if self._may_think else {}
            return str(
                self.batch().tokenizer.apply_chat_template(chat, add_generation_prompt=True, **options)
            )

        try:
            return rendered(messages)
        except RuntimeError:  # OpenVINO raises this type for every error
            if not self._may_think:
                raise
            return rendered(without_system(messages))

    def _pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        import openvino_genai

        batch, tokens, log_probabilities, yielded = self.batch(), list[int](), list[float](), ""
        prompt = self.template(messages)
        config = openvino_genai.GenerationConfig(
            max_new_tokens=max_tokens, do_sample=False, apply_chat_template=False, logprobs=1
        )
        handle = batch.join(prompt, config)
        try:
            while handle.get_status() == openvino_genai.GenerationStatus.RUNNING or handle.can_read():
                if not handle.can_read():
                    batch.step(handle)
                    # There are no pieces while the prompt is read, but the caller must be able to stop.
                    yield ""
                    continue
                for output in handle.read().values():
                    tokens += output.generated_ids
                    log_probabilities += output.generated_log_probs
                text = batch.tokenizer.decode(tokens)
                if not text.endswith(UNFINISHED):
                    yield text[len(yielded) :]
                    yielded = text
        finally:
            status = batch.leave(handle)
        if status == openvino_genai.GenerationStatus.IGNORED:  # it ends without an error
            raise GenerationFailed("The prompt is too long for the language model. Ask a shorter question.")
        return tuple(log_probabilities)

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        encoded = self.batch().tokenizer.encode(text, add_special_tokens=False)
        return int(encoded.input_ids.shape[1])

    def batch(self) -> Batch:
        """The engine; loaded at first use, and again after it failed."""
        with self._loading:
            if self._batch is None or self._batch.failure:
                self._batch = None  # two would not fit into memory
                self._batch = Batch(self._load())
            return self._batch

    def _load(self) -> Any:
        import openvino_genai

        # The pipeline that LLMPipeline runs, as fast and with the same replies (docs/research/decisions.md).
        # Unlike there, each step can be called, which gives token probabilities and lets a reply be stopped.
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True
        scheduler.max_num_batched_tokens = STEP
        scheduler.num_kv_blocks = CACHED // BLOCK
        try:
            engine = openvino_genai.ContinuousBatchingPipeline(
                str(self._folder), scheduler, "CPU", self._options
            )
            # The engine converts the weights for the processor in its first run, not while loading. Run now,
            # this does not delay a question, and its memory can be limited to one copy of the model.
            with memory.releasing_pages(self._folder / "openvino_model.bin"):
                engine.generate(["."], [openvino_genai.GenerationConfig(max_new_tokens=1)])
            return engine
        except RuntimeError as error:
            last = str(error).strip().splitlines()[-1]
            raise ModelMissing(
                f"Cannot load the model in {self._folder}: {last}. If it is the packaged model, remove this "
                "folder: it is prepared again at the next question. If not, choose another model (--llm)."
            ) from error


def _context(folder: Path) -> int:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(
            json.loads((folder / "config.json").read_text(encoding="utf-8"))["max_position_embeddings"]
        )
    return CONTEXT


class Batch:
    """An engine and the requests that it serves at the same time, each of them awaited by a thread.

    No thread of its own drives the engine: a thread that waits for a token runs the next step for all
    requests, so that nothing runs when nobody waits. Requests join and leave between two steps.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._between_steps = threading.Lock()
        self._numbers = itertools.count()
        self.tokenizer: Any = pipeline.get_tokenizer()
        self.failure: RuntimeError | None = None  # OpenVINO raises this type for every error
        """The error of a step, after which the engine is no longer used."""

    def join(self, prompt: str, config: Any) -> Any:
        """Add a request and return its handle; ``config`` are openvino-genai's generation options."""
        with self._between_steps:
            self._check()
            return self._pipeline.add_request(next(self._numbers), prompt, config)

    def step(self, handle: Any) -> None:
        """Run one step for all requests, unless another thread's step has produced output for this one.

        Raises:
            GenerationFailed: The engine failed, now or in another thread's step; that ends all requests.
        """
        with self._between_steps:
            if handle.can_read():
                return
            self._check()
            begun = time.monotonic()
            try:
                self._pipeline.step()
            except RuntimeError as error:
                self.failure = error
            self._check()
            if not handle.can_read():
                time.sleep(PAUSE * (time.monotonic() - begun))

    def leave(self, handle: Any) -> Any:
        """Remove a request, which may have ended; the others continue.

        Returns:
            The request's status before the removal.
        """
        with self._between_steps:
            status = handle.get_status()
            handle.cancel()
            return status

    def _check(self) -> None:
        if self.failure:
            raise failed(self.failure) from self.failure
