"""What the documents contain: their blocks of code, the commands in them, their links and headings."""

from __future__ import annotations

import functools
import itertools
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent

RUN = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "reference").glob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
]
"""Documents whose commands are run as a reader would."""

PARSED = [ROOT / "evals" / "README.md", ROOT / "evals" / "questions" / "README.md"]
"""Documents of which only the arguments of commands are checked; tests/evals runs these commands."""

ALL = [
    *RUN,
    *sorted({*ROOT.glob("*.md"), *(ROOT / ".github").glob("*.md")} - set(RUN)),
    *(path for name in ("docs/research", "evals", "indexes", "rag", "seeds", "train")
      for path in sorted((ROOT / name).rglob("*.md"))),
]  # fmt: skip
"""Every document."""

NOT_RUN = {
    "source": "activates the environment that the tests run in",
    "pipx install": "changes the user's programs; tests/test_wheel.py installs the wheel",
    "git": "fetches a checkout, or marks a release",
    "docker": "needs Docker and fetches images; tests/test_deploy.py checks the files and Sanad's commands",
    "python3 -m venv /opt/sanad": "needs root",
    "useradd": "needs root",
    "cp": "needs root, or copies the reader's articles into the checkout",
    "systemctl": "needs root and systemd; tests/test_deploy.py checks the units",
    "ollama": "is another project's program",
    "vllm": "is another project's program",
    "llama-server": "is another project's program",
    "ray": "starts a cluster that outlives the command; tests/models/test_cluster.py has one of its own",
    "sanad index --ray": "needs that cluster",
    "sanad models --get": "fetches gigabytes; tests/cli/test_models_get.py has a server for it",
}
"""Commands that no test runs, by their first words, and why. Tests still check that their files, options and
extras exist."""

PROMPT = "$ "
"""Precedes a command in a block of the language ``console``; what follows the command is its output."""


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    document: Path
    line: int
    """Of its fence, from 1."""
    language: str
    """Empty for plain text."""
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Simple:
    """One program with its arguments, without redirections."""

    variables: dict[str, str]
    """Assignments in front of it."""
    words: tuple[str, ...]
    """As the program gets them, except for what a shell expands."""

    @property
    def program(self) -> str:
        """Its name without folder and version."""
        return Path(self.words[0]).name.removesuffix("3")

    @property
    def not_run(self) -> str:
        """The key of ``NOT_RUN`` that names it, or an empty text."""
        typed = " ".join(self.words) + " "
        return next((words for words in NOT_RUN if typed.startswith(words + " ")), "")


@dataclass(frozen=True)
class Command:
    """A line that a reader copies into a shell."""

    block: Block
    text: str
    """Without the prompt and without a comment."""
    output: tuple[str, ...] = ()
    """The lines printed below it."""

    @property
    def simple(self) -> tuple[Simple, ...]:
        """The programs that it starts."""
        return tuple(programs(self.text))

    @property
    def plain(self) -> bool:
        """Whether it needs no shell: it is one program and neither pipes nor redirects."""
        return not any(map(_is_operator, _tokens(self.text)))

    def __str__(self) -> str:
        return f"{self.block}: {self.text}"


@functools.cache
def tokens(document: Path) -> tuple[Token, ...]:
    """A document as parsed Markdown."""
    markdown = MarkdownIt("commonmark").enable("table")
    return tuple(markdown.parse(document.read_text(encoding="utf-8")))


def blocks(documents: Sequence[Path]) -> list[Block]:
    """All fenced blocks of some documents."""
    return [
        Block(document, token.map[0] + 1, token.info, token.content)
        for document in documents
        for token in tokens(document)
        if token.type == "fence" and token.map
    ]


def commands(block: Block) -> list[Command]:
    """The commands of a block of the language ``console``, each with its output."""
    typed_commands: list[Command] = []
    for part in re.split(rf"^{re.escape(PROMPT)}", block.text, flags=re.MULTILINE)[1:]:
        typed, *output = part.replace("\\\n", " ").splitlines()
        typed_commands.append(Command(block, _uncommented(typed), tuple(output)))
    return typed_commands


def inline(documents: Sequence[Path], names: Collection[str]) -> list[Command]:
    """Code within sentences and tables that starts one of these programs with arguments."""
    return [
        Command(Block(document, token.map[0] + 1, "", child.content), child.content)
        for document in documents
        for token in tokens(document)
        for child in token.children or ()
        if child.type == "code_inline" and token.map
        if child.content.split()[0] in names and child.content.split()[1:] not in ([], ["…"])
    ]


def programs(text: str) -> Iterator[Simple]:
    """The programs of a line of shell, without ``sudo``."""
    variables: dict[str, str] = {}
    words: list[str] = []
    tokens = iter([*_tokens(text), ";"])
    for word in tokens:
        if word in (">", ">>", "<"):
            next(tokens)
        elif _is_operator(word):
            if words:
                yield Simple(variables, tuple(words))
            variables, words = {}, []
        elif not words and (assigned := re.fullmatch(r"(\w+)=(.*)", word)):
            variables[assigned[1]] = assigned[2]
        elif words or word != "sudo":
            words.append(word)


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _uncommented(line: str) -> str:
    """A line without its comment, which begins with # at the beginning of a word outside quotes."""
    for mark in re.finditer(r"(?:^|\s)#", line):
        before = line[: mark.start()]
        try:
            shlex.split(before)
        except ValueError:  # within quotes
            continue
        return before.strip()
    return line.strip()


def _is_operator(word: str) -> bool:
    return bool(word) and not word.strip("();<>|&")


def links(document: Path) -> set[str]:
    """Where a document's links and pictures lead, within the repository."""
    targets = [
        str(child.attrs.get("href") or child.attrs.get("src"))
        for token in tokens(document)
        for child in token.children or ()
        if child.type in ("link_open", "image")
    ]
    return {target for target in targets if not re.match(r"[a-z]+:", target)}


@functools.cache
def anchors(document: Path) -> frozenset[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    known: set[str] = set()
    for opening, heading in itertools.pairwise(tokens(document)):
        if opening.type == "heading_open":
            text = "".join(child.content for child in heading.children or ())
            anchor = first = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            number = 0
            while anchor in known:
                number += 1
                anchor = f"{first}-{number}"
            known.add(anchor)
    return frozenset(known)
