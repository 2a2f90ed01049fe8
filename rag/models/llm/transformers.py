"""Any causal language model in transformers: from a hub id, a local folder or the packaged weights.

This is the default on machines with a CUDA or MPS device. Only safetensors are loaded, and a model's own code
is never run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rag.models import hub
from rag.models.llm.base import StreamedLLM
from rag.models.llm.prompt import without_system
from rag.models.llm.protocol import LogProbabilities, Message, stream_from_thread
from rag.models.llm.thoughts import spoken


class TransformersLLM(StreamedLLM):
    """A transformers model as a ``Generator``; greedy decoding."""

    def __init__(self, name: str, *, identity: str) -> None:
        """Create the generator for a hub model id or a local folder, without loading the model."""
        super().__init__()
        self.identity = identity
        self._name = name
        self._loaded: tuple[Any, Any] | None = None

    @property
    def context(self) -> int:
        """Longest prompt and reply together, in the model's tokens; loads the model."""
        model, _ = self.loaded()
        return int(getattr(model.config, "max_position_embeddings", None) or 4096)

    def template(self, messages: Sequence[Message]) -> str:
        """The messages as one prompt, in the model's own chat template or, without one, in plain text."""
        _, tokenizer = self.loaded()
        if not tokenizer.chat_template:
            return "\n\n".join(message.content for message in messages) + "\n"
        from jinja2 import TemplateError

        def rendered(prompt: Sequence[Message]) -> str:
            chat = [dataclasses.asdict(message) for message in prompt]
            return str(
                tokenizer.apply_chat_template(
                    chat, tokenize=False, add_generation_prompt=True, enable_thinking=False
                )
            )

        try:
            return rendered(messages)
        except TemplateError:  # templates of some models refuse system messages
            return rendered(without_system(messages))

    def pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        """The reply, piece by piece; closing the generator stops the model."""
        prompt = self.template(messages)
        return spoken(stream_from_thread(lambda emit: self._generate(prompt, max_tokens, emit)))

    def _generate(self, prompt: str, max_tokens: int, emit: Callable[[str], bool]) -> LogProbabilities:
        from transformers import TextStreamer

        class Emit(TextStreamer):
            """Passes finished text on instead of printing it, and ends generation if nobody reads it."""

            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                if emit(text):
                    raise GeneratorExit

        model, tokenizer = self.loaded()
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
            return_dict_in_generate=True,
            output_logits=True,
        )
        scores = model.compute_transition_scores(done.sequences, done.logits, normalize_logits=True)
        return tuple(scores[0].tolist())

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        _, tokenizer = self.loaded()
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    def loaded(self) -> tuple[Any, Any]:
        """Model and tokenizer, loaded at first use onto the best available device."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self._name)
            return self._loaded


def _load(name: str) -> tuple[Any, Any]:
    with hub.loading("llm", name):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        mps = torch.backends.mps.is_available()
        device = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            name,
            dtype="auto" if device == "cpu" else torch.bfloat16,
            use_safetensors=True,
            trust_remote_code=False,
        )
        return model.to(device).eval(), tokenizer
