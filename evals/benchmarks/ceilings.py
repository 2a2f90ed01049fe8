"""Measures the machine's limits: bytes from memory per second and matrix products per second."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

BYTES = 2**30
"""Size of each core's array: larger than the caches of servers (half a gigabyte), as the generator's
weights are."""

SIDE = 2048
"""Rows and columns of the matrices: as large as the generator's layers."""

TRIES = 5
"""Repetitions, of which the median is taken: the best would be too optimistic on a shared machine."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The two bounds: decoding reads every weight for each token, reading a prompt multiplies by each."""

    read: float
    """Bytes a second read from memory by all cores together."""
    copy: float
    """Bytes a second copied by all cores: each counts twice, as read and as written."""
    products: float
    """Multiplications and additions a second in products of 8-bit matrices by all cores; 0 without torch."""


def measure() -> Ceilings:
    """Measure, in about four seconds on two idle cores; takes ``BYTES`` for each core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    arrays = [np.ones(BYTES // 4, np.float32) for _ in range(cores)]
    halves = [(array[: len(array) // 2], array[len(array) // 2 :]) for array in arrays]
    with ThreadPoolExecutor(cores) as pool:

        def everywhere(work: Callable[[int], object]) -> float:
            return _seconds(lambda: list(pool.map(work, range(cores))))

        read = cores * BYTES / everywhere(lambda at: arrays[at].max())
        # Half of an array is read, the other half is written.
        copied = cores * BYTES / everywhere(lambda at: np.copyto(*halves[at]))
    return Ceilings(read, copied, _products())


def _products() -> float:
    try:
        import torch
    except ModuleNotFoundError:
        return 0.0
    left = torch.randint(-100, 100, (SIDE, SIDE), dtype=torch.int8)
    right = torch.randint(-100, 100, (SIDE, SIDE), dtype=torch.int8)
    fastest = 2 * SIDE**3 / _seconds(lambda: torch._int_mm(left, right))
    one, two = left.bfloat16(), right.bfloat16()
    return max(fastest, 2 * SIDE**3 / _seconds(lambda: one @ two))


def _seconds(work: Callable[[], object]) -> float:
    work()  # the first touches pages and prepares kernels
    taken = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
