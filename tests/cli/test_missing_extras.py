"""What an extra installs is needed only by what uses it, and then named with the command that installs it."""

from __future__ import annotations

import sys

import pytest
from command import Run, refused

from rag.settings import install_command


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    ("package", "module", "command", "extra"),
    [
        ("mcp", "rag.integrations.mcp_server", ["mcp"], "mcp"),
        (
            "openai",
            "rag.models.llm.remote",
            ["ask", "Why?", "--backend", "auto", "--llm", "http://127.0.0.1:1/v1#small"],
            "remote",
        ),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch, package: str, module: str, command: list[str], extra: str
) -> None:
    monkeypatch.delitem(sys.modules, module, raising=False)
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    line = refused(run(*command))
    assert f"needs {package}" in line
    assert line.rstrip().endswith(install_command(extra))
