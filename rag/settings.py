"""Settings, paths and environment: this is the only module that reads them.

Precedence, highest first: keyword arguments of ``Settings.load`` (the command line), environment
variables ``SANAD_*``, ``sanad.toml`` in the working directory, the defaults below.
"""

from __future__ import annotations

import difflib
import os
import platform
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from rag.errors import BadSettings

CONFIG_NAME = "sanad.toml"
"""The config file, looked for in the working directory."""

DEFAULT_INDEX = "seeds"
"""The index that is meant where none is named; it is built from ``Settings.articles`` when it is missing."""

PACKAGED = "packaged"
"""The model name that stands for the weights that install as packages."""

PLAIN, ADAPTED = "answer", "adapted"
"""Prompt templates: for any model that follows instructions, and for the packaged one with its adapter."""

LOCAL = "127.0.0.1"
"""Where a server listens unless told otherwise: nobody else's machine reaches it."""

HUB_INSTALL = ".venv/bin/pip install -c constraints.txt -e '.[models,hub]'"
"""How what hub models need is installed, from the checkout."""

BACKENDS = ("auto", "openvino", "transformers", "fake")
"""What can run a generator; ``fake`` answers from a script, for tests and demonstrations."""

PARTS = (
    "verification", "repair", "quotes", "certainty", "kind", "dates", "second", "parts", "answerability",
    "reread", "context", "outdated"
)  # fmt: skip
"""Parts of the answering that ``Settings.without`` can leave out: dropping claims that their sentences do not
bear out; finding the sentence that does; quoting where only a translation is in doubt; going by the tokens'
probabilities; checking that a time or a number is told where it is asked for; resolving relative dates;
asking other articles too; asking the parts of a question one by one; judging again whether a sentence
answers; reading the evidence again, in another order, where the reply is unsure; telling a phrase with the
sentence that it is taken from; asking again without what is past where a number of now is asked for."""

_ROOT = Path(__file__).resolve().parent.parent


def resource_dir(name: str) -> Path:
    """The folder ``name`` of the checkout, or its copy inside an installed wheel.

    Args:
        name: ``prompts`` or ``seeds``.
    """
    in_checkout = _ROOT / name
    return in_checkout if in_checkout.is_dir() else Path(__file__).resolve().parent / name


def _default_cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("sanad", appauthor=False))


def _default_indexes() -> Path:
    if (_ROOT / "pyproject.toml").is_file():
        return _ROOT / "indexes"
    import platformdirs

    return Path(platformdirs.user_data_dir("sanad", appauthor=False)) / "indexes"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen. Frozen: ``dataclasses.replace`` makes a changed copy."""

    llm: str = PACKAGED
    """Generator: ``packaged``, a hub model id or a local folder."""
    embedder: str = PACKAGED
    """Embedder: ``packaged``, a hub model id or a local folder; ``fake`` for tests."""
    backend: str = "auto"
    """What runs the generator: ``openvino``, ``transformers``, ``fake``, or ``auto``: transformers where
    a CUDA or MPS device is found or another model than the packaged one is named, else openvino."""
    adapter: bool = True
    """Merge Sanad's adapter into the packaged generator, which teaches it to cite and to refuse."""
    prompt: str = ""
    """Name of the prompt template, a file of prompts/ without its ending; empty takes the one that the
    generator answers best with, see ``template``."""
    cache: Path = field(default_factory=_default_cache)
    """Where prepared models are kept."""
    indexes: Path = field(default_factory=_default_indexes)
    """The folder that holds every index."""
    articles: Path = field(default_factory=lambda: resource_dir("seeds"))
    """The folder that ``seeds``, the default index, is built from."""
    chunk_tokens: int = 300
    """Longest chunk in o200k_base tokens: about 400 of the 512 tokens that e5-small reads. 300 found more
    than 200, and 400 no more (docs/decisions.md)."""
    passages: int = 6
    """How many passages a question brings back."""
    evidence: int = 6
    """How many sentences the model is shown at most. Cross-validated, 6 hold the answer more often than 4
    (docs/results.md); the model answered as many right with 6 as with 4."""
    evidence_tokens: int = 500
    """Longest evidence in o200k_base tokens: short prompts are faster and, on a small model, more exact."""
    max_new_tokens: int = 160
    """Longest answer, in the model's tokens."""
    max_question: int = 2000
    """Longest question, in characters."""
    max_file_bytes: int = 20_000_000
    """Largest article file; larger ones are named and skipped."""
    max_rows_bytes: int = 500_000_000
    """Largest collection of articles (JSON Lines, CSV, TSV), which is held in memory while it is read."""
    columns: str = ""
    """Which columns of collections hold what, as ``text=corpus,title=kicker``, for those that are not called
    by a common name. Fields: text, title, outlet, published, language, url, id."""
    parse_seconds: int = 60
    """Longest reading of one web page, PDF or Word file in seconds, after which it is skipped. Pages take
    milliseconds; a PDF of 36 pages took 0.2 s."""
    without: str = ""
    """Parts of the answering that are left out, as ``kind,dates``, see ``PARTS``: for evals/ablation.py,
    which measures what each is worth."""
    threads: int = 0
    """Processor threads for the models; 0 leaves it to the engine."""
    answer_cache: bool = True
    """Answer a question that was asked before, of the same index and by the same model, as it was then. Holds
    for ``sanad ask`` and the page; only with the packaged model, whose identity tells its weights."""
    answer_cache_bytes: int = 20_000_000
    """Largest size of the answers that are kept: some 2,500 of about 8 KB, compressed."""
    answer_seconds: int = 300
    """Longest time that the model may take for one answer, after which it is given up: ten times what the
    packaged model takes on two cores, so that a busy machine is not mistaken for an engine that hangs."""
    at_once: int = 2
    """Questions that the packaged model, or another one in OpenVINO's format, answers at the same time; any
    other model answers one after the other."""
    waiting: int = 16
    """Questions that may wait at once for a server to answer them; a further one is told to come back."""
    passwords: str = ""
    """File of the names and password hashes that a server asks for; see rag/server/login.py."""
    hosts: str = ""
    """Names, with commas between them, under which a server may be addressed besides its own address."""
    proxy: str = ""
    """Address of the reverse proxy whose X-Forwarded headers a server believes; empty believes none."""
    log_questions: bool = False
    """Write the text of questions into a server's log."""

    @property
    def feedback(self) -> Path:
        """The file of votes on answers; see rag/server/feedback.py."""
        return self.cache / "feedback.jsonl"

    @property
    def left_out(self) -> frozenset[str]:
        """The parts that ``without`` names."""
        return frozenset(part.strip() for part in self.without.split(",") if part.strip())

    @property
    def answers(self) -> Path:
        """The file of answers that were given before; see rag/server/answer_cache.py."""
        return self.cache / "answers.sqlite3"

    @property
    def template(self) -> str:
        """The prompt template in use: the adapter was trained on its own, any other model needs examples."""
        adapted = self.adapter and self.llm == PACKAGED and self.backend != "fake"
        return self.prompt or (ADAPTED if adapted else PLAIN)

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Settings from the config file, the environment and ``overrides``.

        Args:
            **overrides: Values by field name; None means not given.

        Raises:
            BadSettings: A name is unknown, or a value is of the wrong type or out of range.
        """
        values: dict[str, Any] = _from_file(Path(CONFIG_NAME))
        for variable, text in os.environ.items():
            if variable.startswith(_PREFIX) and text:
                name = _setting(variable)
                values[name] = _parse(name, text, where=f"environment variable {variable}")
        for name, value in overrides.items():
            if value is not None:
                values[name] = _parse(name, value, where="argument")
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        if self.backend not in BACKENDS:
            raise BadSettings(f"Unknown backend {self.backend!r}; supported are {', '.join(BACKENDS)}.")
        for part in self.left_out - set(PARTS):
            known = ", ".join(PARTS)
            raise BadSettings(f"Setting without names the unknown part {part!r}; known are {known}.")
        for name in (
            "chunk_tokens",
            "passages",
            "evidence",
            "evidence_tokens",
            "max_new_tokens",
            "max_question",
            "max_file_bytes",
            "max_rows_bytes",
            "parse_seconds",
            "answer_cache_bytes",
            "answer_seconds",
            "at_once",
            "waiting",
        ):
            value = getattr(self, name)
            if value < 1:
                raise BadSettings(f"Setting {name} is {value}; it must be at least 1.")
        if self.threads < 0:
            raise BadSettings(f"Setting threads is {self.threads}; it must be 0 (automatic) or more.")


def index_folder(settings: Settings, name: str) -> Path:
    """The folder of the index ``name``.

    Raises:
        BadSettings: The name would lead out of the folder of indexes, or is empty.
    """
    if not name or name.startswith(".") or not all(c.isalnum() or c in "._-" for c in name):
        raise BadSettings(
            f"{name!r} is no name for an index. Use letters, digits, dots, dashes and underscores."
        )
    return settings.indexes / name


_PREFIX = "SANAD_"
"""What every variable of Sanad's own begins with; each names a setting, in capitals."""

_SWITCH = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
"""How an environment variable spells a setting that is either on or off."""

_TYPES: dict[str, Any] = get_type_hints(Settings)


def _parse(name: str, value: Any, *, where: str) -> Any:
    if name not in _TYPES:
        raise BadSettings(f"Unknown setting {name!r} ({where}); known are {', '.join(_TYPES)}.")
    kind = _TYPES[name]
    try:
        if kind is bool:
            return value if isinstance(value, bool) else _SWITCH[value.strip().lower()]
        # int(2.7) and str([...]) succeed; only a text (of a variable) or the kind itself is meant.
        if isinstance(value, bool) or not isinstance(value, (str, Path, kind)):
            raise TypeError
        return kind(value).expanduser() if kind is Path else kind(value)
    except (TypeError, ValueError, KeyError, AttributeError):
        wanted = "true or false" if kind is bool else f"a {kind.__name__}"
        raise BadSettings(f"Setting {name} is {value!r} ({where}); it must be {wanted}.") from None


def _setting(variable: str) -> str:
    """The setting that an environment variable stands for; a misspelt one must not be passed over."""
    name = variable.removeprefix(_PREFIX)
    if name != name.upper() or name.lower() not in _TYPES:
        near = difflib.get_close_matches(name.lower(), _TYPES, n=1)
        known = ", ".join(f"{_PREFIX}{known.upper()}" for known in near or _TYPES)
        mend = f"did you mean {known}? Else unset it." if near else f"known are {known}."
        raise BadSettings(f"Unknown environment variable {variable}; {mend}")
    return name.lower()


def _from_file(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"Cannot read {path.resolve()}: {error}. Mend the file or remove it.") from None
    return {name: _parse(name, value, where=str(path.resolve())) for name, value in raw.items()}


def quiet_libraries(settings: Settings | None = None) -> None:
    """Switch off what libraries would send, fetch or print on their own. Call before importing them.

    Variables that the user has set are kept.

    Args:
        settings: Hub access stays possible only where they name a model that is not a local folder.
    """
    wanted = {
        "ANONYMIZED_TELEMETRY": "False",  # chromadb
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",  # silences a warning after fork
        "TRANSFORMERS_VERBOSITY": "error",
    }
    if settings is not None and not any(_from_hub(name) for name in (settings.llm, settings.embedder)):
        wanted["HF_HUB_OFFLINE"] = "1"
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    # Importing openvino reports to an analytics host by a package that has no switch; openvino's own
    # stand-in takes over where that package cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def _from_hub(model: str) -> bool:
    return model not in (PACKAGED, "fake") and not Path(model).expanduser().exists()


def has_accelerator() -> bool:
    """Whether this machine seems to have a CUDA or MPS device, told without importing torch (2 s)."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()
