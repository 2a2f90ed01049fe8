"""A run in the terminal: its scores, how it stands to the baseline, and whether it may pass."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from evals.baseline import Baseline
from evals.compare import Difference
from evals.dataset import LANGUAGES
from evals.gate import Judgement
from evals.provenance import shown_path

_WIDTH = 26
_STEP = 0.05
"""Floors are multiples of this: they are for what is broken, not for what is a little worse."""

_SHOWN_IDS = 12
"""Items that are named on one line; the page lists all."""


_BY_TAG = {"passage": "recall@1", "evidence": "recall@10"}
"""What is printed of each tag: what is read first, and whether the answer is read at all."""


def summary(report: Mapping[str, Any], beside: Mapping[str, Any]) -> str:
    """The report in about thirty lines: each score with its interval and n.

    Args:
        report: As report.json holds it.
        beside: What ``stats.beside`` returned.
    """
    lines = [f"{'items':<{_WIDTH}} {report['n']} asked, {report['unscored']} unscored"]

    def row(name: str, score: Mapping[str, Any] | None, indent: int = 0) -> None:
        label = " " * indent + name
        if score is None:
            return
        if score["value"] is None:
            lines.append(f"{label:<{_WIDTH}} -     n 0")
            return
        span = f"[{score['low']:.2f}, {score['high']:.2f}]"
        lines.append(f"{label:<{_WIDTH}} {score['value']:.2f}  {span}  n {score['n']}")

    row("accuracy", report["accuracy"])
    by_tag = report["accuracy_by_tag"] or {}
    for label in sorted(by_tag, key=lambda name: (name not in LANGUAGES, name)):
        if by_tag[label]["n"]:
            row(label, by_tag[label], 2)
    for key in (
        "unanswerable_refused",
        "answerable_refused",
        "citation_precision",
        "citation_recall",
        "groundedness",
        "language",
        "conflict_covered",
    ):
        row("own verifier: supported" if key == "groundedness" else key.replace("_", " "), report[key])
    if "dialogues" in report:
        told = report["dialogues"]
        lines.append(f"{'dialogues':<{_WIDTH}} {told['n']}")
        row("opening turns right", told["opening_right"])
        row("later turns right", told["later_right"])
        row("whole dialogues right", told["whole_right"])
        lines += _rewording(told)
    if report["accuracy"] is not None:
        row("refusals that were right", beside["abstention"]["precision"])
        for name, title in _OVERLAP.items():
            row(title, beside["overlap"][name])
    for stage, by_label in report["retrieval"].items():
        # Tags only where retrieval is all that is asked about: else they drown the answers' scores.
        labels = by_label if report["accuracy"] is None else ["all"]
        for label in sorted(labels, key=lambda name: (name != "all", name)):
            for name, score in by_label[label].items():
                if label == "all":
                    row(f"{stage} {name}", score)
                elif name == _BY_TAG[stage]:
                    row(f"{label} {name.removeprefix('recall')}", score, 2)
    for title, unit, digits, spread in (
        ("latency", " s", 2, report["latency"]),
        ("tokens", "", 0, beside["tokens"]),
    ):
        for stage, times in spread.items():
            middle = f"median {times['median']:.{digits}f}{unit}, p95 {times['p95']:.{digits}f}{unit}"
            lines.append(f"{title + ' ' + stage:<{_WIDTH}} {middle}  n {times['n']}")
    return "\n".join(lines)


def _rewording(told: Mapping[str, Any]) -> list[str]:
    """What it is worth to make later turns stand alone before they are searched for."""
    lines = ["later turns, searched for: as typed, as reworded by the assistant, as reworded by hand"]
    for name in told["gain"]["searched"]:
        stage, depth = name.split()
        recalls = [told["search"][way][stage][depth] for way in ("typed", "searched", "by_hand")]
        values = ", ".join("-" if one["value"] is None else f"{one['value']:.2f}" for one in recalls)
        gains = [
            f"{who} {gain['value']:+.2f} [{gain['low']:+.2f}, {gain['high']:+.2f}]"
            for who, gain in (
                ("assistant", told["gain"]["searched"][name]),
                ("by hand", told["gain"]["by_hand"][name]),
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
    """For a new baseline: every score that is another one than before, with the items that moved it."""
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
    lows = {score: math.floor(told["low"] / _STEP) * _STEP for score, told in scores.items() if told["n"]}
    # json.dumps quotes a key as TOML does.
    lines = [f"{json.dumps(score)} = {low:.2f}" for score, low in lows.items() if low > 0]
    return "\n".join([f"[tool.sanad.eval.floors.{name}]", *lines])


def _ids(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _SHOWN_IDS} more" if len(ids) > _SHOWN_IDS else ""
    return (" ".join(ids[:_SHOWN_IDS]) or "-") + more
