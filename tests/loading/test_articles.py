"""Reading a folder: which files become articles, which are skipped and why, and which lines are removed."""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from pathlib import Path

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import BadArticles, BadSettings
from rag.loading import catalogue
from rag.loading.articles import Loaded, Skipped, load_folder
from rag.loading.boilerplate import shown_lines
from rag.loading.files import printable
from rag.settings import Settings

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


def load(folder: Path, max_bytes: int = 1_000_000) -> Loaded:
    return load_folder(folder, Settings(max_file_bytes=max_bytes))


def reasons(folder: Path, max_bytes: int = 1_000_000) -> dict[str, str]:
    (folder / "good.txt").write_text("A good article. It is short.", encoding="utf-8")
    return {item.source: item.reason for item in load(folder, max_bytes).skipped}


def test_articles_are_sorted_and_named_by_their_path_without_ending(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "a.txt", "sub/a.txt", "sub/deep/c.TXT"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Text of {name} here.", encoding="utf-8")
    loaded = load(tmp_path)
    assert [a.id for a in loaded.articles] == ["a", "a.txt", "b", "sub/a", "sub/deep/c"]
    assert [a.source for a in loaded.articles] == ["a.md", "a.txt", "b.txt", "sub/a.txt", "sub/deep/c.TXT"]
    assert loaded.articles[0].sha256 == hashlib.sha256(b"Text of a.md here.").hexdigest()


def test_hidden_files_and_readmes_are_ignored_and_other_endings_named(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in (".git/x.txt", ".hidden.txt", "README.md", "page.doc", "notes"):
        (tmp_path / name).write_text("text", encoding="utf-8")
    supported = ".txt, .md, .html, .htm, .pdf, .docx, .jsonl, .json, .ndjson, .csv, .tsv"
    assert reasons(tmp_path) == {
        "page.doc": f"has the extension '.doc'; supported are {supported}",
        "notes": f"has no extension; supported are {supported}",
    }
    assert [a.id for a in load(tmp_path).articles] == ["good"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"abc\0def", "is a binary file"),
        (b"\x89PNG\r\n\x1a\n\xff\xd8\x01", "is not text, or in an unknown encoding; save it as UTF-8"),
        (b"\xff\xfea", "is marked as UTF-16 but is not; save it as UTF-8"),
        (b"", "contains no text"),
        (b" \n\n \xc2\xa0", "contains no text"),
        ("إعلان\nADVERTISEMENT\n".encode(), "contains no text"),
        (b"x" * 2000, "has 2,000 bytes; the limit max_file_bytes is 1,000"),
    ],
)
def test_a_bad_file_is_named_and_the_good_ones_are_read(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "bad.txt").write_bytes(data)
    assert reasons(tmp_path, max_bytes=1000) == {"bad.txt": reason}


def test_links_do_not_lead_out_of_the_folder_nor_count_an_article_twice(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("A secret text.", encoding="utf-8")
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "outdir").symlink_to(outside)
    (folder / "again.txt").symlink_to(folder / "good.txt")
    (folder / "loop.txt").symlink_to(folder / "loop.txt")
    (folder / "broken.txt").symlink_to(folder / "nothing.txt")
    (folder / ".data").mkdir()
    (folder / ".data" / "hidden.txt").write_text("Mounted by a link.", encoding="utf-8")
    (folder / "mounted.txt").symlink_to(folder / ".data" / "hidden.txt")
    found = reasons(folder)
    assert "leads out of the folder" in found["out.txt"]
    assert "link to a folder" in found["outdir"]
    assert "read anyway" in found["again.txt"]
    assert found["loop.txt"] == "is a link to itself"
    assert "cannot be read" in found["broken.txt"]
    assert [a.id for a in load(folder).articles] == ["good", "mounted"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_does_not_hang_the_build(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert reasons(tmp_path) == {"pipe.txt": "is not a regular file"}


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked.txt"
    locked.write_text("A locked text.", encoding="utf-8")
    real = os.open

    def refuse(path: Path, *args: int) -> int:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied")
        return real(path, *args)

    monkeypatch.setattr(os, "open", refuse)
    assert reasons(tmp_path) == {"locked.txt": "cannot be read: Permission denied"}


def test_a_file_name_that_is_not_utf8_is_named_in_printable_form(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"bad\xff.txt")).write_text("Text.", encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert reasons(tmp_path) == {"bad\ufffd.txt": "has a name that is not UTF-8; rename it"}


def test_a_missing_folder_a_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Text.", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for path, message in [
        (tmp_path / "nowhere", "No folder"),
        (file, "is a file; name the folder"),
        (tmp_path / "empty", "No usable article"),
    ]:
        with pytest.raises(BadArticles, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.txt", "عنوان الخبر\nقالت الحكومة إن القوات انسحبت.", "عنوان الخبر"),
        ("a.txt", "هل ينسحبون؟ ربما\nنص.", "هل ينسحبون؟"),
        ("a.txt", "A short one. And another.\nMore.", "A short one."),
        ("a.txt", "كلمة " * 40 + ".", "كلمة " * 19 + "كلمة…"),
        ("a.txt", "x" * 150, "x" * 100 + "…"),
        ("a.md", "## Heading\n\nText here.", "Heading"),
        ("a.txt", "ADVERTISEMENT\n\nThe headline\nText here.", "The headline"),
    ],
)
def test_the_title_is_the_first_line_or_sentence(tmp_path: Path, name: str, text: str, title: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert load(tmp_path).articles[0].title == title


def write_rows(folder: Path, rows: list[dict[str, object]], name: str = "news.jsonl") -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / name).write_text("\n".join(lines), encoding="utf-8")


def test_rows_keep_their_ids_wherever_they_move(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "a-1", "text": "The first text."},
        {"url": "https://example.org/2", "text": "The second text."},
        {"title": "Third", "text": "The third text."},
    ]
    write_rows(tmp_path, rows)
    before = {a.id: a.sha256 for a in load(tmp_path).articles}
    assert [name.partition("#")[0] for name in before] == ["news"] * 3
    assert next(iter(before)) == "news#a-1"
    write_rows(tmp_path, [{"text": "A new one on top."}, *reversed(rows), {"text": "And one below."}])
    after = load(tmp_path).articles
    assert {a.id: a.sha256 for a in after if a.id in before} == before
    assert [a.source for a in after] == [f"news.jsonl:{line}" for line in range(1, 6)]
    rows[1]["text"] = "The second text, corrected."
    write_rows(tmp_path, rows)
    corrected = load(tmp_path).articles[1]
    assert corrected.id in before
    assert corrected.sha256 != before[corrected.id]


def test_ids_are_unique_though_rows_and_files_repeat_one_another(tmp_path: Path) -> None:
    same: dict[str, object] = {"id": 1, "text": "The same text."}
    write_rows(tmp_path, [same, same, {"id": 1, "text": "Another text."}])
    write_rows(tmp_path, [same], "news.ndjson")
    for name in ("news.txt", "news#1.txt", "twin.txt", "copy.txt"):
        (tmp_path / name).write_text("The same text.", encoding="utf-8")
    loaded = load(tmp_path)
    assert [(a.id, a.source) for a in loaded.articles] == [
        ("copy", "copy.txt"),
        ("news#1", "news#1.txt"),
        ("news#1~2", "news.jsonl:1"),
        ("news#1~3", "news.jsonl:2"),
        ("news#1~4", "news.jsonl:3"),
        ("news.ndjson#1", "news.ndjson:1"),
        ("news.txt", "news.txt"),
        ("twin", "twin.txt"),
    ]
    assert loaded.skipped == ()


def test_the_catalogue_adds_what_a_collection_and_its_rows_lack(tmp_path: Path) -> None:
    write_rows(
        tmp_path,
        [
            {"id": 1, "text": "First text."},
            {"id": 2, "text": "Second text.", "outlet": "Own", "date": "2023-01-02"},
            {"id": 3, "text": "Third text."},
        ],
    )
    (tmp_path / "articles.toml").write_text(
        '[news]\noutlet = "All"\npublished = "2024-09"\n["news#3"]\ntitle = "T"\noutlet = "Three"\n',
        encoding="utf-8",
    )
    loaded = load(tmp_path)
    assert [(a.outlet, a.published, a.title) for a in loaded.articles] == [
        ("All", "2024-09", "First text."),
        ("Own", "2023-01-02", "Second text."),
        ("Three", "2024-09", "T"),
    ]
    assert loaded.skipped == ()


def test_columns_are_named_by_the_setting(tmp_path: Path) -> None:
    write_rows(tmp_path, [{"corpus": "The text here.", "kicker": "A headline"}])
    with pytest.raises(BadArticles, match=r"no column with a known name .* SANAD_COLUMNS='text=NAME'"):
        load(tmp_path)
    loaded = load_folder(tmp_path, Settings(max_file_bytes=1000, columns="text=corpus, title=Kicker"))
    assert [(a.title, a.text) for a in loaded.articles] == [("A headline", "A headline\nThe text here.")]
    with pytest.raises(
        BadSettings, match=r"'text:corpus'; write field=column, .* The fields are text, title"
    ):
        load_folder(tmp_path, Settings(max_file_bytes=1000, columns="text:corpus"))


def test_a_collection_has_its_own_limit(tmp_path: Path) -> None:
    write_rows(tmp_path, [{"text": "A text of some length. " * 20}] * 5)
    assert len(load(tmp_path, max_bytes=100).articles) == 5
    with pytest.raises(BadArticles, match="the limit max_rows_bytes is 1,000"):
        load_folder(tmp_path, Settings(max_file_bytes=10_000, max_rows_bytes=1000))


def test_a_saved_page_is_read_without_the_folder_of_its_parts(tmp_path: Path) -> None:
    (tmp_path / "page_files").mkdir()
    (tmp_path / "page_files" / "frame.html").write_text("<p>An advertisement.</p>", encoding="utf-8")
    (tmp_path / "page.html").write_text("<h1>Title</h1><p>The text of the page.</p>", encoding="utf-8")
    (tmp_path / "other_files").mkdir()
    (tmp_path / "other_files" / "a.txt").write_text("A text of mine.", encoding="utf-8")
    loaded = load(tmp_path)
    assert [a.id for a in loaded.articles] == ["other_files/a", "page"]
    assert loaded.skipped == (
        Skipped("page_files", "contains the images and styles of the page 'page'; not read"),
    )


def test_of_two_links_to_a_hidden_file_one_is_read(tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "x.txt").write_text("Mounted by links.", encoding="utf-8")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).symlink_to(tmp_path / ".data" / "x.txt")
    loaded = load(tmp_path)
    assert [a.id for a in loaded.articles] == ["a"]
    assert [item.source for item in loaded.skipped] == ["b.txt"]


def test_progress_is_the_share_of_files(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("Text here.", encoding="utf-8")
    reported: list[tuple[str, float]] = []
    load_folder(tmp_path, Settings(max_file_bytes=100), lambda what, share: reported.append((what, share)))
    assert reported == [("reading", 0.0), ("reading", 0.5)]


def test_the_catalogue_adds_what_the_text_lacks(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("نص الخبر هنا.", encoding="utf-8")
    (tmp_path / "sub" / "b.txt").write_text("نص آخر هنا.", encoding="utf-8")
    (tmp_path / "articles.toml").write_text(
        '[a]\ntitle = "T"\noutlet = "O"\nlanguage = "en"\npublished = 2024-09-06\n'
        '["sub/b"]\npublished = "2024-09"\n[gone]\ntitle = "G"\n',
        encoding="utf-8",
    )
    loaded = load(tmp_path)
    a, b = loaded.articles
    assert (a.title, a.outlet, a.language, a.published) == ("T", "O", "en", "2024-09-06")
    assert (b.title, b.outlet, b.language, b.published) == ("نص آخر هنا.", None, "ar", "2024-09")
    assert [item.source for item in loaded.skipped] == ["articles.toml [gone]"]


@pytest.mark.parametrize(
    ("table", "others", "fix"),
    [
        ("[harbor]", "", "did you mean [harbour]?"),
        ('["harbour.txt"]', "", "did you mean [harbour]?"),
        ('["2025/brigde"]', "", 'did you mean ["2025/bridge"]?'),
        ('["2024/bridge"]', "", "use an id that sanad articles lists"),
        ("[new]", "", "did you mean [news]?"),
        ("[olives]", "", "use an id that sanad articles lists"),
        ("[olives]", '["2025/bridge"]', "use an id that sanad articles lists"),
        ("[harbors]", "[harbour]", "use an id that sanad articles lists"),
        ("[harbor]", '["2025/bridge"]\n[news]', "did you mean [harbour]?"),
    ],
)
def test_a_table_without_an_article_is_reported_with_its_name_the_similar_id_and_the_applied_tables(
    tmp_path: Path, table: str, others: str, fix: str
) -> None:
    (tmp_path / "2025").mkdir()
    for name in ("harbour.txt", "2025/bridge.txt"):
        (tmp_path / name).write_text(f"Text of {name}.", encoding="utf-8")
    write_rows(tmp_path, [{"text": "First text."}])
    (tmp_path / "articles.toml").write_text(f'{table}\noutlet = "O"\n{others}', encoding="utf-8")
    (skipped,) = load(tmp_path).skipped
    assert skipped.source == f"articles.toml {table}"
    applied = ["", ", unlike the other one", ", unlike the other 2"][len(others.split())]
    assert skipped.reason == (
        f"no article that was read has this id, so this table was not applied{applied}; {fix}"
    )


def test_in_a_large_folder_few_similar_ids_are_looked_for() -> None:
    ids = [f"report{number:04}" for number in range(catalogue.COMPARED)]
    entries: dict[str, catalogue.Entry] = {f"repport{number:04}": {} for number in range(100)}
    similar = ["did you mean" in reason for _, reason in catalogue.unused(entries, ids)]
    assert similar == [*[True] * catalogue.SUGGESTED, *[False] * (100 - catalogue.SUGGESTED)]
    assert not any("did you mean" in reason for _, reason in catalogue.unused(entries, [*ids, "one"]))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[a]\nauthor = "X"', "unknown key 'author', so that no article was read; known keys are title,"),
        ('[a]\ntilte = "X"', "unknown key 'tilte', so that no article was read; did you mean title?"),
        ('[a]\nPublished = "2024"', "did you mean published?"),
        ('[a]\npublished = "2024-13"', "'2024-13' is not a date; write 'YYYY-MM-DD'"),
        ('[a]\npublished = "2024-02-30"', "is not a date"),
        ('[a]\npublished = "٢٠٢٤-٠٢"', "is not a date"),
        ("[a]\npublished = 2024", "is not a date"),
        ('[a]\nlanguage = "fr"', "unknown language; supported are 'ar' and 'en'"),
        ('[a]\ntitle = ""', "must be text in quotes"),
        ("[a]\noutlet = 3", "must be text in quotes"),
        ('a = "x"', "'a' is not a table"),
        ("[a", "Cannot read the catalogue"),
    ],
)
def test_an_invalid_catalogue_is_refused_with_its_key_and_how_to_fix_it(
    tmp_path: Path, toml: str, message: str
) -> None:
    (tmp_path / "a.txt").write_text("Text here.", encoding="utf-8")
    (tmp_path / "articles.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(BadArticles) as caught:
        load(tmp_path)
    assert message in str(caught.value)
    assert "articles.toml" in str(caught.value)


def test_two_catalogues_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Text here.", encoding="utf-8")
    for name in ("articles.toml", "seeds.toml"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(BadArticles, match="keep one"):
        load(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "ADVERTISEMENT",
        "Advertisement",
        "إعلان",
        "دمشق °C",
        "بغداد، العراق 31 °C",
        "London 12°C",
        "00963 939 114 037",
        "٠٠٩٦٣ ٩٣٩ ١١٤ ٠٣٧",
        "+964 (770) 123-4567",
        "هاتف: 114 037 939",
        'camera iconمدرعات من نوع "برادلي" تابعة للجيش الأمريكي في سوريا.',
        "camera iconSoldiers at the base",
        "tag icon ع ع ع",
        "ع ع ع",
        "التعليقات",
        "3 Comments",
        "التعليقات (12)",
        "Facebook | Twitter | WhatsApp",
        "مشاركة",
        "فيسبوك تويتر واتساب",
        "Share this article",
        "تابعونا على تلغرام",
        "اضغط هنا للمساهمة",
        "Donate now",
        "اقرأ أيضًا: خبر آخر لا صلة له",
        "×",
    ],
)
def test_lines_around_the_article_go(line: str) -> None:
    assert shown_lines(f"العنوان\n\n{line}\n\nنص الخبر هنا.")[0] == "العنوان\n\nنص الخبر هنا."


@pytest.mark.parametrize(
    "line",
    [
        "إعلان الانسحاب من العراق",
        "الإعلان عن الصفقة كان مقررًا خلال آب الحالي.",
        "بلغت الحرارة في دمشق 31 درجة.",
        "2003-2011",
        "2024-09-06",
        "06/09/2024 10:30",
        "المصدر: العربية الانكليزية",
        "ترجمة: أوغاريت بوست",
        "ادعموا العراق في محنته",
        "Support for the withdrawal falls",
        "Share prices fall",
        "Fashion icon dies at 102",
        "Video icon of the year",
        "التعليقات الأمريكية على الانسحاب",
        "Comments by the president",
        "نشر القوات",
        "خطة لها عواقب",
        "Read more books, says minister.",
        "2500",
    ],
)
def test_lines_of_the_article_stay(line: str) -> None:
    text = f"العنوان\n{line}\nنص الخبر هنا."
    assert shown_lines(text)[0] == text


def test_a_list_of_related_articles_goes_up_to_the_prose_after_it() -> None:
    end = "عنوان فرعي\nهذا نص الخبر يستمر هنا.\nالمصدر: وكالة"
    text = f"نص أول.\nمقالات متعلقة\nخبر آخر\nخبر ثالث\n{end}"
    assert shown_lines(text)[0] == f"نص أول.\n{end}"


def test_a_popup_goes_up_to_its_last_request_and_no_further() -> None:
    text = "نص أول.\n×\nنحن بحاجتك.\nادعم الصحيفة\nاضغط هنا\nالمصدر: وكالة"
    assert shown_lines(text)[0] == "نص أول.\nالمصدر: وكالة"
    assert shown_lines("نص أول.\n×\nنص ثان.")[0] == "نص أول.\nنص ثان."


def test_line_endings_and_blank_lines_are_made_regular_and_counted() -> None:
    raw = "\r\n\r\nأول  \r\n\r\n \r\n\r\nإعلان\r\nثان\rثالث\n\n"
    assert shown_lines(raw) == ("أول  \n\nثان\nثالث", (3, 4, 8, 9))


@examples(150)
@given(
    st.lists(
        st.sampled_from(
            ["", " ", "إعلان", "×", "مقالات متعلقة", "اضغط هنا", "ادعم كذا", "نص.", "عنوان", "x" * 130]
        )
        | st.text(alphabet="ab \u2028\x85\t", max_size=5),
        max_size=25,
    )
)
def test_every_line_shown_is_the_line_of_the_file_that_it_names(lines: list[str]) -> None:
    text, where = shown_lines("\n".join(lines))
    shown = text.split("\n") if where else []
    assert len(shown) == len(where)
    assert list(where) == sorted(set(where))
    for line, number in zip(shown, where, strict=True):
        assert line == lines[number - 1] or line == lines[number - 1].strip() == ""
    assert "\n\n\n" not in text
    assert text == text.strip("\n")


@pytest.fixture(scope="module")
def seeds() -> Loaded:
    return load(SEEDS)


def test_the_seeds_load_with_the_metadata_of_their_texts(seeds: Loaded) -> None:
    assert seeds.skipped == ()
    assert [(a.id[:3], a.outlet, a.published, a.language) for a in seeds.articles] == [
        ("000", None, None, "ar"),
        ("001", "رياليست عربي", None, "ar"),
        ("002", "العربية الانكليزية (ترجمة: أوغاريت بوست)", None, "ar"),
        ("003", None, None, "ar"),
        ("004", "عنب بلدي", "2024-08", "ar"),
    ]
    for article in seeds.articles:
        assert article.title
        assert article.title in article.text or article.title.endswith("…")


def test_the_seeds_lose_their_boilerplate_and_nothing_else(seeds: Loaded) -> None:
    gone: dict[str, list[str]] = {}
    for article in seeds.articles:
        raw = (SEEDS / article.source).read_text(encoding="utf-8").split("\n")
        shown = set(seeds.lines[article.id])
        gone[article.id[:3]] = [line for n, line in enumerate(raw, 1) if n not in shown and line.strip()]
    assert gone["000"] == ["ADVERTISEMENT"]
    assert gone["001"] == []
    assert gone["002"] == ["دمشق °C", "00963 939 114 037"]
    assert gone["003"] == ["التعليقات"]
    assert [line.split()[0] for line in gone["004"]] == (
        ["camera", "tag", "مقالات", "×", "الإعلام", "سوريا", "ادعم", "دولار", "اضغط"]
    )


def test_the_seeds_lines_are_those_of_their_files(seeds: Loaded) -> None:
    for article in seeds.articles:
        raw = (SEEDS / article.source).read_text(encoding="utf-8").split("\n")
        where = seeds.lines[article.id]
        assert [raw[number - 1] for number in where] == article.text.split("\n")
        offset = article.text.rindex("\n") + 1
        assert raw[where[article.text.count("\n", 0, offset)] - 1] == article.text[offset:]


def test_credits_at_the_end_of_a_seed_stay(seeds: Loaded) -> None:
    assert seeds.articles[2].text.endswith("المصدر: العربية الانكليزية\n\nترجمة: أوغاريت بوست")


@pytest.mark.parametrize("name", ["أخبار الأحد", "café", "صحف/مؤتمر"])
def test_an_id_is_spelled_as_a_person_types_it_whatever_form_the_disk_keeps(
    tmp_path: Path, name: str
) -> None:
    """Programs on macOS store أ and é as a letter and a sign."""
    path = tmp_path / unicodedata.normalize("NFD", f"{name}.txt")
    path.parent.mkdir(exist_ok=True)
    path.write_text("The bell rang on Friday.", encoding="utf-8")
    for form in ("NFC", "NFD"):
        table = unicodedata.normalize(form, f'["{name}"]\noutlet = "Coast Daily"\n')
        (tmp_path / "articles.toml").write_text(table, encoding="utf-8")
        loaded = load(tmp_path)
        assert [(a.id, a.source, a.outlet) for a in loaded.articles] == [(name, f"{name}.txt", "Coast Daily")]
        assert loaded.skipped == ()


def test_two_files_whose_names_differ_only_in_form_are_two_articles(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        text = f"The bell rang in {form} on Friday."
        (tmp_path / unicodedata.normalize(form, "café.txt")).write_text(text, encoding="utf-8")
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system takes them for one")
    loaded = load(tmp_path)
    assert len({a.id for a in loaded.articles}) == len({a.text for a in loaded.articles}) == 2


@pytest.mark.parametrize("name", ["news\ud83d", "\udcff news", "خبر\ud800\udfff"])
def test_a_name_with_half_a_character_is_shown_without_it(name: str) -> None:
    """Windows' names are UTF-16 and may have any half of a pair; Linux' names any byte."""
    shown = printable(name)
    assert shown.encode() and "\ufffd" in shown
    assert printable("خبر 😀") == "خبر 😀"
