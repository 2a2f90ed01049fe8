"""Settings, paths, environment variables, and how Sanad was installed; no other module reads them.

Precedence, highest first: keyword arguments of ``Settings.load`` (the command line), environment variables
``SANAD_*``, ``sanad.toml`` in the working directory, the defaults below.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from rag.errors import BadSettings

CONFIG_NAME = "sanad.toml"
"""Name of the config file in the working directory."""

DEFAULT_INDEX = "seeds"
"""The index to use if none is named; it is built from ``Settings.articles`` if it is missing."""

PACKAGED = "packaged"
"""The model name for the weights that are installed as Python packages."""

PLAIN, ADAPTED = "answer", "adapted"
"""Prompt templates: for any model that follows instructions, and for the packaged one with its adapter."""

LOCAL = "127.0.0.1"
"""Default address of a server, which other machines cannot reach."""

BACKENDS = ("auto", "openvino", "transformers", "fake")
"""Engines for the generator; ``fake`` gives scripted replies, for tests and demonstrations."""

PACKAGE = Path(__file__).resolve().parent
"""The folder of this package."""

DISTRIBUTION = "sanad-news"
"""The name by which installers know Sanad."""


def checkout() -> Path | None:
    """The checkout that this code runs from; None if it was installed from a wheel.

    Only a wheel carries the prompts inside the package. What is beside the package says nothing: among
    installed packages there may be a pyproject.toml or a folder ``prompts`` of another project.
    """
    return None if (PACKAGE / "prompts").is_dir() else PACKAGE.parent


def resource_dir(name: str) -> Path:
    """The folder ``prompts`` or ``seeds`` of the checkout, or its copy inside an installed wheel."""
    return (checkout() or PACKAGE) / name


def install_command(extra: str) -> str:
    """The command that adds an extra of Sanad to the environment that this process runs in."""
    if root := checkout():
        return _pip("-c", f"{root / 'constraints.txt'}", "-e", f"{root}[{extra}]")
    environment = Path(sys.prefix)
    needed = _requirements()
    if (environment / "pipx_metadata.json").is_file() and extra in needed:
        # Not the extra itself: pipx injects nothing under the name of the package that it installed.
        return command_line("pipx", "inject", environment.name, *needed[extra])
    if (environment / "uv-receipt.toml").is_file() and extra in needed:
        # uv replaces the environment: what is not named again is removed from it.
        extras = [name for name in needed if name == extra or all(map(_is_installed, needed[name]))]
        return command_line("uv", "tool", "install", _from_origin(f"{DISTRIBUTION}[{','.join(extras)}]"))
    return _pip(f"{DISTRIBUTION}[{extra}]")


def reinstall_command(*requirements: str) -> str:
    """The command that installs packages again into the environment that this process runs in."""
    return _pip("--no-deps", "--force-reinstall", *requirements)


def expanded(path: str) -> Path:
    """A path with the home folder for ``~``; a path with an unknown ``~USER`` is returned unchanged."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError


def command_line(*words: str, windows: bool = os.name == "nt") -> str:
    """Words as a person types them into a shell; that of Windows knows no single quotes."""
    if not windows:
        return shlex.join(words)
    return " ".join(word if re.fullmatch(r"[\w@%+=:,./\\~-]+", word) else f'"{word}"' for word in words)


def _pip(*words: str) -> str:
    if importlib.util.find_spec("pip"):
        return command_line(sys.executable, "-m", "pip", "install", *words)
    return command_line("uv", "pip", "install", "--python", sys.executable, *words)  # uv makes no pip


def _requirements() -> dict[str, list[str]]:
    """The requirements of each extra of the installed wheel; empty if its metadata is not found."""
    from importlib import metadata

    try:
        listed = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return {}
    requirements: dict[str, list[str]] = {}
    for text in listed:
        requirement, _, marker = text.partition(";")
        if extra := re.search(r"""extra == ['"]([\w-]+)""", marker):
            requirements.setdefault(extra[1], []).append(requirement.strip())
    return requirements


def _is_installed(requirement: str) -> bool:
    from importlib import metadata

    return any(metadata.distributions(name=re.split(r"[^\w.-]", requirement)[0]))


def _from_origin(requirement: str) -> str:
    """A requirement of Sanad with the address of the file that it was installed from, if that was a file."""
    from importlib import metadata

    origin = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    return f"{requirement} @ {json.loads(origin)['url']}" if origin else requirement


def _default_cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("sanad", appauthor=False)


def _default_indexes() -> Path:
    if root := checkout():
        return root / "indexes"
    import platformdirs

    return platformdirs.user_data_path("sanad", appauthor=False) / "indexes"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Frozen: ``dataclasses.replace`` makes a changed copy."""

    llm: str = PACKAGED
    """Generator: ``packaged``, a hub model id, a local folder, or the address of a server with OpenAI's API
    and the name of one of its models, ``http://HOST:PORT/v1#MODEL``."""
    llm_key: str = field(default="", repr=False)
    """Key that the server of ``llm`` asks for. There is no flag for it, as other users of a machine can read
    command lines."""
    llm_key_file: str = ""
    """File that contains that key, instead of ``llm_key``."""
    llm_context: int = 0
    """Longest prompt and reply together that the server of ``llm`` accepts, in tokens; 0 asks the server."""
    embedder: str = PACKAGED
    """Embedder: ``packaged``, a hub model id or a local folder; ``fake`` for tests."""
    backend: str = "auto"
    """Engine of the generator: ``openvino``, ``transformers``, ``fake`` or ``auto``, which chooses by what
    ``llm`` names: a server's address is asked over HTTP, a folder in OpenVINO's format is run by openvino,
    any other model by transformers. The packaged model is run by transformers if there is a CUDA or MPS
    device, and otherwise by openvino."""
    adapter: bool = True
    """Merge Sanad's adapter, which was trained to cite and to refuse, into the packaged generator."""
    prompt: str = ""
    """Name of the prompt template, a file in prompts/ without its suffix; empty selects the best one for the
    generator, see ``template``."""
    cache: Path = field(default_factory=_default_cache)
    """Folder for prepared models, kept answers and votes."""
    indexes: Path = field(default_factory=_default_indexes)
    """Folder that contains the indexes."""
    chroma_url: str = ""
    """Address of the Chroma server that has the collections of the indexes, ``http://HOST:PORT``; empty keeps
    each in the folder of its index. See rag/index/collection.py."""
    articles: Path = field(default_factory=lambda: resource_dir("seeds"))
    """Folder from which the default index, ``seeds``, is built."""
    chunk_tokens: int = 300
    """Longest chunk in o200k_base tokens: about 400 of the 512 tokens that e5-small reads. Retrieval found
    more with 300 than with 200, and no more with 400 (docs/research/decisions.md)."""
    passages: int = 6
    """Number of passages that are retrieved for a question."""
    evidence: int = 6
    """Largest number of sentences that the model reads. On unseen news 6 sentences contain the answer to .92
    of the questions, 4 to .83 and 8 to .94 (docs/research/results.md), and each costs time."""
    evidence_tokens: int = 500
    """Longest evidence in o200k_base tokens: short prompts are faster and, with a small model, more exact."""
    max_new_tokens: int = 160
    """Longest reply of the model in its own tokens."""
    max_question: int = 2000
    """Longest question in characters."""
    max_file_bytes: int = 20_000_000
    """Largest article file in bytes; larger ones are reported and skipped."""
    max_rows_bytes: int = 500_000_000
    """Largest collection of articles (JSON Lines, CSV, TSV) in bytes; it is read into memory."""
    columns: str = ""
    """Column names of collections that do not use a common name, for example ``text=corpus,title=kicker``.
    Fields: text, title, outlet, published, language, url, id."""
    parse_seconds: int = 60
    """Longest time for reading one web page, PDF or Word file in seconds, after which it is skipped. Web
    pages take milliseconds; a PDF of 50 full pages took 12 s."""
    threads: int = 0
    """Processor threads for the models; 0 lets the engine choose."""
    answer_cache: bool = True
    """Return the earlier answer if the same question was already answered by the same model from the same
    index. Applies to ``sanad ask``, the page and the API, and only to the packaged model, whose identity
    determines its weights."""
    answer_cache_bytes: int = 20_000_000
    """Largest size of all kept answers in bytes: about 2,500 answers of 8 KB, compressed."""
    answer_seconds: int = 300
    """Longest time that one answer may take in all, in seconds: ten times what the packaged model needs on
    two cores, so that a busy machine is not mistaken for a hanging engine."""
    at_once: int = 2
    """Number of questions that the packaged model, another one in OpenVINO's format or the server of ``llm``
    answers at the same time. Any other model answers one question at a time."""
    waiting: int = 16
    """Number of questions that may wait in a server's queue; further ones are refused with the time to try
    again."""
    passwords: str = ""
    """File with the names and password hashes of a server's users; see rag/server/login.py."""
    hosts: str = ""
    """Host names, separated by commas, by which clients may address a server besides its own address."""
    proxy: str = ""
    """Address of the reverse proxy whose X-Forwarded headers a server trusts; empty trusts none."""
    log_questions: bool = False
    """Write the text of questions to a server's log."""

    @property
    def feedback(self) -> Path:
        """The file of votes on answers; see rag/server/feedback.py."""
        return self.cache / "feedback.jsonl"

    @property
    def answers(self) -> Path:
        """The file of kept answers; see rag/server/answer_cache.py."""
        return self.cache / "answers.sqlite3"

    @property
    def template(self) -> str:
        """The prompt template in use: the adapter was trained with its own; other models need examples."""
        adapted = self.adapter and self.llm == PACKAGED and self.backend != "fake"
        return self.prompt or (ADAPTED if adapted else PLAIN)

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Settings from the config file, the environment and ``overrides``.

        Args:
            **overrides: Values by field name; None means that the value is not given.

        Raises:
            BadSettings: A name is unknown, or a value is of the wrong type or out of range.
        """
        values = {k: _parse(k, v, where="argument") for k, v in overrides.items() if v is not None}
        settings = cls(**_from_file(Path(CONFIG_NAME)) | _from_environment() | values)
        settings._check()
        return settings

    def _check(self) -> None:
        if self.backend not in BACKENDS:
            raise BadSettings(f"Unknown backend {self.backend!r}. Choose one of {', '.join(BACKENDS)}.")
        if self.chroma_url and not _is_server(self.chroma_url):
            raise BadSettings(
                f"The setting chroma_url is {self.chroma_url!r}; it must be the address of a Chroma server: "
                "http://HOST:PORT"
            )
        for name, kind in _TYPES.items():
            least = 0 if name in ("threads", "llm_context") else 1
            value = getattr(self, name)
            if kind is int and value < least:
                raise BadSettings(f"The setting {name} is {value}; it must be at least {least}.")


def index_folder(settings: Settings, name: str) -> Path:
    """The folder of the index ``name``.

    Raises:
        BadSettings: The name is empty, or is not a plain folder name on every system.
    """
    plain = all(c.isalnum() or c in "._-" for c in name) and can_be_file(name, windows=True)
    if not name or name.startswith(".") or not plain:
        raise BadSettings(
            f"{name!r} is not a valid index name. Use letters, digits, dots, dashes and underscores; do not "
            "begin or end with a dot, and do not use a name of Windows' devices such as CON or NUL."
        )
    return settings.indexes / name


_NOT_ON_WINDOWS = re.compile(
    r"""(con|prn|aux|nul|(com|lpt)[0-9¹²³])\s*(\..*)?|.*([<>:"/\\|?*].*|[. ])""", re.I | re.S
)
"""Names of devices with any extension, and those with other signs or with a dot or space at the end."""


def can_be_file(name: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether this system can have a file or folder of that name, as far as Windows' rules go."""
    return not (windows and _NOT_ON_WINDOWS.fullmatch(name))


_TYPES: dict[str, Any] = get_type_hints(Settings)


def _parse(name: str, value: Any, *, where: str) -> Any:
    if name not in _TYPES:
        raise BadSettings(f"Unknown setting {name!r} ({where}). {_near(name, 'settings')}")
    kind = _TYPES[name]
    try:
        if kind is bool:
            return value if isinstance(value, bool) else ConfigParser.BOOLEAN_STATES[value.strip().lower()]
        # int(2.7) and str([...]) would succeed; only text or a value of the right type is accepted.
        if isinstance(value, bool) or not isinstance(value, (str, Path, kind)):
            raise TypeError
        return kind(value).expanduser() if kind is Path else kind(value)
    except RuntimeError:  # of expanduser
        raise BadSettings(f"The setting {name} is {value!r} ({where}); ~ names no user here.") from None
    except (TypeError, ValueError, KeyError, AttributeError):
        expected = {bool: "true or false", int: "a whole number", str: "text", Path: "a path"}[kind]
        raise BadSettings(f"The setting {name} is {value!r} ({where}); it must be {expected}.") from None


_PREFIX = "SANAD_"
"""Prefix of Sanad's environment variables; the rest is the name of a setting in capitals."""


def _from_environment() -> dict[str, Any]:
    settings = {_PREFIX + name.upper(): name for name in _TYPES}
    values = {}
    for variable, text in os.environ.items():
        if not variable.startswith(_PREFIX) or not text:
            continue
        if (name := settings.get(variable)) is None:  # a misspelt one must not be ignored
            fix = _near(variable.removeprefix(_PREFIX).lower(), "variables", lambda n: _PREFIX + n.upper())
            raise BadSettings(f"Unknown environment variable {variable}. {fix} Otherwise unset it.")
        values[name] = _parse(name, text, where=f"environment variable {variable}")
    return values


def _near(name: str, kind: str, spelled: Callable[[str], str] = str) -> str:
    """The setting that an unknown name probably means, or all settings."""
    near = difflib.get_close_matches(name, _TYPES, n=1)
    known = ", ".join(map(spelled, near or _TYPES))
    return f"Did you mean {known}?" if near else f"The {kind} are {known}."


def _from_file(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"Cannot read {path.resolve()}: {error}. Correct the file or remove it.") from None
    return {name: _parse(name, value, where=str(path.resolve())) for name, value in raw.items()}


def quiet_libraries(settings: Settings | None = None) -> None:
    """Switch off telemetry, downloads and messages of libraries. Call it before importing them.

    Environment variables that the user has set are kept. With ``settings``, access to the model hub stays
    possible only if they name a model that is not a local folder.
    """
    variables = {
        "ANONYMIZED_TELEMETRY": "False",  # chromadb
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",  # silences a warning after fork
        "TRANSFORMERS_VERBOSITY": "error",
    }
    if settings is not None and not any(_from_hub(name) for name in (settings.llm, settings.embedder)):
        variables["HF_HUB_OFFLINE"] = "1"
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    # Importing openvino reports to an analytics host through a package that cannot be switched off. If that
    # package cannot be imported, openvino uses its own stand-in.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def is_address(model: str) -> bool:
    """Whether the name of a model is the address of a server."""
    return "://" in model


def _is_server(address: str) -> bool:
    """Whether an address is that of a server, with its port and nothing else."""
    try:
        url = urlsplit(address)
        if url.scheme not in ("http", "https") or not url.hostname or not url.port:
            return False
    except ValueError:
        return False
    return "@" not in url.netloc and not (url.path.strip("/") or url.query or url.fragment)


def _from_hub(model: str) -> bool:
    return model not in (PACKAGED, "fake") and not (is_address(model) or expanded(model).exists())
