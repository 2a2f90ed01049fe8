"""Sanad: questions about news articles, answered on this machine, with citations into the exact sentence.

    from rag import Assistant

    answer = Assistant.open().ask("when do forces leave Ain al-Asad?")
    print(answer.text, answer.citations[0].quote)

Importing this package loads no model library; models load at the first question.
"""

from rag._version import __version__
from rag.assistant import Assistant, Built, build_index, check_question
from rag.errors import (
    BadArticles,
    BadQuestion,
    BadSettings,
    GenerationFailed,
    IndexMissing,
    IndexUnusable,
    ModelDamaged,
    ModelMissing,
    NoSpace,
    PromptBroken,
    SanadError,
)
from rag.records import (
    Answer,
    Article,
    Chunk,
    Citation,
    Claim,
    Event,
    Evidence,
    Finished,
    Language,
    Passage,
    Retrieved,
    Token,
    Turn,
)
from rag.settings import Settings, quiet_libraries
from rag.text import detect_language, fold

__all__ = [
    "Answer",
    "Article",
    "Assistant",
    "BadArticles",
    "BadQuestion",
    "BadSettings",
    "Built",
    "Chunk",
    "Citation",
    "Claim",
    "Event",
    "Evidence",
    "Finished",
    "GenerationFailed",
    "IndexMissing",
    "IndexUnusable",
    "Language",
    "ModelDamaged",
    "ModelMissing",
    "NoSpace",
    "Passage",
    "PromptBroken",
    "Retrieved",
    "SanadError",
    "Settings",
    "Token",
    "Turn",
    "__version__",
    "build_index",
    "check_question",
    "detect_language",
    "fold",
    "quiet_libraries",
]
