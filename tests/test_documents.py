"""The commands, options, settings, files and links that the documents name exist.

tests/test_documented_commands.py runs the commands.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from documents import (
    ALL,
    NOT_RUN,
    PARSED,
    PROMPT,
    ROOT,
    RUN,
    Block,
    Command,
    Simple,
    anchors,
    blocks,
    commands,
    inline,
    links,
)

from evals import workbench
from evals.harness import options
from rag import Settings
from rag.cli.arguments import parser
from rag.loading import catalogue

PROGRAMS = {"sanad", "curl", "chroma", "cut", "umask"}
"""Programs that tests/test_documented_commands.py runs."""

CHECKED = {"make", "pip", "python", "pytest", "cd"}
"""Programs that are started in no test, but whose arguments are checked here."""

NAMED = [*PROGRAMS, *CHECKED, *(words.split()[0] for words in NOT_RUN), "sudo"]
"""Programs that sentences and tables name with their arguments."""

BLOCKS = blocks([*RUN, *PARSED])
FENCED = [command for block in BLOCKS if block.language == "console" for command in commands(block)]
INLINE = inline([*RUN, *PARSED], NAMED)
COMMANDS = [*FENCED, *INLINE]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VARIABLES = {f"SANAD_{field.name.upper()}" for field in dataclasses.fields(Settings)}


def started(program: str) -> list[tuple[Command, Simple]]:
    """Every command that starts a program."""
    return [(c, simple) for c in COMMANDS for simple in c.simple if simple.program == program]


def of_language(name: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == name]


def accepted(command: Command, parse: Any, arguments: Any) -> None:
    """Fails the test if the arguments end a parser with an error."""
    complaint = io.StringIO()
    with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
        try:
            parse(arguments)
        except SystemExit as ended:
            assert not ended.code, f"{command}\n{complaint.getvalue()}"


def test_every_block_is_of_a_language_that_is_checked():
    assert {block.language for block in BLOCKS} <= {"console", "python", "json", "toml", ""}
    hidden = rf"^(?:{re.escape(PROMPT)}|(?:{'|'.join(NAMED)}) )"
    assert not [str(b) for b in of_language("") if re.search(hidden, b.text, re.MULTILINE)], "are no commands"


def test_every_command_is_run_or_checked_or_listed_with_the_reason_why_not():
    assert len(FENCED) > 50 and len(INLINE) > 50
    unknown = [
        str(command)
        for command in COMMANDS
        for simple in command.simple
        if simple.program not in PROGRAMS | CHECKED and not simple.not_run
    ]
    assert not unknown


def test_every_command_that_is_listed_as_not_run_is_in_a_document():
    assert {simple.not_run for command in COMMANDS for simple in command.simple} - {""} == set(NOT_RUN)


def test_sanad_knows_every_command_and_option():
    sanad = parser()
    for command, simple in started("sanad"):
        arguments = simple.words[1:]
        if command in INLINE and len(arguments) == 1:  # it is only named, without arguments
            arguments = (*arguments, "--help") if arguments[0] != "eval" else arguments
        accepted(command, sanad.parse_args, arguments)
        if arguments[0] == "eval" and not set(arguments[1:2]) & set(workbench.COMMANDS):
            accepted(command, lambda words: options.parse(words, "sanad eval"), arguments[1:])


def test_every_variable_is_a_setting():
    for document in [*RUN, *PARSED]:
        variables = re.findall(r"\bSANAD_[A-Z][A-Z_]+\b", document.read_text(encoding="utf-8"))
        assert set(variables) <= VARIABLES, document


def test_make_knows_every_target_and_variable():
    words = [word for _, simple in started("make") for word in simple.words[1:]]
    assigned = [word for word in words if "=" in word]
    done = subprocess.run(
        ["make", "--dry-run", *dict.fromkeys(words)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    variables = set(re.findall(r"\$\((?:value )?([A-Z]+)\)", makefile))
    assert {word.partition("=")[0] for word in assigned} <= variables


def test_every_extra_exists():
    installed = [(c, simple) for program in ("pip", "pipx") for c, simple in started(program)]
    assert installed
    for command, simple in installed:
        for extras in re.findall(r"\[([\w,]+)\]$", "\n".join(simple.words), re.MULTILINE):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), str(command)


def test_every_file_of_the_repository_exists():
    tops = {path.name for path in ROOT.iterdir() if path.name not in ("indexes", ".venv")}
    missing = []
    for command in COMMANDS:
        for word in (word for simple in command.simple for word in simple.words):
            path, _, name = word.partition("::")
            if path.partition("/")[0] not in tops or path.startswith("evals/out/"):
                continue
            files = list(ROOT.glob(path))
            if not files or (name and f"def {name}(" not in files[0].read_text(encoding="utf-8")):
                missing.append(f"{command}: {word}")
    assert not missing


class Parsed(Exception):
    """Ends a script once it has parsed its arguments."""


def test_every_script_knows_its_arguments(monkeypatch):
    real = argparse.ArgumentParser.parse_args

    def parse(self: argparse.ArgumentParser, *arguments: Any) -> None:
        real(self, *arguments)
        raise Parsed

    def script(words: tuple[str, ...]) -> None:
        monkeypatch.setattr(sys, "argv", list(words))
        if words[0] == "-m":
            sys.modules.pop(words[1], None)
            monkeypatch.setattr(sys, "argv", list(words[1:]))
            run, name = runpy.run_module, words[1]
        else:
            run, name = runpy.run_path, str(ROOT / words[0])
        with pytest.raises(Parsed):
            run(name, run_name="__main__")

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    with_arguments = [
        (command, simple.words[1:])
        for command, simple in started("python")
        if len(simple.words) > 2 + ("-m" in simple.words) and not simple.not_run
    ]
    assert with_arguments
    for command, words in with_arguments:
        accepted(command, script, words)


def test_json_is_what_the_examples_have():
    examples = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "examples").glob("*.json")]
    for block in of_language("json"):
        assert json.loads(block.text) in examples, str(block)
    for example in examples:
        for server in example["mcpServers"].values():
            parser().parse_args(server["args"])
            assert set(server["env"]) <= VARIABLES


def test_toml_is_read_as_settings_or_as_a_catalogue(tmp_path: Path):
    assert of_language("toml")
    for block in of_language("toml"):
        a_catalogue = all(isinstance(value, dict) for value in tomllib.loads(block.text).values())
        path = tmp_path / ("articles.toml" if a_catalogue else "sanad.toml")
        path.write_text(block.text, encoding="utf-8")
        assert catalogue.read(path) if a_catalogue else Settings.load()


def test_every_link_leads_to_a_file_and_a_heading():
    assert len(ALL) > 25
    broken = []
    for document in ALL:
        for link in links(document):
            path, _, anchor = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                broken.append(f"{document.relative_to(ROOT)}: {link}")
    assert not sorted(broken)
