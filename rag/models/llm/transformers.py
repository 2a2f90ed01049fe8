"""Any causal language model through transformers: hub id, local folder or the packaged weights.

The default where a CUDA or MPS device is found. Safetensors only, and never a model's own code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rag.errors import GenerationFailed, ModelMissing
from rag.models.llm.base import StreamedLLM, plain
from rag.models.llm.protocol import Likelihood, Message, stream_from_thread
from rag.models.weights.packaged import digest, generator, prepared
from rag.records import Progress
from rag.settings import HUB_INSTALL, PACKAGED, Settings


class TransformersLLM(StreamedLLM):
    """A transformers model as a Generator; greedy decoding."""

    def __init__(self, name: str, *, identity: str) -> None:
        """Nothing is loaded before the first use.

        Args:
            name: Hub model id or local folder.
            identity: Names model, weights and backend.
        """
        super().__init__()
        self.identity = identity
        self._name = name
        self._loaded: tuple[Any, Any] | None = None

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens; loads the model."""
        model, _ = self.loaded()
        return int(getattr(model.config, "max_position_embeddings", None) or 4096)

    def template(self, messages: Sequence[Message]) -> str:
        """The model's own chat template around the messages; a plain one where it has none."""
        _, tokenizer = self.loaded()
        if not tokenizer.chat_template:
            return "\n\n".join(message["content"] for message in plain(messages)) + "\n"
        return str(tokenizer.apply_chat_template(plain(messages), tokenize=False, add_generation_prompt=True))

    def pieces(self, prompt: str, max_tokens: int) -> Generator[str, None, Likelihood | None]:
        """The reply to a prompt, piece by piece; closing the generator stops the model."""
        self.loaded()
        stream = stream_from_thread(lambda emit: self._generate(prompt, max_tokens, emit))
        with contextlib.closing(stream):
            try:
                return (yield from stream)
            except RuntimeError as error:  # torch's out-of-memory error is one too
                told = " ".join(str(error).split())
                raise GenerationFailed(f"The language model failed: {told}. Ask again.") from error

    def _generate(self, prompt: str, max_tokens: int, emit: Callable[[str], bool]) -> Likelihood:
        from transformers import StoppingCriteria, StoppingCriteriaList, TextStreamer

        model, tokenizer = self.loaded()
        stopped = False

        class Emit(TextStreamer):
            """Hands finished text on instead of printing it."""

            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                nonlocal stopped
                stopped = emit(text) or stopped

        class Stop(StoppingCriteria):
            """Ends generation when the reader has gone."""

            def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
                import torch

                return torch.full((input_ids.shape[0],), stopped, dtype=torch.bool, device=input_ids.device)

        padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(model.device)
        done = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=max_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=padding,
            streamer=Emit(tokenizer, skip_prompt=True, skip_special_tokens=True),
            stopping_criteria=StoppingCriteriaList([Stop()]),
            return_dict_in_generate=True,
            output_logits=True,
        )
        told = model.compute_transition_scores(done.sequences, done.logits, normalize_logits=True)
        return tuple(told[0].tolist())

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        _, tokenizer = self.loaded()
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    def loaded(self) -> tuple[Any, Any]:
        """Model and tokenizer, loaded at first use onto the best device that there is."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self._name)
            return self._loaded


def _load(name: str) -> tuple[Any, Any]:
    try:
        import torch
    except ModuleNotFoundError:
        raise ModelMissing(
            f"The model {name!r} runs through transformers, which needs torch. Install it: {HUB_INSTALL}"
        ) from None
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            name,
            dtype="auto" if device == "cpu" else torch.bfloat16,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (
        Exception
    ) as error:  # for "not found" and "not whole" transformers and safetensors raise many kinds
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelMissing(
            f"Cannot load the model {name!r}: {first}. Give a hub model id, a local folder with safetensors "
            "or 'packaged' (--llm, SANAD_LLM)."
        ) from error
    placed: Any = model  # transformers wraps .to() in a decorator that loses its types
    return placed.to(device).eval(), tokenizer


def transformers_generator(settings: Settings, progress: Progress | None) -> TransformersLLM:
    """The model that ``settings.llm`` names, as a Generator.

    Args:
        settings: ``llm`` is ``packaged``, a hub model id or a local folder.
        progress: Told how the packaged model's preparation goes.

    Raises:
        ModelMissing: The packages with the weights are missing.
    """
    if settings.llm == PACKAGED:
        model = generator(settings, full=True)
        folder = prepared(model, settings, progress)
        name, identity = str(folder), f"{model.title} bf16 (transformers, {digest(folder)})"
    else:
        name, identity = settings.llm, f"{settings.llm} (transformers)"
    return TransformersLLM(name, identity=identity)
