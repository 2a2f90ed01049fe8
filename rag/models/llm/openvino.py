"""The packaged generator in openvino-genai: the default on a processor without a GPU."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from rag.errors import GenerationFailed, ModelMissing
from rag.models.llm.base import StreamedLLM, plain
from rag.models.llm.protocol import Likelihood, Message
from rag.models.weights import mapped
from rag.models.weights.packaged import digest, generator, prepared
from rag.records import Progress
from rag.settings import PACKAGED, Settings

CONTEXT = 32_768
"""Longest context of Qwen2.5-Coder-1.5B, in tokens (its model card)."""

WEIGHTS = "openvino_model.bin"
"""The file of weights in an OpenVINO model's folder."""

STEP = 128
"""Tokens of a prompt that are read at once. Between two steps reading can be stopped and other threads run,
which the engine's Python binding keeps waiting during one: 0.4 s on two cores. With 64 a prompt takes a third
longer, with 256 no less."""

UNFINISHED = "\ufffd"
"""How a character is decoded whose last bytes are still to come."""


class OpenVinoLLM(StreamedLLM):
    """An OpenVINO model folder as a Generator; greedy decoding."""

    context = CONTEXT

    def __init__(self, folder: Path, *, identity: str, mend: str, threads: int = 0, at_once: int = 1) -> None:
        """Nothing is loaded before the first use.

        Args:
            folder: Holds openvino_model.xml, the tokenizer and the detokenizer.
            identity: Names model, weights and backend.
            mend: What an error of loading advises.
            threads: Processor threads; 0 leaves it to the engine.
            at_once: Replies that are made in one batch.
        """
        super().__init__(at_once)
        self.identity = identity
        self._folder = folder
        self._mend = mend
        self._options: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads} if threads else {}
        self._batch: Batch | None = None

    def template(self, messages: Sequence[Message]) -> str:
        """The model's own chat template around the messages."""
        return str(self.batch().tokenizer.apply_chat_template(plain(messages), add_generation_prompt=True))

    def pieces(self, prompt: str, max_tokens: int) -> Generator[str, None, Likelihood | None]:
        """The reply to a prompt, piece by piece; closing the generator stops the model."""
        import openvino_genai

        batch, tokens, likely, told = self.batch(), list[int](), list[float](), ""
        config = openvino_genai.GenerationConfig(
            max_new_tokens=max_tokens, do_sample=False, apply_chat_template=False, logprobs=1
        )
        handle = batch.join(prompt, config)
        try:
            while handle.get_status() == openvino_genai.GenerationStatus.RUNNING or handle.can_read():
                if not handle.can_read():
                    batch.step(handle)
                    # While the prompt is read there are no pieces, but who waits may want to stop the model.
                    yield ""
                    continue
                for output in handle.read().values():
                    tokens += output.generated_ids
                    likely += output.generated_log_probs
                text = batch.tokenizer.decode(tokens)
                if not text.endswith(UNFINISHED):
                    yield text[len(told) :]
                    told = text
        finally:
            status = batch.leave(handle)
        if status == openvino_genai.GenerationStatus.IGNORED:  # it ends without a word
            raise GenerationFailed("The language model has no room for this prompt. Ask a shorter question.")
        return tuple(likely)

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        encoded = self.batch().tokenizer.encode(text, add_special_tokens=False)
        return int(encoded.input_ids.shape[1])

    def batch(self) -> Batch:
        """The engine, loaded at first use and after it failed."""
        with self._loading:
            if self._batch is None or self._batch.failed:
                self._batch = None  # two would not fit into memory
                self._batch = Batch(self._load())
            return self._batch

    def _load(self) -> Any:
        import openvino_genai

        # Its own step can be called, which tells each token's probability and can be left between two; else
        # it is what LLMPipeline runs, as fast and with the same replies (docs/decisions.md).
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True
        scheduler.max_num_batched_tokens = STEP
        try:
            engine = openvino_genai.ContinuousBatchingPipeline(
                str(self._folder), scheduler, "CPU", self._options
            )
            # The weights are rewritten for the processor by the first run, not by loading: beside the reading
            # of a first prompt that would hold twice the model, and a question would wait for it.
            with mapped.passing(self._folder / WEIGHTS):
                engine.generate(["."], [openvino_genai.GenerationConfig(max_new_tokens=1)])
            return engine
        except RuntimeError as error:
            last = str(error).strip().splitlines()[-1]
            raise ModelMissing(f"Cannot load the model in {self._folder}: {last}. {self._mend}") from error


class Batch:
    """An engine with the requests that it works on at the same time. Each has a thread that waits for it.

    There is no thread that drives the engine: whoever waits for a token has it make the next one for all,
    so that nothing runs when nobody waits. Requests join and leave between two steps.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._between_steps = threading.Lock()
        self._numbers = itertools.count()
        self._failure = ""
        self.tokenizer: Any = pipeline.get_tokenizer()

    @property
    def failed(self) -> bool:
        """Whether it raised an error in a step, after which nothing is asked of it any more."""
        return bool(self._failure)

    def join(self, prompt: str, config: Any) -> Any:
        """The handle of a new request.

        Args:
            prompt: What is to be continued.
            config: How.

        Raises:
            GenerationFailed: The engine refused it, or has failed.
        """
        with self._between_steps:
            self._check()
            try:
                return self._pipeline.add_request(next(self._numbers), prompt, config)
            except RuntimeError as error:  # what OpenVINO raises for everything
                raise GenerationFailed(_reason(error)) from error

    def step(self, handle: Any) -> None:
        """One step for all requests, unless another's step has brought this one something to read.

        Args:
            handle: Of the request that waits.

        Raises:
            GenerationFailed: The engine failed, now or in another request's step: it ends all of them.
        """
        with self._between_steps:
            if handle.can_read():
                return
            self._check()
            try:
                self._pipeline.step()
            except RuntimeError as error:
                self._failure = _reason(error)
                raise GenerationFailed(self._failure) from error

    def leave(self, handle: Any) -> Any:
        """Give a request up; the others go on.

        Args:
            handle: Of the request, which may have ended.

        Returns:
            How it stood.
        """
        with self._between_steps:
            status = handle.get_status()
            handle.cancel()
            return status

    def _check(self) -> None:
        if self._failure:
            raise GenerationFailed(self._failure)


def _reason(error: RuntimeError) -> str:
    return f"The language model failed: {' '.join(str(error).split())}. Ask again."


def openvino_generator(settings: Settings, progress: Progress | None) -> OpenVinoLLM:
    """The packaged model, or a folder that holds an OpenVINO model, as a Generator.

    Args:
        settings: ``llm`` is ``packaged`` or such a folder.
        progress: Told how the packaged model's preparation goes.

    Raises:
        ModelMissing: The folder holds no OpenVINO model, or the packages with the weights are missing.
    """
    if settings.llm == PACKAGED:
        model = generator(settings)
        folder = prepared(model, settings, progress)
        identity = f"{model.title} int8 (openvino, {digest(folder)})"
        mend = f"Remove {folder}; it is prepared anew at the next question."
    else:
        folder = Path(settings.llm).expanduser()
        identity = f"{settings.llm} (openvino)"
        mend = "Name another model (--llm)."
        if not (folder / "openvino_model.xml").is_file():
            raise ModelMissing(
                f"{settings.llm!r} is not a folder with an OpenVINO model (openvino_model.xml). Name such a "
                "folder, or run the model through transformers: --backend transformers"
            )
    return OpenVinoLLM(
        folder, identity=identity, mend=mend, threads=settings.threads, at_once=settings.at_once
    )
