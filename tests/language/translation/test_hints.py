"""Hints find words, names and values of a sentence, and are written as the prompt contains them."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from rag.language.translation import data_folder
from rag.language.translation.gazetteer import Gazetteer, Name, gazetteer
from rag.language.translation.hints import Tables, hints_for, in_arabic, render
from rag.language.translation.lexicon import Lexicon, lexicon
from rag.language.translation.words import is_arabic_word, words_of

WORLD = {
    "building", "company", "event", "given", "media", "organisation", "person", "place", "product", "surname",
    "team", "work",
}  # fmt: skip
"""Kinds of names in world.tsv."""

LEXICON = """\
اعلن\tأعلن=announced#9; declared#3 | أعلنت=announced#30 | إعلان=announcement
بعث\tبعثة=mission; delegation
قضي\tقضية=case; issue | قضى=spent
مدين\tمدينة=city; town
جديد\tجديد=new
شباب\tشباب=youth
سنوار\tسنوار=^Sinwar
الم\tآلام=pains
ام\tأم=mother
حي\tحياة=life
هلال\tهلال=crescent
زميل\tزملاء=colleagues
لاجء\tلاجئ=refugee
حافل\tحافلة=bus
سفير\tسفير=ambassador
"""
PHRASES = "مشروع القانون\tbill; draft law\nعربة\tcarriage\n"
NAMES = [
    Name("organisation", ("United Nations", "UN"), ("الأمم المتحدة",)),
    Name("organisation", ("International Committee of the Red Cross", "Red Cross"),
         ("اللجنة الدولية للصليب الأحمر", "الصليب الأحمر")),
    Name("place", ("United States", "US", "U.S."), ("الولايات المتحدة",)),
    Name("place", ("Syria",), ("سوريا", "سورية")),
    Name("armed_group", ("al-Shabaab", "Shabab"), ("الشباب", "حركة الشباب")),
    Name("media", ("Al-Hayat",), ("الحياة",)),
    Name("person", ("Erik Kurilla", "Michael Kurilla"), ("إريك كوريلا",)),
    Name("title", ("defence minister",), ("وزير الدفاع", "وزيرة الدفاع")),
    Name("nationality", ("Palestinian", "Palestinians"), ("فلسطيني", "فلسطينية", "فلسطينيون")),
]  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("hints")
    (folder / "lexicon.tsv").write_text(LEXICON, encoding="utf-8")
    (folder / "phrases.tsv").write_text(PHRASES, encoding="utf-8")
    return Tables(Lexicon(folder / "lexicon.tsv", folder / "phrases.tsv"), Gazetteer(NAMES))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("أعلنت البعثة", "أعلنت=announced | البعثة=mission; delegation"),
        ("وأعلنت بعثتها", "وأعلنت=announced | بعثتها=mission; delegation"),
        ("في مدينتهم الجديدة", "مدينتهم=city; town | الجديدة=new"),
        ("مع زملائهم", "زملائهم=colleagues"),
        ("صرحت الأم", "الأم=mother"),
        ("الآلام", "الآلام=pains"),
        ("حافلتان", "حافلتان=two buses"),
        ("مدينتان جديدتان", "مدينتان=two cities; two towns | جديدتان=new"),
        ("مشروع القانون", "مشروع القانون=bill; draft law"),
        ("العربة", "العربة=carriage"),
        ("للأمم المتحدة", "للأمم المتحدة=United Nations"),
        ("بالصليب الأحمر", "بالصليب الأحمر=Red Cross; International Committee of the Red Cross"),
        ("بالولايات المتحدة وسورية", "بالولايات المتحدة=United States | وسورية=Syria"),
        ("وزيرة الدفاع الفلسطينية", "وزيرة الدفاع=defence minister | الفلسطينية=Palestinian"),
        ("السنوار", "السنوار=Sinwar"),
        ("قال كوريلا", "كوريلا=Kurilla"),
        ("الشباب", "الشباب=youth; al-Shabaab"),
        ("حركة الشباب", "حركة الشباب=al-Shabaab"),
        ("الحياة", "الحياة=life"),
        ("«الحياة»", "الحياة=life; Al-Hayat"),
        ("يوم الثلاثاء في تشرين الثاني", "الثلاثاء=Tuesday | تشرين الثاني=November"),
        ("قبل ساعتين و3.5 ملايين", "ساعتين=two hours | 3.5 ملايين=3.5 million"),
        ("عام 2014", "عام=year"),
        ("لا حياة", "لا=does not; not; no | حياة=life"),
        ("ولم أعلنت", "ولم=did not | أعلنت=announced"),
        ("لمّ أعلنت", "أعلنت=announced"),
        ("الأمم، المتحدة", "none"),
        ("من على في وكل", "none"),
        ("", "none"),
    ],
)
def test_an_arabic_sentence_is_glossed(known: Tables, sentence: str, expected: str) -> None:
    assert render(hints_for(sentence, "ar", known)) == expected


def test_a_name_after_a_title_is_spelled_beside_its_meaning(known: Tables) -> None:
    (title, name) = hints_for("السفير هلال", "ar", known)
    assert title.targets == ("ambassador",)
    assert name.kind == "name"
    assert name.targets[-1] == "crescent"
    assert [hint.targets for hint in hints_for("رأى هلال", "ar", known)][-1] == ("crescent",)


def test_a_word_that_looks_like_a_name_has_no_meaning_of_its_stem() -> None:
    (hint,) = hints_for("كوليت", "ar")
    assert (hint.kind, hint.spelled) == ("name", True)


@pytest.mark.parametrize("inflected", ["كأني", "بديلا", "بيتك", "غيري", "بَلَدنا", "حقيبتها"])
def test_a_word_with_a_pronoun_or_an_ending_is_no_name(inflected: str) -> None:
    assert [hint.kind for hint in hints_for(inflected, "ar")] == ["word"]


def test_a_name_recognised_by_its_letters_alone_does_not_begin_a_persons_name() -> None:
    assert [hint.source for hint in hints_for("كوليت أقلام", "ar")] == ["كوليت"]


def test_and_before_a_name_that_is_in_no_table_is_not_part_of_it() -> None:
    spelled = [hint.targets[0] for hint in hints_for("ومونتيروسو وستراثرن والساراسواتي", "ar")]
    assert [name[0] for name in spelled] == ["M", "S", "S"]
    assert hints_for("وولمار", "ar")[0].targets[0].startswith("W")


def test_a_latin_spelling_in_the_sentence_is_preferred(known: Tables) -> None:
    (hint, *_) = hints_for("كوريلا (Corella)", "ar", known)
    assert hint.targets == ("Corella",)


def test_unknown_words_are_spelled_only_if_they_look_like_names(known: Tables) -> None:
    assert [hint.spelled for hint in hints_for("أوبتيكور", "ar", known)] == [True]
    assert hints_for("يستخدمونها متسرب تجوب", "ar", known) == ()


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The mission announced", "mission=بعثة | announced=أعلنت; أعلن; إعلان"),
        ("U.S. cities", "U.S.=الولايات المتحدة | cities=مدينة"),
        ("tell us of Erik Kurilla's case", "Erik Kurilla's=إريك كوريلا | case=قضية"),
        ("the defence minister in May", "defence minister=وزير الدفاع | May=مايو; أيار"),
        ("the bill", "bill=مشروع القانون"),
        ("said Kurilla", "Kurilla=كوريلا"),
        ("al-Shabaab", "al-Shabaab=الشباب"),
        ("we may", "none"),
    ],
)
def test_an_english_sentence_is_glossed(known: Tables, sentence: str, expected: str) -> None:
    assert render(hints_for(sentence, "en", known)) == expected


def test_a_hint_says_where_its_words_are(known: Tables) -> None:
    sentence = "قال إن الأمم المتحدة أعلنت"
    for hint in hints_for(sentence, "ar", known):
        assert sentence[hint.start : hint.start + len(hint.source)] == hint.source


def test_a_meaning_and_its_word_are_ranked_by_how_often_they_occur_together(known: Tables) -> None:
    assert known.lexicon.arabic(("announced",)) == ("أعلنت", "أعلن", "إعلان")
    assert known.lexicon.meanings("والقضايا") == ()


@pytest.mark.parametrize(
    ("arabic", "english"),
    [
        ("وزير الدفاع", "defence minister"), ("الأمم المتحدة", "United Nations"), ("بريطانيا", "Britain"),
        ("الاتحاد الأوروبي", "European Union"), ("الفلسطينية", "Palestinian"), ("اللغة الفرنسية", "French"),
        ("قطاع غزة", "Gaza Strip"), ("بالصين", "China"), ("ولبنان", "Lebanon"), ("لليمن", "Yemen"),
    ],
)  # fmt: skip
def test_the_shipped_names_are_found_behind_particles(arabic: str, english: str) -> None:
    match = gazetteer().match(words_of(arabic), 0, "ar")
    assert match
    assert english in [name.english[0] for name in match.names]


@pytest.mark.parametrize(
    ("english", "arabic"),
    [
        ("defence minister", "وزير الدفاع"), ("Defense Minister", "وزير الدفاع"),
        ("prime minister", "رئيس الوزراء"),
        ("Palestinians", "فلسطيني"), ("Al Jazeera", "الجزيرة"), ("Al-Jazeera", "الجزيرة"),
        ("EU", "الاتحاد الأوروبي"),
        ("Nato", "حلف شمال الأطلسي"), ("Gaza Strip", "قطاع غزة"),
    ],
)  # fmt: skip
def test_the_shipped_names_are_found_in_english(english: str, arabic: str) -> None:
    match = gazetteer().match(words_of(english), 0, "en")
    assert match
    assert arabic in [name.arabic[0] for name in match.names]


@pytest.mark.parametrize("form", ["U.S.", "US", "USA", "America", "United States"])
def test_the_shipped_names_know_other_spellings(form: str) -> None:
    match = gazetteer().match(words_of(form), 0, "en")
    assert match
    assert match.names[0].arabic[0] == "الولايات المتحدة"


def test_the_shipped_tables_are_small() -> None:
    size = {file.name: file.stat().st_size for file in data_folder().iterdir()}
    names = ("spellings.tsv", "names.tsv", "english.tsv", "world.tsv", "cldr.tsv")
    assert sum(size[name] for name in names) < 2_500_000
    assert sum(size.values()) < 3_500_000


def test_the_shipped_tables_load_fast_and_only_when_used() -> None:
    code = (
        "import sys; import rag.language.translation.hints, rag.language.translation.check; "
        "from rag.language.translation.reader import shipped; print(shipped.cache_info().currsize)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "0"
    lexicon.cache_clear()
    start = time.process_time()
    lexicon()
    assert time.process_time() - start < 2  # 0.15 s on an idle core


@pytest.mark.parametrize(
    ("sentence", "first"),
    [
        ("زار كاثرين روبنسون", "Catherine Robinson"),
        ("قال بروس لي إنه", "Bruce Lee"),
        ("التقى علاء الدين أمس", "Alaa al-Din"),
        ("قال عبد الحكيم أمس", "Abdul Hakim"),
        ("قال عبد الأمير أمس", "Abdul Amir"),
        ("حكم ألبرت المباراة", "Albert"),
        ("وصل آلان تيرنر أمس", "Alan Turner"),
        ("في تشيلي", "Chile"),
        ("أمام الكونغرس", "Congress"),
        ("في مجلس الشيوخ", "Senate"),
        ("قالت القيادة المركزية", "Central Command"),
        ("أعلن جهاز الخدمة السرية", "Secret Service"),
        ("في البنتاجون", "Pentagon"),
        ("في كارولينا الشمالية", "North Carolina"),
        ("وصل سيغال أمس", "Segal"),
        ("نجمة مسلسل «صراع العروش»", "Game of Thrones"),
        ("نجمة في صراع العروش", ""),
        ("في شمال شرقي سوريا", "Syria"),
        ("قناة كيه تي يو يو المحلية", "KTUU"),
        ("قالت بي بي سي إن الحادث وقع", "BBC"),
        ("حسب وكالة وبي بي سي", "BBC"),
        ("جهاز إم بي كيو الجديد", "MBQ"),
    ],
)
def test_the_shipped_tables_spell_names_as_newspapers_do(sentence: str, first: str) -> None:
    names = [hint.targets[0] for hint in hints_for(sentence, "ar") if hint.kind == "name"]
    assert " ".join(names) == first


@pytest.mark.parametrize("sentence", ["ولم يعد قادرا", "لم يعد قادرا"])
def test_a_phrase_that_begins_with_a_negation_is_one_hint(sentence: str) -> None:
    assert hints_for(sentence, "ar")[0].targets == ("no longer",)


@pytest.mark.parametrize(
    ("sentence", "first"),
    [("التشيلي", "Chilean"), ("وزارة الخارجية", "foreign ministry"), ("قوات سوريا", "forces")],
)
def test_a_shorter_name_is_not_taken_for_another(sentence: str, first: str) -> None:
    assert hints_for(sentence, "ar")[0].targets[0] == first


@pytest.mark.parametrize(("word", "first"), [("دوماً", "always"), ("سورياً", "Syrian")])
def test_a_word_with_the_ending_of_adverbs_is_not_a_name(word: str, first: str) -> None:
    assert hints_for(f"رأى {word} أمس", "ar")[1].targets[0] == first


@pytest.mark.parametrize(
    ("sentence", "first"),
    [
        ("زار كوريا", "Korea"),
        ("اللاعب الكوري", "Korean"),
        ("وأيّد المجلس القانون", "supported"),
        ("بعد موته", "death"),
    ],
)
def test_names_of_the_world_do_not_hide_other_words(sentence: str, first: str) -> None:
    assert first in [hint.targets[0] for hint in hints_for(sentence, "ar")]


def test_every_name_of_the_world_has_its_columns_in_their_languages() -> None:
    for line in (data_folder() / "world.tsv").read_text(encoding="utf-8").splitlines():
        kind, english, arabic, *more = line.split("\t")
        assert kind in WORLD, line
        spellings = [english, *filter(None, more[0].split("|") if more else ())]
        forms = [arabic, *filter(None, more[1].split("|") if len(more) > 1 else ())]
        assert len(more) <= 2
        assert not any(map(is_arabic_word, spellings)), line
        assert all(map(is_arabic_word, forms)), line


def test_a_name_matches_other_letters_for_its_foreign_sounds() -> None:
    names = Gazetteer([Name("place", ("Gdansk",), ("غدانسك",)), Name("company", ("Volvo",), ("فولفو",))])
    for word in ("جدانسك", "قدانسك", "ڤولڤو"):
        match = names.match(words_of(word), 0, "ar")
        assert match
        assert not match.bare


@pytest.mark.parametrize(
    ("phrase", "arabic"),
    [
        ("38 million dirhams", "38 مليون درهم"),
        ("Riyadh and Cairo", "الرياض والقاهرة"),
        ("the United Nations", "الأمم المتحدة"),
        ("Riyadh, Cairo", "الرياض، القاهرة"),
        ("Iran, Iraq, and the United States", "إيران، العراق والولايات المتحدة"),
        ("Iraq and Jordan", "العراق والأردن"),
        ("The Hague", "لاهاي"),
        ("Rice", ""),
        ("Star", ""),
        ("$1,200", "1,200 دولار"),
        ("3 May 2024", "3 مايو 2024"),
        ("March 15, 2024", "15 مارس 2024"),
        ("Tuesday, May 3rd", "الثلاثاء 3 مايو"),
        ("Sept. 6, 2024", "6 سبتمبر 2024"),
        ("September 2024", "سبتمبر 2024"),
        ("on May 3", "3 مايو"),
        ("by September 2024", "بحلول سبتمبر 2024"),
        ("May", "مايو"),
        ("on Tuesday", "الثلاثاء"),
        ("Four", "4"),
        ("one", ""),
        ("In 2024", "عام 2024"),
        ("by 2024", "بحلول عام 2024"),
        ("Theresa May", "تيريزا ماي"),
        ("late May", ""),
        ("May 3-5", ""),
        ("3 May 5", ""),
        ("May Queen", ""),
        ("900", ""),
        ("a strike", ""),
        ("Turkey's Erdogan", ""),
        ("F-16", ""),
        ("Iranian Foreign Ministry", ""),
        ("Mount Borasi", ""),
    ],
)
def test_an_english_phrase_of_names_and_values_alone_is_written_in_arabic(phrase: str, arabic: str) -> None:
    assert in_arabic(phrase) == arabic
