"""The files of examples/deploy fit Sanad: commands, options, settings, paths, and who may reach what."""

from __future__ import annotations

import configparser
import dataclasses
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag import Settings
from rag.cli.arguments import LOCAL_PORT, parser
from rag.settings import LOCAL

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "examples" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
VARIABLES = {f"SANAD_{field.name.upper()}" for field in dataclasses.fields(Settings)}
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, each with its arguments on one line."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def arguments(name: str) -> list[str]:
    return [words for instruction, words in instructions() if instruction == name]


def check(command: list[str], environment: dict[str, Any]) -> None:
    """Check a command's options and settings, and that it has passwords if other machines can reach it."""
    options = parser().parse_args(command)  # ends the test if a command or an option is unknown
    variables = {name for name in environment if name.startswith("SANAD_")}
    assert variables <= VARIABLES
    if getattr(options, "host", LOCAL) != LOCAL:
        assert "SANAD_PASSWORDS" in environment


def test_the_image_is_built_from_what_is_there_and_nothing_else_is_sent_to_the_build() -> None:
    copied = [path for words in arguments("COPY") if "--from" not in words for path in words.split()[:-1]]
    assert {"rag", "ui", "prompts", "seeds", "pyproject.toml", "constraints.txt"} <= set(copied)
    assert [path for path in copied if not (ROOT / path).exists()] == []
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)


def test_the_build_finds_every_file_that_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "LICENSE"}
    copied = {path for words in arguments("COPY") for path in words.split()[:-1]}
    assert needed <= copied
    ((_, extras),) = [words.split("=") for words in arguments("ARG")]
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    assert "hub" not in extras, "PyTorch is optional"


def test_the_image_runs_as_a_user_with_its_data_in_a_volume_and_says_whether_it_lives() -> None:
    assert arguments("USER") == ["sanad"]
    (environment,) = arguments("ENV")
    variables = dict(word.split("=", 1) for word in environment.split())
    (volume,) = arguments("VOLUME")
    folders = [variables[name] for name in ("SANAD_INDEXES", "SANAD_CACHE")]
    assert all(Path(folder).is_relative_to(volume) for folder in folders)
    assert arguments("EXPOSE") == [str(LOCAL_PORT)]
    (health,) = arguments("HEALTHCHECK")
    assert f"http://{LOCAL}:{LOCAL_PORT}/healthz" in health
    (command,) = arguments("CMD")
    assert arguments("ENTRYPOINT") == ['["sanad"]']
    parser().parse_args(json.loads(command))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_runs_a_known_command_without_rights_and_only_for_this_machine(name: str) -> None:
    service = SERVICES[name]
    check(service["command"], service.get("environment", {}))
    build = service["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Containerfile"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert not service.get("privileged") and "user" not in service
    assert all(port.startswith(f"{LOCAL}:") for port in service.get("ports", []))
    for volume in service["volumes"]:
        source, target, *mode = volume.split(":")
        assert source in COMPOSE["volumes"] or mode == ["ro"], volume
        assert target in (*arguments("VOLUME"), *service["command"])


def test_both_services_use_the_same_index() -> None:
    options = [parser().parse_args(service["command"]) for service in SERVICES.values()]
    assert len({"".join(option.index) for option in options}) == 1


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_known_command_as_a_user_who_may_write_only_its_own_folder(path: Path) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path, encoding="utf-8")
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    service = unit["Service"]
    variables = dict(word.split("=", 1) for word in shlex.split(service["Environment"]))
    for key in ("ExecStartPre", "ExecStart"):
        if key in service:
            program, *command = shlex.split(service[key])
            assert Path(program).name == "sanad" and Path(program).is_absolute()
            check(command, variables)
    state = Path("/var/lib") / service["StateDirectory"]
    assert service["User"] not in ("root", "0", "")
    assert service["ProtectSystem"] == "strict"
    for name in ("SANAD_INDEXES", "SANAD_CACHE"):
        assert Path(variables[name]).is_relative_to(state)
    assert path.name in path.read_text(encoding="utf-8").splitlines()[0]


def test_the_documents_name_every_file() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [
        path.name for path in DEPLOY.iterdir() if path.name not in text and path.suffix != ".dockerignore"
    ] == []
    # What follows the name of a service is a command of Sanad.
    commands = re.findall(r"compose run (?:--\S+ )*(?:server|indexer) (\w.*)", text)
    assert commands
    for command in commands:
        parser().parse_args(shlex.split(command))
