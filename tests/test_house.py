"""The rules of the house: its rooms and their sizes, what is public, what importing costs."""

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

import rag

ROOT = Path(rag.__file__).resolve().parent.parent

WRAPPED = {
    "chromadb": {"index.chroma_store"},
    "openvino": {
        "models.embedding.e5",
        "models.embedding.embedder",
        "models.weights.gguf",
        "models.llm.openvino",
    },
    "openvino_genai": {"models.weights.gguf", "models.llm.openvino"},
    "gguf": {"models.weights.gguf", "models.embedding.e5"},
    "transformers": {"models.weights.gguf", "models.llm.transformers"},
    "torch": {"models.weights.gguf", "models.llm.transformers"},
    "sentence_transformers": {"models.embedding.embedder"},
    "llama_index": {"models.llm.llama_index", "models.llm.remote", "integrations.llamaindex"},
    "openai": {"models.llm.remote"},
    "httpx": {"models.llm.remote"},
    "langchain_core": {"integrations.langchain"},
    "mcp": {"integrations.mcp_server"},
    "ray": {"models.embedding.cluster"},
    "huggingface_hub": {"models.weights.download"},
    "charset_normalizer": {"loading.encodings"},
    "docx": set(),
    "lxml": {"loading.formats.html", "loading.formats.word_package", "loading.sandbox"},
    "pdfminer": {"loading.pdf.fonts", "loading.pdf.glyphs", "loading.sandbox"},
    "fontTools": {"loading.pdf.fonts"},
    "trafilatura": {"loading.formats.html", "loading.sandbox"},
    "Stemmer": {"language.terms"},
    "rensa": {"index.duplicates"},
    "tiktoken": {"language.tokens"},
    "watchfiles": {"loading.watch"},
    "gradio": set(),
    "fastapi": {"server.api", "server.openai.chat"},
    "starlette": {
        "integrations.mcp_server",
        "server.api",
        "server.guard",
        "server.login",
        "server.logs",
        "server.openai.chat",
    },
    "uvicorn": {"server.serve"},
    "prometheus_client": {"server.metrics"},
}
"""The modules of rag that may import a library; all other modules use it through them."""

HEAVY = [
    "torch", "transformers", "openvino", "openvino_genai", "gradio", "chromadb", "llama_index", "watchfiles",
    "docx", "lxml", "pdfminer", "trafilatura", "fastapi", "starlette", "uvicorn", "prometheus_client",
    "openai", "httpx", "langchain_core", "mcp", "huggingface_hub", "ray",
]  # fmt: skip


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    modules: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules.add(node.module)
            if node.module == "rag":
                modules.update(f"rag.{alias.name}" for alias in node.names)
    return modules


MODULES = sorted((ROOT / "rag").rglob("*.py"))


def dotted(path: Path) -> str:
    """A module's or folder's name within rag; empty for rag itself."""
    return ".".join(path.relative_to(ROOT / "rag").parts).removesuffix(".py")


def test_a_library_is_named_only_in_the_module_that_wraps_it():
    imported = {dotted(path): {name.split(".")[0] for name in imports(path)} for path in MODULES}
    assert [
        f"{module} imports {library}"
        for module, libraries in imported.items()
        for library, wrappers in WRAPPED.items()
        if library in libraries and module not in wrappers
    ] == []


OURS = ("rag", "ui", "evals", "train", "scripts")
"""Folders whose modules are imported by name."""


def source(module: str) -> Path | None:
    """The file of one of our modules; None for a module of a library or one that does not exist."""
    path = ROOT.joinpath(*module.split("."))
    files = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
    return files[0] if files and module.split(".")[0] in OURS else None


@cache
def names_of(path: Path) -> set[str]:
    """Every name that a module has once it is imported: what it defines, assigns or imports."""
    names: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(child.name)
            elif isinstance(child, ast.Import | ast.ImportFrom):
                names.update((alias.asname or alias.name).split(".")[0] for alias in child.names)
            else:
                if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                    names.add(child.id)
                visit(child)

    visit(parsed(path))
    return names


def test_what_tests_import_from_our_modules_exists():
    """An import inside a test runs only with it, some tests run only in CI, and mypy does not check tests."""
    missing = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {alias.name} of {node.module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS
        for alias in node.names
        if not source(f"{node.module}.{alias.name}")
        and alias.name not in (names_of(file) if (file := source(node.module)) else set())
        and not (ROOT.joinpath(*node.module.split(".")) / alias.name).is_dir()
    ]
    assert missing == []


def test_the_public_names_are_these():
    assert rag.__all__ == [
        "Answer", "Article", "Assistant", "BadQuestion", "BadSettings", "Citation", "Claim", "Event",
        "Evidence", "Filter", "Finished", "GenerationFailed", "IndexMissing", "ModelMissing", "Passage",
        "Retrieved", "SanadError", "Settings", "StageStarted", "Turn", "__version__", "build_index",
    ]  # fmt: skip


def test_a_public_name_is_imported_where_type_checkers_look():
    """Type checkers read imports that never run; at run time ``__getattr__`` searches the modules."""
    tree = ast.parse((ROOT / "rag" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    typed = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed.keys() == set(rag.__all__) - {"__version__"}
    for name, (module, inner) in typed.items():
        assert getattr(rag, name) is getattr(importlib.import_module(module), inner), name
    with pytest.raises(AttributeError, match="module 'rag' has no attribute 'nothing'"):
        rag.nothing  # noqa: B018


PACKAGES = [f"rag.{dotted(path.parent)}".rstrip(".") for path in MODULES if path.name == "__init__.py"]
"""rag, its rooms, and the folders in them."""


def test_importing_rag_or_a_room_loads_no_heavy_library():
    code = (
        f"import sys, json, importlib\nfor name in {PACKAGES!r}:\n    importlib.import_module(name)\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(loaded.stdout) == []


# Rooms

MOST_ENTRIES = 16
"""Files and folders in rag/; `find rag -maxdepth 1` prints one more, rag/ itself."""

MOST_MODULES = 14
"""Modules in one folder of source; at the top of evals/, where its commands are, two more."""

MOST_LINES = 400
"""Lines of one module of rag/."""

TOO_LARGE: set[str] = set()
"""Folders and modules that are being split; should be empty."""

NOT_SOURCE = {"__pycache__", "build", "dist", "screenshots", "site"}
"""Folders that tools and commands make."""


def folders(parent: Path) -> set[str]:
    """Names of the folders of source in a folder."""
    return {
        path.name
        for path in parent.iterdir()
        if path.is_dir() and path.name not in NOT_SOURCE and not path.name.startswith((".", "sanad_news."))
    }


def test_the_top_of_rag_is_seen_at_a_glance():
    entries = [path.name for path in (ROOT / "rag").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


ROOMS = sorted(
    {path.parent for room in ("rag", "ui", "evals", "train") for path in (ROOT / room).rglob("*.py")}
)


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: path.name)
def test_a_room_has_few_modules(folder):
    modules = [path.name for path in folder.glob("*.py")]
    most = MOST_MODULES + 2 * (folder == ROOT / "evals")
    assert len(modules) <= most or dotted(folder) in TOO_LARGE, sorted(modules)


def test_a_module_is_one_idea_long():
    lines = {dotted(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = {module: count for module, count in lines.items() if count > MOST_LINES}
    assert too_long.keys() <= TOO_LARGE, too_long


def test_the_tree_for_contributors_names_every_room_and_every_folder():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = re.search(r"^## The rooms\n+```\n(.*?)```", text, re.MULTILINE | re.DOTALL)[1]
    assert set(re.findall(r"^(\w+)/", tree, re.MULTILINE)) == folders(ROOT)
    rag_part = re.search(r"^rag/.*?(?=^\w)", tree, re.MULTILINE | re.DOTALL)[0]
    assert set(re.findall(r"^  (\w+)/", rag_part, re.MULTILINE)) == folders(ROOT / "rag")


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 700


def test_every_public_error_is_a_sanad_error():
    errors = [getattr(rag, name) for name in rag.__all__ if isinstance(getattr(rag, name), type)]
    raised = [error for error in errors if issubclass(error, Exception)]
    assert len(raised) == 6
    assert all(issubclass(error, rag.SanadError) for error in raised)


def test_only_settings_reads_the_environment():
    readers = {
        dotted(p) for p in MODULES if re.search(r"os\.(environ|getenv)", p.read_text(encoding="utf-8"))
    }
    assert readers <= {"settings"}, readers


def test_the_lock_pins_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(text for extra in extras for text in extra)]
    lock = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lock.splitlines() if "==" in line}
    names = {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements} - {project["name"]}
    assert names <= pinned, sorted(names - pinned)
