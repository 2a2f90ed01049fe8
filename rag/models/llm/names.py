"""What the name of a generator stands for: the packaged model, a server's address, a folder or a hub id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rag.errors import BadSettings, ModelMissing
from rag.settings import PACKAGED, expanded, is_address

Kind = Literal["packaged", "address", "openvino", "transformers"]
"""packaged: the installed weights; address: a model on a server; openvino: a folder in OpenVINO's format;
transformers: a folder with safetensors, or a hub model id."""

OPENVINO_FILE = "openvino_model.xml"
"""The file by which a folder in OpenVINO's format is recognised."""

FORM = "http://HOST:PORT/v1#MODEL"
"""How a model on a server is named."""

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)

_GGUF = b"GGUF"
"""The first bytes of every GGUF file."""


@dataclass(frozen=True, slots=True)
class Address:
    """A model on a server with OpenAI's API."""

    base: str
    """The address without the model, and without a slash at its end."""
    host: str
    """The server's host name."""
    model: str
    """The model's name on that server."""


def kind_of(name: str) -> Kind:
    """What a name stands for, without network access.

    Raises:
        BadSettings: It is an address of another form.
        ModelMissing: It is a file, a folder without a model, or a path at which there is nothing.
    """
    if name == PACKAGED:
        return "packaged"
    if is_address(name):
        parse_address(name)
        return "address"
    path = expanded(name)
    if path.is_dir():
        return _kind_of_folder(name, path)
    if path.is_file():
        raise ModelMissing(_about_file(name, path))
    if _HUB_ID.fullmatch(name) and not name.lower().endswith(".gguf"):
        return "transformers"
    if "#" in name or re.match(r"[\w.-]+:\d+(/|$)", name):
        raise BadSettings(f"The language model {name!r} looks like an address. Write it as {FORM} (--llm).")
    raise ModelMissing(
        f"The language model {name!r} is no hub model id, and there is no such file or folder. Name "
        f"'packaged', a hub model id (OWNER/NAME), a folder or an address, {FORM} (--llm, SANAD_LLM)."
    )


def _kind_of_folder(name: str, path: Path) -> Kind:
    if (path / OPENVINO_FILE).is_file():
        return "openvino"
    if (path / "config.json").is_file():
        return "transformers"
    files = sorted(path.glob("*.gguf"))
    if files:
        raise ModelMissing(_about_file(str(files[0]), files[0]))
    raise ModelMissing(
        f"The folder {name!r} contains no language model: neither {OPENVINO_FILE} (OpenVINO) nor config.json "
        "(safetensors). Name the folder that contains one of them (--llm, SANAD_LLM)."
    )


def _about_file(name: str, path: Path) -> str:
    with path.open("rb") as file:
        first = file.read(len(_GGUF))
    if first == _GGUF:
        return (
            f"{name!r} is a GGUF file, which a server has to run: llama-server --model FILE --port 8080. "
            "Then name it by its address: --llm http://127.0.0.1:8080/v1#MODEL."
        )
    if path.suffix.lower() == ".gguf":
        return f"{name!r} is not a GGUF file: it begins with {first!r}. Download it again."
    return (
        f"{name!r} is a file that Sanad cannot run. Name the folder of a model in OpenVINO's format or with "
        "safetensors (--llm, SANAD_LLM)."
    )


def parse_address(name: str) -> Address:
    """The parts of an address.

    Raises:
        BadSettings: It has another form than ``FORM``; the message contains no password.
    """
    masked = re.sub(r"//[^/@]*@", "//…@", name)
    try:
        parts = urlsplit(name)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadSettings(
            f"The address {masked!r} is not valid ({error}). Write it as {FORM} (--llm)."
        ) from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise BadSettings(f"The address {masked!r} has no http:// and host. Write it as {FORM} (--llm).")
    if parts.username is not None or parts.query:
        raise BadSettings(
            f"The address {masked!r} contains a name, a key or a query. Write only {FORM}, and put the key "
            "into the variable SANAD_LLM_KEY, or into a file that SANAD_LLM_KEY_FILE names."
        )
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    if not parts.fragment:
        raise BadSettings(
            f"The address {masked!r} names no model. Add its name after '#': {base}#MODEL. The server lists "
            f"its models at {base}/models."
        )
    return Address(base, host, parts.fragment)
