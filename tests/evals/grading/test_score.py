import dataclasses

import pytest

from evals.dataset import Question, Quote
from evals.grading.score import (
    citations_exact,
    grade_answer,
    grade_retrieval,
    holds,
    is_correct,
    strip_markers,
    token_f1,
)
from evals.grading.stats import Result, beside, score, summarise
from rag.records import Answer, Chunk, Citation, Claim, Evidence, Passage, Retrieved

TEXTS = {
    "one": "غادرت القوات القاعدة. بقي 900 جندي في سوريا. ثم عاد 900 جندي.",
    "two": "قال الوزير إن 2500 جندي في العراق.",
}


def question(**changes):
    base = Question(
        id="q",
        text="How many?",
        lang="en",
        answerable=True,
        must=(("900",),),
        must_not=(),
        evidence=(Quote("one", "بقي 900 جندي"),),
        tags=("en-ar",),
        line=1,
    )
    return dataclasses.replace(base, **changes)


def citation(number=1, article="one", quote="بقي 900 جندي في سوريا."):
    start = TEXTS[article].index(quote)
    return Citation(
        number=number,
        article_id=article,
        title="",
        outlet=None,
        published=None,
        source="one.txt",
        line=1,
        start=start,
        end=start + len(quote),
        quote=quote,
    )


def answer(text="There are 900 [1].", citations=None, outcome="answered", language="en"):
    return Answer(
        question="How many?",
        text=text,
        language=language,
        outcome=outcome,
        claims=(),
        citations=(citation(),) if citations is None else tuple(citations),
        passages=(),
        evidence=(),
        model="fake",
        generation="generation-0001",
        timings={"total": 1.0},
    )


@pytest.mark.parametrize(
    ("text", "alternative"),
    [
        ("There are 900 soldiers.", "900"),
        ("Some 2,500 soldiers", "2500"),
        ("Some 2500 soldiers", "2,500"),
        ("٩٠٠ جندي", "900"),
        ("٢٬٥٠٠ جندي", "2500"),
        ("في العراق و900 في سوريا", "900"),
        ("تجاوزت الـ170 هجوما", "170"),
        ("2500جندي", "2500"),
        ("نحو و2.6 مليون", "2.6"),
        ("نحو و2.6 مليون", "2.6 مليون"),
        ("2.6مليون", "2.6 مليون"),
        ("16في المئة", "16"),
        ("16في المئة", "16 في المئة"),
        ("نسبة ب16 في", "16"),
        ("نسبة بـ16 في", "16"),
        ("من16إلى18", "16"),
        ("من١٦إلى١٨", "18"),
        ("و2,500 جندي", "2500"),
        ("170ألف جندي", "170 ألف"),
        ("170 ألف جندي", "170ألف"),
        ("do not leave", "not"),
        ("It is NOT so.", "not"),
        ("Not at all", "not"),
        ("no, it is not", "no"),
        ("لا يوجد", "لا"),
        ("قال: لا.", "لا"),
        ("ولا يوجد", "لا"),
        ("فلم يحضر", "لم"),
        ("وليست هنا", "ليست"),
        ("ولا يزال هناك", "لا يزال"),
        ("بلا شك", "بلا"),
        ("about 2.5 thousand troops", "2.5 thousand"),
        ("on 20.3.2003", "2003"),
        ("It is 900.", "900"),
        ("since 2003.", "2003"),
        ("in AL-ANBAR province", "anbar"),
        ("ʿAin al‑Asad", "Ain al-Asad"),
        ("في محافظة الأنبار", "الأنبار"),
        ("في محافظة الأنبار", "أنبار"),
        ("وبالأنبار قاعدة", "أنبار"),
        ("للأنبار", "الأنبار"),
        ("وللأنبار", "أنبار"),
        ("عاصمة للغة", "اللغة"),
        ("لسوريا", "سوريا"),
        ("فسوريا", "سوريا"),
        ("كسوريا", "سوريا"),
        ("بِسُورِيَا", "سوريا"),
        ("مدينة اربيل", "أربيل"),
        ("هنيه", "هنية"),
        ("في ديسمبر/كانون الأول 2017", "كانون الأول"),
        ("170 ألف جندي", "170 ألف"),
    ],
)
def test_an_alternative_is_found_however_it_is_written(text, alternative):
    assert holds(text, alternative)


@pytest.mark.parametrize(
    ("text", "alternative"),
    [
        ("in 1900", "900"),
        ("9000 soldiers", "900"),
        ("in 2015", "15"),
        ("in 2015", "20"),
        ("a notable change", "not"),
        ("it cannot be", "not"),
        ("knot", "not"),
        ("nothing", "no"),
        ("the north", "no"),
        ("كلا البلدين", "لا"),
        ("بلا شك", "لا"),
        ("الاتفاق", "لا"),
        ("هؤلاء", "لا"),
        ("على مسافة 5 كلم", "لم"),
        ("لما حضر", "ما"),
        ("كما قال", "ما"),
        ("علم بذلك", "لم"),
        ("كلا يزال", "لا يزال"),
        ("12500 soldiers", "2500"),
        ("2500.5 dinars", "2500"),
        ("1.2500 dinars", "2500"),
        ("و2500.5 دينار", "2500"),
        ("و12500دينار", "2500"),
        ("و2.6 مليون", "6"),
        ("و2.6مليون", "2"),
        ("16في المئة", "6"),
        ("15km", "15"),
        ("the 16th", "16"),
        ("about 2.5 thousand", "5"),
        ("about 2.5 thousand", "2"),
        ("900,000 soldiers", "900"),
        ("2,500,900 people", "900"),
        ("٢٠١٥", "15"),
        ("MARCHED on", "march"),
        ("Iraqi forces", "Iraq"),
        ("السوريا", "ريا"),
        ("سوريات", "سوريا"),
        ("الانباري", "الأنبار"),
        ("وحرير", "رير"),
        ("1700 ألف", "170"),
    ],
)
def test_part_of_a_word_or_number_is_no_match(text, alternative):
    assert not holds(text, alternative)


def test_a_markers_digit_is_never_read_as_a_number():
    five = question(must=(("5",),))
    for text in ("It is not known [5].", "Unclear[5]", "Unclear [1, 5].", "غير معروف [٥]."):
        assert not is_correct(five, text)
    assert is_correct(five, "Five soldiers, that is 5 [1].")
    assert strip_markers("left [1].").split() == ["left", "."]


def test_every_group_must_be_in_the_answer_and_nothing_forbidden():
    both = question(must=(("2017",), ("December", "ديسمبر")), must_not=("2019",))
    assert is_correct(both, "In December 2017 [1].")
    assert is_correct(both, "في ديسمبر 2017")
    assert not is_correct(both, "In 2017.")
    assert not is_correct(both, "In December 2017, or 2019.")
    assert is_correct(both, "In December 2017 [2019].")


IN_ARABIC = "بقي 900 جندي في سوريا."


@pytest.mark.parametrize(
    ("text", "english", "whole"),
    [
        ("There are 900 [1].", 1.0, 1.0),
        ("900 [1].", 1.0, 1.0),
        ("There are 900 جندي [1].", 1.0, 1.0),
        (f"The article says: “{IN_ARABIC}” (in it: 900) [1]", 1.0, 1.0),
        (f"The article says: “{IN_ARABIC}” [1]", 0.0, 1.0),
        (f"The article says: {IN_ARABIC} [1]", 0.0, 1.0),
        (f"{IN_ARABIC} [1]", 0.0, 1.0),
        ("900 جندي [1]", 0.0, 1.0),
        ("There are 2500 [1].", 0.0, 0.0),
        # What is forbidden is forbidden in a quotation too.
        ("There are 900: “بقي 170 ألف جندي” [1].", 0.0, 0.0),
    ],
)
def test_an_english_question_is_graded_on_the_english_words_of_the_answer(text, english, whole):
    assert grade_answer(question(must_not=("170 ألف",)), answer(text), TEXTS).correct == english
    arabic = grade_answer(question(must_not=("170 ألف",), lang="ar"), answer(text), TEXTS)
    assert arabic.correct == whole, "of an Arabic question the whole text counts"


GLOSS = "“remained/stayed 900 soldier in Syria so far.” (word for word)"
SENTENCE = '«في سوريا بقي "900" جندي حتى الآن.»'


@pytest.mark.parametrize(
    ("lang", "text", "own"),
    [
        ("en", f"900: {GLOSS} [1]", 1.0),
        ("en", f"2500: {GLOSS} [1]", 0.0),
        ("en", f"The article says: {GLOSS} [1]", 0.0),
        ("ar", f"900: {SENTENCE} [1]", 1.0),
        ("ar", f"2500: {SENTENCE} [1]", 0.0),
        ("ar", f"جاء في المقال: {SENTENCE} [1]", 0.0),
        # A name between quotation marks is part of what is said.
        ("en", "It is called “Camp 900” [1]", 1.0),
    ],
)
def test_what_an_answer_says_itself_is_graded_without_the_sentences_that_it_quotes(lang, text, own):
    scores = grade_answer(question(lang=lang), answer(text), TEXTS)
    assert (scores.correct, scores.own_correct) == (1.0, own)


def test_an_arabic_alternative_is_no_english_answer():
    either = question(must=(("Syria", "سوريا"),))
    assert grade_answer(either, answer("In سوريا [1]."), TEXTS).correct == 0.0
    assert grade_answer(either, answer("In Syria (سوريا) [1]."), TEXTS).correct == 1.0


def test_the_grade_of_all_that_is_shown_is_never_below_that_of_own_words():
    for text in ("900", "«900 جندي»", "There are 900", "There are 2500: «900 جندي»", "nothing", ""):
        for wanted in (
            question(),
            question(must_not=("2500",)),
            question(must=(("900", "جندي"), ("there",))),
        ):
            scores = grade_answer(wanted, answer(text), TEXTS)
            assert scores.own_correct <= scores.correct, text


def test_gold_that_folds_to_nothing_matches_nothing_and_is_unscored():
    odd = question(must=(("-)",),))
    scores = grade_answer(odd, answer(), TEXTS)
    assert not holds("-)", "-)")
    assert scores.correct is None
    result = Result(question=odd, scores=scores, answer=answer().to_dict(), seconds={}, error=None)
    assert (summarise([result])["unscored"], summarise([result])["accuracy"]["n"]) == (1, 0)
    assert is_correct(question(must=(("-)", "900"),)), "900")


def test_a_right_text_with_outcome_not_found_is_wrong_and_refused():
    scores = grade_answer(question(), answer("Not said, not even 900.", [], "not_found"), TEXTS)
    assert (scores.correct, scores.own_correct, scores.refused) == (0.0, 0.0, 1.0)
    assert scores.citation_precision is scores.citation_recall is None


def test_an_unanswerable_question_is_graded_on_refusing_alone():
    nowhere = question(answerable=False, must=(), evidence=())
    refusal = grade_answer(nowhere, answer("The articles do not say.", [], "not_found"), TEXTS)
    assert (refusal.refused, refusal.correct, refusal.citation_recall) == (1.0, None, None)
    assert refusal.citations_exact == 1.0
    assert grade_answer(nowhere, answer(), TEXTS).refused == 0.0


def test_citation_precision_is_the_share_of_right_ones_and_recall_wants_one():
    wrong = citation(2, "two", "2500 جندي")
    scores = grade_answer(question(), answer("900 [1], not 2500 [2].", [citation(), wrong]), TEXTS)
    assert (scores.citation_precision, scores.citation_recall) == (0.5, 1.0)
    none = grade_answer(question(), answer("900.", []), TEXTS)
    assert (none.citation_precision, none.citation_recall) == (None, 0.0)
    beside = grade_answer(question(), answer("900 [1].", [citation(quote="غادرت القوات القاعدة.")]), TEXTS)
    assert (beside.citation_precision, beside.citation_recall) == (0.0, 0.0)


def test_a_conflict_wants_right_citations_in_two_articles():
    two = question(tags=("conflict",), evidence=(Quote("one", "900 جندي"), Quote("two", "2500 جندي")))
    other = citation(2, "two", "2500 جندي")
    one_side = grade_answer(two, answer(), TEXTS)
    assert (one_side.citation_recall, one_side.conflict_covered) == (0.0, 0.0)
    both = grade_answer(two, answer("900 [1] or 2500 [2].", [citation(), other]), TEXTS)
    assert (both.citation_recall, both.conflict_covered) == (1.0, 1.0)
    refused = grade_answer(two, answer("Not said.", [], "not_found"), TEXTS)
    assert (refused.citation_recall, refused.conflict_covered) == (None, 0.0)
    assert grade_answer(question(), answer(), TEXTS).conflict_covered is None


def test_the_share_of_letters_is_kept_beside_the_language():
    mixed = grade_answer(question(), answer("In Syria (سوريا) [1]."), TEXTS)
    assert (mixed.language, mixed.language_share) == (1.0, pytest.approx(7 / 12))
    assert grade_answer(question(), answer("900 [1]."), TEXTS).language_share is None


def test_language_is_that_of_the_text_not_what_the_answer_claims():
    assert grade_answer(question(), answer(), TEXTS).language == 1.0
    assert grade_answer(question(), answer("بقي 900 جندي في سوريا [1]."), TEXTS).language == 0.0
    assert grade_answer(question(), answer("900 [1]."), TEXTS).language is None


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("900.", [{}]),
        ("900 [1] [2].", [{}]),
        ("900 [2].", [{"number": 2}]),
        ("900 [0].", [{"number": 0}]),
        ("900 [2] [1].", [{"number": 1}, {"number": 2}]),
        ("900 [1].", [{"number": 1}, {"number": 1}]),
        ("900 [١].", [{}]),
        ("900 [1].", [{"quote": "بقي 901 جندي في سوريا."}]),
        ("900 [1].", [{"article_id": "unknown"}]),
        ("900 [1].", [{"start": -5, "end": -1, "quote": TEXTS["one"][-5:-1]}]),
        ("900 [1].", [{"start": 3, "end": 3, "quote": ""}]),
    ],
)
def test_a_broken_citation_is_noticed(text, changes):
    broken = [dataclasses.replace(citation(), **change) for change in changes]
    assert not citations_exact(answer(text, broken), TEXTS)


def test_exact_citations_may_be_used_again():
    assert citations_exact(
        answer("900 [1] and 2500 [2], 900 [1].", [citation(), citation(2, "two", "2500")]), TEXTS
    )
    assert citations_exact(answer("Nothing.", []), TEXTS)


def passage(article, start, end, rank=1):
    chunk = Chunk(id=f"{article}{start}", article_id=article, start=start, end=end, tokens=5)
    return Passage(
        chunk=chunk,
        text=TEXTS[article][start:end],
        title="",
        outlet=None,
        published=None,
        score=0.5,
        dense=0.5,
        lexical=None,
        rank=rank,
    )


def sentence(article, start, end, number=1):
    return Evidence(
        number=number,
        article_id=article,
        start=start,
        end=end,
        text=TEXTS[article][start:end],
        title="",
        outlet=None,
        published=None,
        source="",
        line=1,
        score=0.5,
    )


def test_retrieval_ranks_the_first_span_that_shares_a_character_with_a_quote():
    start = TEXTS["one"].index("بقي")
    found = Retrieved(
        passages=(passage("two", 0, 30), passage("one", 0, start), passage("one", 0, start + 1)),
        evidence=(sentence("one", start, start + 5),),
    )
    assert grade_retrieval(question(), found, TEXTS) == (1 / 3, 1.0)


def test_retrieval_that_finds_nothing_scores_zero_and_without_gold_is_unmeasured():
    nothing = Retrieved(passages=(), evidence=(sentence("two", 0, 5),))
    assert grade_retrieval(question(), nothing, TEXTS) == (0.0, 0.0)
    assert grade_retrieval(question(evidence=()), nothing, TEXTS) == (None, None)
    assert grade_retrieval(question(evidence=(Quote("one", ""),)), nothing, TEXTS) == (None, None)
    late = Retrieved(passages=(passage("two", 0, 5),) * 10 + (passage("one", 0, 40),), evidence=())
    assert grade_retrieval(question(), late, TEXTS)[0] == 0.0


def test_a_quote_that_occurs_twice_counts_at_both_places():
    twice = question(evidence=(Quote("one", "900 جندي"),))
    last = citation(quote="ثم عاد 900 جندي.")
    assert grade_answer(twice, answer(citations=[last]), TEXTS).citation_recall == 1.0


def test_a_score_over_nothing_is_null_with_n_zero():
    assert score([], []) == {"value": None, "low": None, "high": None, "n": 0}


def test_an_interval_holds_the_mean_and_is_the_same_every_time():
    values, clusters = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0], ["a", "a", "b", "b", "c", "d"]
    first = score(values, clusters)
    assert first == score(values, clusters)
    assert first["low"] < first["value"] < first["high"]
    assert first["n"] == 6


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_three_items_that_agree_do_not_claim_certainty(value):
    result = score([value] * 3, ["a", "b", "c"])
    assert result["value"] == value
    assert result["high"] - result["low"] > 0.3
    assert 0.0 <= result["low"] <= value <= result["high"] <= 1.0


def test_items_of_one_article_count_as_one_piece_of_luck():
    together = score([1.0] * 10 + [0.0] * 10, ["a"] * 10 + ["b"] * 10)
    apart = score([1.0] * 10 + [0.0] * 10, [str(i) for i in range(20)])
    assert together["high"] - together["low"] > apart["high"] - apart["low"]


def test_a_summary_counts_failed_items_as_unscored_and_leaves_them_out_of_the_means():
    good = Result(
        question=question(),
        scores=grade_answer(question(), answer(), TEXTS),
        answer=answer().to_dict(),
        seconds={"total": 2.0},
        error=None,
    )
    failed = dataclasses.replace(good, scores=type(good.scores)(), answer=None, seconds={}, error="broken")
    summary = summarise([good, failed])
    assert (summary["n"], summary["unscored"], summary["accuracy"]["n"]) == (2, 1, 1)
    assert summary["accuracy_by_tag"]["en"]["value"] == summary["accuracy_by_tag"]["en-ar"]["value"] == 1.0
    assert summary["latency"] == {"total": {"median": 2.0, "p95": 2.0, "n": 1}}
    assert summary["unanswerable_refused"]["n"] == 0


def test_a_summary_has_accuracy_and_that_of_own_words_by_tag_too():
    said = [answer(), answer(f"The article says: {GLOSS} [1]")]
    results = [
        Result(
            question=question(),
            scores=grade_answer(question(), one, TEXTS),
            answer={},
            seconds={},
            error=None,
        )
        for one in said
    ]
    summary = summarise(results)
    assert (summary["accuracy"]["value"], summary["accuracy_in_own_words"]["value"]) == (1.0, 0.5)
    assert summary["accuracy_by_tag"]["en"]["value"] == 1.0
    assert summary["accuracy_in_own_words_by_tag"]["en"]["value"] == 0.5
    assert (summary["language"]["value"], summary["language_share"]["n"]) == (1.0, 2)
    assert summarise(results, retrieval_only=True)["accuracy_in_own_words"] is None


def test_refusals_are_reported_as_precision_and_recall():
    nowhere = question(answerable=False, must=(), evidence=())
    refusal = answer("The articles do not say.", [], "not_found")
    results = [
        Result(question=asked, scores=grade_answer(asked, said, TEXTS), answer={}, seconds={}, error=None)
        for asked, said in (
            (nowhere, refusal),
            (nowhere, answer()),
            (question(), refusal),
            (question(), answer()),
        )
    ]
    refusals = beside(results)["abstention"]
    assert (refusals["precision"]["value"], refusals["precision"]["n"]) == (0.5, 2)
    assert (refusals["recall"]["value"], refusals["recall"]["n"]) == (0.5, 2)


def test_groundedness_is_the_share_of_claims_that_the_verifier_supports():
    claims = tuple(
        Claim(text="x", start=0, end=1, citations=(1,), verdict=verdict, reason="")
        for verdict in ("supported", "supported", "partial", "unsupported")
    )
    said = dataclasses.replace(answer(), claims=claims)
    assert grade_answer(question(), said, TEXTS).groundedness == 0.5
    assert (
        grade_answer(question(), dataclasses.replace(said, outcome="not_found"), TEXTS).groundedness is None
    )


def test_scores_from_papers_are_reported_beside_and_a_refusal_overlaps_with_nothing():
    scores = grade_answer(question(must=(("900", "nine hundred"),)), answer("900 [1]."), TEXTS)
    assert (scores.exact_match, scores.token_f1, scores.mlqa_exact_match, scores.mlqa_f1) == (1.0,) * 4
    scores = grade_answer(question(), answer("It is 900 [1]."), TEXTS)
    assert (scores.exact_match, scores.token_f1) == (0.0, 0.5)
    refused = grade_answer(question(), answer("900", [], "not_found"), TEXTS)
    assert (refused.exact_match, refused.token_f1, refused.mlqa_f1) == (0.0,) * 3


@pytest.mark.parametrize(
    ("text", "ways", "f1"),
    [
        ("The garden [1]", ["garden"], 1.0),
        ("عام ١٩٠٠ [2]", ["عام 1900"], 1.0),
        ("الحديقة", ["حديقه"], 1.0),
        ("سبعة ملايين دينار", ["ملايين"], 0.5),
        ("in 1900", ["1901", "in 1900"], 1.0),
        ("2.5", ["2"], 0.0),
        ("[1]", ["x"], 0.0),
    ],
)
def test_token_f1_counts_shared_words_after_folding(text, ways, f1):
    assert token_f1(text, ways) == pytest.approx(f1)
