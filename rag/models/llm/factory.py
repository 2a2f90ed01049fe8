"""Settings → the generator that they name."""

from __future__ import annotations

import contextlib
import importlib.util
import threading

from rag.models.llm.protocol import Generator
from rag.records import Progress
from rag.settings import PACKAGED, Settings, has_accelerator


def open_generator(settings: Settings, progress: Progress | None = None) -> Generator:
    """The generator that the settings name; nothing is loaded before its first use.

    Args:
        settings: ``llm`` and ``backend`` choose it.
        progress: Told how the packaged model's preparation goes.

    Raises:
        ModelMissing: The model cannot be found.
        ModelDamaged: Packaged weights are not the published ones.
        NoSpace: No room to prepare packaged weights.
    """
    backend = choose_backend(settings)
    if backend == "fake":
        from rag.models.llm.fake import fake_generator

        return fake_generator()
    if backend == "openvino":
        from rag.models.llm.openvino import openvino_generator

        return openvino_generator(settings, progress)
    from rag.models.llm.transformers import transformers_generator

    return transformers_generator(settings, progress)


def load_in_background(generator: Generator) -> None:
    """Load a generator in a thread, so that what else a question needs can be loaded meanwhile.

    What keeps it from loading is told at its first use. The process does not end before the thread does:
    an engine that is cut off while it loads can end the process with a signal.

    Args:
        generator: Loads at its first use.
    """

    def load() -> None:
        with contextlib.suppress(Exception):
            generator.count("")

    threading.Thread(target=load, name="generator loading").start()


def choose_backend(settings: Settings) -> str:
    """The backend that runs: the named one, or for ``auto`` what suits the model and the machine."""
    if settings.backend != "auto":
        return settings.backend
    # Without torch a device is of no use, and the packaged model runs well on the processor.
    if settings.llm != PACKAGED or (has_accelerator() and importlib.util.find_spec("torch") is not None):
        return "transformers"
    return "openvino"


def replies_at_once(settings: Settings) -> int:
    """How many replies the backend makes at the same time: of ours only OpenVINO's engine batches them."""
    return settings.at_once if choose_backend(settings) == "openvino" else 1
