from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

import pytest
from command import Run, refused

from rag import Answer, Citation, Claim, Settings, __version__
from rag.answering.presentation import doubt
from rag.cli import printing
from rag.cli.commands import keep_letters, main
from rag.index import bm25
from rag.models.llm.protocol import Generator
from rag.models.weights import download
from rag.records import Reprint

COST = "The repairs cost how many dollars, said the port director?"
QUOTE = "The repairs cost 12 million dollars, said the port director Lina Haddad."


def test_an_answer_is_printed_with_number_outlet_date_title_quote_file_and_line(run: Run) -> None:
    status, out, _ = run("ask", COST)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == QUOTE.replace(".", " [1].")
    at = lines.index("Sources")
    assert lines[at + 1 : at + 4] == [
        "[1] Coast Daily · 2024-09-06 · Harbour reopens after two years",
        QUOTE,
        "harbour.txt:3",
    ]


def test_other_articles_with_the_same_text_are_named_below_a_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    also = (Reprint("valley", "Valley Post", "2024-09-07"), *(Reprint(f"n{n}", None, None) for n in range(6)))
    cited = Citation(1, "a", "Title", "Coast Daily", None, "a.txt", 3, 0, 5, "Quote", also)
    claim = Claim("Yes [1].", 0, 8, (1,), "supported", "")
    printing.answer(
        Answer("q", "Yes [1].", "en", "answered", (claim,), (cited,), (), (), "fake", "generation-0001")
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["a.txt:3", "also in: Valley Post · 2024-09-07, n0, n1, n2, n3 and 2 more"]


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "Understood as: Who paid?"), ("ar", "فُهم السؤال على أنه: Who paid?")]
)
def test_a_follow_up_is_printed_as_it_was_understood(
    capsys: pytest.CaptureFixture[str], language: Literal["en", "ar"], expected: str
) -> None:
    answer = Answer("Who?", "No.", language, "not_found", (), (), (), (), "fake", "generation-0001")
    printing.answer(replace(answer, understood="Who paid?"))
    printing.answer(answer)
    assert capsys.readouterr().out.splitlines() == [expected, "No.", "No."]


def test_a_translation_is_printed_with_the_articles_words(capsys: pytest.CaptureFixture[str]) -> None:
    claim = Claim("Erik Kurilla [1].", 0, 17, (1,), "supported", "", "إريك كوريلا")
    answer = Answer("Who?", claim.text, "en", "answered", (claim,), (), (), (), "fake", "generation-0001")
    printing.answer(answer)
    assert capsys.readouterr().out.splitlines() == [claim.text, "In the article's words: إريك كوريلا"]


def test_the_translation_of_a_quote_is_printed_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    claim = Claim("900 [1].", 0, 7, (1,), "supported", "")
    cited = Citation(1, "a", "Title", None, None, "a.txt", 3, 0, 5, "بقي 900", translation="900 remained")
    printing.answer(Answer("q", claim.text, "en", "answered", (claim,), (cited,), (), (), "fake", "g"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["بقي 900", "“900 remained” (machine translation)", "a.txt:3"]


@pytest.mark.parametrize("literal", [True, False])
def test_what_the_mark_of_a_translation_says_is_not_said_again(
    capsys: pytest.CaptureFixture[str], literal: bool
) -> None:
    cited = Citation(
        1, "a", "Title", None, None, "a.txt", 3, 0, 5, "بقي 900",
        translation="900 left", certain=False, literal=literal,
    )  # fmt: skip
    for reason, expected in ((doubt(cited, "en"), 0), ("not in the evidence: 900", 1)):
        claim = Claim("900 [1].", 0, 8, (1,), "partial", reason)
        printing.answer(Answer("q", claim.text, "en", "partial", (claim,), (cited,), (), (), "fake", "g"))
        assert capsys.readouterr().out.count("Partly supported") == expected


@pytest.mark.usefixtures("indexed")
def test_an_arabic_quote_is_alone_on_its_line(run: Run) -> None:
    status, out, _ = run("ask", "كم بلغت تكلفة المكتبة؟")
    assert status == 0
    assert "بلغت تكلفة المكتبة 4 ملايين دينار، وفق رئيس البلدية سامر قاسم." in out.splitlines()
    assert "library.txt:3" in out.splitlines()


@pytest.mark.usefixtures("indexed")
def test_a_long_line_is_not_wrapped(run: Run, small_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = run("ask", COST)
    assert QUOTE in out.splitlines()


def test_signs_of_markup_in_articles_are_printed_as_they_are(run: Run, small_articles: Path) -> None:
    text = "The [bold]sign[/bold] of the [red]shop cost 50 dollars :smile: in all."
    (small_articles / "shop.txt").write_text(f"A shop\n{text}\n", encoding="utf-8")
    _, out, _ = run("ask", "What did the sign of the shop cost?")
    assert text in out.splitlines()


@pytest.mark.parametrize("terminal", [False, True])
def test_no_article_commands_the_terminal(
    run: Run, small_articles: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", str(int(terminal)))  # Rich takes standard output for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    copy = "\x1b]52;c;cm0gLXJmIH4K\x07\x9b5n\x7f"
    (small_articles / "shop.txt").write_text(
        f"A shop{copy}\nThe sign of the shop cost 50 dollars{copy} in all.\n", encoding="utf-8"
    )
    (small_articles / f"{copy.replace('/', '')}.pdf").write_bytes(b"x")
    ask = ("ask", "How many dollars did the sign of the shop cost?")
    commands = (("index",), ask, (*ask, "--json"), ("articles",), ("articles", "--json"))
    printed = [run(*command) for command in commands]
    text = "".join(out + err for _, out, err in printed)
    assert text.count("50 dollars") >= 2 and text.count("A shop") >= 3 and "skipped" in text
    if terminal:
        text = re.sub(r"\x1b\[[\d;]*m|\x1b\[\?25[hl]|\x1b\[\d*[AK]|\r", "", text)
    assert not re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


@pytest.mark.usefixtures("indexed")
def test_an_answer_that_the_articles_do_not_hold_shows_the_nearest_passages(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag import assistant
    from rag.models.llm.fake import FakeLLM, fake_generator

    def denies(*_: object) -> Generator:
        return fake_generator(FakeLLM.scripted(["NOT FOUND"]))

    monkeypatch.setattr(assistant, "open_generator", denies)
    status, out, _ = run("ask", COST)
    assert status == 0
    assert out.splitlines()[0] == "The articles do not say."
    assert "Closest passages, which may not answer the question" in out
    assert "Sources" not in out


@pytest.mark.usefixtures("indexed")
def test_json_is_the_whole_answer_and_nothing_else(run: Run) -> None:
    status, out, _ = run("ask", "--json", "كم بلغت تكلفة المكتبة؟")
    assert status == 0
    printed = json.loads(out)
    assert list(printed) == [field.name for field in fields(Answer)]
    assert printed["question"] == "كم بلغت تكلفة المكتبة؟"
    assert printed["outcome"] == "answered"
    (cited,) = printed["citations"]
    assert cited["quote"] in printed["passages"][0]["text"]
    assert "\\u" not in out, "Arabic is readable in it"


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("question", ["", "   ", "\n", "?!"])
def test_an_empty_question_is_refused(run: Run, question: str) -> None:
    line = refused(run("ask", question))
    assert "empty" in line
    assert "sanad ask" in line


@pytest.mark.usefixtures("indexed")
def test_a_question_of_one_character_too_many_is_refused(run: Run) -> None:
    assert "2,001 characters" in refused(run("ask", "a" * 2001))


@pytest.mark.usefixtures("indexed")
def test_a_question_that_is_not_utf8_is_refused(run: Run) -> None:
    assert "UTF-8" in refused(run("ask", "why \udcff?"))


def test_a_folder_that_does_not_exist_is_refused(run: Run) -> None:
    line = refused(run("index", "/no/such/folder"))
    assert "'/no/such/folder'" in line
    assert not Settings.load().indexes.exists()


@pytest.mark.parametrize("files", [{}, {"a.pdf": b"x"}, {"a.txt": b"\0\0"}, {"README.md": b"read me"}])
def test_a_folder_without_a_usable_article_is_refused(
    run: Run, tmp_path: Path, files: dict[str, bytes]
) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    line = refused(run("index", str(folder), "--index", "mine"))
    assert str(folder) in line
    assert not Settings.load().indexes.exists()


def test_a_file_instead_of_a_folder_is_refused_with_its_folder(run: Run, small_articles: Path) -> None:
    assert repr(str(small_articles)) in refused(run("index", str(small_articles / "olives.txt")))


def test_commands_that_are_printed_can_be_run_with_a_path_that_contains_a_space(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my news"
    folder.mkdir()
    assert refused(run("index", str(folder))).endswith(f"Name yours: sanad index '{folder}' --index NAME")
    monkeypatch.setattr(download, "fetch", lambda *_: folder)
    _, out, err = run("models", "--get", "org/name")
    assert out == f"{folder}\n"
    assert err == f"To write the answers with it: SANAD_LLM='{folder}', or --llm '{folder}'\n"


def test_an_unknown_index_is_refused_with_the_command_that_builds_it(run: Run) -> None:
    assert refused(run("ask", COST, "--index", "mine")).endswith("sanad index FOLDER --index mine")


@pytest.mark.parametrize("name", ["../x", "", "a/b"])
def test_a_name_that_is_none_is_refused(run: Run, small_articles: Path, name: str) -> None:
    assert repr(name) in refused(run("index", str(small_articles), "--index", name))
    assert repr(name) in refused(run("ask", COST, "--index", name))


@pytest.mark.usefixtures("indexed")
@pytest.mark.slow  # importing transformers takes seconds
def test_an_unknown_model_is_refused_with_its_name(run: Run) -> None:
    line = refused(run("ask", COST, "--backend", "transformers", "--llm", "no-such/model"))
    assert "'no-such/model'" in line
    assert "--llm" in line


@pytest.mark.slow  # importing transformers takes seconds
def test_an_unknown_embedder_is_refused_with_its_name_and_builds_nothing(run: Run) -> None:
    line = refused(run("index", "--embedder", "no-such/embedder"))
    assert "'no-such/embedder'" in line
    assert "--embedder" in line
    assert not list(Settings.load().indexes.rglob("generation-*"))


def test_a_damaged_index_is_refused_with_the_command_that_builds_it(run: Run) -> None:
    run("index")
    (path,) = Settings.load().indexes.rglob("articles.jsonl")
    path.write_text("", encoding="utf-8")
    assert refused(run("ask", COST)).endswith("sanad index")
    assert run("index")[0] == 0
    assert run("ask", COST)[0] == 0


@pytest.mark.usefixtures("indexed")
def test_a_default_index_of_another_version_is_refused_with_the_command_that_builds_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bm25, "VERSION", bm25.VERSION + 1)
    assert refused(run("ask", COST)).endswith(
        "cannot be searched: the lexical index has version "
        f"{bm25.VERSION - 1}, but this version of sanad reads {bm25.VERSION}. Rebuild it: sanad index"
    )


def test_a_wrong_setting_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANAD_PASSAGES", "many")
    assert "'many'" in refused(run("ask", COST))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "COMMAND"),
        (("tell", "me"), "'tell'"),
        (("ask",), "question"),
        (("ask", COST, "--backend", "gpu"), "'gpu'"),
        (("ui", "--port", "high"), "'high'"),
        (("index", "a", "b"), "b"),
        (("remove",), "ID"),
    ],
)
def test_a_wrong_command_line_is_status_two_with_the_usage(
    run: Run, arguments: tuple[str, ...], expected: str
) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("usage: sanad")
    assert expected in err.splitlines()[-1]


def test_models_that_are_not_installed_are_named_with_the_fix(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.models.weights import packaged

    missing = (packaged.Part("no_such_weights", "no-such-weights==1.0", "model.bin"),)
    models = tuple(replace(model, parts=missing) for model in packaged.PACKAGED_MODELS)
    monkeypatch.setattr(packaged, "PACKAGED_MODELS", models)
    status, out, err = run("models")
    assert status == 2
    assert out.count("no-such-weights==1.0") >= 2
    for model in models:
        assert model.title in out
        assert model.sha256 in out
        assert f"({model.licence})" in out
    (line,) = err.splitlines()
    assert line.startswith("sanad: These models cannot be used")


def test_a_variable_that_is_no_setting_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANAD_PASAGES", "3")
    assert "SANAD_PASSAGES" in refused(run("ask", COST))


@pytest.mark.usefixtures("indexed")
def test_an_interrupt_ends_with_130_and_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag import assistant

    def interrupted(*_: object) -> Generator:
        raise KeyboardInterrupt

    monkeypatch.setattr(assistant, "open_generator", interrupted)
    assert run("ask", COST) == (130, "", "sanad: interrupted\n")


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"sanad {__version__}\n", "")


def sanad(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rag.cli", *arguments]
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_colour_codes_and_no_bars_are_printed_where_there_is_no_terminal(run: Run) -> None:
    status, out, err = run("ask", COST)
    assert status == 0
    assert out.startswith("The repairs cost 12 million dollars")
    assert "embedding …" in err.splitlines()
    assert not {"\x1b", "\r"} & set(out + err)


def nobody_reads() -> int:
    """The writing end of a pipe whose reader has gone, as after ``| head``."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.usefixtures("indexed")
def test_a_reader_that_has_gone_is_no_error(run: Run) -> None:
    writing = nobody_reads()
    try:
        done = sanad("articles", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("indexed")
def test_a_reader_of_json_that_has_gone_is_no_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(nobody_reads(), "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert main(("ask", COST, "--json")) == 0


def test_an_error_in_a_process_is_one_line_without_a_traceback(run: Run) -> None:
    done = sanad("index", "/no/such/folder")
    assert "'/no/such/folder'" in refused((done.returncode, done.stdout, done.stderr))


@pytest.mark.parametrize(
    ("windows", "terminal", "written"),
    [(True, False, "قال 5"), (True, True, "??? 5"), (False, False, "??? 5")],
)
def test_a_file_or_program_gets_every_letter_on_windows_too(
    windows: bool, terminal: bool, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, Python's encoding is that of the system's language."""
    raw = io.BytesIO()
    monkeypatch.setattr(raw, "isatty", lambda: terminal, raising=False)
    stream = io.TextIOWrapper(raw, encoding="cp1252")
    keep_letters(stream, windows=windows)
    stream.write("قال 5")
    stream.flush()
    assert raw.getvalue().decode() == written
