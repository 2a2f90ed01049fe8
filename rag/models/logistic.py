"""Logistic regressions whose weights ship with the package, and the signs that are put into them."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST = 1e-4
"""Probabilities nearer to 0 or 1 than this count as this near: their log odds would outweigh everything."""


def probability(bias: float, factors: Sequence[float], values: Sequence[float]) -> float:
    """What a regression makes of some values.

    Args:
        bias: Its intercept.
        factors: Its coefficients.
        values: One for each factor.
    """
    return 1 / (1 + math.exp(-bias - sum(f * v for f, v in zip(factors, values, strict=True))))


def log_odds(log_probability: float) -> float:
    """The log odds of a token, bounded by ``LEAST``.

    Args:
        log_probability: Natural logarithm of its probability.
    """
    likely = min(max(math.exp(log_probability), LEAST), 1 - LEAST)
    return math.log(likely / (1 - likely))
