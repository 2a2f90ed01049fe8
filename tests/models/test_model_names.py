"""What the name of a model stands for; addresses are in test_remote.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import ModelMissing, SanadError, Settings
from rag.models.llm.factory import choose_backend, open_generator
from rag.models.llm.names import kind_of


def folder(path: Path, *files: str) -> Path:
    path.mkdir()
    for name in files:
        (path / name).write_bytes(b"GGUF" if name.endswith(".gguf") else b"{}")
    return path


def test_each_kind_of_model_is_recognised(tmp_path: Path) -> None:
    openvino = folder(tmp_path / "a", "openvino_model.xml", "config.json")
    safetensors = folder(tmp_path / "b", "config.json", "model.safetensors")
    kinds = {
        "packaged": "packaged",
        "https://models.example/v1#org/model:7b": "address",
        str(openvino): "openvino",
        str(safetensors): "transformers",
        "Qwen/Qwen3-4B": "transformers",
        "gpt2": "transformers",
    }
    assert {name: kind_of(name) for name in kinds} == kinds
    assert choose_backend(Settings.load(llm=str(openvino))) == "openvino"


def test_a_folder_in_the_users_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "model", "config.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kind_of("~/model") == "transformers"
    with pytest.raises(ModelMissing):
        kind_of("~/another")


def refusal(name: str) -> str:
    with pytest.raises(SanadError) as raised:
        open_generator(Settings.load(llm=name))
    message = str(raised.value)
    assert repr(name) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "name",
    ["/no/such/folder", "./model", "a b c", "C:\\models\\qwen", "a/b/c", "x.gguf", "-", "~nosuchuser/model"],
)
def test_a_name_of_nothing_is_refused_with_the_forms_that_names_have(name: str) -> None:
    message = refusal(name)
    for form in ("'packaged'", "OWNER/NAME", "folder", "http://HOST:PORT/v1#MODEL"):
        assert form in message


def test_a_gguf_file_is_recognised_and_the_server_for_it_named(tmp_path: Path) -> None:
    file = folder(tmp_path / "models", "qwen.gguf", "other") / "qwen.gguf"
    (file.parent / "other").write_bytes(b"GGUF")
    for path in (file, file.parent / "other"):
        message = refusal(str(path))
        assert "is a GGUF file" in message
        assert "llama-server" in message
        assert "--llm http://" in message
    with pytest.raises(ModelMissing, match=r"qwen\.gguf' is a GGUF file"):
        kind_of(str(file.parent))


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"<html>")
    assert "is not a GGUF file: it begins with b'<htm'" in refusal(str(broken))
    text = tmp_path / "model.txt"
    text.touch()
    assert "is a file that Sanad cannot run" in refusal(str(text))
    assert "neither openvino_model.xml" in refusal(str(folder(tmp_path / "empty")))
