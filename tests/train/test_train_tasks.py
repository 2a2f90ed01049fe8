"""Examples of the four tasks say what is true of their evidence, and are rendered as they are served."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from rag.language.translation.gazetteer import Name
from rag.language.translation.hints import NONE, Hint
from train import task_scores
from train.replies import parsed, places
from train.tasks import examples, files, reading_lessons, rewriting, sources, translation
from train.tasks.reading_lessons import Finder, Maker, sides
from train.tasks.sources import Asked, Pair, Topic

COUNT = 40


@pytest.fixture(scope="module")
def topics() -> list[Topic]:
    """Towers with a builder and a year, two sentences each."""
    found = []
    for n in range(COUNT):
        name, builder, year = f"Torn{chr(97 + n % 26)}{n}", f"Ben{n} Hall{n}", 1500 + n
        own = (
            Pair(
                f"Tower {name} was built by {builder} in {year}.",
                f"بنى {builder} برج {name} عام {year}.",
                "t",
                2 * n,
            ),
            Pair(f"Tower {name} has {n + 3} bells.", f"في برج {name} أجراس عددها {n + 3}.", "t", 2 * n + 1),
        )
        asked = (
            Asked(
                f"a{n}",
                {"en": f"Who built tower {name}?", "ar": f"من بنى برج {name}؟"},
                {"en": [builder], "ar": [builder]},
                {"en": f"{builder} built it.", "ar": f"بناه {builder}."},
                (0,),
                ({"en": f"Who sold tower {name}?", "ar": f"من باع برج {name}؟"},),
                "person",
            ),
            Asked(
                f"b{n}",
                {"en": f"When was tower {name} built?", "ar": f"متى بني برج {name}؟"},
                {"en": [f"in {year}"], "ar": [f"عام {year}"]},
                {"en": f"It was built in {year}.", "ar": f"بني عام {year}."},
                (0,),
                ({"en": f"When was tower {name} burnt?", "ar": f"متى احترق برج {name}؟"},),
                "date",
            ),
        )
        found.append(Topic("lessons", f"t:{n}", own, asked, "valid" if n % 10 == 0 else "train"))
    return found


@pytest.fixture(scope="module")
def made(topics: list[Topic]) -> list[examples.Example]:
    finder = Finder([p for topic in topics for p in topic.sentences])
    return list(Maker(topics, finder)())


def _evidence(example: examples.Example) -> dict[int, str]:
    return {
        int(n): text for n, text in re.findall(r"^\[(\d+)\] (.*)$", example.messages[-1][1], re.MULTILINE)
    }


def test_a_reading_cites_the_sentence_that_holds_its_answer(made: list[examples.Example]) -> None:
    assert {e.kind for e in made} >= {"person", "date", "near", "absent", "altered", "sentence"}
    assert {e.pair for e in made} == {"en-ar", "ar-ar", "ar-en", "en-en"}
    for example in made:
        evidence, draft = _evidence(example), parsed(example.answer)
        assert reading_lessons.FEWEST - 1 <= len(evidence) <= reading_lessons.MOST + 1
        assert draft.refused == (example.kind in ("near", "absent", "altered"))
        for part in draft.statements:
            (number,) = places(part)
            assert "in 15" in evidence[number] or "عام 15" in evidence[number]
            assert part.words in evidence[number]
    across = [e for e in made if e.pair == "en-ar" and e.kind == "date"]
    assert all(" = in 15" in e.answer for e in across if "Answer in English." in e.messages[-1][1])


@pytest.mark.slow
def test_examples_are_the_same_in_every_run(topics: list[Topic], made: list[examples.Example]) -> None:
    finder = Finder([p for topic in topics for p in topic.sentences])
    assert list(Maker(topics, finder)()) == made


def test_markers_follow_their_sentences(made: list[examples.Example]) -> None:
    texts, moved = examples.arranged(list("abcd"), "[1][3] x = y [2] z", random.Random(3), served=0.0)
    by_number = dict(enumerate(texts, start=1))
    told = {one.text: sorted(by_number[n] for n in places(one)) for one in parsed(moved).statements}
    assert told == {"y": ["a", "c"], "z": ["b"]}
    assert examples.arranged(["a", "b"], "[0]", random.Random(0))[1] == "[0]"
    assert examples.neutral_answer("[1][2] a [b]") == "[1][2] a (b)"


@pytest.mark.parametrize(
    ("values", "outcome", "languages", "expected"),
    [
        ([(1, "27", "27"), (2, "31", "31")], "conflict", ("en", "ar"), "[1] 27 [2] 31"),
        ([(1, "six", "ستة"), (2, "four", "أربعة")], "update", ("en", "ar"), "[1] ستة = six [2] أربعة = four"),
        ([(1, "six", "ستة"), (2, "6", "ستة")], "same", ("ar", "ar"), "[1][2] ستة"),
        ([(1, "six", "ستة"), (2, "Six", "ستة"), (3, "two", "أربعة")], "conflict", ("en", "ar"),
         "[1][2] ستة = six [3] أربعة = two"),
        ([(2, "six", "أربعة")], "different", ("en", "ar"), "[2] أربعة = six"),
        ([], "refuse", ("en", "ar"), "[0]"),
    ],
)  # fmt: skip
def test_what_sentences_say_differently_is_shown_side_by_side(values, outcome, languages, expected) -> None:
    texts = ["قتل ستة أو 27", "قتل أربعة أو ستة أو 31", "قتل أربعة"]
    assert sides(values, texts, *languages, outcome) == expected


def test_thousands_that_the_united_nations_write_in_reverse_are_put_in_order() -> None:
    assert sources.in_order("عددهم 000 110 نسمة", "counts 110,000 inhabitants") == "عددهم 110,000 نسمة"
    assert sources.in_order("عام 000 110", "no such number") == "عام 000 110"


@pytest.mark.parametrize(
    ("english", "arabic", "reason"),
    [
        ("It cost 2,500 pounds.", "كلف 2500 جنيه.", ""),
        ("It cost 2,500 pounds.", "كلف 250 جنيها.", "numbers"),
        ("Five men came.", "جاء 5 رجال.", ""),
        ("A long sentence about nothing at all.", "جملة", "ratio"),
        ("", "جملة", "empty"),
        ("x" * 500, "س" * 500, "long"),
    ],
)
def test_bad_pairs_are_left_out(english: str, arabic: str, reason: str) -> None:
    assert translation.refused(Pair(english, arabic, "un", 1)) == reason


def test_some_hints_are_missing_and_some_wrong() -> None:
    known = [Hint(f"w{n}", ("right",), "word", n) for n in range(4000)]
    shown = translation.disturbed(known, random.Random(0), [("wrong",)])
    assert 0.85 < len(shown) / len(known) < 0.91
    assert 0.03 < sum(h.targets == ("wrong",) for h in shown) / len(known) < 0.05


def test_a_translation_is_asked_for_with_its_hints() -> None:
    made = examples.translating(
        "أعلنت", "Announced", "أعلنت=announced", pair="ar-en", source="x", kind="hints", split="train"
    )
    assert made.messages[-1] == ("user", "أعلنت\n\nHints: أعلنت=announced")
    assert "into English" in made.messages[0][1]
    bare = examples.translating("x", "س", NONE, pair="en-ar", source="x", kind="plain", split="train")
    assert bare.messages[-1][1].endswith("Hints: none")
    assert "into Arabic" in bare.messages[0][1]


NAMES = rewriting.Names(
    rows={"place": [("Syria", "سوريا"), ("Iraq", "العراق")], "person": [("Erik Kurilla", "إريك كوريلا")]},
    kind_of={"Syria": "place", "سوريا": "place", "العراق": "place", "Iraq": "place", "Erik Kurilla": "person",
             "إريك كوريلا": "person"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "told", "expected"),
    [
        ("What did Erik Kurilla say?", "Erik Kurilla spoke", ("What did he say?", "What did she say?")),
        ("How many died in Syria?", "war in Syria", ("How many died there?",)),
        ("When was Syria's flag made?", "Syria", ("When was its flag made?",)),
        ("How many died in Syria?", "war elsewhere", ("",)),
    ],
)
def test_a_name_that_the_conversation_has_becomes_a_pronoun(
    question: str, told: str, expected: tuple
) -> None:
    for seed in range(5):
        assert rewriting._pronoun_english(question, told, NAMES, "", random.Random(seed)) in expected


@pytest.mark.parametrize(
    ("question", "told", "expected"),
    [
        ("متى زار إريك كوريلا بغداد؟", "إريك كوريلا", "متى زار بغداد؟"),
        ("كم قتيلا سقط في سوريا؟", "سوريا", "كم قتيلا سقط هناك؟"),
        ("ماذا قيل عن إريك كوريلا؟", "إريك كوريلا", "ماذا قيل عنه؟"),
        ("ماذا قيل لإريك كوريلا؟", "إريك كوريلا", "ماذا قيل له؟"),
        ("كم قتيلا سقط في سوريا؟", "مصر", ""),
    ],
)
def test_so_it_does_in_arabic(question: str, told: str, expected: str) -> None:
    assert rewriting._pronoun_arabic(question, told, NAMES, "", random.Random(0)) == expected


def test_a_question_is_repeated_for_another_place_year_or_question_word() -> None:
    rng = random.Random(0)
    assert rewriting._other_name("How many died in Syria?", "en", NAMES, rng)[1] == "How many died in Iraq?"
    follow, whole = rewriting._other_year("Who won in 2014?", "en", rng)
    assert re.search(r"\d{4}", follow)[0] in whole
    follow, whole = rewriting._other_word("When did it end?", "en", rng)
    assert whole.split()[0].lower() in follow.lower()
    assert whole.endswith(" did it end?")
    assert rewriting._other_word("When it ended, who won?", "en", rng) is None


def test_examples_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    items = [{"a": "س\u2028x"}, {"a": "y"}]
    for name in ("x.jsonl", "x.jsonl.xz"):
        files.write(tmp_path / name, items)
        assert list(files.read(tmp_path / name)) == items


def test_replies_are_scored_by_task() -> None:
    read = [
        {"answer": "[1] أربعة = four men", "reply": "[1] أربعة = four men"},
        {"answer": "[2] x", "reply": "[0]"},
        {"answer": "[0]", "reply": "[0]"},
    ]
    scores = task_scores.reading(read)
    assert scores["f1"].startswith("0.50")
    assert scores["cited"].startswith("1.00")
    assert scores["unanswerable refused"].startswith("1.00")
    assert scores["answerable refused"].startswith("0.50")
    assert task_scores.rouge("who left Syria", "who left Iraq") == pytest.approx(2 / 3)
    assert task_scores.numbers_kept("2,500 of 30", "2500 of 31") == (1, 2)


def test_a_name_is_kept_in_any_of_its_forms() -> None:
    names = task_scores.read_names([Name("person", ("Erik Kurilla", "Michael Kurilla"), ("إريك كوريلا",))])
    assert task_scores.names_kept("Erik Kurilla left.", "Michael Kurilla went.", names) == (1, 1)
    assert task_scores.names_kept("Erik Kurilla left.", "Erik Corella went.", names) == (0, 1)
    assert task_scores.names_kept("He left.", "He went.", names) == (0, 0)


@pytest.mark.slow  # importing torch takes seconds
def test_a_recipe_is_read_from_the_command_line() -> None:
    pytest.importorskip("torch")
    from train.adapter import Recipe
    from train.compare import recipe

    made = recipe("rank=32,rate=2e-4/translate=0.5", Recipe(steps=9))
    assert (made.rank, made.alpha, made.rate, made.mix, made.steps) == (32, 64.0, 2e-4, "translate=0.5", 9)
    assert recipe("/read=2", Recipe()).rank == Recipe().rank
