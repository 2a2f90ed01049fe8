import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import workbench
from evals.dataset import BadQuestions, read_lines, read_questions
from evals.drafting import proposals
from evals.grading.matching import holds
from evals.grading.score import Span
from evals.harness import options
from rag import Article, build_index

ROOT = Path(workbench.__file__).resolve().parent.parent
HARBOUR = (
    "Harbour reopens after two years\n"
    "The repairs of the harbour cost 12 million dollars, said the port director Lina Haddad.\n"
    "The harbour was first opened to ships from the island in 1931.\n"
    "Ferries will carry 300 passengers a day to the island, later on more.\n"
)
LIBRARY = (
    "قال رئيس البلدية سامر قاسم إن المكتبة ستفتح أبوابها للجميع يوم الأحد.\n"
    "بلغت تكلفة المكتبة الجديدة في حي النخيل 4 ملايين دينار عراقي.\n"
    "افتتحت البلدية المكتبة الأولى في المدينة عام 1987.\n"
    "ارتفع عدد الزوار بنسبة 25% مقارنة بما كان عليه من قبل.\n"
)
LINA = "the port director Lina Haddad"
ARTICLES = [
    Article(id="harbour", title="Harbour", text=HARBOUR, source="harbour.txt", language="en"),
    Article(id="library", title="مكتبة", text=LIBRARY, source="library.txt", language="ar"),
]


def test_sentences_with_a_value_are_asked_about():
    made = {(p.kind, p.question, p.answer) for p in proposals(ARTICLES, [], 0)}
    assert made == {
        ("person", "Who said that the repairs of the harbour cost 12 million dollars?", LINA),
        ("date", "The harbour was first opened to ships from the island in which year?", "1931"),
        ("number", "Ferries will carry how many passengers a day to the island, later on more?", "300"),
        ("person", "من الذي قال إن المكتبة ستفتح أبوابها للجميع يوم الأحد؟", "رئيس البلدية سامر قاسم"),
        ("number", "بلغت تكلفة المكتبة الجديدة في حي النخيل كم دينار عراقي؟", "4 ملايين"),
        ("date", "افتتحت البلدية المكتبة الأولى في المدينة أي عام؟", "1987"),
        ("number", "ارتفع عدد الزوار بنسبة كم في المئة مقارنة بما كان عليه من قبل؟", "25"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "وأكدت وزارة الدفاع العراقية، الخميس، أن المحادثات مع الجانب الأمريكي مستمرة.",
            "من التي أكدت أن المحادثات مع الجانب الأمريكي مستمرة؟",
            "وزارة الدفاع العراقية",
        ),
        ("بدأت الحكومة عملية الانسحاب، صرح بذلك رئيس الوزراء بعد أن نفذ الجيش غارة.", None, None),
        ("قال الوزير قبل أن يغادر المدينة كلاما كثيرا عن الميناء والطريق الجديد.", None, None),
    ],
)
def test_who_said_it_is_asked_as_arabic_asks_it(sentence, question, answer):
    article = Article(id="a", title="", text=sentence, source="a.txt", language="ar")
    made = [(p.question, p.answer) for p in proposals([article], [], 0)]
    assert made == ([] if question is None else [(question, answer)])


def test_articles_take_turns_and_sentences_that_are_asked_about_are_passed_over():
    order = [p.article_id for p in proposals(ARTICLES, [], 0)]
    assert order[:4] in (["harbour", "library"] * 2, ["library", "harbour"] * 2)
    assert list(proposals(ARTICLES, [], 3)) == list(proposals(ARTICLES, [], 3))
    asked = [Span("harbour", 0, len(HARBOUR))]
    assert {p.article_id for p in proposals(ARTICLES, asked, 0)} == {"library"}


@given(
    st.lists(
        st.sampled_from([*HARBOUR.split(), *LIBRARY.split(), "2015", "٢٠١٥", "15", "\n", ".", "%"]),
        max_size=60,
    )
)
def test_a_proposal_quotes_its_article_and_does_not_contain_its_answer(words):
    article = Article(id="a", title="", text=" ".join(words), source="a.txt")
    for made in proposals([article], [], 0):
        assert article.text[made.start : made.start + len(made.quote)] == made.quote
        assert made.answer in made.quote
        assert not holds(made.question, made.answer)


class Person:
    """Types what is written down for it; when there is no more, presses Ctrl-D."""

    def __init__(self, *typed: str) -> None:
        self.typed, self.shown = list(typed), []

    def read(self, prompt: str, text: str = "") -> str:
        self.shown.append(prompt)
        if not self.typed:
            raise EOFError
        return self.typed.pop(0)


def drafted(path: Path, *typed: str, **options) -> tuple[int, Person]:
    person = Person(*typed)
    return workbench.draft(path, ARTICLES, read=person.read, show=person.shown.append, **options), person


def test_what_is_accepted_is_a_question_in_the_format(tmp_path):
    file = tmp_path / "mine.jsonl"
    accepted, person = drafted(file, "a", "r", "x", "a", "q")
    assert accepted == 2
    questions = read_questions(file)
    assert workbench.check(read_lines(file), ARTICLES) == []
    assert all(question.answerable and question.evidence[0].text for question in questions)
    assert person.shown[-1] == f"{file}: 2 added, 2 in the file"
    asked_again, person = drafted(file, *["r"] * 9)
    assert asked_again == 0
    assert sum(shown.startswith("accept") for shown in person.shown) == 5
    assert len(read_questions(file)) == 2


def test_what_is_edited_is_kept_as_edited_and_a_leak_is_not_accepted(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"id": "x", "question": "?a", "lang": "en", "answerable": False}))
    accepted, person = drafted(
        file, "e", "When, in 1987 or 7, and at 25 dinars for 4 ملايين, did سامر open it?",
        "1987 | 25 |4 ملايين| سامر|", "a", "e", "من فتحها؟", "", "a",
        limit=1,
    )  # fmt: skip
    assert accepted == 1
    assert any("The question contains the answer" in shown for shown in person.shown)
    first, made = read_questions(file)
    assert (first.id, made.text, made.lang) == ("x", "من فتحها؟", "ar")
    assert made.must == (("1987", "25", "4 ملايين", "سامر"),)
    assert made.tags[0].startswith("ar-")


def test_a_file_with_a_bad_line_is_not_added_to(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("{\n")
    with pytest.raises(BadQuestions, match="line 1"):
        drafted(file, "a")
    assert file.read_text() == "{\n"


def line(**changes):
    base = {
        "id": "q1",
        "question": "What did the repairs cost?",
        "lang": "en",
        "answerable": True,
        "must": [["12 million"]],
        "evidence": [{"article": "harbour", "quote": "cost 12 million dollars"}],
    }
    return json.dumps(base | changes, ensure_ascii=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evidence": [{"article": "harbour", "quote": "cost 13 million"}]}, "is no longer in 'harbour'"),
        ({"evidence": [{"article": "library", "quote": "cost 12 million"}]}, "is in 'harbour', not in"),
        ({"evidence": [{"article": "gone", "quote": "nowhere"}]}, "no article 'gone' any more"),
        ({"evidence": [{"article": "library", "quote": "بَلَغَتْ تكلفة"}]}, "spelt in another way"),
        ({"question": "the cost: what did repairs  the?"}, "asks the same as q0 on line 1"),
        ({"question": "Were it 12 Million?"}, "the question contains the answer «12 million» (must[0])"),
        (
            {"question": "What was 12 million?", "must_not": ["13"]},
            "the question contains the answer «12 million»",
        ),
        ({"question": "Was it 12 million?", "must_not": []}, "the question contains the answer «12 million»"),
        ({"question": "b?", "must_not": ["12"]}, "contains «12», which must_not forbids"),
    ],
)
def test_what_has_gone_wrong_is_reported_with_its_line(tmp_path, changes, message):
    file = tmp_path / "mine.jsonl"
    question = {"question": "Different?"} | changes
    file.write_text(line(id="q0", question="What did repairs cost?", evidence=[]) + "\n" + line(**question))
    (problem,) = workbench.check(read_lines(file), ARTICLES)
    assert message in problem.message
    assert (problem.line, problem.message[:3]) == (2, "q1:")


@pytest.mark.parametrize(
    "changes",
    [
        # A right "yes" may say the question again; what denies it is forbidden.
        {"question": "Was it 12 million?", "must": [["yes", "12 million"]], "must_not": ["not"]},
        {"question": "وهل كانت 12 مليونا؟", "must": [["نعم", "12"]], "must_not": ["لا"]},
        # The other choice stands there too.
        {"question": "Before or after the repairs?", "must": [["after"]], "must_not": ["before"]},
        # Of two things asked for it says one.
        {"question": "What do they fear of repairs?", "must": [["fear"], ["floods"]]},
    ],
)
def test_a_question_that_would_be_no_right_answer_may_hold_words_of_one(tmp_path, changes):
    file = tmp_path / "mine.jsonl"
    file.write_text(line(**changes))
    assert workbench.check(read_lines(file), ARTICLES) == []


@pytest.mark.parametrize("name", ["seeds", "dev", "test"])
def test_the_committed_questions_have_no_slip(name):
    seeds = sorted((ROOT / "seeds").glob("*.txt"))
    articles = [Article(path.stem, "", path.read_text(encoding="utf-8"), path.name) for path in seeds]
    assert workbench.check(read_lines(options.QUESTIONS.with_name(f"{name}.jsonl")), articles) == []


def test_every_bad_line_is_reported_not_only_the_first(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(["{", line(), line(lang="fr"), line()]))
    problems = [problem.message for problem in workbench.check(read_lines(file), ARTICLES)]
    assert [f"line {n}" in reported for n, reported in zip((1, 3, 4), problems, strict=True)] == [True] * 3


def test_the_commands_run_over_an_index(small_articles, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SANAD_EMBEDDER", "fake")
    build_index(small_articles, "small")
    file = tmp_path / "mine.jsonl"
    monkeypatch.setattr("builtins.input", Person("a", "r").read)
    assert workbench.main(["draft", str(file), "--index", "small", "--limit", "2"]) == 0
    assert capsys.readouterr().out.endswith(f"{file}: 1 added, 1 in the file\n")
    assert workbench.main(["check", str(file), "--index", "small"]) == 0
    assert capsys.readouterr().out == f"{file}: no problem found, 1 checked\n"
    file.write_text(file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    assert workbench.main(["check", str(file), "--index", "small"]) == 2
    out, err = capsys.readouterr()
    assert "line 2, key 'id'" in out
    assert err == f"{file}: problems found: 1; correct the lines named above.\n"
    assert workbench.main(["check", str(tmp_path / "none.jsonl"), "--index", "small"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_on_a_terminal_the_text_to_edit_is_already_shown():
    pty = pytest.importorskip("pty")
    pytest.importorskip("readline")
    code = "from evals.workbench import typed; print(typed('question: ', 'Did it open?').upper())"
    terminal, inner = pty.openpty()
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=inner, stdout=inner, stderr=inner):
        os.close(inner)
        shown = b""
        while b"open?" not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, b"\x7f again?\n")
        with contextlib.suppress(OSError):  # how a terminal ends
            while piece := os.read(terminal, 1000):
                shown += piece
    os.close(terminal)
    assert b"DID IT OPEN AGAIN?" in shown
