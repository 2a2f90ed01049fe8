"""Sanad: questions about news articles, answered on this machine, with citations into the exact sentence.

    from rag import Assistant

    answer = Assistant.open().ask("when do forces leave Ain al-Asad?")
    print(answer.text, answer.citations[0].quote)

Importing this package loads no model library; models load at the first question.
"""

from rag._version import __version__
from rag.archive import Moved, export_index, import_index
from rag.articles import ARTICLE_FILES
from rag.assistant import Assistant, check_question
from rag.cached import CachedAssistant, recall
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
from rag.fair_queue import FairQueue
from rag.feedback import Exported, add_feedback, export_feedback
from rag.indexing import Built, build_index
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
from rag.server import Server, serve
from rag.settings import DEFAULT_INDEX, Settings, quiet_libraries
from rag.supervised import unless
from rag.text import detect_language, fold, is_arabic
from rag.tokens import count as count_tokens
from rag.upkeep import Listed, indexed_folder, list_articles, remove_articles, watch_index
from rag.uploads import PREFIX as UPLOADED

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
    "unless",
    "watch_index",
]
