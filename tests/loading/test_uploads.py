from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from conftest import FakeAssistant

from rag import Assistant, Settings, build_index
from rag.errors import BadArticles
from rag.index.indexing import index_uploads, list_articles
from rag.models.embedding.embedder import FakeEmbedder

pytestmark = pytest.mark.usefixtures("quick_disk", "settled")

TOWER = "Tower bell rings again\nThe bell of the old tower rang on Friday for the first time since 1952.\n"


def put(assistant: Assistant, name: str, data: str) -> Path:
    assistant.uploads.mkdir(exist_ok=True)
    path = assistant.uploads / name
    path.write_text(data, encoding="utf-8")
    return path


def ids(assistant: Assistant) -> list[str]:
    return sorted(article.id for article in assistant.articles())


OWN = ["harbour", "library", "olives"]
ROW = '{{"id": "{0}", "text": "The mill of {0} burnt down in May, its owner said."}}\n'


def test_an_uploaded_file_is_searched_and_cited_at_once(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    put(assistant, "tower.txt", TOWER)
    built = assistant.index_uploads()
    assert built.written.added == ("uploaded://tower",)
    assert ids(assistant) == [*OWN, "uploaded://tower"]
    answer = assistant.ask("When did the bell of the tower ring?")
    (citation, *_) = answer.citations
    assert citation.source == "uploaded://tower.txt"
    assert assistant.article("uploaded://tower").text[citation.start : citation.end] == citation.quote


def test_only_what_is_new_is_embedded(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    put(assistant, "tower.txt", TOWER)
    assert assistant.index_uploads().written.embedded == 1
    assert assistant.index_uploads().written.embedded == 0


def test_only_what_is_new_or_was_uploaded_again_is_read(
    fake_assistant: FakeAssistant, small_articles: Path, settled: list[bytes]
) -> None:
    assistant = fake_assistant()
    put(assistant, "rows.jsonl", "".join(map(ROW.format, ("Ada", "Bel"))))
    put(assistant, "tower.txt", TOWER)
    assistant.index_uploads()
    assistant.remove(["uploaded://rows#Bel"])
    assistant.index_uploads()
    settled.clear()
    put(assistant, "gate.txt", TOWER.replace("ower", "ate"))
    assert assistant.index_uploads().written.added == ("uploaded://gate",)
    assert settled == [TOWER.replace("ower", "ate").encode()]
    build_index(
        small_articles, "small", settings=Settings.load(articles=small_articles), embedder=FakeEmbedder()
    )
    assert len(settled[1:]) == len(OWN)
    put(assistant, "tower.txt", TOWER.replace("1952", "1953"))
    assert assistant.index_uploads().written.changed == ("uploaded://tower",)
    assert ids(assistant) == [*OWN, "uploaded://gate", "uploaded://rows#Ada", "uploaded://tower"]


def test_notes_on_an_unchanged_file_are_reported_again(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    put(assistant, "rows.jsonl", ROW.format("Ada") + '{"id": "Bel"}\n')
    first = assistant.index_uploads().skipped
    assert [item.source for item in first] == ["uploaded://rows.jsonl:2"]
    assert assistant.index_uploads().skipped == first


@pytest.mark.parametrize("name", ["late.txt", "tower.txt"])
def test_a_file_that_arrives_during_an_update_is_added_by_the_next(
    fake_assistant: FakeAssistant, name: str
) -> None:
    assistant = fake_assistant()
    put(assistant, "tower.txt", "")  # without text, so that it is deleted at the end of the update

    def arrive(what: str, _share: float) -> None:
        if what != "reading":
            put(assistant, name, TOWER)

    put(assistant, "gate.txt", TOWER.replace("ower", "ate"))
    assistant.index_uploads(progress=arrive)
    assert (assistant.uploads / name).exists()
    assistant.index_uploads()
    assert f"uploaded://{name.removesuffix('.txt')}" in ids(assistant)


def test_an_update_of_the_folder_keeps_what_was_uploaded(
    fake_assistant: FakeAssistant, small_articles: Path
) -> None:
    assistant = fake_assistant()
    put(assistant, "tower.txt", TOWER)
    assistant.index_uploads()
    (small_articles / "olives.txt").unlink()
    settings = Settings.load(articles=small_articles)
    built = build_index(
        small_articles, "small", settings=settings, embedder=FakeEmbedder(), allow_shrink=True
    )
    assert built.written.removed == ("olives",)
    assert ids(assistant) == ["harbour", "library", "uploaded://tower"]


def test_an_upload_that_cannot_be_used_is_reported_and_deleted(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    bad, good = put(assistant, "empty.txt", " \n"), put(assistant, "tower.txt", TOWER)
    rows = put(assistant, "rows.jsonl", '{"text": "The mill burnt down in May, its owner said."}\n{broken\n')
    built = assistant.index_uploads()
    assert [item.source for item in built.skipped] == ["uploaded://empty.txt", "uploaded://rows.jsonl:2"]
    assert (bad.exists(), good.exists(), rows.exists()) == (False, True, True)
    assert assistant.index_uploads().skipped == built.skipped[1:]


def with_two_large_uploads(assistant: Assistant) -> list[Path]:
    """Indexes two files that ``SMALLER`` limits refuse, and removes one row of them."""
    paths = [put(assistant, "big.txt", TOWER * 20)]
    paths.append(put(assistant, "rows.jsonl", "".join(map(ROW.format, ("Ada", "Bel", "Cyr" * 500)))))
    assistant.index_uploads()
    assistant.remove(["uploaded://rows#Bel"])
    assistant.correct("uploaded://big", outlet="The Bell", published="1999-12")
    return paths


SMALLER = {"max_file_bytes": 1000, "max_rows_bytes": 1000}


def test_a_later_upload_keeps_files_that_cannot_be_read_again_and_their_articles(
    fake_assistant: FakeAssistant,
) -> None:
    assistant = fake_assistant()
    paths = with_two_large_uploads(assistant)
    before = ids(assistant)
    settings = Settings.load(**SMALLER)
    put(assistant, "tower.txt", TOWER)
    for added in (("uploaded://tower",), ()):
        built = index_uploads("small", settings=settings, embedder=FakeEmbedder())
        assert (built.written.added, built.written.changed, built.written.removed) == (added, (), ())
        assert [item.source for item in built.skipped] == ["uploaded://big.txt", "uploaded://rows.jsonl"]
        assert all("the limit" in item.reason and "are kept" in item.reason for item in built.skipped)
        assert all(path.exists() for path in paths)
    assert ids(assistant) == [*before, "uploaded://tower"]
    assert assistant.article("uploaded://big").outlet == "The Bell"


@pytest.mark.parametrize("chunk_tokens", [300, 200])
def test_an_update_of_the_folder_keeps_uploads_that_cannot_be_read_again(
    fake_assistant: FakeAssistant, small_articles: Path, chunk_tokens: int
) -> None:
    assistant = fake_assistant()
    with_two_large_uploads(assistant)
    before = ids(assistant)
    settings = Settings.load(chunk_tokens=chunk_tokens, **SMALLER)
    built = build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    assert (built.written.added, built.written.changed, built.written.removed) == ((), (), ())
    assert sorted(item.article.id for item in list_articles("small")) == before


def test_nothing_uploaded_is_no_error_and_no_change(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    before = assistant.generation
    put(assistant, "empty.txt", "")
    assert assistant.index_uploads().written.added == ()
    assert assistant.generation == before


def test_a_folder_of_the_same_name_is_not_mixed_up_with_what_was_uploaded(
    fake_assistant: FakeAssistant, small_articles: Path
) -> None:
    (small_articles / "uploaded:").mkdir()
    (small_articles / "uploaded:" / "tower.txt").write_text(TOWER.replace("1952", "1939"), encoding="utf-8")
    assistant = fake_assistant()
    put(assistant, "tower.txt", TOWER)
    assistant.index_uploads()
    assert ids(assistant) == [*OWN, "uploaded://tower", "uploaded:/tower"]


def test_removing_deletes_an_uploaded_file_once_none_of_its_articles_is_left(
    fake_assistant: FakeAssistant,
) -> None:
    assistant = fake_assistant()
    tower = put(assistant, "tower.txt", TOWER)
    row = '{{"id": "{0}", "text": "The mill of {0} burnt down in May, its owner said."}}\n'
    rows = put(assistant, "rows.jsonl", row.format("Ada") + row.format("Bel"))
    waiting = put(assistant, "zoo.txt", "")  # not indexed yet
    waiting.write_text(TOWER.replace("tower", "zoo"), encoding="utf-8")
    assistant.index_uploads()
    late = put(assistant, "late.txt", TOWER.replace("tower", "church"))
    assistant.remove(["uploaded://tower", "uploaded://rows#Ada", "harbour"])
    assert ids(assistant) == ["library", "olives", "uploaded://rows#Bel", "uploaded://zoo"]
    assert (tower.exists(), rows.exists(), late.exists()) == (False, True, True)
    assistant.remove(["uploaded://rows#Bel"])
    assert not rows.exists()


@pytest.mark.parametrize("removed", ["uploaded://rows#Ada", "uploaded://tower"])
def test_a_file_that_is_uploaded_again_while_its_articles_are_removed_is_kept_whole(
    fake_assistant: FakeAssistant, removed: str
) -> None:
    assistant = fake_assistant()
    data = {"tower.txt": TOWER, "rows.jsonl": ROW.format("Ada") + ROW.format("Bel")}
    for name, text in data.items():
        put(assistant, name, text)
    assistant.index_uploads()
    arriving = dict(data)

    def arrive(_stage: str, _share: float) -> None:
        while arriving:
            name, text = arriving.popitem()
            assistant.take_upload(put(assistant, ".part", text), name)

    assistant.remove([removed], progress=arrive)
    assert arriving == {} and removed not in ids(assistant)
    assistant.index_uploads()
    assert ids(assistant) == [*OWN, "uploaded://rows#Ada", "uploaded://rows#Bel", "uploaded://tower"]


def test_a_removed_row_stays_away_until_its_file_is_uploaded_again(
    fake_assistant: FakeAssistant, small_articles: Path
) -> None:
    assistant = fake_assistant()
    data = "".join(map(ROW.format, ("Ada", "Bel", "Cyr")))
    put(assistant, "rows.jsonl", data)
    put(assistant, "more.jsonl", ROW.format("Dov") + ROW.format("Eli"))
    assistant.index_uploads()
    assistant.remove(["uploaded://rows#Ada", "uploaded://more#Dov"])
    assistant.remove(["uploaded://rows#Cyr"])
    left = [*OWN, "uploaded://more#Eli", "uploaded://rows#Bel"]
    assert ids(assistant) == left
    put(assistant, "tower.txt", TOWER)
    assistant.index_uploads()
    settings = Settings.load(articles=small_articles)
    build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    assert ids(assistant) == [*left, "uploaded://tower"]

    assistant.take_upload(put(assistant, ".part", data), "rows.jsonl")
    assistant.index_uploads()
    back = ["uploaded://rows#Ada", "uploaded://rows#Bel", "uploaded://rows#Cyr"]
    assert ids(assistant) == [*OWN, "uploaded://more#Eli", *back, "uploaded://tower"]


@pytest.mark.parametrize("damaged", ["{", "[]", '{"rows.jsonl": 5}'])
def test_a_damaged_list_of_removed_rows_is_reported_with_how_to_fix_it(
    fake_assistant: FakeAssistant, damaged: str
) -> None:
    assistant = fake_assistant()
    note = put(assistant, ".removed.json", damaged)
    with pytest.raises(BadArticles, match=r"removed\.json.*Delete it"):
        assistant.index_uploads()
    note.unlink()
    assistant.index_uploads()


def test_the_list_of_removed_rows_is_deleted_with_their_file(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    put(assistant, "rows.jsonl", ROW.format("Ada") + ROW.format("Bel"))
    assistant.index_uploads()
    assistant.remove(["uploaded://rows#Ada"])
    assistant.remove(["uploaded://rows#Bel"])
    assert list(assistant.uploads.iterdir()) == []


def test_what_is_not_there_is_not_removed(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    with pytest.raises(BadArticles, match="no article 'harbor'"):
        assistant.remove(["harbor"])
    with pytest.raises(BadArticles, match="would remove every article"):
        assistant.remove(OWN)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_upload_is_kept_replaced_and_removed_however_its_name_is_spelled(
    fake_assistant: FakeAssistant, form: str
) -> None:
    """Programs on macOS store أ and é as a letter and a sign."""
    assistant, name = fake_assistant(), "أبراج café.txt"
    put(assistant, unicodedata.normalize(form, name), TOWER)
    added = f"uploaded://{name.removesuffix('.txt')}"
    assert assistant.index_uploads().written.added == (added,)
    assert len(list(assistant.uploads.iterdir())) == 1, "it is in use"
    assistant.take_upload(
        put(assistant, ".new", TOWER.replace("1952", "1953")), unicodedata.normalize("NFC", name)
    )
    assert assistant.index_uploads().written.changed == (added,)
    assistant.remove([added])
    assert (list(assistant.uploads.iterdir()), ids(assistant)) == ([], OWN)


@pytest.mark.slow
def test_a_corrected_outlet_and_date_outlive_updates_of_the_folder_and_of_the_file(
    fake_assistant: FakeAssistant, small_articles: Path
) -> None:
    assistant = fake_assistant()
    assistant.correct("harbour", outlet="Marsa Post", published="2023-09")
    assistant.correct("library", outlet="", published="")
    for text in ("Harbour reopens\nFerries sail again.\n", "Harbour reopens\nFerries sail twice a day.\n"):
        (small_articles / "harbour.txt").write_text(text, encoding="utf-8")
        build_index(small_articles, "small", settings=assistant.settings, embedder=FakeEmbedder())
        harbour, library = assistant.article("harbour"), assistant.article("library")
        assert harbour.text.strip() == text.strip()
        assert (harbour.outlet, harbour.published) == ("Marsa Post", "2023-09")
        assert (library.outlet, library.published) == (None, None)
    catalogue = (small_articles / "articles.toml").read_text(encoding="utf-8")
    assert "Coast Daily" in catalogue and "Marsa" not in catalogue


def test_a_correction_that_an_interrupted_update_left_is_applied_by_the_next(
    fake_assistant: FakeAssistant, small_articles: Path
) -> None:
    assistant = fake_assistant()
    for _ in range(2):  # the second time, the files are remembered
        build_index(small_articles, "small", settings=assistant.settings, embedder=FakeEmbedder())
    assistant.uploads.mkdir()
    correction = '[olives]\noutlet = "Valley News"\npublished = 2024-10-01\n'
    (assistant.uploads / ".corrected.toml").write_text(correction, encoding="utf-8")
    build_index(small_articles, "small", settings=assistant.settings, embedder=FakeEmbedder())
    olives = assistant.article("olives")
    assert (olives.outlet, olives.published) == ("Valley News", "2024-10-01")


def test_a_correction_of_an_uploaded_article_goes_with_its_file(fake_assistant: FakeAssistant) -> None:
    assistant = fake_assistant()
    put(assistant, "tower.txt", TOWER)
    assistant.index_uploads()
    assistant.correct("uploaded://tower", outlet='The "Bell"', published="1999-12-31")
    assistant.index_uploads()
    assert assistant.article("uploaded://tower").outlet == 'The "Bell"'
    assistant.remove(["uploaded://tower"])
    put(assistant, "tower.txt", TOWER)
    assistant.index_uploads()
    assert assistant.article("uploaded://tower").published is None


@pytest.mark.parametrize("wrong", ["2024", "06/09/2024", "2024-02-30", "٢٠٢٤-٠٩"])
def test_a_wrong_date_or_an_unknown_article_is_refused_and_nothing_is_stored(
    fake_assistant: FakeAssistant, wrong: str
) -> None:
    assistant = fake_assistant()
    with pytest.raises(BadArticles, match="is not a date"):
        assistant.correct("harbour", outlet="Marsa Post", published=wrong)
    with pytest.raises(BadArticles, match=r"contains no article 'harbor'.*; nothing was changed"):
        assistant.correct("harbor", outlet="Marsa Post", published="2024-09")
    assert not (assistant.uploads / ".corrected.toml").exists()
    assert assistant.article("harbour").outlet == "Coast Daily"


def test_a_correction_whose_update_fails_is_taken_back(
    fake_assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.errors import NoSpace
    from rag.index import generations

    def full(*_arguments: object, **_options: object) -> None:
        raise NoSpace("The disk is full.")

    assistant = fake_assistant()
    monkeypatch.setattr(generations, "write_generation", full)
    with pytest.raises(NoSpace):
        assistant.correct("olives", outlet="Valley News", published="")
    assert "Valley" not in (assistant.uploads / ".corrected.toml").read_text(encoding="utf-8")
