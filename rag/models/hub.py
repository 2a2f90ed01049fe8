"""Errors of the libraries that load models from the Hugging Face hub or from a local folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rag.errors import ModelMissing
from rag.settings import install_command


@contextlib.contextmanager
def loading(kind: str, name: str) -> Iterator[None]:
    """Within the context, any exception is raised as ``ModelMissing``: the libraries raise a dozen types.

    Args:
        kind: The model's kind, ``llm`` or ``embedder``, which is also the setting that names it.
        name: Hub model id or local folder.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModelMissing(
            f"The {kind} {name!r} needs {error.name}, which is not installed. Install it: "
            f"{install_command('hub')}"
        ) from None
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise ModelMissing(
            f"Cannot load the {kind} {name!r}: {first}. Use a hub model id, a local folder with "
            f"safetensors or 'packaged' (--{kind}, SANAD_{kind.upper()})."
        ) from error
