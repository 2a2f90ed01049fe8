"""Every error that Sanad raises on purpose.

    SanadError                 one line for a person: what failed, the value seen, how to fix it
    ├── BadQuestion            the question is empty or too long
    ├── BadArticles            a folder or file of articles cannot be used
    ├── BadUpload              an uploaded file is not accepted
    ├── BadSettings            a setting, config file, filter or command-line value is not valid
    ├── IndexMissing           no index of that name has been built yet
    ├── IndexUnusable          the index is damaged, locked by another process or built with another embedder
    ├── ModelMissing           model weights are not installed, or a named model cannot be found
    ├── ModelDamaged           model weights do not have the expected size or digest
    ├── NoSpace                the disk is too full to finish; no partial files are left behind
    ├── PromptBroken           a prompt template lacks a variable or contains an unknown one
    ├── GenerationFailed       the language model failed while it was answering
    └── Busy                   too many questions are already waiting

The command line, the page, the API and evals catch ``SanadError`` and print ``str(error)``. Any other
exception is a bug. The module that wraps a library turns the library's errors into these.
"""

from __future__ import annotations


class SanadError(Exception):
    """Something failed; the message says what, and how to fix it."""


class BadQuestion(SanadError):
    """The question is empty or too long."""


class BadArticles(SanadError):
    """A folder or file of articles cannot be used."""


class BadUpload(SanadError):
    """An uploaded file is not accepted."""

    def __init__(self, message: str, reason: str, values: dict[str, str]) -> None:
        super().__init__(message)
        self.reason = reason
        """Key of the message, for a program that has words of its own for it."""
        self.values = values
        """What the message names."""


class BadSettings(SanadError):
    """A setting, config file, filter or command-line value is not valid."""


class IndexMissing(SanadError):
    """No index of that name has been built yet."""


class IndexUnusable(SanadError):
    """The index is damaged, locked by another process or built with another embedder."""


class ModelMissing(SanadError):
    """Model weights are not installed, or a named model cannot be found."""


class ModelDamaged(SanadError):
    """Model weights do not have the expected size or digest."""


class NoSpace(SanadError):
    """The disk is too full to finish; no partial files are left behind."""


class PromptBroken(SanadError):
    """A prompt template lacks a variable or contains an unknown one."""


class GenerationFailed(SanadError):
    """The language model failed while it was answering."""


class Busy(SanadError):
    """Too many questions are already waiting; try again later."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
        """Seconds after which to try again."""
