"""Logistic regression models that ship with the package, and log odds as a feature of them.

A model is fitted by a script in ``train/``, stored as JSON beside the module that uses it, and read by
``LogisticModel.load``:

    {"generator": "Qwen2.5-Coder-1.5B-Instruct with Sanad's adapter",
     "bias": -0.16, "factors": {"mean": 1.43, "least": 1.48}, "threshold": 0.6}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LEAST = 1e-4
"""Probabilities nearer to 0 or 1 than this are moved to this distance: their log odds would outweigh every
other feature."""

_LARGEST_EXPONENT = 700.0
"""``math.exp`` overflows a little beyond this."""


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A fitted logistic regression over named features.

    Example:
        >>> model = LogisticModel("any", -1.0, {"mean": 4.0}, threshold=0.5)
        >>> model.accepts({"mean": 0.9})
        True
    """

    fitted_for: str
    """The beginning of the identity of the generator that it was fitted for."""
    bias: float
    """The intercept."""
    coefficients: Mapping[str, float]
    """The coefficient of each feature, by the feature's name."""
    threshold: float
    """Least probability that ``accepts`` takes, 0 to 1."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model from a JSON file.

        Raises:
            ValueError: The file does not have the layout that the module describes.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                fitted_for=str(document["generator"]),
                bias=float(document["bias"]),
                coefficients={str(name): float(value) for name, value in document["factors"].items()},
                threshold=float(document["threshold"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path} does not contain a logistic model: {error!r}") from error

    def save(self, path: Path) -> None:
        """Write a file that ``load`` reads; numbers are rounded to four decimals."""
        document = {
            "generator": self.fitted_for,
            "bias": round(self.bias, 4),
            "factors": {name: round(value, 4) for name, value in self.coefficients.items()},
            "threshold": round(self.threshold, 4),
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def holds_for(self, identity: str) -> bool:
        """Whether the model may be used with the generator of this identity."""
        return identity.startswith(self.fitted_for)

    def probability(self, values: Mapping[str, float]) -> float:
        """The probability, 0 to 1, that the model assigns to the values of its features, by their names.

        Raises:
            ValueError: A feature is missing or unknown.
        """
        if values.keys() != self.coefficients.keys():
            names = sorted(values.keys() ^ self.coefficients.keys())
            raise ValueError(f"missing or unknown features of a logistic model: {', '.join(names)}")
        exponent = -self.bias - sum(self.coefficients[name] * value for name, value in values.items())
        return 1 / (1 + math.exp(min(exponent, _LARGEST_EXPONENT)))

    def accepts(self, values: Mapping[str, float]) -> bool:
        """Whether the probability reaches the threshold; the arguments are those of ``probability``."""
        return self.probability(values) >= self.threshold


def log_odds(log_probability: float) -> float:
    """The log odds of a natural log probability, which is first moved ``LEAST`` away from 0 and 1."""
    bounded = min(max(math.exp(log_probability), LEAST), 1 - LEAST)
    return math.log(bounded / (1 - bounded))
