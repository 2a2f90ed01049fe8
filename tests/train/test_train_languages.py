"""Two numbers make candidates in two languages comparable."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from train.retrieval.languages import Ranking, fit, report

pytestmark = pytest.mark.slow  # importing torch takes seconds


def made(right: str, count: int) -> list[Ranking]:
    """Arabic questions; candidates in the other language score .2 less; the right one matches more words."""
    draw = np.random.default_rng(0)
    rankings = []
    for _ in range(count):
        rows = np.zeros((12, 4), np.float32)
        rows[:, 0] = draw.normal(0.8, 0.02, 12)
        rows[6:, 0] -= 0.2
        rows[6:, 1] = draw.uniform(0, 0.4, 6)
        rows[6:, 2] = 1
        best = 0 if right == "ar" else 6
        rows[best] += (0.06, 0.25 * rows[best, 2], 0, 1)
        rankings.append(Ranking("ar", right, rows))
    return rankings


def shares(line: str) -> list[str]:
    """Recall in the first place, of each direction."""
    return [cell.split()[1] for cell in line.split(", ")]


def test_fitted_numbers_rank_the_right_passage_first_in_both_languages() -> None:
    rankings = made("ar", 40) + made("en", 40)
    weight, bias = fit([rankings], "ar")
    assert weight > 0
    assert 0 < bias < 0.3
    plain, fitted = ({"ar": numbers, "en": (0.0, 0.0)} for numbers in ((0.0, 0.0), (weight, bias)))
    assert shares(report(rankings, plain))[1] == "0.000"
    assert all(float(share) > 0.5 for share in shares(report(rankings, fitted))[:2])


def test_collections_count_equally_whatever_their_size() -> None:
    few, many = made("ar", 10) + made("en", 10), made("ar", 60)
    assert fit([few, many], "ar") == pytest.approx(fit([few, many * 3], "ar"), abs=0.01)
