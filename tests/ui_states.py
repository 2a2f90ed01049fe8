"""Twenty-three states of the page, to be looked at (make screenshots) and to be checked by axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ui_browser import ask, until, watched
from ui_stand_in import StandIn

BOTH = (False, True)

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

QUESTION = {"en": "When did they leave?", "ar": "متى غادرت القوات؟"}
POPULATION = {"en": "What is the population of the island?", "ar": "كم عدد سكان الجزيرة؟"}


def answered(page: Any, assistant: StandIn, language: str) -> None:
    """A question with its answer."""
    ask_and_wait(page, QUESTION[language])


def translated(page: Any, assistant: StandIn, language: str) -> None:
    """Values from sentences in another language, one translated doubtfully; how it was found is unfolded."""
    ask_and_wait(page, "How many soldiers were in Iraq?")
    page.locator("#sanad-live .how summary").click()


def history(page: Any, assistant: StandIn, language: str) -> None:
    """The list of conversations, with the actions for one."""
    ask_and_wait(page, QUESTION[language])
    page.locator("#sanad-show-conversations").click()
    page.locator("#sanad-conversations summary").click()


def first(page: Any, assistant: StandIn, language: str) -> None:
    """The page before the first question."""
    page.locator(".example").first.wait_for()


def settings(page: Any, assistant: StandIn, language: str) -> None:
    """The settings, open."""
    page.locator("#sanad-show-settings").click()
    page.locator("#sanad-settings").wait_for()


def conflict(page: Any, assistant: StandIn, language: str) -> None:
    """Sources that disagree."""
    ask_and_wait(page, POPULATION[language])


def not_found(page: Any, assistant: StandIn, language: str) -> None:
    """A question that the articles do not answer."""
    ask_and_wait(page, "Who went to the Moon?")


def article_open(page: Any, assistant: StandIn, language: str) -> None:
    """The article beside the answer, at its highlighted sentence."""
    ask_and_wait(page, QUESTION[language])
    page.locator("#sanad-live .claims .chip").first.click()
    page.locator("#sanad-panel mark").wait_for()


def correcting(page: Any, assistant: StandIn, language: str) -> None:
    """Outlet and date of an article being corrected, with a wrong date."""
    page.locator("#sanad-show-articles").click()
    page.locator("button.correct").nth(1).click()
    page.locator(".correction:not([hidden]) [name=published]").fill("6/9/2024")
    page.keyboard.press("Enter")
    page.locator(".correction [role=alert]").wait_for()


def uploading(page: Any, assistant: StandIn, language: str) -> None:
    """Files that are being indexed, above the list of articles."""
    page.locator("#sanad-show-articles").click()
    page.locator(".listing").wait_for()
    page.locator("#sanad-articles input[type=file]").set_input_files(
        {"name": "tower.txt", "mimeType": "text/plain", "buffer": b"Tower"}
    )
    page.locator("#sanad-work progress").wait_for()


def ask_and_wait(page: Any, question: str) -> None:
    """Ask and wait for the answer."""
    ask(page, question)
    page.locator("#sanad-live .turn[data-stage=done]").wait_for()
    page.locator("#sanad-ask").wait_for()


@dataclass(frozen=True, slots=True)
class State:
    """One state of the page."""

    act: Callable[[Any, StandIn, str], None]
    """Brings the page there."""
    language: str = "en"
    """Of the browser."""
    dark: bool = False
    """Whether the browser prefers dark."""
    phone: bool = False
    """Whether the window is a phone's."""

    @property
    def name(self) -> str:
        """As part of a file name."""
        look = f"{'dark' if self.dark else 'light'}-{'phone' if self.phone else 'desktop'}-{self.language}"
        return f"{self.act.__name__}-{look}".replace("_", "-")


STATES = [
    *(State(answered, lang, dark, phone) for lang in ("en", "ar") for dark in BOTH for phone in BOTH),
    State(first, "en"),
    State(first, "ar", phone=True),
    State(translated, "en"),
    State(translated, "ar", dark=True, phone=True),
    State(history, "en"),
    State(history, "ar", dark=True, phone=True),
    State(settings, "en"),
    State(settings, "ar", dark=True, phone=True),
    State(conflict, "en"),
    State(conflict, "ar", phone=True),
    State(not_found, "ar", dark=True),
    State(article_open, "ar"),
    State(correcting, "en"),
    State(correcting, "ar", dark=True, phone=True),
    State(uploading, "en", phone=True),
]


@contextmanager
def shown(browser: Any, address: str, assistant: StandIn, state: State) -> Iterator[Any]:
    """The page in a state.

    Args:
        browser: Chromium.
        address: Of the page.
        assistant: What answers there.
        state: The state.
    """
    assistant.freely = True
    assistant.indexed.clear()
    locale = {"en": "en-GB", "ar": "ar"}[state.language]
    look = {"viewport": PHONE if state.phone else DESKTOP, "color_scheme": "dark" if state.dark else "light"}
    with watched(browser, address, locale=locale, reduced_motion="reduce", **look) as page:
        state.act(page, assistant, state.language)
        yield page
        assistant.indexed.set()
        until(page, "!document.querySelector('#sanad-work progress')")
