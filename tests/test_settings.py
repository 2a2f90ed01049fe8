"""Settings: where they come from, how wrong ones are refused, and the commands that install extras."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import os
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from rag import BadSettings, Settings, settings
from rag.settings import (
    BACKENDS,
    DISTRIBUTION,
    can_be_file,
    checkout,
    command_line,
    index_folder,
    install_command,
    reinstall_command,
    resource_dir,
)


def config(text: str) -> None:
    Path("sanad.toml").write_text(text, encoding="utf-8")


def test_argument_beats_environment_beats_config_file_beats_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().passages == Settings().passages != 11
    config("passages = 11\nevidence = 12")
    assert Settings.load().passages == 11
    monkeypatch.setenv("SANAD_PASSAGES", "22")
    assert Settings.load().passages == 22
    assert Settings.load(passages=33).passages == 33
    assert Settings.load(passages=33).evidence == 12, "a name that is not given keeps the config file's value"


def test_an_argument_of_none_and_an_empty_variable_mean_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    config('llm = "some/model"')
    monkeypatch.setenv("SANAD_LLM", "")
    assert Settings.load(llm=None).llm == "some/model"


def test_every_setting_can_be_set_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    expected: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        default = getattr(Settings(), field.name)
        value = {int: 7, str: "fake", bool: True, Path: "/some/where"}[
            Path if isinstance(default, Path) else type(default)
        ]
        if field.name == "chroma_url":
            value = "http://127.0.0.1:8000"
        monkeypatch.setenv(f"SANAD_{field.name.upper()}", str(value))
        expected[field.name] = Path(value) if isinstance(default, Path) else value
    loaded = Settings.load()
    assert {name: getattr(loaded, name) for name in expected} == expected


def test_a_tilde_in_a_path_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("SANAD_CACHE", "~/models")
    assert Settings.load().cache == Path("/home/someone/models")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pasages = 3", ["'pasages'", "sanad.toml", "passages"]),
        ('passages = "six"', ["passages", "'six'", "sanad.toml", "whole number"]),
        ("passages = 2.7", ["passages", "2.7", "whole number"]),
        ("passages = true", ["passages", "True", "whole number"]),
        ("passages = [3]", ["passages", "[3]", "whole number"]),
        ("llm = 5", ["llm", "5", "text"]),
        ('embedder = ["a"]', ["embedder", "['a']", "text"]),
        ("cache = 5", ["cache", "5", "a path"]),
        ("[cache]\npath = 'x'", ["cache", "path", "a path"]),
        ('cache = "~nosuchuser/x"', ["cache", "'~nosuchuser/x'", "sanad.toml", "names no user here"]),
        ("passages = 0", ["passages", "0", "at least 1"]),
        ("max_question = -1", ["max_question", "-1", "at least 1"]),
        ("threads = -1", ["threads", "-1", "0"]),
        ('backend = "cuda"', ["'cuda'", *BACKENDS]),
        ("passages = = 3", ["sanad.toml", "line 1", "Correct"]),
    ],
)
def test_a_wrong_config_file_is_refused_with_value_and_fix(text: str, expected: list[str]) -> None:
    config(text)
    with pytest.raises(BadSettings) as raised:
        Settings.load()
    message = str(raised.value)
    assert [part for part in expected if part not in message] == []
    assert "\n" not in message


def test_a_config_file_that_is_not_utf8_is_refused_with_its_name() -> None:
    Path("sanad.toml").write_bytes('llm = "نموذج"'.encode("cp1256"))
    with pytest.raises(BadSettings, match=r"sanad\.toml"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PASSAGES", "six", ["passages", "'six'", "SANAD_PASSAGES", "whole number"]),
        ("PASSAGES", "2.5", ["'2.5'", "SANAD_PASSAGES"]),
        ("THREADS", "-2", ["threads", "-2"]),
        ("BACKEND", "gpu", ["'gpu'", "openvino"]),
    ],
)
def test_a_wrong_variable_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: list[str]
) -> None:
    monkeypatch.setenv(f"SANAD_{name}", value)
    with pytest.raises(BadSettings) as raised:
        Settings.load()
    assert [part for part in expected if part not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("SANAD_PASAGES", "SANAD_PASSAGES"),
        ("SANAD_EMBEDER", "SANAD_EMBEDDER"),
        ("SANAD_passages", "SANAD_PASSAGES"),
        ("SANAD_XYZZY", "SANAD_LLM, SANAD_LLM_KEY"),
    ],
)
def test_a_variable_that_is_not_a_setting_is_refused_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, variable: str, expected: str
) -> None:
    monkeypatch.setenv(variable, "3")
    with pytest.raises(BadSettings) as raised:
        Settings.load()
    assert variable in str(raised.value)
    assert expected in str(raised.value)


def test_an_unknown_argument_is_refused_with_the_known_names() -> None:
    with pytest.raises(BadSettings, match=r"'modell'.*llm, llm_key"):
        Settings.load(modell="x")


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().llm = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["prompts", "seeds"])
def test_the_shipped_folders_are_found_from_any_working_directory(name: str) -> None:
    assert any(resource_dir(name).iterdir())


@pytest.mark.parametrize(
    "name", ["CON", "nul", "aux.txt", "Lpt1", "com¹.a.b", "mine.", "..", "a:b", "a/b", "a\\b"]
)
def test_an_index_name_that_is_not_a_folder_on_every_system_is_refused(name: str) -> None:
    with pytest.raises(BadSettings, match="not a valid index name"):
        index_folder(Settings(), name)


@pytest.mark.parametrize("name", ["console", "null", "com", "com10", "aux-1", "v1.2", "أخبار", "con_"])
def test_a_name_that_only_begins_like_a_device_is_valid(name: str) -> None:
    assert index_folder(Settings(), name).name == name


@pytest.mark.parametrize("name", ["a:b.txt", "why?.txt", "tab\there.txt|", "end ", "PRN.txt", "con .txt"])
def test_only_windows_refuses_such_a_file(name: str) -> None:
    assert can_be_file(name, windows=False)
    assert not can_be_file(name, windows=True)


METADATA = f"""Metadata-Version: 2.4
Name: {DISTRIBUTION}
Version: 0.1.0
Provides-Extra: models
Provides-Extra: remote
Provides-Extra: other
Requires-Dist: numpy>=2.0
Requires-Dist: pytest>=1; extra == 'models'
Requires-Dist: pluggy; extra == 'models'
Requires-Dist: openai<3,>=2; extra == 'remote'
Requires-Dist: no-such-package; extra == 'remote'
Requires-Dist: no-such-package; extra == 'other'
"""


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that a wheel of Sanad was installed into; the folder of its packages."""
    packages = tmp_path / "packages"
    (packages / "rag" / "prompts").mkdir(parents=True)
    information = packages / "sanad_news-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(METADATA, encoding="utf-8")
    monkeypatch.setattr(settings, "PACKAGE", packages / "rag")
    monkeypatch.syspath_prepend(packages)
    environment = tmp_path / "venvs" / "sanad-old"
    environment.mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(environment))
    return packages


def test_a_checkout_is_distinguished_from_a_wheel_by_what_is_inside_the_package(wheel: Path) -> None:
    # Other packages leave such things beside their own.
    (wheel / "pyproject.toml").write_text("[project]", encoding="utf-8")
    for name in ("prompts", "seeds"):
        (wheel / name).mkdir()
    assert checkout() is None
    assert resource_dir("prompts") == wheel / "rag" / "prompts"
    assert resource_dir("seeds") == wheel / "rag" / "seeds"
    assert not Settings().indexes.is_relative_to(wheel.parent)


def test_in_a_checkout_an_extra_is_installed_from_it_in_locked_versions() -> None:
    root = checkout()
    assert root is not None and (root / "pyproject.toml").is_file()
    command = install_command("remote")
    assert command.startswith(command_line(sys.executable, "-m", "pip", "install", "-c"))
    assert command.endswith(command_line(str(root / "constraints.txt"), "-e", f"{root}[remote]"))


def test_an_extra_of_a_wheel_is_installed_by_the_pip_of_its_environment(wheel: Path) -> None:
    assert install_command("remote") == f"{sys.executable} -m pip install 'sanad-news[remote]'"


def test_pipx_injects_what_the_extra_needs_into_the_environment_by_its_name(wheel: Path) -> None:
    (Path(sys.prefix) / "pipx_metadata.json").touch()
    assert install_command("remote") == "pipx inject sanad-old 'openai<3,>=2' no-such-package"
    assert install_command("models") == "pipx inject sanad-old 'pytest>=1' pluggy"


def test_uv_gets_the_extras_that_are_installed_already_as_it_would_remove_them(wheel: Path) -> None:
    (Path(sys.prefix) / "uv-receipt.toml").touch()
    assert install_command("remote") == "uv tool install 'sanad-news[models,remote]'"
    address = "file:///tmp/sanad_news-0.1.0-py3-none-any.whl"
    origin = wheel / "sanad_news-0.1.0.dist-info" / "direct_url.json"
    origin.write_text(f'{{"url": "{address}"}}', encoding="utf-8")
    assert install_command("other") == f"uv tool install 'sanad-news[models,other] @ {address}'"


def test_without_metadata_and_without_pip_there_is_still_a_command(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(sys.prefix) / "uv-receipt.toml").touch()

    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    find = importlib.util.find_spec
    monkeypatch.setattr(metadata, "requires", requires)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else find(name))
    assert install_command("hub") == f"uv pip install --python {sys.executable} 'sanad-news[hub]'"
    assert reinstall_command("a==1").endswith(f"{sys.executable} --no-deps --force-reinstall a==1")


@pytest.mark.parametrize(
    ("words", "posix", "windows"),
    [
        (["pip", "a==1.0"], "pip a==1.0", "pip a==1.0"),
        (["pip", "a[b]"], "pip 'a[b]'", 'pip "a[b]"'),
        (["pipx", "a<3,>=2"], "pipx 'a<3,>=2'", 'pipx "a<3,>=2"'),
        ([r"C:\Users\Lina\python.exe"], r"'C:\Users\Lina\python.exe'", r"C:\Users\Lina\python.exe"),
        ([r"C:\Lina Haddad\python.exe"], r"'C:\Lina Haddad\python.exe'", r'"C:\Lina Haddad\python.exe"'),
    ],
)
def test_a_command_is_quoted_for_the_shell_of_the_system(words: list[str], posix: str, windows: str) -> None:
    assert command_line(*words, windows=False) == posix
    assert command_line(*words, windows=True) == windows


@pytest.mark.slow
def test_the_name_is_that_of_the_project_and_only_the_settings_know_how_to_install() -> None:
    root = checkout()
    assert root is not None
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == DISTRIBUTION
    modules = [path for room in ("rag", "ui", "evals") for path in (root / room).rglob("*.py")]
    wrong = ("pip install", f".venv{os.sep}bin", "make install", "docs/")
    texts = [
        (path.name, literal)
        for path in modules
        for literal in messages(path)
        if any(text in literal for text in wrong)
    ]
    assert texts == []


def messages(path: Path) -> list[str]:
    """The string literals in a module that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in statements
    ]
