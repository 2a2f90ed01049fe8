"""A run as one page that needs no network and no server: scores, plots, comparison, every item.

The page is built in the reader's browser from the data in it, by a script that sets texts as texts: nothing
of a question, an answer or an article is ever parsed as HTML.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from evals import files
from evals.dataset import DialogueTurn
from evals.grading.answers import Piece
from evals.grading.score import Span, gold_spans, headline, is_right
from evals.grading.stats import Result
from evals.harness.provenance import shown_path
from evals.reporting.baseline import Baseline, Before
from evals.reporting.gate import Judgement, to_dict

ASSETS = Path(__file__).resolve().parent / "assets"

AROUND = 160
"""Characters shown on either side of a quote: a sentence or so, to see what it is about."""

_ESCAPED = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
"""Inside a JSON string these mean the same; inside a page they cannot end the element that holds them."""

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src '$style'; script-src '$code'">
<title>Sanad eval</title>
<style>$css</style>
</head>
<body>
<main id="page"><noscript>This page needs its script; report.json has the same contents.</noscript></main>
<script type="application/json" id="data">$data</script>
<script>$script</script>
</body>
</html>
""")


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write the page.

    Args:
        path: The file.
        data: What ``data`` returned.

    Raises:
        BadQuestions: It cannot be written.
    """
    files.write(path, render(data))


def render(data: Mapping[str, Any]) -> str:
    """The page's HTML.

    Args:
        data: What ``data`` returned.
    """
    css = (ASSETS / "report.css").read_text(encoding="utf-8")
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    return _PAGE.substitute(
        css=css,
        script=script,
        style=_source(css),
        code=_source(script),
        data=json.dumps(data, ensure_ascii=False).translate(_ESCAPED),
    )


def data(
    report: Mapping[str, Any],
    aside: Mapping[str, Any],
    judgement: Judgement,
    results: Sequence[Result],
    texts: Mapping[str, str],
    baseline: Baseline | None,
) -> dict[str, Any]:
    """Everything that the page shows, as plain types.

    Args:
        report: As report.json holds it.
        aside: What ``stats.beside`` returned.
        judgement: What ``gate.judge`` returned.
        results: The items asked.
        texts: Article text by article id.
        baseline: What was compared with.
    """
    retrieval_only = report["accuracy"] is None
    return {
        "run": {name: value for name, value in report["run"].items() if name != "question_digests"},
        "report": {name: value for name, value in report.items() if name not in ("run", "items")},
        "aside": aside,
        "judgement": to_dict(judgement),
        "baseline": None
        if baseline is None
        else {
            "path": shown_path(baseline.path),
            "latency": baseline.latency,
            **{name: baseline.run.get(name) for name in ("date", "commit", "model", "embedder")},
        },
        "items": [
            _item(
                result,
                item["scores"],
                texts,
                baseline.of(result.question) if baseline else None,
                retrieval_only=retrieval_only,
            )
            for result, item in zip(results, report["items"], strict=True)
        ],
    }


def _item(
    result: Result,
    scores: Mapping[str, float | None],
    texts: Mapping[str, str],
    before: Before | None,
    *,
    retrieval_only: bool,
) -> dict[str, Any]:
    question = result.question
    gold = gold_spans(question, texts)
    score = "evidence_rr" if retrieval_only else headline(question)
    return {
        "id": question.id,
        "question": question.text,
        "lang": question.lang,
        "tags": list(question.tags),
        "turn": None if question.turn is None else _turn(question.turn, result.searched),
        "answerable": question.answerable,
        "must": [list(group) for group in question.must],
        "must_not": list(question.must_not),
        "gold": [{"article": span.article_id, "parts": parts(span, gold, texts)} for span in gold],
        "outcome": _outcome(result, retrieval_only=retrieval_only),
        "change": _change(result, scores, before, score),
        "scores": dict(scores),
        "seconds": dict(result.seconds),
        "error": result.error,
        "answer": None if result.answer is None else _answer(result.answer, gold, texts),
        "evidence": [] if result.answer is None else _evidence(result.answer, gold, texts),
        "before": None
        if before is None
        else {
            "scores": dict(before.scores),
            "error": before.error,
            "answer": None if before.answer is None else _answer(before.answer, gold, texts),
        },
    }


def _turn(turn: DialogueTurn, searched: str) -> dict[str, Any]:
    return {"number": turn.number, "of": turn.of, "earlier": list(turn.earlier), "searched": searched}


def _outcome(result: Result, *, retrieval_only: bool) -> str:
    scores = result.scores
    if result.error is not None:
        return "failed"
    if retrieval_only:
        rank = scores.evidence_rr
        return "unscored" if rank is None else "right" if rank > 0 else "wrong"
    if not result.question.answerable:
        return "right" if scores.refused else "wrong"
    if scores.correct is None:
        return "unscored"
    return "right" if scores.correct else "refused" if scores.refused else "wrong"


def _change(
    result: Result, scores: Mapping[str, float | None], before: Before | None, score: str
) -> str | None:
    """Better, worse, changed or same; None where there is nothing to compare with."""
    if before is None:
        return None
    if (result.error is None) != (before.error is None):
        return "worse" if result.error else "better"
    then, now = before.scores.get(score), scores.get(score)
    if then is not None and now is not None and then != now:
        return "better" if now > then else "worse"
    text = (result.answer or {}).get("text")
    same = text == (before.answer or {}).get("text") and all(
        scores.get(name) == value for name, value in before.scores.items()
    )
    return "same" if same else "changed"


def _answer(answer: Mapping[str, Any], gold: Sequence[Span], texts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "text": answer["text"],
        "outcome": answer["outcome"],
        "claims": [
            {name: claim[name] for name in ("text", "verdict", "reason")}
            for claim in answer.get("claims", [])
        ],
        "citations": [
            {
                **{
                    name: cited[name] for name in ("number", "outlet", "published", "source", "line", "quote")
                },
                "right": is_right(Piece.from_dict(cited), gold, texts),
                "parts": parts(Span(cited["article_id"], cited["start"], cited["end"]), gold, texts),
            }
            for cited in answer["citations"]
        ],
    }


def _evidence(
    answer: Mapping[str, Any], gold: Sequence[Span], texts: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "number": shown["number"],
            "source": shown["source"],
            "line": shown["line"],
            "right": is_right(Piece.from_dict(shown), gold, texts),
            "parts": parts(Span(shown["article_id"], shown["start"], shown["end"]), gold, texts, around=0),
        }
        for shown in answer["evidence"]
    ]


def parts(
    span: Span, gold: Sequence[Span], texts: Mapping[str, str], around: int = AROUND
) -> list[dict[str, Any]]:
    """A span with some text around it, cut wherever the span or a gold quote begins or ends.

    Args:
        span: What is shown.
        gold: The quotes that hold the answer.
        texts: Article text by article id.
        around: Characters shown on either side.

    Returns:
        Pieces in order: ``text``, whether it is ``cited`` (in the span), and whether it is ``gold``. Empty
        where the article is gone or has become shorter than the span.
    """
    text = texts.get(span.article_id, "")
    if not 0 <= span.start <= span.end <= len(text):
        return []
    first, last = max(0, span.start - around), min(len(text), span.end + around)
    near = [g for g in gold if g.article_id == span.article_id and g.start < last and first < g.end]
    cuts = {first, last, span.start, span.end}
    cuts |= {edge for g in near for edge in (g.start, g.end) if first < edge < last}
    edges = sorted(cuts)
    return [
        {
            "text": text[a:b],
            "cited": span.start <= a < span.end,
            "gold": any(g.start <= a < g.end for g in near),
        }
        for a, b in itertools.pairwise(edges)
    ]


def _source(text: str) -> str:
    """How a content security policy names one inline style or script, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
