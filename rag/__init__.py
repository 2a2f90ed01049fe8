"""Sanad: questions about news articles, answered on this machine, with citations into the exact sentence.

    from rag import Assistant

    answer = Assistant.open().ask("when do forces leave Ain al-Asad?")
    print(answer.text, answer.citations[0].quote)

Importing this package loads none of its modules: each is imported when a name of it is first used, so that a
question to a server that runs already needs few of them. Models load at the first question.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
"""The version of the package; hatch reads it from here."""

if TYPE_CHECKING:  # for type checkers and editors; what runs is __getattr__
    from rag.assistant import Assistant
    from rag.conversation.question import check_question
    from rag.errors import (
        BadArticles,
        BadQuestion,
        BadSettings,
        Busy,
        GenerationFailed,
        IndexMissing,
        IndexUnusable,
        ModelDamaged,
        ModelMissing,
        NoSpace,
        PromptBroken,
        SanadError,
    )
    from rag.index.archive import Moved, export_index, import_index
    from rag.index.indexing import (
        Built,
        Listed,
        build_index,
        indexed_folder,
        list_articles,
        remove_articles,
        watch_index,
    )
    from rag.language.text import detect_language, fold, is_arabic
    from rag.language.tokens import count as count_tokens
    from rag.loading.articles import ARTICLE_FILES
    from rag.loading.uploads import PREFIX as UPLOADED
    from rag.records import (
        Answer,
        Article,
        Chunk,
        Citation,
        Claim,
        Event,
        Evidence,
        Filter,
        Finished,
        Language,
        Passage,
        Reprint,
        Retrieved,
        Token,
        Turn,
    )
    from rag.server.answer_cache import CachedAssistant, recall
    from rag.server.fair_queue import FairQueue
    from rag.server.feedback import Exported, add_feedback, export_feedback
    from rag.server.serve import Server, serve
    from rag.settings import DEFAULT_INDEX, Settings, quiet_libraries

__all__ = [
    "ARTICLE_FILES",
    "DEFAULT_INDEX",
    "UPLOADED",
    "Answer",
    "Article",
    "Assistant",
    "BadArticles",
    "BadQuestion",
    "BadSettings",
    "Built",
    "Busy",
    "CachedAssistant",
    "Chunk",
    "Citation",
    "Claim",
    "Event",
    "Evidence",
    "Exported",
    "FairQueue",
    "Filter",
    "Finished",
    "GenerationFailed",
    "IndexMissing",
    "IndexUnusable",
    "Language",
    "Listed",
    "ModelDamaged",
    "ModelMissing",
    "Moved",
    "NoSpace",
    "Passage",
    "PromptBroken",
    "Reprint",
    "Retrieved",
    "SanadError",
    "Server",
    "Settings",
    "Token",
    "Turn",
    "__version__",
    "add_feedback",
    "build_index",
    "check_question",
    "count_tokens",
    "detect_language",
    "export_feedback",
    "export_index",
    "fold",
    "import_index",
    "indexed_folder",
    "is_arabic",
    "list_articles",
    "quiet_libraries",
    "recall",
    "remove_articles",
    "serve",
    "watch_index",
]

_NAMES = {
    "index.archive": "Moved export_index import_index",
    "loading.articles": "ARTICLE_FILES",
    "assistant": "Assistant",
    "server.answer_cache": "CachedAssistant recall",
    "errors": "BadArticles BadQuestion BadSettings Busy GenerationFailed IndexMissing IndexUnusable "
    "ModelDamaged ModelMissing NoSpace PromptBroken SanadError",
    "server.fair_queue": "FairQueue",
    "server.feedback": "Exported add_feedback export_feedback",
    "index.indexing": "Built Listed build_index indexed_folder list_articles remove_articles watch_index",
    "conversation.question": "check_question",
    "records": "Answer Article Chunk Citation Claim Event Evidence Filter Finished Language Passage Reprint "
    "Retrieved Token Turn",
    "server.serve": "Server serve",
    "settings": "DEFAULT_INDEX Settings quiet_libraries",
    "language.text": "detect_language fold is_arabic",
    "language.tokens": "count_tokens",
    "loading.uploads": "UPLOADED",
}
"""The names that each module has here."""

_CALLED = {"UPLOADED": "PREFIX", "count_tokens": "count"}
"""What is called otherwise in its module."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists

    def __getattr__(name: str) -> Any:
        """The public name, whose module is imported now."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"rag.{_MODULES[name]}"), _CALLED.get(name, name))
        globals()[name] = found  # so that the next use does not come here
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
