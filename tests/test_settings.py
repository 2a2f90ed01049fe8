from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from rag import BadSettings, Settings
from rag.settings import BACKENDS, resource_dir


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


def test_every_setting_can_be_given_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        default = getattr(Settings(), field.name)
        value = {int: 7, str: "fake", bool: True, Path: "/some/where"}[
            Path if isinstance(default, Path) else type(default)
        ]
        if field.name == "chroma_url":
            value = "http://127.0.0.1:8000"
        monkeypatch.setenv(f"SANAD_{field.name.upper()}", str(value))
        given[field.name] = Path(value) if isinstance(default, Path) else value
    loaded = Settings.load()
    assert {name: getattr(loaded, name) for name in given} == given


def test_a_tilde_in_a_path_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("SANAD_CACHE", "~/models")
    assert Settings.load().cache == Path("/home/someone/models")


@pytest.mark.parametrize(
    ("text", "told"),
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
        ("passages = 0", ["passages", "0", "at least 1"]),
        ("max_question = -1", ["max_question", "-1", "at least 1"]),
        ("threads = -1", ["threads", "-1", "0"]),
        ('backend = "cuda"', ["'cuda'", *BACKENDS]),
        ("passages = = 3", ["sanad.toml", "line 1", "Correct"]),
    ],
)
def test_a_wrong_config_file_is_refused_with_value_and_fix(text: str, told: list[str]) -> None:
    config(text)
    with pytest.raises(BadSettings) as raised:
        Settings.load()
    message = str(raised.value)
    assert [part for part in told if part not in message] == []
    assert "\n" not in message


def test_a_config_file_that_is_not_utf8_is_refused_with_its_name() -> None:
    Path("sanad.toml").write_bytes('llm = "نموذج"'.encode("cp1256"))
    with pytest.raises(BadSettings, match=r"sanad\.toml"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PASSAGES", "six", ["passages", "'six'", "SANAD_PASSAGES", "whole number"]),
        ("PASSAGES", "2.5", ["'2.5'", "SANAD_PASSAGES"]),
        ("THREADS", "-2", ["threads", "-2"]),
        ("BACKEND", "gpu", ["'gpu'", "openvino"]),
    ],
)
def test_a_wrong_variable_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: list[str]
) -> None:
    monkeypatch.setenv(f"SANAD_{name}", value)
    with pytest.raises(BadSettings) as raised:
        Settings.load()
    assert [part for part in told if part not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("SANAD_PASAGES", "SANAD_PASSAGES"),
        ("SANAD_EMBEDER", "SANAD_EMBEDDER"),
        ("SANAD_passages", "SANAD_PASSAGES"),
        ("SANAD_XYZZY", "SANAD_LLM, SANAD_LLM_KEY"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_near_one(
    monkeypatch: pytest.MonkeyPatch, variable: str, told: str
) -> None:
    monkeypatch.setenv(variable, "3")
    with pytest.raises(BadSettings) as raised:
        Settings.load()
    assert variable in str(raised.value)
    assert told in str(raised.value)


def test_an_unknown_argument_is_refused_with_the_known_names() -> None:
    with pytest.raises(BadSettings, match=r"'modell'.*llm, llm_key"):
        Settings.load(modell="x")


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().llm = "other"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["prompts", "seeds"])
def test_the_shipped_folders_are_found_from_any_working_directory(name: str) -> None:
    assert any(resource_dir(name).iterdir())
