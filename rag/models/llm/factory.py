"""Create the generator that the settings name."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import platform
import threading
from pathlib import Path

from rag.errors import BadSettings, ModelMissing
from rag.models.llm.names import kind_of, parse_address
from rag.models.llm.protocol import Generator
from rag.models.weights.packaged import digest, generator, prepared
from rag.records import Progress
from rag.settings import PACKAGED, Settings, expanded, install_command, is_address

REMOTE = "remote"
"""The backend of a model on a server. The address selects it, so it is not a value of the setting."""

_log = logging.getLogger(__name__)


def open_generator(settings: Settings, progress: Progress | None = None) -> Generator:
    """Create the generator that the settings name, without loading its model.

    ``progress`` is called while the packaged model is prepared, with the step and the share that is done.

    Raises:
        BadSettings: The name is an address of another form, or its key cannot be read.
        ModelMissing: The model cannot be found.
        ModelDamaged: Packaged weights are not the published ones.
        NoSpace: The disk is too full to prepare the packaged weights.
    """
    backend = choose_backend(settings)
    if backend == "fake":
        from rag.models.llm.fake import fake_generator

        return fake_generator()
    name, identity = settings.llm, f"{settings.llm} ({backend})"
    if settings.llm == PACKAGED:
        model = generator(settings, full=backend == "transformers")
        folder = prepared(model, settings, progress)
        bits = "bf16" if backend == "transformers" else "int8"
        name, identity = str(folder), f"{model.title} {bits} ({backend}, {digest(folder)})"
    if backend == REMOTE:
        return _remote(settings)
    if backend == "openvino":
        from rag.models.llm.openvino import OpenVinoLLM

        return OpenVinoLLM(
            name,
            identity=identity,
            threads=settings.threads,
            at_once=settings.at_once,
            may_think=settings.llm != PACKAGED,
        )
    from rag.models.llm.transformers import TransformersLLM

    return TransformersLLM(name, identity=identity)


def load_in_background(model: Generator) -> None:
    """Load a generator in a thread, while everything else that a question needs is loaded.

    An error in loading is raised at the generator's first use. The process waits for the thread before it
    exits: an engine that is interrupted while it loads can crash the process.
    """

    def load() -> None:
        with contextlib.suppress(Exception):
            model.count("")

    threading.Thread(target=load, name="generator loading").start()


def choose_backend(settings: Settings) -> str:
    """The backend that the settings name, or for ``auto`` the one that suits the model and the machine."""
    if settings.backend == "fake":
        return settings.backend
    if is_address(settings.llm):
        if settings.backend != "auto":
            raise BadSettings(
                f"{settings.llm!r} is a server's address, which the backend {settings.backend!r} cannot run. "
                "Leave the backend out (--backend, SANAD_BACKEND)."
            )
        return REMOTE
    if settings.backend != "auto":
        return settings.backend
    kind = kind_of(settings.llm)
    if kind != "packaged":
        return kind
    # Without torch an accelerator cannot be used, and the packaged model runs well on the processor.
    torch = has_accelerator() and importlib.util.find_spec("torch") is not None
    return "transformers" if torch else "openvino"


def replies_at_once(settings: Settings) -> int:
    """How many replies the backend generates at the same time: OpenVINO's engine and servers batch them."""
    return settings.at_once if choose_backend(settings) in ("openvino", REMOTE) else 1


def _remote(settings: Settings) -> Generator:
    address = parse_address(settings.llm)
    key = _key(settings)
    try:
        from rag.models.llm.remote import RemoteLLM, is_loopback
    except ModuleNotFoundError as error:
        raise ModelMissing(
            f"The language model {settings.llm!r} needs {error.name}, which is not installed. Install it: "
            f"{install_command('remote')}"
        ) from None
    if not is_loopback(address.host):
        _say_where(address.base)
    return RemoteLLM(
        address,
        key=key,
        context=settings.llm_context,
        seconds=settings.answer_seconds,
        at_once=settings.at_once,
    )


def _key(settings: Settings) -> str:
    """The key of the settings, or of the file that they name."""
    if not settings.llm_key_file:
        key = settings.llm_key
    else:
        path = expanded(settings.llm_key_file)
        try:
            key = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is not text"
            raise BadSettings(
                f"Cannot read the key of the language model's server from {str(path)!r}: {why}. Correct "
                "SANAD_LLM_KEY_FILE."
            ) from None
    key = key.strip()
    if not (key.isascii() and key.isprintable()):  # the message must not contain it
        raise BadSettings(
            "The key of the language model's server is not one line of ASCII characters. Correct "
            "SANAD_LLM_KEY or the file that SANAD_LLM_KEY_FILE names."
        )
    return key


@functools.cache
def _say_where(base: str) -> None:
    """Log once that questions leave this machine; without a configured log the line is on standard error."""
    _log.warning(
        "Questions and the sentences of articles that may answer them are sent to %s (--llm, SANAD_LLM).",
        base,
    )


def has_accelerator() -> bool:
    """Whether this machine seems to have a CUDA or MPS device, without importing torch (2 s)."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()
