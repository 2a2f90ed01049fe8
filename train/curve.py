"""Draws a run of train/adapter.py: each task's loss and accuracy against tokens seen.

python -m train.curve RUN docs/research/adapter.png
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any


def draw(log: list[dict[str, Any]], path: Path) -> None:
    """Draw the curves of a log.

    Args:
        log: Its lines.
        path: The PNG file to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [entry for entry in log if "loss" in entry]
    seen = dict(
        zip((e["step"] for e in steps), itertools.accumulate(e["tokens"] for e in steps), strict=True)
    )
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    smooth = [
        sum(e["loss"] for e in steps[max(0, i - 9) : i + 1]) / min(10, i + 1) for i in range(len(steps))
    ]
    left.plot(list(seen.values()), smooth, color="grey", label="training, mean of ten steps")
    checks = [(seen[e["step"]], e["valid"]) for e in log if "valid" in e and e["step"] in seen]
    for task in sorted({key for _, valid in checks for key in valid if " " not in key}):
        at = [tokens for tokens, valid in checks if task in valid]
        for axes, name in ((left, "loss"), (right, "token")):
            axes.plot(at, [valid[task][name] for _, valid in checks if task in valid], "o-", label=task)
    left.set(title="Loss of the replies' tokens, validation", ylim=(0, None))
    right.set(title="Tokens that greedy decoding would choose", ylim=(0, 1))
    for axes in (left, right):
        axes.set_xlabel("tokens seen")
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> int:
    """See the module's description."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    run, path = map(Path, sys.argv[1:])
    log = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    draw(log, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
