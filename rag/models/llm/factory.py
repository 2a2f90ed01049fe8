"""Create the generator that the settings name."""

from __future__ import annotations

import contextlib
import importlib.util
import threading

from rag.models.llm.protocol import Generator
from rag.models.weights.packaged import digest, generator, prepared
from rag.records import Progress
from rag.settings import PACKAGED, Settings, has_accelerator


def open_generator(settings: Settings, progress: Progress | None = None) -> Generator:
    """Create the generator that the settings name, without loading its model.

    ``progress`` is called while the packaged model is prepared, with the step and the share that is done.

    Raises:
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
    if backend == "openvino":
        from rag.models.llm.openvino import OpenVinoLLM

        return OpenVinoLLM(name, identity=identity, threads=settings.threads, at_once=settings.at_once)
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
    if settings.backend != "auto":
        return settings.backend
    # Without torch an accelerator cannot be used, and the packaged model runs well on the processor.
    if settings.llm != PACKAGED or (has_accelerator() and importlib.util.find_spec("torch") is not None):
        return "transformers"
    return "openvino"


def replies_at_once(settings: Settings) -> int:
    """How many replies the backend generates at the same time; only OpenVINO's engine batches them."""
    return settings.at_once if choose_backend(settings) == "openvino" else 1
