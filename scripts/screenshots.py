"""The page in twenty-three pictures, and its speed: python scripts/screenshots.py FOLDER [NAME …]."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ui_browser import ask, free_port, launched, watched
from ui_stand_in import StandIn
from ui_states import STATES, shown

from rag.settings import quiet_libraries

OBSERVE = """
window.seen = { longest: 0, moved: 0 };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.seen.longest = Math.max(window.seen.longest, duration);
}).observe({ type: "longtask" });
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.seen.moved += one.value;
}).observe({ type: "layout-shift" });
"""


def main(folder: Path, names: list[str]) -> None:
    """Take the pictures, and print the measurements.

    Args:
        folder: Folder for the pictures.
        names: Names of states; all if empty.
    """
    quiet_libraries()
    from ui.app import start

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as uploads, launched() as browser:
        assistant, port = StandIn(Path(uploads)), free_port()
        app, address = start(assistant, port=port), f"http://127.0.0.1:{port}"  # type: ignore[arg-type]
        for state in STATES:
            if not names or state.name in names:
                with shown(browser, address, assistant, state) as page:
                    page.screenshot(path=folder / f"{state.name}.png")
                print(folder / f"{state.name}.png")
        with watched(browser, address) as page:
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            print(f"first paint {page.evaluate(paint):.0f} ms, nothing cached")
            page.reload()
            page.locator(".welcome").wait_for()
            print(f"first paint {page.evaluate(paint):.0f} ms, cached")
            print(f"welcome there before {page.evaluate('performance.now()'):.0f} ms")
            page.evaluate(OBSERVE)
            assistant.freely = False
            browser.start_tracing(page=page, categories=["devtools.timeline", "toplevel"])
            ask(page, "When did they leave?")
            for _ in range(30):
                assistant.step()
                page.wait_for_timeout(60)
            page.locator("#sanad-live .turn[data-stage=done]").wait_for()
            work = longest(browser.stop_tracing())
            print("while streaming:", json.dumps(page.evaluate("window.seen")))
            print(f"longest task: {work:.0f} ms of the processor")
        app.close()


def longest(trace: bytes) -> float:
    """Milliseconds of processor time of the page's longest task: the same however busy the machine is."""
    events = json.loads(trace)["traceEvents"]
    pages = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    times = [one.get("tdur", 0) for one in events if (one["pid"], one["tid"]) in pages]
    return float(max(times)) / 1000


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
