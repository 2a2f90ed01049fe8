"""What is installed: exact versions, licences that may be shipped, models that run no code of their own."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from licences import ROOT, licence, pinned
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OWN = PROJECT["name"]

ALLOWED = {
    "0BSD", "AFL-2.1", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python",
    "ISC",
    "LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "MPL-1.1", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
"""Permissive, or of files only (MPL). What asks for the whole program (GPL, AGPL) is not among them."""


def allowed(terms: str) -> bool:
    # Of alternatives one is enough: what stands behind OR need not be taken.
    choices = re.split(r"\bOR\b", re.sub(r"[()]", " ", terms)) if "AND" not in terms else [terms]
    wanted = [
        set(re.findall(r"[A-Za-z0-9.-]+", choice)) - {"AND", "OR", "WITH", "LLVM"} for choice in choices
    ]
    return any(names and names <= ALLOWED for names in wanted)


def test_every_dependency_has_a_licence_that_allows_shipping_it() -> None:
    installed = {name: terms for name, _ in pinned() if (terms := licence(name)) is not None}
    assert len(installed) > 100
    assert {name: terms for name, terms in installed.items() if not allowed(terms)} == {}


def test_the_list_of_licences_is_that_of_the_lock() -> None:
    listed = re.findall(r"^\| ([^ |]+) \| ([^ |]+) \| [^?|]+ \|$", _read("docs/licences.md"), re.MULTILINE)
    assert listed[1:] == pinned(), "make licences"


def test_every_line_of_the_lock_is_one_exact_version() -> None:
    lines = [line for line in _read("constraints.txt").splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)


def needed() -> dict[str, set[str]]:
    """Everything that pyproject.toml asks for, at whatever remove and with all extras, as far as it is here.

    Returns:
        For each distribution, by its normalised name, who asks for it.
    """
    found: dict[str, set[str]] = {}
    todo = [(Requirement(f"{OWN}[{','.join(EXTRAS)}]"), "pyproject.toml")]
    seen = set()
    while todo:
        wanted, who = todo.pop()
        name = canonicalize_name(wanted.name)
        found.setdefault(name, set()).add(who)
        for extra in {"", *wanted.extras} - {extra for seen_name, extra in seen if seen_name == name}:
            seen.add((name, extra))
            try:
                asked = metadata.requires(name) or [] if name != OWN else own_requirements(extra)
            except metadata.PackageNotFoundError:
                continue
            for text in asked:
                further = Requirement(text)
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    todo.append((further, name))
    return found


def own_requirements(extra: str) -> list[str]:
    """What pyproject.toml asks for: its extras only, or, without one, what is always needed."""
    return list(EXTRAS[extra] if extra else PROJECT["dependencies"])


@pytest.mark.slow
def test_all_that_is_needed_at_whatever_remove_is_locked_and_installed_as_locked() -> None:
    locked = {canonicalize_name(name): version for name, version in pinned()}
    for name, askers in needed().items():
        try:
            version = Version(metadata.version(name)).public  # torch's names the kind of build as well
        except metadata.PackageNotFoundError:
            continue
        if name != OWN:
            assert locked.get(name) == version, f"{name} {version} is here for {sorted(askers)}; lock it"


def test_what_is_locked_is_within_what_pyproject_allows() -> None:
    locked = {canonicalize_name(name): version for name, version in pinned()}
    asked = [Requirement(text) for texts in [PROJECT["dependencies"], *EXTRAS.values()] for text in texts]
    for wanted in asked:
        if wanted.name != OWN:
            version = locked[canonicalize_name(wanted.name)]
            assert wanted.specifier.contains(version, prereleases=True), f"{wanted} forbids {version}"


@pytest.mark.parametrize(("name", "hole"), [("gradio", "6.21.9"), ("transformers", "5.4.9")])
def test_versions_with_known_holes_are_forbidden(name: str, hole: str) -> None:
    texts = [text for texts in [PROJECT["dependencies"], *EXTRAS.values()] for text in texts]
    (wanted,) = [Requirement(text) for text in texts if Requirement(text).name == name]
    assert not wanted.specifier.contains(hole)


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def all_calls() -> dict[str, list[tuple[Path, ast.Call]]]:
    """Every call of a method or function in the program, by its name."""
    found: dict[str, list[tuple[Path, ast.Call]]] = {}
    # Not train/, whose checkpoints are its own.
    for path in [path for folder in ("rag", "ui", "evals") for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                found.setdefault(called, []).append((path, node))
    return found


def calls(name: str) -> list[tuple[Path, ast.Call]]:
    """Every call of a method or function of that name in the program."""
    return all_calls().get(name, [])


@pytest.mark.slow
def test_models_of_a_hub_are_safetensors_and_bring_no_code() -> None:
    loaded = calls("from_pretrained") + calls("SentenceTransformer")
    assert len(loaded) >= 3
    for path, call in loaded:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert given.get("trust_remote_code", "False") == "False", path
        if not ast.unparse(call.func).startswith(("AutoTokenizer", "AutoConfig")):  # which hold no weights
            weights = given.get("use_safetensors", given.get("model_kwargs", ""))
            assert weights == "True" or "'use_safetensors': True" in weights, (path, ast.unparse(call))


@pytest.mark.parametrize("name", ["loads", "load"])
def test_nothing_is_unpickled(name: str) -> None:
    for path, call in calls(name):
        owner = ast.unparse(call.func).rpartition(".")[0]
        assert owner not in ("pickle", "cPickle", "dill", "joblib", "torch", "yaml", "marshal"), path
        if owner in ("np", "numpy"):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert given.get("allow_pickle", "False") == "False", path


def test_ruffs_rules_for_security_are_on_in_everything_that_ships() -> None:
    lint = tomllib.loads(_read("pyproject.toml"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"] and not [rule for rule in lint["ignore"] if rule.startswith("S")]
    passed = {
        path: [r for r in rules if r.startswith("S")] for path, rules in lint["per-file-ignores"].items()
    }
    assert {path for path, rules in passed.items() if rules} <= {"tests/**", "scripts/*.py", "train/**/*.py"}
