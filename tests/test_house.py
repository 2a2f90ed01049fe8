"""The rules of the house: what may import what, what is public, what importing costs."""

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rag

ROOT = Path(rag.__file__).resolve().parent.parent

BASE = {"records", "errors", "settings", "text", "sentence", "facts", "disk", "tokens", "dates"}
"""What any module may use: records, and small pure helpers."""

SEAMS = {"embed", "generate"}
"""The two protocols that steps are written against."""

STEPS = {
    "articles",
    "chunk",
    "conversation",
    "duplicates",
    "index",
    "lexical",
    "retrieve",
    "prompt",
    "reply",
    "verify",
}
"""The steps of the pipeline; only the spine joins them."""

ALSO = {
    "conversation": {"followup", "followup_arabic", "followup_english", "grammar_arabic", "grammar_english"},
    "followup_arabic": {"followup", "grammar_arabic"},
    "followup_english": {"followup", "grammar_english"},
    "grammar_arabic": {"followup"},
    "grammar_english": {"followup"},
    "articles": {"boilerplate", "catalogue", "drafts", "files", "read_rows", "readers"},
    "drafts": {"boilerplate"},
    "encodings": {"drafts"},
    "files": {"drafts"},
    "readers": {"drafts", "encodings", "read_docx", "read_html", "read_pdf", "read_rows"},
    "read_docx": {"drafts"},
    "read_html": {"drafts", "encodings"},
    "read_pdf": {"drafts"},
    "read_rows": {"drafts", "encodings"},
    "embed": {"weights", "e5", "late"},
    "weights": {"adapter", "e5", "gguf_convert"},
    "gguf_convert": {"adapter"},
    "generate": {"llm_fake", "llm_openvino", "llm_transformers"},
    "llm_fake": {"llm_base"},
    "llm_openvino": {"llm_base", "mapped", "weights"},
    "llm_transformers": {"llm_base", "weights"},
    "retrieve": {"duplicates", "late", "leaning", "lexical", "store"},  # its Generation is what is searched
    "store": {"layout", "neighbours", "working"},
    "working": {"layout"},
    "build": {"late", "layout", "neighbours", "store"},
    "index": {"build", "layout", "neighbours", "store"},
    "leaning": {"speakers"},
    "lexical": {"names"},
    "support": {"lexical", "logistic", "names"},
    "prompt": {"neutral"},
    "asked": {"counting", "lexical"},
    "compound": {"conversation", "grammar_english", "weighing"},
    "plans": {"lexical"},
    "second": {"asked", "lexical", "names", "plans", "reply"},
    "drafting": {"certainty", "clock", "prompt", "reply", "verify"},
    "answerability": {"logistic", "neutral", "prompt"},
    "certainty": {"logistic"},
    "outdated": {"asked", "reply"},
    "inquiry": {
        "answerability",
        "asked",
        "clock",
        "composing",
        "drafting",
        "outdated",
        "prompt",
        "reply",
        "second",
    }
    | {"verify"},
    "gloss": {"relative"},
    "quoting": {"composing", "gloss", "reply"},
    "verify": {
        "asked",
        "composing",
        "lexical",
        "names",
        "quoting",
        "relative",
        "reply",
        "speakers",
        "support",
    },
    "indexing": STEPS | {"layout", "uploads"},
    "assistant": STEPS
    | {"clock", "composing", "compound", "drafting", "filters", "indexing", "inquiry", "question", "store"}
    | {"answerability", "supervised", "uploads", "upkeep"},
    "cached": {"answer_cache", "answerability", "assistant", "layout", "prompt", "question"},
    "feedback": {"reply"},
    "archive": {"_version", "index", "indexing", "layout", "lexical", "store", "uploads"},
    "server": {
        "answering",
        "api",
        "assistant",
        "fair_queue",
        "http_guard",
        "local_socket",
        "login",
        "metrics",
        "observed",
    },
    "api": {"_version", "answering", "api_schema", "assistant", "logs", "metrics"},
    "answering": {"assistant", "fair_queue", "supervised"},
    "login": {"http_guard"},
    "local_socket": {"_version"},
    "observed": {"logs", "metrics"},
    "uploads": {"articles"},
    "upkeep": {"articles", "duplicates", "filters", "index", "indexing", "lexical", "uploads", "watch"},
}
"""What a module uses beyond BASE and SEAMS, and why it must."""

WRAPPED = {
    "chromadb": {"neighbours"},
    "openvino": {"e5", "embed", "gguf_convert", "llm_openvino"},
    "openvino_genai": {"gguf_convert", "llm_openvino"},
    "gguf": {"gguf_convert"},
    "transformers": {"gguf_convert", "llm_transformers"},
    "torch": {"gguf_convert", "llm_transformers"},
    "sentence_transformers": {"embed"},
    "llama_index": {"generate", "llm_llamaindex"},
    "charset_normalizer": {"encodings"},
    "docx": {"read_docx", "readers"},
    "lxml": {"read_html"},
    "qalam": {"read_pdf", "readers"},
    "trafilatura": {"read_html", "readers"},
    "bm25s": {"lexical"},
    "Stemmer": {"lexical"},
    "rensa": {"duplicates"},
    "tiktoken": {"tokens"},
    "watchfiles": {"watch"},
    "gradio": set(),
    "fastapi": {"api"},
    "starlette": {"api", "http_guard", "login", "observed"},
    "uvicorn": {"server"},
    "prometheus_client": {"metrics"},
}
"""The modules of rag that may name a library; everyone else goes through them."""

PARTS = {
    "bench": {"embed"},
    "bench_growth": {"generate"},
    "lending": {"embed", "late"},
    "bench_systems": {"embed", "errors", "generate", "settings", "weights"},
}
"""What a file of evals or ui uses beyond rag's public names: other systems are built on the same parts."""

HEAVY = [
    "torch", "transformers", "openvino", "openvino_genai", "gradio", "chromadb", "llama_index", "watchfiles",
    "docx", "lxml", "qalam", "trafilatura", "fastapi", "starlette", "uvicorn", "prometheus_client",
]  # fmt: skip


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            if node.module == "rag":
                found.update(f"rag.{alias.name}" for alias in node.names)
    return found


MODULES = sorted((ROOT / "rag").glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_what_the_house_allows(path):
    own = {p.stem for p in MODULES}
    used = {name.split(".")[1] for name in imports(path) if name.startswith("rag.")} & own
    if path.stem == "__init__":
        allowed = {
            "question",
            "_version",
            "archive",
            "articles",
            "assistant",
            "cached",
            "errors",
            "fair_queue",
            "feedback",
            "indexing",
            "records",
            "server",
            "settings",
            "supervised",
            "text",
            "tokens",
            "upkeep",
            "uploads",
        }
    elif path.stem in ("cli", "cli_arguments", "cli_print"):
        allowed = {
            "_version",
            "cli_arguments",
            "cli_print",
            "disk",
            "local_socket",
            "login",
            "logs",
            "settings",
            "weights",
        }
    else:
        allowed = BASE | SEAMS | ALSO.get(path.stem, set())
    assert used <= allowed, f"{path.name} imports {sorted(used - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_library_is_named_only_in_the_module_that_wraps_it(path):
    named = {name.split(".")[0] for name in imports(path)}
    for library, wrappers in WRAPPED.items():
        assert library not in named or path.stem in wrappers, f"{path.name} imports {library}"


@pytest.mark.parametrize(
    "path", [*(ROOT / "ui").glob("*.py"), *(ROOT / "evals").glob("*.py")], ids=lambda path: path.stem
)
def test_faces_use_only_the_public_names(path):
    inner = {name.removeprefix("rag.") for name in imports(path) if name.startswith("rag.")}
    assert inner <= set(rag.__all__) | PARTS.get(path.stem, set()), sorted(inner)


def test_the_public_names_are_these():
    assert set(rag.__all__) == {
        "ARTICLE_FILES", "Answer", "Article", "Assistant", "BadArticles", "BadQuestion", "BadSettings",
        "Built", "Busy", "CachedAssistant", "Chunk", "Citation", "Claim", "DEFAULT_INDEX", "Event",
        "Evidence", "Exported", "FairQueue", "Filter",
        "Finished", "GenerationFailed", "IndexMissing", "IndexUnusable", "Language", "Listed",
        "ModelDamaged", "ModelMissing", "Moved", "NoSpace", "Passage", "PromptBroken", "Reprint", "Retrieved",
        "SanadError", "Server", "Settings", "Token", "Turn", "UPLOADED", "__version__", "add_feedback",
        "build_index", "check_question", "count_tokens", "detect_language", "export_feedback",
        "export_index", "fold", "import_index", "indexed_folder",
        "is_arabic", "list_articles", "quiet_libraries", "recall", "remove_articles", "serve",
        "unless", "watch_index",
    }  # fmt: skip
    for name in rag.__all__:
        assert hasattr(rag, name)


def test_a_public_name_is_found_where_type_checkers_are_told():
    """The names stand twice: in an import for type checkers, and in a table for what runs."""
    tree = ast.parse((ROOT / "rag" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    told = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told.keys() == set(rag.__all__) - {"__version__"}
    for name, (module, inner) in told.items():
        assert getattr(rag, name) is getattr(importlib.import_module(module), inner), name
    with pytest.raises(AttributeError, match="module 'rag' has no attribute 'nothing'"):
        rag.nothing  # noqa: B018


def test_importing_rag_loads_no_heavy_library():
    code = f"import sys, json, rag; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(loaded.stdout) == []


def test_every_public_error_is_a_sanad_error():
    errors = [getattr(rag, name) for name in rag.__all__ if isinstance(getattr(rag, name), type)]
    raised = [error for error in errors if issubclass(error, Exception)]
    assert len(raised) == 12
    assert all(issubclass(error, rag.SanadError) for error in raised)


def test_only_settings_reads_the_environment():
    readers = {p.stem for p in MODULES if re.search(r"os\.(environ|getenv)", p.read_text(encoding="utf-8"))}
    assert readers <= {"settings"}, readers


def test_the_lock_pins_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(r for rs in project["optional-dependencies"].values() for r in rs)]
    lock = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lock.splitlines() if "==" in line}
    names = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in wanted} - {"sanad"}
    assert names <= pinned, sorted(names - pinned)
