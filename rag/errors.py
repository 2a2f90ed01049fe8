"""Every error that Sanad raises on purpose.

    SanadError                 one line for a person: what failed, the value seen, the mend
    ├── BadQuestion            the question is empty or too long
    ├── BadArticles            a folder or file of articles cannot be used
    ├── BadSettings            a setting, a config file, a filter or a command-line value makes no sense
    ├── IndexMissing           no index of that name has been built yet
    ├── IndexUnusable          an index exists but is damaged, locked or made by another embedder
    ├── ModelMissing           model weights are not installed, or a named model cannot be found
    ├── ModelDamaged           model weights do not have the digest that they must have
    ├── NoSpace                the disk is too full to finish; nothing half-written is left behind
    ├── PromptBroken           a prompt template lacks a variable or names an unknown one
    ├── GenerationFailed       the language model failed while it was answering
    └── Busy                   too many questions wait already; a later one will be answered

Faces (cli, ui, evals) catch ``SanadError`` alone and print ``str(error)``; anything else is a defect.
Errors of other libraries are turned into these in the module that wraps the library.
"""

from __future__ import annotations


class SanadError(Exception):
    """Something failed in a way that its message explains and tells how to mend."""


class BadQuestion(SanadError):
    """The question is empty or too long."""


class BadArticles(SanadError):
    """A folder or file of articles cannot be used."""


class BadSettings(SanadError):
    """A setting, a config file, a filter or a command-line value makes no sense."""


class IndexMissing(SanadError):
    """No index of that name has been built yet."""


class IndexUnusable(SanadError):
    """An index exists but is damaged, locked by another process or made by another embedder."""


class ModelMissing(SanadError):
    """Model weights are not installed, or a named model cannot be found."""


class ModelDamaged(SanadError):
    """Model weights do not have the size or digest that they must have."""


class NoSpace(SanadError):
    """The disk is too full to finish; nothing half-written is left behind."""


class PromptBroken(SanadError):
    """A prompt template lacks a variable or names an unknown one."""


class GenerationFailed(SanadError):
    """The language model failed while it was answering."""


class Busy(SanadError):
    """Too many questions wait already; one that is asked later will be answered."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
        """After how many seconds it is worth another try."""
