"""Texts → vectors: float32, shape (n, dimension), each of length 1, so that a dot product is a cosine.

``open_embedder`` picks the engine: the packaged e5-small in OpenVINO, any sentence-transformers model
(hub id or local folder), or a fake for tests.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.disk import Progress
from rag.errors import ModelMissing
from rag.settings import HUB_INSTALL, PACKAGED, Settings
from rag.weights import EMBEDDER, digest, prepared

Vectors = NDArray[np.float32]
"""Shape (texts, dimension), rows of length 1."""

DIGEST_WEIGHTS = 16
"""Weights of each tensor that a hub model is told by; hashing all of a large one takes seconds."""


class Embedder(Protocol):
    """What the index and the retriever ask of an embedding model."""

    @property
    def identity(self) -> str:
        """Names model, weights and the way of use; vectors of unequal identities must not be mixed."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts that are searched."""

    def query(self, text: str) -> NDArray[np.float32]:
        """Vector of shape (dimension,) of a text that is searched for."""


def open_embedder(settings: Settings, progress: Progress | None = None) -> Embedder:
    """The embedder that the settings name; nothing is loaded before its first use.

    Args:
        settings: ``embedder`` is ``packaged``, ``fake``, a hub model id or a local folder.
        progress: Told how the packaged model's preparation goes.

    Raises:
        ModelMissing: The model cannot be found.
        ModelDamaged: Packaged weights are not the published ones.
        NoSpace: No room to prepare packaged weights.
    """
    if settings.embedder == PACKAGED:
        return PackagedEmbedder(prepared(EMBEDDER, settings, progress), threads=settings.threads)
    if settings.embedder == "fake":
        return FakeEmbedder()
    return HubEmbedder(settings.embedder)


class PackagedEmbedder:
    """multilingual-e5-small in OpenVINO, with the prefixes that it was trained with."""

    BATCH = 16
    """Texts run together: more gains nothing on two cores and pads more (measured 8 to 64)."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._folder = folder
        self._threads = threads
        self._loaded: tuple[Any, Any] | None = None
        self._loading = threading.Lock()  # two first questions at once must not load it twice
        self._running = threading.Lock()  # the network has one infer request; a second thread gets "busy"
        self.identity = f"multilingual-e5-small:{digest(folder)}:query/passage prefixes, mean, unit length"
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.dimension = int(config["hidden_size"])

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimension) of texts that are searched."""
        return self._embed([f"passage: {text}" for text in texts])

    def query(self, text: str) -> NDArray[np.float32]:
        """Vector of shape (dimension,) of a text that is searched for."""
        vector: NDArray[np.float32] = self._embed([f"query: {text}"])[0]
        return vector

    def _embed(self, texts: list[str]) -> Vectors:
        network, tokenizer = self._load()
        vectors = np.empty((len(texts), self.dimension), np.float32)
        encodings = tokenizer.encode_batch(texts)
        # Texts of like length go together, so that little padding is computed.
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        for at in range(0, len(order), self.BATCH):
            batch = order[at : at + self.BATCH]
            longest = max(len(encodings[i].ids) for i in batch)
            ids = np.ones((len(batch), longest), np.int64)  # 1 is the padding token
            mask = np.zeros((len(batch), longest), np.int64)
            for row, i in enumerate(batch):
                ids[row, : len(encodings[i].ids)] = encodings[i].ids
                mask[row, : len(encodings[i].ids)] = 1
            with self._running:
                vectors[batch] = network({"input_ids": ids, "attention_mask": mask})[0]
        return vectors

    def _load(self) -> tuple[Any, Any]:
        with self._loading:
            if self._loaded is None:
                import openvino as ov
                from tokenizers import Tokenizer

                from rag import e5

                options = {"INFERENCE_NUM_THREADS": self._threads} if self._threads else {}
                network = ov.Core().compile_model(e5.graph(self._folder), "CPU", options)
                self._loaded = network, Tokenizer.from_file(str(self._folder / "tokenizer.json"))
            return self._loaded


class HubEmbedder:
    """Any sentence-transformers model, by hub id or local folder, with the prompts that it declares."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._model: Any = None
        self._loading = threading.Lock()
        self._digest: str | None = None

    @property
    def identity(self) -> str:
        """The model's name, and a digest over a few weights of every tensor: training changes them all."""
        if self._digest is None:
            hasher = hashlib.sha256()
            for name, tensor in self._load().named_parameters():
                few = tensor.detach().flatten()[:DIGEST_WEIGHTS].float().cpu().numpy()
                hasher.update(name.encode() + few.tobytes())
            self._digest = hasher.hexdigest()[:16]
        return f"sentence-transformers:{self._name}:{self.dimension}:{self._digest}"

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self._load().get_embedding_dimension())

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts that are searched."""
        vectors = self._load().encode_document(list(texts), normalize_embeddings=True)
        return np.asarray(vectors, np.float32)

    def query(self, text: str) -> NDArray[np.float32]:
        """Vector of a text that is searched for."""
        vector = self._load().encode_query(text, normalize_embeddings=True)
        return np.asarray(vector, np.float32)

    def _load(self) -> Any:
        with self._loading:
            if self._model is None:
                self._model = _sentence_transformer(self._name)
            return self._model


def _sentence_transformer(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ModuleNotFoundError:
        raise ModelMissing(
            f"The embedder {name!r} runs through sentence-transformers, which is not installed. "
            f"Install it: {HUB_INSTALL}"
        ) from None
    try:
        # Safetensors only: a pickled checkpoint can run code, and a model's own code is never run.
        return SentenceTransformer(name, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except Exception as error:  # the library raises a dozen kinds for "not found"
        raise ModelMissing(
            f"Cannot load the embedder {name!r}: {_first_line(error)}. Give a hub model id, a local folder "
            "or 'packaged' (--embedder, SANAD_EMBEDDER)."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


class FakeEmbedder:
    """Vectors from hashed word fragments: alike texts come out alike, without any model. For tests."""

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension
        self.identity = f"fake:{dimension}"

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimension)."""
        return (
            np.stack([self.query(text) for text in texts]) if texts else np.empty((0, self.dimension), "f4")
        )

    def query(self, text: str) -> NDArray[np.float32]:
        """Vector of shape (dimension,)."""
        vector = np.full(self.dimension, 1e-3, np.float32)
        for word in text.lower().split():
            for at in range(max(1, len(word) - 2)):
                digest_ = hashlib.blake2b(word[at : at + 3].encode(), digest_size=4).digest()
                vector[int.from_bytes(digest_, "big") % self.dimension] += 1
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit
