"""Runs a system that evals/benchmarks/answers.py compares in a process of its own, and keeps its replies."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from evals.benchmarks.indexing import peak_memory
from evals.benchmarks.peers import SYSTEMS
from evals.benchmarks.systems import Reply, System
from evals.dataset import Question
from rag import SanadError, Settings
from rag.settings import quiet_libraries

Taken = dict[str, list[Reply]]
"""Replies by question id, one for each round."""


class Runner:
    """A system in a process of its own."""

    def __init__(self, name: str, settings: Settings, index: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, initializer=_open, initargs=(name, settings, index))
        self.taken: Taken = {}
        self.cold = 0.0
        self.weights = 0
        self.peak = 0
        self.error = ""

    def start(self, question: Question) -> None:
        """Start the process and answer a question, which is the cold start."""
        started = time.perf_counter()
        try:
            self._pool.submit(_ask, question.text).result()
            self.cold = time.perf_counter() - started
            self.weights = self._pool.submit(_weights).result()
        except SanadError as error:
            self.error = str(error)

    def ask(self, question: Question) -> None:
        """Answer a question and record the measurements."""
        self.taken.setdefault(question.id, []).append(self._pool.submit(_ask, question.text).result())
        self.peak = self._pool.submit(peak_memory).result()

    def end(self) -> None:
        """End the process."""
        self._pool.shutdown(cancel_futures=True)


_opened: System | SanadError
"""The system of this process."""


def _open(name: str, settings: Settings, index: str) -> None:
    global _opened
    quiet_libraries(settings)
    try:
        _opened = SYSTEMS[name](settings, index)
    except SanadError as error:
        _opened = error


def _ask(question: str) -> Reply:
    return _system().ask(question)


def _weights() -> int:
    return _system().weights


def _system() -> System:
    if isinstance(_opened, SanadError):
        raise _opened
    return _opened
