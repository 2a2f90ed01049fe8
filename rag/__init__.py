"""Sanad: questions about news articles, answered on this machine, with citations into the exact sentence.

    from rag import Assistant

    answer = Assistant.open().ask("when do forces leave Ain al-Asad?")
    print(answer.text, answer.citations[0].quote)

These are the names to build on; everything else is imported from its room, such as ``rag.server.serve``.
Importing this package loads none of its modules: each is imported when a name of it is first used, so that a
question to a server that is already running needs few of them. Models load at the first question.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
"""The version of the package; hatch reads it from here."""

if TYPE_CHECKING:  # for type checkers and editors; what runs is __getattr__
    from rag.assistant import Assistant
    from rag.errors import (
        BadQuestion,
        BadSettings,
        GenerationFailed,
        IndexMissing,
        ModelMissing,
        SanadError,
    )
    from rag.index.indexing import build_index
    from rag.records import (
        Answer,
        Article,
        Citation,
        Claim,
        Event,
        Evidence,
        Filter,
        Finished,
        Passage,
        Retrieved,
        StageStarted,
        Turn,
    )
    from rag.settings import Settings

__all__ = [
    "Answer",
    "Article",
    "Assistant",
    "BadQuestion",
    "BadSettings",
    "Citation",
    "Claim",
    "Event",
    "Evidence",
    "Filter",
    "Finished",
    "GenerationFailed",
    "IndexMissing",
    "ModelMissing",
    "Passage",
    "Retrieved",
    "SanadError",
    "Settings",
    "StageStarted",
    "Turn",
    "__version__",
    "build_index",
]

_HOMES = ("errors", "records", "settings", "index.indexing", "assistant")
"""The modules of the public names, those that load least first."""

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists

    def __getattr__(name: str) -> Any:
        """A public name, from the first module that has it."""
        if name in __all__:
            for home in _HOMES:
                module = importlib.import_module(f"rag.{home}")
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
