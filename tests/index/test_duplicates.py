"""Prints of one story are one group, updates and follow-ups are not; nothing that differs is hidden."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from rag import Article, Passage
from rag.index import chunking
from rag.index.duplicates import COVERED, collapse, groups, holding, regroup, reprints, sketches
from rag.language.text import fold, numbers
from rag.records import Reprint

ARABIC = [
    "قالت الحكومة، الأحد، إن القوات الأجنبية أتمت انسحابها من قاعدة وادي الرمل الجوية في غرب البلاد.",
    "وأضاف المتحدث باسم الحكومة كريم ناصر أن آخر قافلة غادرت القاعدة عند الفجر باتجاه الحدود.",
    "ولا يزال في البلاد نحو 900 جندي يعملون مدربين في ثلاث قواعد قرب العاصمة وفي الشمال.",
    "وكان الطرفان وقعا في سبتمبر/أيلول 2024 اتفاقا يقضي بإنهاء مهمة التحالف على مرحلتين.",
    "وتنتهي المرحلة الثانية بحلول نهاية عام 2026، بحسب بيان صدر عن وزارة الدفاع.",
    "ورحب رئيس البرلمان بالخطوة ووصفها بأنها عودة السيادة الكاملة على أراضي الدولة ومجالها الجوي.",
    "لكن نوابا من المعارضة حذروا من أن الجيش لن يستطيع وحده حماية الحدود الطويلة مع الجوار.",
    "وشهدت القاعدة هجمات بالصواريخ والطائرات المسيرة خلال السنوات الماضية من دون أن تقع إصابات خطيرة.",
]
ENGLISH = [
    "The harbour of Marsa reopened on Sunday after two years of repairs that were slowed by storms.",
    "The work cost 12 million dollars, said the port director Lina Haddad at a ceremony on the quay.",
    "Ferries will carry 300 passengers a day to the island from the first week of October.",
    "Fishermen had waited for months to bring their boats back from the small bay in the north.",
    "The ministry of transport has not said who will run the new terminal for cargo ships.",
    "A second breakwater is to be built next year if the parliament approves the money for it.",
    "Shops along the old waterfront have begun to open again, and hotels report their first bookings.",
    "The town lost a third of its income while the harbour was closed, according to the mayor.",
]
ELSEWHERE = [
    "Olive growers in the eastern valley gathered far less this autumn than in any of the last ten years.",
    "Their union asks the bank for loans without interest until the rain returns to the hills.",
    "وأعلنت البلدية افتتاح مكتبة جديدة في حي النخيل تضم قاعة للأطفال ومقهى يطل على الحديقة.",
    "وتراجعت أسعار القمح في الأسواق المحلية بعد وصول شحنات كبيرة إلى الميناء الجنوبي.",
    "The orchestra will play three evenings in the old railway station while its hall is painted.",
    "وفاز فريق المدينة بكأس كرة السلة للمرة الأولى منذ تأسيس النادي قبل أربعين عاما.",
]


def make_article(sentences, article="a", **more):
    return Article(id=article, title="", text="\n".join(sentences), source=f"{article}.txt", **more)


def together(one, other):
    found = groups([make_article(one, "a"), make_article(other, "b")])
    assert found["a"] == "a"
    return found["b"] == "a"


def changed(story, at, old, new):
    assert old in story[at]
    return [*story[:at], story[at].replace(old, new), *story[at + 1 :]]


@pytest.mark.parametrize(
    "other",
    [
        ARABIC,
        ["انسحاب كامل من وادي الرمل", *ARABIC],
        [*ARABIC, "إعداد هدى سالم للنشرة العربية - تحرير سامر قاسم"],
        [f"العاصمة 8 سبتمبر (وكالة الوادي) - {ARABIC[0]}", *ARABIC[1:]],
        ARABIC[:5] + ARABIC[6:],
        [*ARABIC[4:], *ARABIC[:4]],
        changed(ARABIC, 2, "900 جندي", "٩٠٠ جنديّ"),
        changed(ARABIC, 2, "900", "تسعمائة"),
        changed(ARABIC, 3, "سبتمبر/أيلول", "أيلول"),
        changed(ARABIC, 0, "الأجنبية", "الأجنبيه"),
    ],
    ids=[
        "same",
        "headline",
        "credit",
        "dateline",
        "dropped",
        "reordered",
        "digits",
        "word",
        "month",
        "spelling",
    ],
)
def test_a_lightly_edited_print_is_the_same_story(other):
    assert together(ARABIC, other)
    assert together(other, ARABIC)


@pytest.mark.parametrize(
    "other",
    [
        changed(ARABIC, 2, "900", "2500"),
        changed(ARABIC, 2, "900", "ألفين وخمسمائة"),
        changed(ARABIC, 4, "2026", "2027"),
        changed(ARABIC, 3, "سبتمبر/أيلول", "نوفمبر/تشرين الثاني"),
        changed(ARABIC, 1, "غادرت", "لم تغادر"),
        changed([*ARABIC[4:], *ARABIC[:4]], 6, "900", "2500"),
        [*ARABIC[:3], *ELSEWHERE],
        [*ELSEWHERE[:2], *ARABIC[:5], *ELSEWHERE[2:]],
        [*ARABIC[1:3], ELSEWHERE[3]],
        ENGLISH,
        [],
    ],
    ids=[
        "number",
        "words",
        "year",
        "month",
        "denial",
        "reordered",
        "quotes",
        "background",
        "short",
        "other",
        "empty",
    ],
)
def test_an_update_or_a_follow_up_is_another_story(other):
    assert not together(ARABIC, other)
    assert not together(other, ARABIC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("12 million dollars, said", "21 million dollars, said"),
        ("on Sunday after two years", "on Sunday after three years"),
        ("of October", "of May 2025"),
        ("has not said", "has said"),
        ("reopened on Sunday", "never reopened on Sunday"),
        ("reopened on Sunday", "reopened on Monday"),
    ],
)
def test_english_stories_are_distinguished_by_their_claims(old, new):
    story = [sentence.replace(old, new) for sentence in ENGLISH]
    assert story != ENGLISH
    assert not together(ENGLISH, story)


@pytest.mark.parametrize(
    ("sentence", "values", "others"),
    [
        ("There are {} soldiers in the north and {} in the south.", ("2500", "900"), ("900", "2500")),
        ("The gates of the sluice in the bay have the codes {},{} now.", ("0", "1"), ("1", "1")),
        ("The turnout in all provinces reached {}.{} voters.", ("1.002", "000"), ("1.002", "001")),
    ],
)
def test_numbers_that_change_places_or_in_part_are_a_disagreement(sentence, values, others):
    one = make_article([sentence.format(*values), *ENGLISH], "a")
    other = make_article([sentence.format(*others), *ENGLISH], "b")
    assert set(groups([one, other]).values()) == {"a", "b"}
    listed = collapse([*ranked(one, budget=1000), *ranked(other, budget=1000)], among(one, other))
    assert [p.chunk.article_id for p in listed] == ["a", "b"]


def test_a_chain_of_small_changes_does_not_join_its_ends():
    # Each link has one more sentence of another text in place of its own.
    links = [make_article([*ELSEWHERE[:at], *ENGLISH[at:]], f"link{at}") for at in range(4)]
    for one, next_one in itertools.pairwise(links):
        assert set(groups([one, next_one]).values()) == {one.id}
    found = groups(links)
    assert found["link1"] == "link0"
    assert found["link3"] != "link0"


@examples(20)
@given(st.permutations(range(6)))
def test_groups_do_not_depend_on_the_order_of_articles(order):
    texts = [ARABIC, ARABIC[1:], [*ARABIC[3:], *ARABIC[:3]], ENGLISH, ENGLISH[:7], ELSEWHERE]
    articles = [make_article(texts[at], f"n{at}") for at in order]
    assert groups(articles) == {"n0": "n0", "n1": "n0", "n2": "n0", "n3": "n3", "n4": "n3", "n5": "n5"}


@examples(50)
@given(st.lists(st.text(max_size=80), max_size=6))
def test_any_texts_have_groups_and_equal_ones_share_theirs(texts):
    articles = [make_article([text], f"{at:03}") for at, text in enumerate([*texts, *texts])]
    found = groups(articles)
    assert found.keys() == {article.id for article in articles}
    assert all(found[group] == group <= member for member, group in found.items())
    for at, text in enumerate(texts):
        if any(c.isalnum() for c in fold(text)):  # a lone ʻ is a letter, and folds to nothing
            assert found[f"{at:03}"] == found[f"{at + len(texts):03}"]


def test_reprints_name_the_others_of_a_group_and_no_one_else():
    articles = [
        make_article(ARABIC, "a"),
        make_article(ENGLISH, "b"),
        make_article(ARABIC, "c"),
        make_article(ARABIC, "d"),
    ]
    others = reprints(articles, groups(articles))
    assert {name: [article.id for article in group] for name, group in others.items()} == {
        "a": ["c", "d"],
        "c": ["a", "d"],
        "d": ["a", "c"],
    }


def ranked(*articles, budget=200):
    """Every passage of the articles, the articles in the order given."""
    return [
        Passage(
            piece, article.text[piece.start : piece.end], "", article.outlet, article.published, 1, 1, None, 9
        )
        for article in articles
        for piece in chunking.chunks(article, budget=budget)
    ]


def among(*articles):
    """``reprints`` as if all of them were one story: ``collapse`` must not rely on the groups alone."""
    return reprints(articles, {article.id: "one" for article in articles})


def test_a_story_of_three_outlets_is_listed_once_with_all_of_them_named():
    articles = [
        make_article(ENGLISH, "coast", outlet="Coast Daily", published="2024-10-06"),
        make_article(
            ["Harbour of Marsa opens", *ENGLISH], "valley", outlet="Valley Post", published="2024-10-07"
        ),
        make_article(ENGLISH[:7], "hill", outlet=None),
        make_article(ELSEWHERE, "other", outlet="Other Times"),
    ]
    coast, valley, hill, other = (ranked(article, budget=1000) for article in articles)
    listed = collapse([*other, *valley, *hill, *coast], reprints(articles, groups(articles)))
    assert [(p.rank, p.chunk.article_id) for p in listed] == [(1, "other"), (2, "valley")]
    assert listed[0].also == ()
    assert listed[1].also == (Reprint("coast", "Coast Daily", "2024-10-06"), Reprint("hill", None, None))


def test_outlets_are_named_even_if_their_passages_were_not_found():
    articles = [
        make_article(ENGLISH, "a"),
        make_article(ENGLISH[2:], "b", outlet="Valley Post"),
        make_article(ENGLISH[:5], "c"),
    ]
    found = ranked(articles[0], budget=60)
    listed = collapse(found, among(*articles))
    assert [p.text for p in listed] == [p.text for p in found]
    first, *_, last = [[r.article_id for r in p.also] for p in listed]
    assert "c" in first and "b" not in first
    assert "b" in last and "c" not in last


def test_passages_cut_at_other_places_are_still_repeats():
    one, other = make_article(ENGLISH, "a"), make_article([ELSEWHERE[0], *ENGLISH], "b")
    pieces = ranked(one, budget=60)
    assert len(pieces) > 2
    listed = collapse([*pieces, *ranked(other, budget=60)], among(one, other))
    left = [p.text for p in listed if p.chunk.article_id == "b"]
    assert len(left) == 1
    assert ELSEWHERE[0] in left[0]


@pytest.mark.parametrize(
    "other",
    [
        changed(ARABIC, 2, "900", "2500"),
        changed(ARABIC, 3, "سبتمبر/أيلول", "نوفمبر/تشرين الثاني"),
        changed(ARABIC, 6, "لن يستطيع", "يستطيع"),
        changed(ARABIC, 1, "كريم ناصر", "جورج خوري"),
        changed(ARABIC, 5, "رحب", "ندد"),
        [*ARABIC, "وقتل في الهجوم الأخير 17 شخصا."],
        [*ARABIC[:6], *ELSEWHERE[2:4]],
        ELSEWHERE,
    ],
    ids=["number", "month", "denial", "name", "verdict", "more", "new", "different"],
)
def test_a_passage_that_says_something_otherwise_or_more_is_never_left_out(other):
    one, two = make_article(ARABIC, "a"), make_article(other, "b")
    listed = collapse([*ranked(one, budget=1000), *ranked(two, budget=1000)], among(one, two))
    assert [p.chunk.article_id for p in listed] == ["a", "b"]
    assert [p.rank for p in listed] == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        ["القوات الأجنبية تنسحب من وادي الرمل نهائيا", *ARABIC],
        [ARABIC[0].replace("الأجنبية", "الأجنبيّه"), *ARABIC[1:]],
        ["العاصمة 8 أكتوبر (وكالة الوادي) - " + ARABIC[0], *ARABIC[1:]],
        ARABIC[1:],
        ARABIC[:4],
    ],
    ids=["headline", "spelling", "dateline", "shorter", "short"],
)
def test_a_passage_that_says_nothing_more_is_left_out(other):
    one, two = make_article(["انسحاب القوات من وادي الرمل", *ARABIC], "a"), make_article(other, "b")
    listed = collapse([*ranked(one, budget=1000), *ranked(two, budget=1000)], among(one, two))
    assert [(p.chunk.article_id, [r.article_id for r in p.also]) for p in listed] == [("a", ["b"])]


def test_passages_of_one_article_do_not_collapse_into_each_other():
    one = make_article([*ENGLISH, *ENGLISH], "a")
    pieces = ranked(one, budget=60)
    assert len(collapse(pieces, among(one, make_article(ENGLISH, "b")))) == len(pieces)


def test_a_list_without_reprints_is_only_ranked_again():
    pieces = ranked(make_article(ENGLISH, "a"), make_article(ENGLISH, "b"))
    assert list(collapse(pieces, {})) == [dataclasses.replace(p, rank=r) for r, p in enumerate(pieces, 1)]
    assert collapse([], {}) == ()


SENTENCES = st.lists(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["The council of the town counted", "أعلن المجلس البلدي أن عدد الضيوف بلغ نحو"]),
        st.integers(0, 30),
        st.sampled_from(["guests in the old hall on the day of the fair.", "شخصا في يوم الافتتاح الكبير."]),
    )
    | st.sampled_from(ENGLISH + ELSEWHERE),
    min_size=1,
    max_size=6,
)


@examples(60)
@given(st.lists(SENTENCES, min_size=2, max_size=4))
def test_no_number_is_lost_and_little_of_any_text(stories):
    articles = [make_article(story, f"{at}") for at, story in enumerate(stories)]
    found = ranked(*articles, budget=80)
    listed = collapse(found, among(*articles))
    kept = {n for passage in listed for n in numbers(passage.text)}
    assert {n for passage in found for n in numbers(passage.text)} == kept
    shown = {sentence for passage in listed for sentence in passage.text.split("\n")}
    for passage in found:
        lost = sum(len(s) for s in passage.text.split("\n") if s not in shown)
        assert lost <= (1 - COVERED) * len(passage.text) + 2  # folding drops a full stop or two


def test_a_citation_names_only_the_articles_that_hold_its_sentence():
    articles = [
        make_article(ARABIC[2:], "a", outlet="صحيفة النخيل"),
        make_article(changed(ARABIC, 2, "900", "٩٠٠"), "b", published="2024-09-08"),
        make_article(changed(ARABIC, 2, "900", "2500"), "c"),
        make_article(ARABIC[:2], "d"),
    ]
    assert holding(ARABIC[2], articles) == (
        Reprint("a", "صحيفة النخيل", None),
        Reprint("b", None, "2024-09-08"),
    )
    assert holding("…", articles) == ()
    assert holding("900 جند", articles) == ()  # half a word


news = st.lists(
    st.sampled_from([*ENGLISH, *ELSEWHERE[:2], ENGLISH[1].replace("12", "15")]), min_size=1, max_size=6
)
collections = st.dictionaries(st.sampled_from("abcdefghij"), st.one_of(news, st.just(ENGLISH)), max_size=10)


@given(collections, collections)
def test_after_any_changes_the_groups_are_those_of_all_articles_compared_again(before, after):
    old = {name: make_article(text, name) for name, text in before.items()}
    new = {name: make_article(text, name) for name, text in after.items()}
    ids = sorted(new)
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    found = regroup(
        groups(old.values()),
        ids,
        sketches([new[name].text for name in ids]),
        {name: sketches([old[name].text])[0] if name in old else None for name in changed},
        lambda name: new[name].text,
    )
    assert found == groups(new.values())


def test_only_articles_like_a_changed_one_are_compared_again():
    texts = {f"s{n}": ELSEWHERE[n % 6] + f" {n} times, said the report number {n}." for n in range(40)}
    articles = {name: make_article([text], name) for name, text in texts.items()}
    new = make_article(ENGLISH, "new")
    read, ids = [], sorted([*articles, "new"])

    def text(name):
        read.append(name)
        return {**articles, "new": new}[name].text

    of_all = sketches([{**articles, "new": new}[name].text for name in ids])
    regroup(groups(articles.values()), ids, of_all, {"new": None}, text)
    assert read == ["new"]
