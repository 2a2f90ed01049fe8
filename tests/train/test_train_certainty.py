"""The regression that decides between words and sentence learns what it is shown."""

from __future__ import annotations

import numpy as np
import pytest

from rag.answering import confidence
from train.certainty import fit

pytestmark = pytest.mark.slow  # importing torch takes seconds


def test_words_of_high_confidence_are_judged_right(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    replies, rows = [], []
    for n in range(120):
        right = n % 2 == 0
        words = -random.uniform(0.0, 0.4 if right else 3.0, size=6)
        rows.append(list(confidence.features((-0.0, -0.1, -0.0, *words)).values()))
        replies.append({"question": f"q{n}", "language": "ar" if n % 3 else "en", "right": right})
    values, right = np.array(rows), np.array([reply["right"] for reply in replies])
    model = fit(values, right, replies)
    likely, unlikely = (
        list(confidence.features((-0.0, -0.1, -0.0, *[p] * 6)).values()) for p in (-0.05, -2.0)
    )
    assert model.predict_proba([likely])[0, 1] > 0.7 > 0.3 > model.predict_proba([unlikely])[0, 1]
    out = capsys.readouterr().out
    assert "120 replies, 0.50 right" in out
    assert {line.split()[0] for line in out.splitlines()[2:]} == {"ar", "en"}
