"""The wheel has everything in it, and answers where there is no checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from conftest import write_articles

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without network and unpacked, as installers leave it in site-packages."""
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in paths}


@pytest.mark.parametrize(
    ("source", "place", "some"),
    [
        ("rag", "rag", "retrieval/data/sentences.json"),
        ("rag", "rag", "models/weights/data/adapter_model.safetensors"),
        ("rag", "rag", "language/translation/data/lexicon.tsv"),
        ("ui", "ui", "assets/page.html"),
        ("prompts", "rag/prompts", "answer.txt"),
        ("seeds", "rag/seeds", "seeds.toml"),
        ("evals/questions", "evals/questions", "seeds.jsonl"),
        ("evals/reporting/assets", "evals/reporting/assets", "report.js"),
    ],
)
def test_every_file_of_a_folder_is_in_the_wheel(site: Path, source: str, place: str, some: str) -> None:
    assert some in files(ROOT / source)
    assert files(ROOT / source) <= files(site / place)


def test_the_wheel_has_no_top_level_names_except_those_of_the_code(site: Path) -> None:
    names = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"rag", "ui", "evals"}


def test_the_wheel_has_the_projects_name_and_extras(site: Path) -> None:
    (information,) = site.glob("*.dist-info")
    metadata = message_from_string((information / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Name"] == PROJECT["name"]
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert "rag.cli:main" in (information / "entry_points.txt").read_text(encoding="utf-8")
    assert {"LICENSE"} <= {path.name for path in (information / "licenses").rglob("*")}


def sanad(site: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the unpacked wheel; the working directory is the test's own."""
    keep = {name: value for name, value in os.environ.items() if name != "SANAD_INDEXES"}
    home = {"HOME": str(Path.cwd()), "XDG_DATA_HOME": str(Path.cwd() / "data")}
    return subprocess.run(
        [sys.executable, "-m", "rag.cli", *arguments],
        env=keep | home | {"PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8"} | more,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_an_installed_wheel_indexes_and_answers_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    articles = write_articles(tmp_path / "articles")
    fake = {"SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake"}
    built = sanad(site, "index", str(articles), "--index", "mine", **fake)
    assert (built.returncode, built.stdout[:17]) == (0, "mine: 3 articles,"), built.stderr
    result = sanad(site, "ask", "--json", "--index", "mine", "What did the repairs cost?", **fake)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["outcome"] == "answered"
    (cited, *_) = answer["citations"]
    assert cited["quote"] in (articles / cited["source"]).read_text(encoding="utf-8")
    indexes = [path for path in tmp_path.rglob("indexes") if not path.is_relative_to(site)]
    assert len(indexes) == 1, "in the user's data, not beside the installed packages"


def test_an_installed_wheel_finds_its_own_prompts_seeds_and_questions(site: Path) -> None:
    code = (
        "from evals.harness import options, provenance, turns\nfrom rag import Settings\n"
        "from rag.models.llm.prompt import load\n"
        "print(Settings().articles, options.QUESTIONS, options.default_out(), sep='\\n')\n"
        "print(len(provenance.prompt_versions()), len(load('answer')) > 0)"
    )
    lines = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    assert lines[:3] == [str(site / "rag" / "seeds"), str(site / "evals/questions/seeds.jsonl"), "sanad-eval"]
    assert lines[3] == f"{len(files(ROOT / 'prompts'))} True"


@pytest.mark.parametrize("command", ["", "ask", "index", "serve", "mcp", "eval"])
def test_the_help_of_an_installed_wheel_names_no_file_of_a_checkout(site: Path, command: str) -> None:
    process = sanad(site, *filter(None, [command]), "--help")
    assert process.returncode == 0, process.stderr
    assert not re.search(r"\bmake (install|index|ask|eval)\b|docs/|\.venv|pip install", process.stdout)
