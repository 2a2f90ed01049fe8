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
"""Permissive licences, or for files only (MPL); none that covers the whole program (GPL, AGPL)."""


def allowed(terms: str) -> bool:
    # One of several alternatives is enough: the one after OR need not be taken.
    choices = re.split(r"\bOR\b", re.sub(r"[()]", " ", terms)) if "AND" not in terms else [terms]
    licences = [
        set(re.findall(r"[A-Za-z0-9.-]+", choice)) - {"AND", "OR", "WITH", "LLVM"} for choice in choices
    ]
    return any(names and names <= ALLOWED for names in licences)


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
    """All direct and indirect requirements of pyproject.toml with all extras, as far as they are installed.

    Returns:
        For each distribution, by its normalised name, what requires it.
    """
    requirers: dict[str, set[str]] = {}
    todo = [(Requirement(f"{OWN}[{','.join(EXTRAS)}]"), "pyproject.toml")]
    seen = set()
    while todo:
        requirement, requirer = todo.pop()
        name = canonicalize_name(requirement.name)
        requirers.setdefault(name, set()).add(requirer)
        for extra in {"", *requirement.extras} - {extra for seen_name, extra in seen if seen_name == name}:
            seen.add((name, extra))
            try:
                texts = metadata.requires(name) or [] if name != OWN else own_requirements(extra)
            except metadata.PackageNotFoundError:
                continue
            for text in texts:
                further = Requirement(text)
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    todo.append((further, name))
    return requirers


def own_requirements(extra: str) -> list[str]:
    """The requirements of an extra in pyproject.toml; without one, those that are always needed."""
    return list(EXTRAS[extra] if extra else PROJECT["dependencies"])


@pytest.mark.slow
def test_every_direct_or_indirect_requirement_is_locked_and_installed_as_locked() -> None:
    locked = {canonicalize_name(name): version for name, version in pinned()}
    for name, requirers in needed().items():
        try:
            version = Version(metadata.version(name)).public  # torch's names the kind of build as well
        except metadata.PackageNotFoundError:
            continue
        if name != OWN:
            assert locked.get(name) == version, f"{name} {version} is here for {sorted(requirers)}; lock it"


def test_what_is_locked_is_within_what_pyproject_allows() -> None:
    locked = {canonicalize_name(name): version for name, version in pinned()}
    texts = [text for texts in [PROJECT["dependencies"], *EXTRAS.values()] for text in texts]
    for requirement in map(Requirement, texts):
        if requirement.name != OWN:
            version = locked[canonicalize_name(requirement.name)]
            allowed = requirement.specifier.contains(version, prereleases=True)
            assert allowed, f"{requirement} forbids {version}"


@pytest.mark.parametrize(("name", "hole"), [("gradio", "6.21.9"), ("transformers", "5.4.9")])
def test_versions_with_known_holes_are_forbidden(name: str, hole: str) -> None:
    texts = [text for texts in [PROJECT["dependencies"], *EXTRAS.values()] for text in texts]
    (requirement,) = [Requirement(text) for text in texts if Requirement(text).name == name]
    assert not requirement.specifier.contains(hole)


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def all_calls() -> dict[str, list[tuple[Path, ast.Call]]]:
    """Every call of a method or function in the program, by its name."""
    by_name: dict[str, list[tuple[Path, ast.Call]]] = {}
    # Not train/, whose checkpoints are its own.
    for path in [path for folder in ("rag", "ui", "evals") for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                by_name.setdefault(called, []).append((path, node))
    return by_name


def calls(name: str) -> list[tuple[Path, ast.Call]]:
    """Every call of a method or function of that name in the program."""
    return all_calls().get(name, [])


@pytest.mark.slow
def test_models_of_a_hub_are_safetensors_and_bring_no_code() -> None:
    loaded = calls("from_pretrained") + calls("SentenceTransformer")
    assert len(loaded) >= 3
    for path, call in loaded:
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert options.get("trust_remote_code", "False") == "False", path
        if not ast.unparse(call.func).startswith(("AutoTokenizer", "AutoConfig")):  # which have no weights
            weights = options.get("use_safetensors", options.get("model_kwargs", ""))
            assert weights == "True" or "'use_safetensors': True" in weights, (path, ast.unparse(call))


@pytest.mark.parametrize("name", ["loads", "load"])
def test_nothing_is_unpickled(name: str) -> None:
    for path, call in calls(name):
        owner = ast.unparse(call.func).rpartition(".")[0]
        assert owner not in ("pickle", "cPickle", "dill", "joblib", "torch", "yaml", "marshal"), path
        if owner in ("np", "numpy"):
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert options.get("allow_pickle", "False") == "False", path


def test_ruffs_rules_for_security_are_on_in_everything_that_ships() -> None:
    lint = tomllib.loads(_read("pyproject.toml"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"] and not [rule for rule in lint["ignore"] if rule.startswith("S")]
    passed = {
        path: [r for r in rules if r.startswith("S")] for path, rules in lint["per-file-ignores"].items()
    }
    assert {path for path, rules in passed.items() if rules} <= {"tests/**", "scripts/*.py", "train/**/*.py"}
