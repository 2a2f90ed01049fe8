from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_score import question

from evals.dataset import Quote
from evals.grading import intervals
from evals.grading.differences import Pair, compare, overall, smallest_change
from evals.grading.score import Scores
from evals.grading.stats import Result
from evals.reporting.gate import judge


@pytest.fixture(scope="module")
def stats() -> Any:
    """Imported here, as it takes a second that only the process with these tests should spend."""
    return pytest.importorskip("scipy.stats")


@pytest.mark.slow  # importing scipy.stats takes a second
@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 10, 31, 300])
def test_students_t_is_that_of_scipy(df, stats):
    for t in (0.0, 0.5, 2.0, 3.7):
        assert intervals.t_beyond(t, df) == pytest.approx(2 * stats.t.sf(t, df), abs=1e-12)
    assert intervals.t_quantile(0.025, df) == pytest.approx(stats.t.ppf(0.975, df))


@pytest.mark.slow  # importing scipy.stats takes a second
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test(stats, lost, won):
    expected = stats.binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert intervals.mcnemar(lost, won) == pytest.approx(expected) == intervals.mcnemar(won, lost)


@pytest.mark.slow  # importing scipy.stats takes a second
@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_scipy(stats, ps):
    assert intervals.benjamini_hochberg(ps) == pytest.approx(list(stats.false_discovery_control(ps)))


def test_an_interval_expands_and_a_p_value_contracts_by_the_same_rule():
    for clusters in (3, 5, 20, 200):
        tail = intervals.expanded_tail(0.025, clusters)
        assert tail < 0.025
        assert intervals.contracted_p(tail, clusters) == pytest.approx(0.05)
    assert intervals.contracted_p(0.5, 5) == 1.0


def test_few_articles_that_all_fell_prove_nothing_and_many_do():
    few = intervals.difference([-0.5, -0.3, -0.4], ["a", "b", "c"])
    many = intervals.difference([-0.5, -0.3, -0.4] * 5, [str(at) for at in range(15)])
    assert few[0] == pytest.approx(many[0]) == pytest.approx(-0.4)
    assert few[3] > 0.05 > many[3]
    assert many[2] < 0
    assert intervals.difference([-0.5] * 3, ["a", "b", "c"])[3] == 0.25
    assert intervals.difference([0.0] * 3, ["a", "b", "c"]) == (0.0, 0.0, 0.0, 1.0)


def test_differences_of_one_article_count_as_one_piece_of_luck():
    changes = [-0.5, 0.1, -0.4, -0.3, 0.2, -0.6] * 3
    together = intervals.difference(changes, [str(at // 6) for at in range(18)])
    apart = intervals.difference(changes, [str(at) for at in range(18)])
    assert together[0] == apart[0]
    assert apart[3] < 0.05 < together[3]


@pytest.mark.slow
@pytest.mark.parametrize(("articles", "questions", "held"), [(5, 8, 0.87), (10, 5, 0.92), (30, 3, 0.94)])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(articles, questions, held, monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 2000)
    rng = np.random.default_rng(1)
    clusters = [str(at // questions) for at in range(articles * questions)]
    hits = 0
    for _ in range(400):
        ease = np.repeat(rng.beta(3.6, 2.4, articles), questions)  # mean .6; some articles are easier
        _, low, high = intervals.interval(list((rng.random(len(ease)) < ease).astype(float)), clusters)
        hits += low <= 0.6 <= high
    assert hits / 400 >= held


@pytest.mark.slow
def test_a_neutral_change_is_called_one_in_about_one_run_of_twenty():
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(300):
        skill = np.repeat(rng.uniform(0.2, 0.9, 30), 3)
        pairs = [
            Pair(
                question(id=str(at), evidence=(Quote(str(at // 3), ""),)),
                {name: float(rng.random() < skill[at]) for name in NAMES},
                {name: float(rng.random() < skill[at]) for name in NAMES},
            )
            for at in range(90)
        ]
        called += overall(compare(pairs, retrieval_only=False)) != "no detectable difference"
    assert called / 300 < 0.08


NAMES = ("correct", "citation_precision", "citation_recall", "language", "evidence_rr")


def pairs(before, now, name="correct", **changes):
    return [
        Pair(question(id=f"q{at}", evidence=(Quote(f"a{at}", ""),), **changes), {name: a}, {name: b})
        for at, (a, b) in enumerate(zip(before, now, strict=True))
    ]


def only(differences, name="accuracy"):
    return next(one for one in differences if one.name == name)


def test_a_right_or_wrong_score_goes_by_mcnemar_and_names_its_items():
    one = only(compare(pairs([1.0] * 20, [0.0] * 8 + [1.0] * 12), retrieval_only=False))
    assert (one.verdict, one.test, one.lost[0], len(one.lost), one.won) == ("worse", "McNemar", "q0", 8, ())
    assert one.p == pytest.approx(2 / 2**8)
    assert (one.before, one.now) == (1.0, 0.6)
    assert one.low < -0.4 < one.high < 0


def test_a_share_goes_by_the_bootstrap():
    fell = pairs([0.9] * 20, [0.4, 0.6, 0.5, 0.7] * 5, "citation_precision")
    one = only(compare(fell, retrieval_only=False), "citation precision")
    assert (one.verdict, one.test, one.clusters) == ("worse", "bootstrap", 20)


def test_scores_that_are_better_when_lower_are_reported_the_right_way_round():
    moved = pairs([1.0] * 8, [0.0] * 8, "refused")
    one = only(compare(moved, retrieval_only=False), "answerable refused")
    assert (one.verdict, len(one.won), one.lost) == ("better", 8, ())
    nowhere = pairs([1.0] * 8, [0.0] * 8, "refused", answerable=False)
    assert only(compare(nowhere, retrieval_only=False), "unanswerable refused").verdict == "worse"


def test_a_score_that_one_run_lacks_is_not_compared():
    differences = compare(pairs([1.0, None, 1.0], [0.0, 1.0, None]), retrieval_only=False)
    assert [(one.name, one.n) for one in differences] == [("accuracy", 1)]


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([0.05, 0.01]))
def test_the_smallest_difference_is_where_the_test_turns(lost, won, level):
    least = smallest_change(lost + won, level)
    total = lost + won
    if total >= least and (total - least) % 2 == 0:
        assert intervals.mcnemar((total - least) // 2, (total + least) // 2) < level
        if least >= 2:
            assert intervals.mcnemar((total - least) // 2 + 1, (total + least) // 2 - 1) >= level
    assert (intervals.mcnemar(lost, won) < level) == (abs(lost - won) >= least)


def test_so_few_questions_can_show_nothing_and_that_is_said():
    one = only(compare(pairs([1.0] * 4, [0.0] * 4), retrieval_only=False))
    assert one.verdict == "no detectable difference"
    assert one.smallest > 1


def test_the_gate_goes_by_answers_or_by_the_search():
    both = [
        Pair(pair.question, {**pair.before, "evidence_rr": 1.0}, {**pair.now, "evidence_rr": 1.0})
        for pair in pairs([1.0] * 9, [0.0] * 9)
    ]
    answers, search = (compare(both, retrieval_only=only_search) for only_search in (False, True))
    assert {one.name for one in answers if one.gated} == {"accuracy", "evidence recall@10"}
    assert {one.name for one in search if one.gated} == {"evidence recall@10", "evidence mrr"}
    assert (overall(answers), overall(search)) == ("worse", "no detectable difference")


def result(correct, error=None, exact=1.0, **changes):
    scores = Scores() if error else Scores(correct=correct, citations_exact=exact)
    return Result(question=question(**changes), scores=scores, answer=None, seconds={}, error=error)


def judged(results, floors=None):
    scores = [{"correct": r.scores.correct} for r in results]
    return judge(results, scores, baseline=None, floors=floors or {}, retrieval_only=False).regressions


def test_a_floor_holds_where_too_few_questions_show_a_difference():
    results = [result(1.0), result(0.0)]
    assert judged(results) == judged(results, {"accuracy": 0.5}) == ()
    assert judged(results, {"accuracy": 0.6}) == ("accuracy 0.500 is below its floor of 0.600 (n 2)",)
    assert judged(results, {"language": 0.6}) == ()


def test_what_fails_cannot_hide_above_the_floors():
    results = [result(1.0), result(None, error="broken", id="down")]
    assert judged(results) == ()
    assert judged(results, {"accuracy": 0.5}) == ("failed: down",)


def test_a_citation_that_is_not_exact_is_a_regression_without_any_test():
    assert judged([result(1.0), result(1.0, exact=0.0, id="off")]) == ("citations not exact: off",)
