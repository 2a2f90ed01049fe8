import pytest

from rag.language.quantities import claimed, held, months, years


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_months_are_read_in_every_family_and_distinguished_from_other_words(text, expected):
    assert months(text) == expected


def test_a_claim_without_values_has_none():
    assert claimed("The harbour reopened on Sunday.") == set()


def test_a_number_with_thousands_of_digits_is_not_a_year() -> None:
    assert years(f"{'9' * 5000} in 2024") == {2024}


def test_a_source_supports_its_number_with_points_or_without() -> None:
    source = "شمل الاستطلاع 20.000 تلميذ"
    assert claimed("20,000 pupils") <= held(source)
    assert claimed("20.000") <= held(source)
    assert not claimed("2,000 pupils") <= held(source)
