"""Logistic regression models that ship with the package, and log odds as a feature of them.

A model is fitted by a script in ``train/``, stored as JSON beside the module that uses it, and read by
``LogisticModel.load``:

    {"generator": "Qwen2.5-Coder-1.5B-Instruct with Sanad's adapter",
     "bias": -0.16, "factors": {"mean": 1.43, "least": 1.48}, "threshold": 0.6}

A file may hold several models for the same generator or embedder, one in each section (``load_sections``).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

LEAST = 1e-4
"""Probabilities nearer to 0 or 1 than this are moved to this distance: their log odds would outweigh every
other feature."""

Role = Literal["generator", "embedder"]
"""The kind of model whose outputs a logistic model takes as its features."""

_LARGEST_EXPONENT = 700.0
"""``math.exp`` overflows a little beyond this."""


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A fitted logistic regression over named features.

    Example:
        >>> model = LogisticModel("embedder", "any", -1.0, {"cosine": 4.0}, threshold=0.5)
        >>> model.accepts({"cosine": 0.9})
        True
    """

    role: Role
    """The kind of model that it was fitted for."""
    fitted_for: str
    """Identity of that model: a generator's identity starts with it, an embedder's is equal to it."""
    bias: float
    """The intercept."""
    coefficients: Mapping[str, float]
    """The coefficient of each feature, by the feature's name."""
    threshold: float
    """Least probability that ``accepts`` takes, 0 to 1."""

    @classmethod
    def load(cls, path: Path, *, threshold: float | None = None) -> Self:
        """Read a file that holds one model.

        Args:
            path: The JSON file.
            threshold: Used if the file states none.

        Raises:
            ValueError: The file does not have the layout that the module describes.
        """
        document = _read(path)
        return cls._parse(path, document, document, threshold)

    @classmethod
    def load_sections(cls, path: Path, names: Iterable[str]) -> dict[str, Self]:
        """Read a file that holds several models, each in a section of its own.

        Args:
            path: The JSON file.
            names: Names of the sections.

        Raises:
            ValueError: The file does not have that layout.
        """
        document = _read(path)
        return {name: cls._parse(path, document, document.get(name), None) for name in names}

    @classmethod
    def _parse(cls, path: Path, document: dict[str, Any], section: Any, threshold: float | None) -> Self:
        try:
            (role,) = (role for role in get_args(Role) if role in document)
            return cls(
                role=role,
                fitted_for=str(document[role]),
                bias=float(section["bias"]),
                coefficients={str(name): float(value) for name, value in section["factors"].items()},
                threshold=float(section.get("threshold", threshold)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path} does not contain a logistic model: {error!r}") from error

    def save(self, path: Path) -> None:
        """Write a file that ``load`` reads; numbers are rounded to four decimals."""
        _write(path, {self.role: self.fitted_for, **self._section()})

    @staticmethod
    def save_sections(path: Path, models: Mapping[str, LogisticModel]) -> None:
        """Write a file that ``load_sections`` reads.

        Args:
            path: The JSON file.
            models: The models by the names of their sections; all were fitted for the same model.

        Raises:
            ValueError: There is no model, or they were fitted for different ones.
        """
        origins = {(model.role, model.fitted_for) for model in models.values()}
        if len(origins) != 1:
            raise ValueError(
                f"the models of one file must be fitted for one model, not for {sorted(origins)}"
            )
        ((role, fitted_for),) = origins
        sections = {name: model._section() for name, model in models.items()}
        _write(path, {role: fitted_for, **sections})

    def _section(self) -> dict[str, Any]:
        return {
            "bias": round(self.bias, 4),
            "factors": {name: round(value, 4) for name, value in self.coefficients.items()},
            "threshold": round(self.threshold, 4),
        }

    def holds_for(self, identity: str) -> bool:
        """Whether the model may be used with a generator or embedder.

        Args:
            identity: Of the generator or embedder whose outputs become the features.
        """
        if self.role == "embedder":
            return identity == self.fitted_for
        return identity.startswith(self.fitted_for)

    def probability(self, values: Mapping[str, float]) -> float:
        """The probability that the model assigns to the values of its features, 0 to 1.

        Args:
            values: The value of each feature, by the feature's name.

        Raises:
            ValueError: A feature is missing or unknown.
        """
        if values.keys() != self.coefficients.keys():
            names = sorted(values.keys() ^ self.coefficients.keys())
            raise ValueError(f"missing or unknown features of a logistic model: {', '.join(names)}")
        ordered = [values[name] for name in self.coefficients]
        return probability(self.bias, list(self.coefficients.values()), ordered)

    def accepts(self, values: Mapping[str, float]) -> bool:
        """Whether the probability reaches the threshold; the arguments are those of ``probability``."""
        return self.probability(values) >= self.threshold

    def with_threshold(self, threshold: float) -> Self:
        """The same model with another threshold."""
        return dataclasses.replace(self, threshold=threshold)


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ValueError(f"{path} does not contain a logistic model: it is not a JSON object")
    return document


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def probability(bias: float, factors: Sequence[float], values: Sequence[float]) -> float:
    """The logistic function of a weighted sum.

    Args:
        bias: The intercept.
        factors: The coefficients.
        values: One value for each coefficient.
    """
    exponent = -bias - sum(f * v for f, v in zip(factors, values, strict=True))
    return 1 / (1 + math.exp(min(exponent, _LARGEST_EXPONENT)))


def log_odds(log_probability: float) -> float:
    """The log odds of a token; its probability is first moved at least ``LEAST`` away from 0 and 1.

    Args:
        log_probability: Natural logarithm of the token's probability.
    """
    bounded = min(max(math.exp(log_probability), LEAST), 1 - LEAST)
    return math.log(bounded / (1 - bounded))
