"""Embed texts as float32 vectors of shape (n, dimension) and length 1, so that a dot product is a cosine.

``open_embedder`` selects the engine: the packaged e5-small in OpenVINO, any sentence-transformers model (hub
id or local folder), or a fake for tests.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.models import hub
from rag.models.disk import sha256
from rag.models.embedding import e5
from rag.models.embedding.late_interaction import Question, Tokens
from rag.models.weights.packaged import EMBEDDER, digest, prepared
from rag.records import Progress
from rag.settings import PACKAGED, Settings

Vectors = NDArray[np.float32]
"""Shape (texts, dimension), rows of length 1."""

HEAD = Path(__file__).resolve().parent / "data" / "retriever.safetensors"
"""Weights of the packaged embedder's token head, trained by train/retrieval/retriever.py."""

DIGEST_WEIGHTS = 16
"""Weights of each tensor that identify a hub model; hashing all weights of a large one takes seconds."""


class Embedder(Protocol):
    """An embedding model as the index and the retriever use it."""

    @property
    def identity(self) -> str:
        """Names the model, its weights and its use; vectors of different identities are not comparable."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def token_size(self) -> int:
        """Length of a token's vector, an even number; 0 if the model has no token vectors."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages."""

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        """Vectors of passages and of their tokens; the latter are empty if ``token_size`` is 0."""

    def question(self, text: str) -> Question:
        """Vectors of a question."""


NO_TOKENS = Tokens(np.empty((0, 0), np.float32), np.empty((0, 2), np.int32))
"""The result of an embedder without token vectors."""


def open_embedder(settings: Settings, progress: Progress | None = None) -> Embedder:
    """Create the embedder that the settings name, without loading its model.

    ``progress`` is called while the packaged model is prepared, with the step and the share that is done.

    Raises:
        ModelMissing: The model cannot be found.
        ModelDamaged: Packaged weights are not the published ones.
        NoSpace: The disk is too full to prepare the packaged weights.
    """
    if settings.embedder == PACKAGED:
        return PackagedEmbedder(prepared(EMBEDDER, settings, progress), threads=settings.threads)
    if settings.embedder == "fake":
        return FakeEmbedder()
    return HubEmbedder(settings.embedder)


class PackagedEmbedder:
    """multilingual-e5-small in OpenVINO, with the prefixes of its training."""

    BATCH = 16
    """Texts in one batch: larger ones gain nothing on two cores and need more padding (measured 8 to 64)."""

    PASSAGE, QUERY = "passage: ", "query: "

    def __init__(self, folder: Path, *, head: Path | None = HEAD, threads: int = 0) -> None:
        """Create the embedder of a prepared folder, without loading it; without ``head`` it has no tokens."""
        self._folder = folder
        self._head = head
        self._threads = threads
        self._loaded: tuple[Any, Any, Any] | None = None
        self._loading = threading.Lock()  # so that two questions that arrive first do not load it twice
        self._running = threading.Lock()  # only one thread at a time can wait for the queue
        self._answering = threading.Lock()  # a request serves one thread at a time
        self.identity = f"multilingual-e5-small:{digest(folder)}:query/passage prefixes, mean, unit length"
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.dimension = int(config["hidden_size"])
        self.token_size = 0
        if head:
            self.identity += f":tokens {sha256(head)[:16]}"
            self.token_size = e5.token_size(head)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (texts, dimension)."""
        return self._run(self.PASSAGE, texts)[0]

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        """Vectors of passages, shape (texts, dimension), and of their tokens."""
        vectors, outputs = self._run(self.PASSAGE, texts, tokens=True)
        return vectors, [tokens for tokens, _ in outputs]

    def question(self, text: str) -> Question:
        """Vectors of a question."""
        vectors, ((tokens, logits),) = self._run(self.QUERY, [text], tokens=True)
        weights = np.exp(logits - logits.max(initial=-np.inf))
        return Question(vectors[0], tokens.vectors, weights / weights.sum() if len(weights) else weights)

    def _run(
        self, prefix: str, texts: Sequence[str], *, tokens: bool = False
    ) -> tuple[Vectors, list[tuple[Tokens, NDArray[np.float32]]]]:
        """Vectors of texts, and if wanted their tokens with the logits of their importance."""
        queue, alone, tokenizer = self._load()
        vectors = np.empty((len(texts), self.dimension), np.float32)
        encodings = tokenizer.encode_batch([prefix + text for text in texts])
        outputs = [(NO_TOKENS, np.empty(0, np.float32))] * len(texts)

        def keep(request: Any, batch: list[int]) -> None:
            vectors[batch] = request.get_tensor("text").data
            if self._head and tokens:
                states, logits = (request.get_tensor(name).data for name in ("tokens", "importance"))
                for row, i in enumerate(batch):
                    outputs[i] = _of_text(encodings[i].offsets, states[row], logits[row], len(prefix))

        # Texts of similar length share a batch, which limits padding; the longest come first, so that no core
        # waits at the end for another core's long batch.
        order = sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids))
        batches = [order[at : at + self.BATCH] for at in range(0, len(order), self.BATCH)]
        if len(batches) == 1:
            with self._answering:
                alone.infer(_padded([encodings[i].ids for i in order]))
                keep(alone, order)
        else:
            with self._running:
                queue.set_callback(keep)
                for batch in batches:
                    queue.start_async(_padded([encodings[i].ids for i in batch]), batch)
                queue.wait_all()
        return vectors, outputs

    def _load(self) -> tuple[Any, Any, Any]:
        """A queue of requests, one more request, and the tokenizer."""
        with self._loading:
            if self._loaded is None:
                import openvino as ov
                from tokenizers import Tokenizer

                # Several batches at once, each on few cores, are faster than one batch on all cores; a single
                # question takes equally long either way (docs/research/decisions.md).
                # In single precision wherever it runs: bf16, which newer processors would choose, changes
                # which sentence is the sixth.
                options: dict[str, Any] = {
                    "PERFORMANCE_HINT": "THROUGHPUT",
                    "INFERENCE_PRECISION_HINT": "f32",
                }
                if self._threads:
                    options["INFERENCE_NUM_THREADS"] = self._threads
                network = ov.Core().compile_model(e5.graph(self._folder, self._head), "CPU", options)
                tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
                # The queue has as many requests as the processor can run efficiently at once. A question has
                # one of its own, so that it does not wait for texts that are being indexed.
                self._loaded = ov.AsyncInferQueue(network), network.create_infer_request(), tokenizer
            return self._loaded


def _padded(rows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    """The network's inputs for the token ids of some texts."""
    longest = max(map(len, rows))
    ids = [[*row, *[1] * (longest - len(row))] for row in rows]  # 1 is the padding token
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return {"input_ids": np.array(ids, np.int64), "attention_mask": np.array(mask, np.int64)}


def _of_text(
    offsets: Sequence[tuple[int, int]],
    states: NDArray[np.float32],
    logits: NDArray[np.float32],
    prefix: int,
) -> tuple[Tokens, NDArray[np.float32]]:
    """The tokens of a text without padding, special tokens and prefix, and the logits of their importance."""
    spans = np.array(offsets, np.int32).reshape(-1, 2)
    kept = np.flatnonzero((spans[:, 1] > spans[:, 0]) & (spans[:, 1] > prefix))
    # Indexing copies, so that the batch and its padding are not kept in memory.
    return Tokens(states[kept], np.maximum(spans[kept] - np.int32(prefix), 0)), logits[kept]


class HubEmbedder:
    """Any sentence-transformers model, from a hub id or a local folder, with the prompts that it declares."""

    token_size = 0

    def __init__(self, name: str) -> None:
        self._name = name
        self._model: Any = None
        self._loading = threading.Lock()

    @functools.cached_property
    def identity(self) -> str:
        """The model's name, and a digest over a few weights of every tensor: training changes them all."""
        hasher = hashlib.sha256()
        for name, tensor in self._load().named_parameters():
            few = tensor.detach().flatten()[:DIGEST_WEIGHTS].float().cpu().numpy()
            hasher.update(name.encode() + few.tobytes())
        return f"sentence-transformers:{self._name}:{self.dimension}:{hasher.hexdigest()[:16]}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._load().get_embedding_dimension())

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages."""
        vectors = self._load().encode_document(list(texts), normalize_embeddings=True)
        return np.asarray(vectors, np.float32)

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        """Vectors of passages; there are no token vectors."""
        return self.passages(texts), [NO_TOKENS] * len(texts)

    def question(self, text: str) -> Question:
        """Vectors of a question."""
        vector = self._load().encode_query(text, normalize_embeddings=True)
        return Question(np.asarray(vector, np.float32), NO_TOKENS.vectors, np.empty(0, np.float32))

    def _load(self) -> Any:
        with self._loading:
            if self._model is None:
                with hub.loading("embedder", self._name):
                    from sentence_transformers import SentenceTransformer

                    # Safetensors only, as a pickled checkpoint can run code; nor is a model's own code run.
                    self._model = SentenceTransformer(
                        self._name, trust_remote_code=False, model_kwargs={"use_safetensors": True}
                    )
            return self._model


class FakeEmbedder:
    """Vectors of hashed word fragments, without a model: similar texts have similar vectors. For tests."""

    def __init__(self, dimension: int = 64, token_size: int = 8) -> None:
        self.dimension = dimension
        self.token_size = token_size
        self.identity = f"fake:{dimension}:{token_size}"

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimension)."""
        return self.with_tokens(texts)[0]

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        """Vectors of shape (texts, dimension), and one for each word."""
        vectors = [_hashed(text.lower().split(), self.dimension) for text in texts]
        tokens = [self._tokens(text) for text in texts]
        return np.array(vectors, np.float32).reshape(len(texts), self.dimension), tokens

    def question(self, text: str) -> Question:
        """Vectors of a question; all its words have the same weight."""
        vectors, tokens = self.with_tokens([text])
        count = len(tokens[0].vectors)
        return Question(vectors[0], tokens[0].vectors, np.full(count, 1 / max(1, count), np.float32))

    def _tokens(self, text: str) -> Tokens:
        words = [(match.group().lower(), match.span()) for match in re.finditer(r"\S+", text)]
        if not self.token_size or not words:
            return NO_TOKENS
        vectors = [_hashed_word(word, self.token_size) for word, _ in words]
        return Tokens(np.stack(vectors), np.array([span for _, span in words], np.int32))


def _hashed(words: Sequence[str], size: int) -> NDArray[np.float32]:
    """A unit vector of the counts of the words' three-letter fragments."""
    vector = np.full(size, 1e-3, np.float32)
    for word in words:
        for at in range(max(1, len(word) - 2)):
            vector[_hash(word[at : at + 3]) % size] += 1
    unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return unit


@functools.lru_cache(maxsize=10_000)
def _hashed_word(word: str, size: int) -> NDArray[np.float32]:
    return _hashed([word], size)


@functools.lru_cache(maxsize=100_000)
def _hash(fragment: str) -> int:
    digest = hashlib.blake2b(fragment.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big")
