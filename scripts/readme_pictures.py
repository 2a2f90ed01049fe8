"""The pictures of README and docs, taken of real answers: python scripts/readme_pictures.py docs/ui.

The packaged models answer over the seed articles. The picture of sources that disagree is of invented reports
(scripts/screenshots.py), as the seeds have none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ui_browser import ask, free_port, launched, watched

from rag import Assistant
from rag.settings import quiet_libraries

MINUTES = 300_000
"""Milliseconds that an answer may take."""

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

ENGLISH, ARABIC = "when do forces leave Ain al-Asad?", "كم عدد الجنود الأمريكيين في سوريا؟"


def main(folder: Path) -> None:
    """Ask and take the pictures.

    Args:
        folder: Folder for the pictures.
    """
    quiet_libraries()
    from ui.app import start

    with launched() as browser:
        assistant, port = Assistant.open(), free_port()
        app, address = start(assistant, port=port), f"http://127.0.0.1:{port}"
        for name, question, look in (
            ("answered-light-desktop-en", ENGLISH, {"locale": "en-GB", "viewport": WIDE}),
            ("article-open-light-desktop-ar", ARABIC, {"locale": "ar", "viewport": WIDE}),
            ("answered-dark-phone-ar", ARABIC, {"locale": "ar", "viewport": PHONE, "color_scheme": "dark"}),
        ):
            with watched(browser, address, **look) as page:
                ask(page, question)
                page.locator("#sanad-live .turn[data-stage=done]").wait_for(timeout=MINUTES)
                if name.startswith("article"):
                    page.locator("#sanad-live .source .opener").first.click()
                    page.locator("#sanad-panel mark").first.wait_for()
                page.wait_for_timeout(500)
                page.screenshot(path=folder / f"{name}.png")
            print(folder / f"{name}.png")
        app.close()
        assistant.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Take the pictures of README and docs.")
    parser.add_argument("folder", type=Path, help="folder for the pictures, docs/ui in the checkout")
    main(parser.parse_args().folder)
