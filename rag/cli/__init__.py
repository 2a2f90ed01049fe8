"""The ``sanad`` command: arguments are parsed, the library is called, results are printed."""

from rag.cli.commands import main

__all__ = ["main"]
