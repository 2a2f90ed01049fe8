"""A run in the terminal: its scores, the comparison with the baseline, and whether it may pass."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from evals.dataset import LANGUAGES
from evals.grading.differences import Difference
from evals.harness.provenance import shown_path
from evals.reporting.baseline import Baseline
from evals.reporting.gate import Judgement

_WIDTH = 26
_STEP = 0.05
"""Floors are multiples of this: they detect defects, not small losses."""

_SHOWN_IDS = 12
"""Items that are named on one line; the page lists all."""


_BY_TAG = {"passage": "recall@1", "evidence": "recall@10"}
"""Scores that are printed for each tag: the first passage, and whether the answer is in the evidence."""


_ANSWERS = {
    "unanswerable_refused": "unanswerable refused",
    "answerable_refused": "answerable refused",
    "citation_precision": "citation precision",
    "citation_recall": "citation recall",
    "groundedness": "own verifier: supported",
    "language": "language",
    "language_share": "language share",
    "conflict_covered": "conflict covered",
}
"""Scores of answers by their key in report.json, with their titles; accuracy is printed before them."""


def summary(report: Mapping[str, Any], beside: Mapping[str, Any]) -> str:
    """The report in about thirty lines: each score with its interval and n.

    Args:
        report: As report.json holds it.
        beside: What ``stats.beside`` returned.
    """
    lines = [f"{'items':<{_WIDTH}} {report['n']} asked, {report['unscored']} unscored", *_accuracy(report)]
    for key, title in _ANSWERS.items():
        lines += _row(title, report[key])
    if "dialogues" in report:
        lines += _dialogues(report["dialogues"])
    if report["accuracy"] is not None:
        lines += _row("refusals that were right", beside["abstention"]["precision"])
        for name, title in _OVERLAP.items():
            lines += _row(title, beside["overlap"][name])
    lines += _retrieval(report["retrieval"], by_tag=report["accuracy"] is None)
    lines += _spread("latency", " s", 2, report["latency"])
    lines += _spread("tokens", "", 0, beside["tokens"])
    return "\n".join(lines)


def _row(title: str, score: Mapping[str, Any] | None, indent: int = 0) -> list[str]:
    """A score on one line; no line where it was not measured."""
    label = f"{' ' * indent + title:<{_WIDTH}}"
    if score is None:
        return []
    if score["value"] is None:
        return [f"{label} -     n 0"]
    return [f"{label} {score['value']:.2f}  [{score['low']:.2f}, {score['high']:.2f}]  n {score['n']}"]


def _accuracy(report: Mapping[str, Any]) -> list[str]:
    """Accuracy by tag, and how much of it is in the answer's own words, before any quotation."""
    lines = _row("accuracy", report["accuracy"])
    by_tag = report["accuracy_by_tag"] or {}
    for label in sorted(by_tag, key=lambda name: (name not in LANGUAGES, name)):
        if by_tag[label]["n"]:
            lines += _row(label, by_tag[label], 2)
    lines += _row("accuracy in own words", report["accuracy_in_own_words"])
    for label, score in (report["accuracy_in_own_words_by_tag"] or {}).items():
        if label in LANGUAGES:
            lines += _row(label, score, 2)
    return lines


def _dialogues(scored: Mapping[str, Any]) -> list[str]:
    return [
        f"{'dialogues':<{_WIDTH}} {scored['n']}",
        *_row("opening turns right", scored["opening_right"]),
        *_row("later turns right", scored["later_right"]),
        *_row("whole dialogues right", scored["whole_right"]),
        *_rewording(scored),
    ]


def _retrieval(stages: Mapping[str, Any], *, by_tag: bool) -> list[str]:
    """The search; by tag where it is all that was measured: elsewhere that would hide the answers' scores."""
    lines = []
    for stage, by_label in stages.items():
        labels = sorted(by_label, key=lambda name: (name != "all", name)) if by_tag else ["all"]
        for label in labels:
            for name, score in by_label[label].items():
                if label == "all":
                    lines += _row(f"{stage} {name}", score)
                elif name == _BY_TAG[stage]:
                    lines += _row(f"{label} {name.removeprefix('recall')}", score, 2)
    return lines


def _spread(title: str, unit: str, digits: int, spread: Mapping[str, Any]) -> list[str]:
    return [
        f"{title + ' ' + name:<{_WIDTH}} median {of['median']:.{digits}f}{unit}, "
        f"p95 {of['p95']:.{digits}f}{unit}  n {of['n']}"
        for name, of in spread.items()
    ]


def _rewording(scored: Mapping[str, Any]) -> list[str]:
    """The gain of rewriting later turns before the search."""
    lines = ["later turns, searched for: as typed, as rewritten by the assistant, as rewritten by hand"]
    for name in scored["gain"]["searched"]:
        stage, depth = name.split()
        recalls = [scored["search"][way][stage][depth] for way in ("typed", "searched", "by_hand")]
        values = ", ".join("-" if one["value"] is None else f"{one['value']:.2f}" for one in recalls)
        gains = [
            f"{who} {gain['value']:+.2f} [{gain['low']:+.2f}, {gain['high']:+.2f}]"
            for who, gain in (
                ("assistant", scored["gain"]["searched"][name]),
                ("by hand", scored["gain"]["by_hand"][name]),
            )
            if gain["n"]
        ]
        label = f"  {name}"
        lines.append(f"{label:<{_WIDTH}} {values}  n {recalls[0]['n']}; {', '.join(gains)}".rstrip("; "))
    return lines


_OVERLAP = {
    "exact_match": "SQuAD exact match",
    "token_f1": "SQuAD F1",
    "mlqa_exact_match": "MLQA exact match",
    "mlqa_f1": "MLQA F1",
}
"""Titles of ``stats.OVERLAP``."""


def comparison(judgement: Judgement, baseline: Baseline) -> str:
    """Every gated score against the baseline, the others where they moved, and the verdict.

    Args:
        judgement: What ``gate.judge`` returned.
        baseline: What was compared with.
    """
    asked = judgement.paired + judgement.unpaired
    run = baseline.run
    about = ", ".join(
        str(part) for part in (run["date"][:10], (run["commit"] or "")[:12], run["model"]) if part
    )
    lines = [
        f"against {shown_path(baseline.path)} ({about})",
        f"{'questions compared':<{_WIDTH}} {judgement.paired} of {asked}",
        f"{'score':<{_WIDTH}} before → now, difference [95 %], n, adjusted p: verdict (smallest to show)",
    ]
    moved = [d for d in judgement.differences if not d.gated and d.verdict != "no detectable difference"]
    for one in [d for d in judgement.differences if d.gated] + moved:
        lines.append(f"{one.name:<{_WIDTH}} {_change(one)}")
        if one.verdict != "no detectable difference":
            lines += [
                f"{'':<{_WIDTH}} {name}: {_ids(ids)}"
                for name, ids in (("lost", one.lost), ("won", one.won))
                if ids
            ]
    return "\n".join([*lines, f"{'verdict':<{_WIDTH}} {judgement.verdict}"])


def _change(one: Difference) -> str:
    change = (
        f"{one.before:.2f} → {one.now:.2f}, {one.now - one.before:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
    )
    able = f"{one.smallest:.2f}" if one.smallest <= 1 else "none"
    gated = "" if one.gated else ", not gated"
    return f"{change}  n {one.n}, p {one.p:.2g}: {one.verdict} ({able}){gated}"


def verdict(judgement: Judgement, baseline: Baseline | None) -> str:
    """Whether the run may pass, and why not.

    Args:
        judgement: What ``gate.judge`` returned.
        baseline: What was compared with.
    """
    if judgement.regressions:
        return "\n".join(f"REGRESSION  {reason}" for reason in judgement.regressions)
    held = f"{len(judgement.floors)} floors held" if judgement.floors else "no floors for these questions"
    none = "compared with no baseline (--update-baseline makes one)"
    against = none if baseline is None else f"{judgement.verdict} to the baseline"
    return f"passed      {against}; {held}"


def changes(judgement: Judgement) -> str:
    """For a new baseline: every score that changed, with the items that changed it."""
    lines = [
        f"{d.name:<{_WIDTH}} {d.before:.2f} → {d.now:.2f}  lost: {_ids(d.lost)}  won: {_ids(d.won)}"
        for d in judgement.differences
        if d.lost or d.won
    ]
    return "\n".join(lines or ["no score of any question changed"])


def floors(report: Mapping[str, Any], name: str) -> str:
    """Floors that would fit a run, for pyproject.toml: the low ends of its intervals, rounded down.

    Args:
        report: As report.json holds it.
        name: What ``baseline.own_name`` calls its questions.
    """
    scores = {
        "accuracy": report["accuracy"],
        "unanswerable refused": report["unanswerable_refused"],
        "citation precision": report["citation_precision"],
        "citation recall": report["citation_recall"],
        "language": report["language"],
        "passage recall@10": report["retrieval"]["passage"]["all"]["recall@10"],
        "evidence recall@10": report["retrieval"]["evidence"]["all"]["recall@10"],
    }
    if "dialogues" in report:
        scores["later turns right"] = report["dialogues"]["later_right"]
    lows = {
        score: math.floor(interval["low"] / _STEP) * _STEP
        for score, interval in scores.items()
        if interval["n"]
    }
    # json.dumps quotes a key as TOML does.
    lines = [f"{json.dumps(score)} = {low:.2f}" for score, low in lows.items() if low > 0]
    return "\n".join([f"[tool.sanad.eval.floors.{name}]", *lines])


def _ids(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _SHOWN_IDS} more" if len(ids) > _SHOWN_IDS else ""
    return (" ".join(ids[:_SHOWN_IDS]) or "-") + more
