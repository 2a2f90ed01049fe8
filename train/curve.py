"""Draws a run of train/adapter.py: loss and scores on the development lessons against questions seen.

python -m train.curve RUN docs/adapter.png
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

    seen = list(itertools.accumulate(entry["asked"] for entry in log))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    smooth = [sum(e["loss"] for e in log[max(0, i - 9) : i + 1]) / min(10, i + 1) for i in range(len(log))]
    left.plot(seen, smooth, label="training, mean of ten steps")
    checks = [(at, entry["dev"]) for at, entry in zip(seen, log, strict=True) if "dev" in entry]
    left.plot([at for at, _ in checks], [dev["all"]["loss"] for _, dev in checks], "o-", label="development")
    left.set(title="Loss of the answers' tokens", ylim=(0, None))
    for key, name, label in (
        ("answer", "exact", "the very answer"),
        ("answer", "first", "the right sentence"),
        ("refuse", "refused", "unanswerable refused"),
        ("answer", "refused", "answerable refused"),
    ):
        right.plot([at for at, _ in checks], [dev[key][name] for _, dev in checks], "o-", label=label)
    right.set(title="Development lessons", ylim=(0, 1))
    for axes in (left, right):
        axes.set_xlabel("questions seen")
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
