import pytest

from rag.language.quantities import claimed, missing, months, years


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("in March 2003", {3}),
        ("Protesters march on; they may be back", set()),
        ("on 3 May", {5}),
        ("Jan Egeland and Mar Mikhael", set()),
        ("في 11 أغسطس/آب", {8}),
        ("أب لطفلين", set()),
        ("في كانون الثاني", {1}),
        ("ديسمبر/كانون الأول 2011", {12}),
        ("بسبتمبر وأيلول", {9}),
        ("27 من تشرين الثاني", {11}),
    ],
)
def test_months_are_read_in_every_family_and_distinguished_from_other_words(text, named):
    assert months(text) == named


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("170,000 troops", "170 ألف جندي"),
        ("4 interceptions", "قام بأربع اعتراضات"),
        ("3000 men", "three thousand men"),
        ("25 years", "خمسة وعشرون عاما"),
        ("500 soldiers", "خمسمئة جندي"),
        ("2500 soldiers", "ألفان وخمسمئة جندي"),
        ("in September", "في أيلول"),
        ("بعد شهرين: 2", "after two months"),
        ("٩٠٠ جندي", "900 soldiers"),
        ("1 October", "في الأول من أكتوبر"),
        ("1 May", "the first of May"),
        ("21 March", "في الحادي والعشرين من آذار"),
        ("31 January", "on the thirty-first of January"),
    ],
)
def test_a_value_that_the_source_writes_otherwise_is_not_missing(claim, source):
    assert missing(claim, [source]) == []


@pytest.mark.parametrize(
    ("claim", "source", "lacks"),
    [
        ("2500 soldiers", "900 جندي", ["2500"]),
        ("in March 2003", "عام 2003", ["month 3"]),
        ("31 men", "three men", ["31"]),
        ("anything 7", "", ["7"]),
        ("1 October", "تشرين الأول الماضي", ["1"]),
        ("1 October", "المركز الأول في أكتوبر", ["1"]),
        ("1 March", "on the twenty-first of March", ["1"]),
    ],
)
def test_a_value_that_the_source_does_not_hold_is_missing(claim, source, lacks):
    assert missing(claim, [source]) == lacks


def test_a_claim_without_values_commits_itself_to_none():
    assert claimed("The harbour reopened on Sunday.") == set()


def test_a_number_of_thousands_of_digits_is_no_year() -> None:
    assert years(f"{'9' * 5000} in 2024") == {2024}
