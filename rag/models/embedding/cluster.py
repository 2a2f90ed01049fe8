"""Embed on a Ray cluster: an embedder whose texts are spread over the processors of several machines.

    texts → pieces → tasks on all processors → vectors in the order of the texts

The process that indexes reads, splits and writes the articles itself: one writer, whatever happens elsewhere.
Only the texts of passages and sentences go to the cluster. A task whose worker or machine dies is run again.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rag.errors import BadSettings
from rag.models.embedding.embedder import Embedder, Vectors, open_embedder
from rag.models.embedding.late_interaction import Question, Tokens
from rag.records import Progress
from rag.settings import Settings, install_command

LONGEST = 32
"""Texts in a task: about a second of one processor."""

ROUNDS = 2
"""Tasks for each processor in one batch, so that a slow one is not waited for at the end of each."""

RETRIES = 5
"""How often a task whose worker died is run again."""

CONNECT_SECONDS = 5.0
"""Time in which the cluster's head must accept a connection."""

CLIENT = "ray://"
"""Beginning of an address of Ray's own proxy for programs outside the cluster."""


@contextlib.contextmanager
def connected(address: str, settings: Settings, progress: Progress | None = None) -> Iterator[Embedder]:
    """An embedder that runs on a Ray cluster until the block ends.

    Args:
        address: ``HOST:PORT`` of the cluster's head, from a machine of the cluster, or ``ray://HOST:PORT``.
        settings: Name the embedder. Every machine of the cluster needs the same version of Sanad and that
            embedder; its own settings say where it keeps the prepared weights.
        progress: Called while the packaged model is prepared here.

    Raises:
        BadSettings: Ray is not installed, or the cluster cannot be used: it refuses, has no processor, or a
            machine of it has no Sanad or another embedder.
        ModelMissing, ModelDamaged, NoSpace: The embedder cannot be used on this machine.
    """
    try:
        import ray
    except ImportError:
        raise BadSettings(
            f"--ray needs Ray, which is not installed. Install it: {install_command('ray')}"
        ) from None
    _reach(address)
    local = open_embedder(settings, progress)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise _unusable(address, _first_line(error)) from error
    try:
        processors = int(ray.cluster_resources().get("CPU", 0))
        if not processors:
            raise _unusable(address, "it has no processor")
        embedder = ClusterEmbedder(address, settings.embedder, local, processors)
        embedder.passages(["-"] * processors)  # reports what a machine lacks before anything is read
        yield embedder
    finally:
        ray.shutdown()


class ClusterEmbedder:
    """The embedder of this machine, whose passages are embedded on a cluster that is connected."""

    def __init__(self, address: str, name: str, local: Embedder, processors: int) -> None:
        """Prepare the tasks.

        Args:
            address: Of the cluster, for messages.
            name: The setting ``embedder``.
            local: The same embedder on this machine, which embeds questions.
            processors: Number of processors of the cluster.
        """
        import ray

        self._address = address
        self._name = name
        self._local = local
        self._processors = processors
        remote: Any = ray.remote(num_cpus=1, max_retries=RETRIES, scheduling_strategy="SPREAD")
        self._passages, self._with_tokens = remote(_passages), remote(_with_tokens)
        self.identity = local.identity
        self.dimension = local.dimension
        self.token_size = local.token_size

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (texts, dimension)."""
        return self._joined(self._run(self._passages, texts))

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        """Vectors of passages, shape (texts, dimension), and of their tokens."""
        pieces = self._run(self._with_tokens, texts)
        tokens = [token_vectors for _, piece in pieces for token_vectors in piece]
        return self._joined([vectors for vectors, _ in pieces]), tokens

    def question(self, text: str) -> Question:
        """Vectors of a question."""
        return self._local.question(text)

    def _joined(self, pieces: Sequence[Vectors]) -> Vectors:
        return np.concatenate([np.empty((0, self.dimension), np.float32), *pieces])

    def _run(self, task: Any, texts: Sequence[str]) -> list[Any]:
        """The results of a task over pieces of the texts, in their order.

        The caller's batch bounds how many pieces there are, and so the memory that they take.

        Raises:
            BadSettings: A machine of the cluster cannot embed.
        """
        import ray

        size = max(1, min(LONGEST, math.ceil(len(texts) / (ROUNDS * self._processors))))
        pieces = [list(texts[at : at + size]) for at in range(0, len(texts), size)]
        try:
            results: list[Any] = ray.get([task.remote(self._name, self.identity, piece) for piece in pieces])
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            raise _unusable(self._address, _first_line(cause)) from error
        except ray.exceptions.RayError as error:
            raise _unusable(self._address, _first_line(error)) from error
        return results


def _passages(name: str, identity: str, texts: list[str]) -> Vectors:
    return _worker(name, identity).passages(texts)


def _with_tokens(name: str, identity: str, texts: list[str]) -> tuple[Vectors, list[Tokens]]:
    return _worker(name, identity).with_tokens(texts)


def _worker(name: str, identity: str) -> Embedder:
    """The embedder of this worker, which must be that of the process that indexes."""
    embedder = _opened(name)
    if embedder.identity != identity:
        raise BadSettings(
            f"{socket.gethostname()} has the embedder {embedder.identity!r}, the index {identity!r}; install "
            "the same version of Sanad there"
        )
    return embedder


@functools.lru_cache(maxsize=1)
def _opened(name: str) -> Embedder:
    """The embedder, loaded once in each worker. A worker is one processor's."""
    return open_embedder(Settings.load(embedder=name, threads=1))


def _reach(address: str) -> None:
    """Check that something listens at an address: Ray itself tries for minutes.

    Raises:
        BadSettings: It is not an address, or nothing listens there.
    """
    host, colon, port = address.removeprefix(CLIENT).rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise BadSettings(
            f"{address!r} is not a Ray cluster's address. Write HOST:PORT, as ray start --head prints it."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unusable(address, _first_line(error)) from error


def _unusable(address: str, why: str) -> BadSettings:
    return BadSettings(
        f"The Ray cluster at {address!r} cannot be used: {why}. The index is as before. Start a cluster with "
        "ray start --head and give the HOST:PORT that it prints."
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
