"""The reference pages of the documentation are made from the code."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "scripts" / "docs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(name: str) -> SimpleNamespace:
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


def test_the_page_of_the_command_line_has_the_help_of_every_command(hooks):
    text = hooks.on_page_markdown("# C\n\n<!-- command line -->\n", page("reference/command-line.md"))
    for command in ("ask", "index", "articles", "remove", "serve", "ui", "mcp", "export", "import", "models"):
        assert f"## sanad {command}\n" in text
    assert "--answer-language" in text


def test_the_page_of_the_http_api_has_its_routes_parameters_and_responses(hooks):
    text = hooks.on_page_markdown("<!-- http -->", page("reference/http.md"))
    for route in ("POST /api/ask", "GET /api/search", "GET /api/articles", "POST /v1/chat/completions"):
        assert f"<h2><code>{route}</code></h2>" in text
    assert "<code>question</code>" in text
    assert "<code>503</code>" in text


def test_links_to_files_that_are_no_pages_become_text(hooks):
    text = "see [the seeds](../seeds/README.md), [security](security.md) and [ops](../operations.md)"
    shown = hooks.on_page_markdown(text, page("guide.md"))
    assert shown == "see the seeds, [security](security.md) and [ops](../operations.md)"


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_fetches_nothing(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings_handlers")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    python = (tmp_path / "reference" / "python" / "index.html").read_text(encoding="utf-8")
    assert "answer_language" in python
    for html in tmp_path.rglob("*.html"):
        text = html.read_text(encoding="utf-8")
        assert 'src="http' not in text, html
        assert "fonts.googleapis" not in text, html
