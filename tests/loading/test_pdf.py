"""How the text of a PDF is found: columns, pages, running heads, letters. The files are made here."""

from __future__ import annotations

import io
import random
import textwrap

import pytest
from fontTools.agl import UV2AGL as AGL
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from pdf_maker import SIZE, Placed, place_pdf, stream, write_pdf

from rag.loading.formats.pdf import read_pdf
from rag.loading.parsed import ParsedArticle, Unusable

STORY = (
    "The harbour of Faw reopened on Sunday after two years of repairs, the port authority said. Forty ships "
    "a day can now unload at the new quay, which was paid for by the state oil company. A third crane is on "
    "order from a yard in Turkey and will arrive before the rains begin."
)
STRIKE = (
    "The union of teachers in Basra called off its strike on Monday. Its chair said that the ministry had "
    "agreed to pay the wages of three months that were owed to 1,200 teachers. Schools in the south of the "
    "province are to open again on Wednesday morning."
)
MUSEUM = (
    "A museum of boats was opened in Amara by the governor. It shows 65 boats from the marshes, the oldest "
    "of which was built in 1911 by a family that still lives there. Entry is free for pupils on Thursdays."
)
HARBOUR = (
    "عاد ميناء الفاو إلى العمل يوم الأحد بعد عامين من أعمال الصيانة كما قالت إدارة الميناء. ويستطيع "
    "الرصيف الجديد أن يستقبل أربعين سفينة في اليوم وقد دفعت شركة النفط كلفة بنائه. وطلبت الإدارة "
    "رافعة ثالثة من تركيا."
)
TEACHERS = (
    "أنهت نقابة المعلمين في البصرة إضرابها يوم الاثنين بعد اتفاق مع الوزارة. وقالت رئيسة النقابة إن الوزارة "
    "وافقت على دفع أجور ثلاثة أشهر للمعلمين. وتفتح المدارس في جنوب المحافظة أبوابها صباح الأربعاء."
)


def read(data: bytes) -> ParsedArticle:
    (article,) = read_pdf(data).articles
    return article


def column(
    text: str, x: float, width: int, *, top: float = 700, leading: float = 16, size: float = SIZE
) -> list[Placed]:
    """A text in lines of ``width`` glyphs from ``x`` on; Arabic ones end at the right end of the column."""
    # A ligature is one glyph for two letters.
    ligatures = {pair: chr(0xE000 + place) for place, pair in enumerate(("لا", "لأ", "لإ", "لآ"))}
    for pair, glyph in ligatures.items():
        text = text.replace(pair, glyph)
    arabic = any("\u0621" <= char <= "\u064a" for char in text)
    placed = []
    for number, line in enumerate(textwrap.wrap(text, width)):
        left = x + (width - len(line)) * size / 2 if arabic else x
        for pair, glyph in ligatures.items():
            line = line.replace(glyph, pair)
        placed.append(Placed(line, left, top - leading * number, size))
    return placed


# Columns


@pytest.mark.parametrize("shift", [0, 5], ids=["lines beside each other", "lines at other heights"])
@pytest.mark.parametrize("drawn", ["columns", "rows"])
def test_two_columns_are_read_one_after_the_other(shift: float, drawn: str) -> None:
    page = column(STORY, 40, 40) + column(STRIKE, 310, 40, top=700 - shift)
    if drawn == "rows":
        page.sort(key=lambda line: -line.y)
    assert read(place_pdf([page])).text.split("\n") == [STORY, STRIKE]


def test_columns_in_a_font_that_is_not_in_the_file_are_read_one_after_the_other() -> None:
    page = [line._replace(base14=True) for line in column(STORY, 30, 36) + column(STRIKE, 310, 36)]
    assert read(place_pdf([page])).text.split("\n") == [STORY, STRIKE]


def test_three_columns_below_a_headline_across_two_of_them() -> None:
    headline = Placed("Harbour reopens and the strike ends", 30, 760, 20)
    page = [
        headline,
        *column(STORY, 30, 28, top=720),
        *column(STRIKE, 215, 28, top=720),
        *column(MUSEUM, 400, 28, top=760),
    ]
    assert read(place_pdf([page])).text.split("\n") == [headline.text, STORY, STRIKE, MUSEUM]


def test_arabic_columns_are_read_from_the_right() -> None:
    page = column(TEACHERS, 40, 38) + column(HARBOUR, 310, 38)
    assert read(place_pdf([page])).text.split("\n") == [HARBOUR, TEACHERS]


def test_a_column_of_one_line_at_the_end_of_a_text_in_columns_is_a_column() -> None:
    full = column(STORY, 40, 40) + column(STRIKE, 310, 40)
    last = [*column(MUSEUM, 40, 40), Placed("Translated by the editors.", 310, 700)]
    assert read(place_pdf([full, last])).text.split("\n")[-2:] == [MUSEUM, last[-1].text]


def test_columns_end_where_a_line_crosses_the_page() -> None:
    upper = column(STORY, 40, 40) + column(STRIKE, 310, 40)
    across = Placed(
        "Other news from the province in the week that ended on Friday, by our reporters.", 40, 540
    )
    lower = column(MUSEUM, 40, 40, top=500) + column(STORY, 310, 40, top=500)
    text = read(place_pdf([[*upper, across, *lower]])).text
    assert text.split("\n") == [STORY, STRIKE, across.text, MUSEUM, STORY]


def test_the_rows_of_a_table_are_rows_and_not_columns() -> None:
    rows = [("Month", "Ships", "Cargo"), ("July", "120", "9,400 t"), ("August", "135", "9,900 t")]
    page = [
        Placed(cell, 60 + 150 * place, 600 - 18 * number)
        for number, row in enumerate(rows)
        for place, cell in enumerate(row)
    ]
    page = [Placed("Ships in the harbour of Faw in the summer of last year.", 60, 700), *page]
    lines = read(place_pdf([page])).text.split("\n")
    assert lines[1:] == ["Month | Ships | Cargo", "July | 120 | 9,400 t", "August | 135 | 9,900 t"]


def test_numbers_that_are_far_apart_are_cells() -> None:
    page = [Placed(number, 40 + 60 * place, 700) for place, number in enumerate(("120", "135", "140", "98"))]
    assert read(place_pdf([[*page, *column(STORY, 40, 60, top=600)]])).text.startswith(
        "120 | 135 | 140 | 98\n"
    )


def test_numbers_of_one_digit_are_not_one_number() -> None:
    page = [Placed("Hawaii", 40, 700), Placed("1,248", 100, 700)]
    page += [Placed("0", 160 + 24 * place, 700) for place in range(9)]
    assert read(place_pdf([[*page, *column(STORY, 40, 60, top=600)]])).text.startswith(
        "Hawaii | 1,248 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0\n"
    )


def test_words_that_are_far_apart_in_a_justified_line_are_no_cells() -> None:
    words = [("The", 40), ("council", 80), ("of", 144), ("the", 178), ("province", 218), ("met", 288)]
    page = [Placed(word, x, 700) for word, x in words]
    page += column("on Sunday in the old town hall.", 40, 45, top=684)
    assert read(place_pdf([page])).text == "The council of the province met on Sunday in the old town hall."


# Pages


def test_each_sentence_has_the_page_on_which_it_begins() -> None:
    lines = column(STORY, 40, 60)
    first, second = lines[:2], [line._replace(y=700 - 16 * step) for step, line in enumerate(lines[2:])]
    article = read(place_pdf([first, second]))
    begins = STORY.index("A third crane")
    assert article.text.split("\n") == [STORY[:begins].strip(), STORY[begins:]]
    assert article.lines == (1, 2)


def test_a_sentence_over_three_pages_belongs_to_the_first_of_them() -> None:
    lines = column(
        f"{STORY[:-1]} and nobody knows when the work on the eastern wall will be done. It ended.", 40, 60
    )
    pages = [[lines[0]], [lines[1]], lines[2:]]
    article = read(place_pdf([[line._replace(y=700) for line in page[:1]] + page[1:] for page in pages]))
    assert " ".join(article.text.split("\n")).startswith(STORY[:-1])
    pages_of = dict(zip(article.text.split("\n"), article.lines, strict=True))
    assert next(page for line, page in pages_of.items() if line.startswith("The harbour")) == 1
    assert next(page for line, page in pages_of.items() if "It ended." in line) == 3


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ("Southern Weekly, 12 May 2024", "- {} -"),
        ("SOUTHERN WEEKLY {}", "www.example.org"),
        ("التقرير السنوي للميناء", "صفحة {}"),
        ("Page {} of 3", "Copyright 2024. All rights reserved."),
    ],
)
def test_running_heads_feet_and_page_numbers_are_left_out_and_sentences_joined(head: str, foot: str) -> None:
    lines = column(STORY, 40, 60)
    pages = []
    for number in range(3):
        body = [
            line._replace(y=600 - 16 * step) for step, line in enumerate(lines[2 * number : 2 * number + 2])
        ]
        pages.append(
            [Placed(head.format(number + 1), 40, 800), *body, Placed(foot.format(number + 1), 40, 30)]
        )
    article = read(place_pdf(pages))
    assert article.text.replace("\n", " ") == STORY
    assert article.lines[0] == 1


def test_what_is_no_running_head_stays() -> None:
    headline = Placed("Annual report of the harbour", 40, 780, 20)
    last = Placed("No. 12 was lost at sea.", 40, 60)
    pages = [[headline, *column(STORY, 40, 60), last], [headline, *column(STRIKE, 40, 60)]]
    assert read(place_pdf(pages)).text.split("\n") == [headline.text, STORY, last.text, headline.text, STRIKE]


def test_a_page_that_is_a_copy_of_another_one_is_read_as_well() -> None:
    page = [Placed("Contract No. 12", 40, 800), *column(f"{STORY} {STRIKE}", 40, 60, top=780)]
    assert read(place_pdf([page, page])).text.split("\n") == [page[0].text, f"{STORY} {STRIKE}"] * 2


def test_a_line_that_is_repeated_in_the_text_is_no_running_head() -> None:
    refrain = "The council did not answer questions."
    pages = [
        [
            line
            for step in range(4)
            for line in (Placed(refrain, 40, 780 - 200 * step), *column(story, 40, 60, top=764 - 200 * step))
        ]
        for story in (STORY, STRIKE)
    ]
    assert read(place_pdf(pages)).text.count(refrain) == 8


def test_a_sentence_goes_on_after_the_notes_of_its_page() -> None:
    lines = column(STORY, 40, 60)
    note = Placed("1 The ministry did not answer questions about the cost of the quay.", 40, 150, 8)
    pages = [[*lines[:3], note], [line._replace(y=700 - 16 * step) for step, line in enumerate(lines[3:])]]
    text = read(place_pdf(pages)).text.split("\n")
    assert STORY in " ".join(line for line in text if line != note.text)
    assert note.text in text


def test_numbers_and_addresses_that_are_broken_at_the_end_of_a_line_are_joined() -> None:
    page = [
        Placed("The rules of the council on harbours, No. 2018-", 40, 700),
        Placed("23, are found at the address https://example.org/", 40, 684),
        Placed("harbours and were changed by the administra-", 40, 668),
        Placed("tion in the spring.", 40, 652),
    ]
    assert read(place_pdf([page])).text == (
        "The rules of the council on harbours, No. 2018-23, are found at the address "
        "https://example.org/harbours and were changed by the administration in the spring."
    )


# Glyphs


@pytest.mark.parametrize("by", ["lines", "words", "glyphs"])
def test_text_that_is_drawn_twice_to_look_bold_is_read_once(by: str) -> None:
    line = Placed("The bookkeeper's committee meets in Cannes", 40, 700)
    parts = {"lines": [line.text], "words": line.text.split(" "), "glyphs": list(line.text)}[by]
    page: list[Placed] = []
    x = line.x
    for part in parts:
        page += [Placed(part, x, 700), Placed(part, x + 0.4, 700.2)]
        x += SIZE / 2 * (len(part) + (by == "words"))
    page += column(STORY, 40, 60, top=660)
    assert read(place_pdf([page])).text.split("\n") == [line.text, STORY]


TYPE_1 = "Václav’s “harbour” reopened."
CODES = {letter: code for code, letter in enumerate(dict.fromkeys(TYPE_1.replace(" ", "")), 200)}
"""The code of each letter in the font of the next tests; no other encoding has them."""


def glyph_name(letter: str) -> str:
    return AGL[ord(letter)]


def type_1_program() -> tuple[bytes, bytes]:
    encoding = "".join(f"dup {code} /{glyph_name(letter)} put\n" for letter, code in CODES.items())
    program = f"%!PS-AdobeFont-1.0: Made\n/FontName /Made def\n/Encoding 256 array\n{encoding}def\n"
    return program.encode(), f"/Length1 {len(program)} /Length2 0 /Length3 0".encode()


def compact_program() -> tuple[bytes, bytes]:
    names = [".notdef", *map(glyph_name, CODES)]
    empty = T2CharStringPen(500, {}).getCharString()
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(names)
    builder.setupCFF("Made", {}, dict.fromkeys(names, empty), {})
    top = builder.font["CFF "].cff[0]
    top.Encoding = [".notdef"] * 256
    for letter, code in CODES.items():
        top.Encoding[code] = glyph_name(letter)
    out = io.BytesIO()
    builder.font["CFF "].cff.compile(out, builder.font, isCFF2=False)
    return out.getvalue(), b"/Subtype /Type1C"


@pytest.mark.parametrize(
    "encoding", [b"", b"/Encoding << /Differences [65 /B] >>"], ids=["none", "differences"]
)
@pytest.mark.parametrize("kind", ["FontFile", "FontFile3"])
def test_letters_whose_codes_only_the_font_program_names_are_read(kind: str, encoding: bytes) -> None:
    program, fields = type_1_program() if kind == "FontFile" else compact_program()
    # Each glyph is moved to its place, as TeX does; there are no spaces.
    drawn = " ".join(
        f"1 0 0 1 {60 + 6 * place} 700 Tm <{CODES[letter]:02X}> Tj"
        for place, letter in enumerate(TYPE_1)
        if letter != " "
    )
    data = write_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 842] /Contents 4 0 R "
            b"/Resources << /Font << /F 5 0 R >> >> >>",
            stream(f"BT /F 12 Tf {drawn} ET".encode()),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Made /FirstChar 200 /LastChar 255 "
            b"/FontDescriptor 6 0 R /Widths [" + b"500 " * 56 + b"] " + encoding + b" >>",
            b"<< /Type /FontDescriptor /FontName /Made /Flags 4 /FontBBox [0 -200 1000 800] /ItalicAngle 0 "
            b"/Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 /" + kind.encode() + b" 7 0 R >>",
            stream(program, fields),
        ]
    )
    assert read(data).text == TYPE_1


def test_accents_that_a_font_does_not_name_are_not_guessed() -> None:
    named = b"/Encoding << /Differences [225 /a225] >> /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] "
    data = write_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 842] /Contents 4 0 R "
            b"/Resources << /Font << /F 5 0 R >> >> >>",
            stream(b"BT /F 12 Tf 60 700 Td (V\\341clav Havel was a playwright.) Tj ET"),
            b"<< /Type /Font /Subtype /Type3 /FirstChar 0 /LastChar 255 /CharProcs << >> "
            + named
            + b"/Widths ["
            + b".5 " * 256
            + b"] >>",
        ]
    )
    assert read(data).text == "V\ufffdclav Havel was a playwright."


@pytest.mark.parametrize(
    ("begin", "box"),
    [
        ("0 100 612 742 re W n", b"/MediaBox [0 0 612 842]"),
        ("q 0 100 m 612 100 l 612 842 l 0 842 l h W* n", b"/MediaBox [0 0 612 842]"),
        ("", b"/MediaBox [0 0 612 842] /CropBox [0 100 612 842]"),
    ],
    ids=["clipped", "clipped by lines", "cropped"],
)
def test_glyphs_that_the_page_does_not_show_are_not_read(begin: str, box: bytes) -> None:
    page = [*column(STORY, 40, 60), Placed("stray", 60, 90)]
    assert read(place_pdf([page], begin=begin, box=box)).text == STORY


def test_a_clipping_path_ends_with_the_state_that_it_is_part_of() -> None:
    page = [*column(STORY, 40, 60), Placed("A line at the foot of the page.", 40, 90)]
    data = place_pdf([page], begin="q 0 100 612 742 re W n Q")
    assert read(data).text.split("\n") == [STORY, page[-1].text]


def test_a_line_of_a_table_of_contents_has_its_words() -> None:
    page = [Placed("The", 40, 700), Placed("harbour", 60.5, 700), Placed("12", 300, 700)]
    page += [Placed(".", 110 + 10 * dot, 700) for dot in range(18)]
    assert read(place_pdf([page])).text.startswith("The harbour .")


def test_a_raised_digit_is_no_digit_of_the_number_before_it() -> None:
    page = [Placed("The quay cost 750", 40, 700), Placed("1", 40 + 17 * 6, 704, 7)]
    page += [
        Placed("million, and CO", 153, 700),
        Placed("2", 153 + 15 * 6, 697, 7),
        Placed("rose.", 256, 700),
    ]
    assert read(place_pdf([page])).text == "The quay cost 750 1 million, and CO2 rose."


def test_a_large_initial_belongs_to_the_first_line() -> None:
    page = [Placed("T", 40, 668, 48), *column(STORY.removeprefix("T")[:120], 64, 50)]
    assert read(place_pdf([page])).text == STORY[:121]


@pytest.mark.parametrize("drawn", ["from the left", "from the right"])
@pytest.mark.parametrize("aside", [0, 4, -4])
def test_a_vowel_sign_belongs_to_the_letter_before_it_wherever_the_font_draws_it(
    drawn: str, aside: int
) -> None:
    # The signs of a font have no width of their own, and their places say little.
    letters = [("ا", 60), ("ب", 66), ("\u064b", 72 + aside), ("ر", 72), ("ح", 78)]
    if drawn == "from the right":
        letters = [("ح", 78), ("ر", 72), ("\u064b", 72 + aside), ("ب", 66), ("ا", 60)]
    page = [Placed(letter, x, 700 + 3 * (letter == "\u064b")) for letter, x in letters]
    assert read(place_pdf([page])).text == "حر\u064bبا"


# Words


def test_an_arabic_word_does_not_stick_to_the_latin_word_before_it() -> None:
    # The spaces of the line are all on the right of the Latin word, as word processors draw them.
    drawn = [("ميزات", 300), ("Python", 330), ("لغة", 372), ("تعرض", 396)]
    page = [Placed(word, x, 700) for word, x in drawn]
    assert read(place_pdf([page])).text == "تعرض لغة Python ميزات"


@pytest.mark.parametrize("named", ["as seen", "as written"])
def test_brackets_in_arabic_text_close_what_they_open(named: str) -> None:
    swap = {"(": ")", ")": "("}
    drawn = [("نسمة", 340), ("(", 374), ("عام", 380), ("2024", 404), (")", 428), ("السكان", 440)]
    page = [Placed(part, x, 700) for part, x in drawn]
    text = read(place_pdf([page], wrong=swap if named == "as written" else None)).text
    assert text == "السكان (2024 عام) نسمة"


def test_a_letter_spaced_headline_has_its_words() -> None:
    page = [
        Placed(letter, 40 + 10 * place, 740)
        for place, letter in enumerate("HARBOUR REOPENS")
        if letter != " "
    ]
    assert read(place_pdf([[*page, *column(STORY, 40, 60)]])).text.split("\n") == ["HARBOUR REOPENS", STORY]


# Letters


def exchanged(text: str, seed: int) -> dict[str, str]:
    """A map of a font in which two of three letters are exchanged for others."""
    letters = sorted({char for char in text if char.isalpha() and char != "ا"})
    chosen = [letter for place, letter in enumerate(letters) if place % 3]
    shuffled = chosen[1:] + chosen[:1]
    random.Random(seed).shuffle(shuffled)
    return dict(zip(chosen, shuffled, strict=True))


@pytest.mark.parametrize("text", [f"{HARBOUR} {TEACHERS}", f"{STORY} {STRIKE}"], ids=["Arabic", "English"])
@pytest.mark.parametrize("seed", range(3))
def test_letters_that_are_valid_but_wrong_are_refused(text: str, seed: int) -> None:
    data = place_pdf([column(text, 40, 70)], wrong=exchanged(text, seed))
    with pytest.raises(
        Unusable, match=r"has fonts that name wrong letters, as in '.+'; print it to PDF again"
    ):
        read_pdf(data)


def test_lines_in_one_font_with_wrong_letters_are_left_out_with_a_note() -> None:
    wrong = column("The council of the province did not answer any of our questions.", 40, 70, top=500)
    page = [*(line._replace(base14=True) for line in column(f"{STORY} {STRIKE} {MUSEUM}", 40, 70)), *wrong]
    shifted = {chr(code): chr(97 + (code - 97 + 3) % 26) for code in range(97, 123)}
    parsed = read_pdf(place_pdf([page], wrong=shifted))
    assert parsed.articles[0].text == f"{STORY} {STRIKE} {MUSEUM}"
    (note,) = parsed.notes
    assert note.reason.startswith("page 1: lines whose font names wrong letters were not read, as '")


@pytest.mark.parametrize(
    "text",
    [
        HARBOUR,
        STORY,
        "Der Hafen wurde am Sonntag nach zwei Jahren wieder eröffnet, wie die Behörde mitteilte. Vierzig "
        "Schiffe können dort an jedem Tag entladen werden, doppelt so viele wie im Jahr zuvor.",
        "Lorem ipsum dolor sit amet, consectetuer adipiscing elit. Ut purus elit, vestibulum ut, placerat "
        "ac, adipiscing vitae, felis. Curabitur dictum gravida mauris, nonummy eget, consectetuer id.",
        "Le port a rouvert dimanche après deux ans de travaux, ont annoncé les autorités. Quarante navires "
        "peuvent y être déchargés chaque jour, deux fois plus que pendant toute l'année précédente.",
        "بندر فاو روز یکشنبه پس از دو سال تعمیر بازگشایی شد و گمرک گفت که چهل کشتی در روز می‌توانند در اسکله "
        "تازه پهلو بگیرند که شرکت نفت هزینه ساخت آن را پرداخته است.",
    ],
    ids=["Arabic", "English", "German", "Latin", "French", "Persian"],
)
def test_words_of_other_languages_are_words(text: str) -> None:
    assert len(read(place_pdf([column(text, 40, 60)])).text) > 100
