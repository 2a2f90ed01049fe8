"""An index moves in one file, and an archive that means harm does none."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Run
from conftest import contents, examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from rag import Assistant, BadSettings, IndexMissing, Settings, build_index
from rag.errors import BadArticles, NoSpace
from rag.index import archive as archives
from rag.index.archive import export_index, import_index
from rag.index.indexing import correct_article, list_articles
from rag.index.layout import MANIFEST
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import fake_generator

QUESTION = "When did the harbour of Marsa reopen?"


@pytest.fixture
def index(first_index: Path, tmp_path: Path) -> Path:
    """An index with an uploaded file."""
    folder = shutil.copytree(first_index, tmp_path / "indexes" / "small")
    (folder / "uploads").mkdir()
    (folder / "uploads" / "برج.txt").write_text("The bell of the old tower rang on Friday.", encoding="utf-8")
    return folder


@pytest.fixture
def archive(index: Path, tmp_path: Path) -> Path:
    export_index(tmp_path / "small.sanad", "small")
    return tmp_path / "small.sanad"


def imported(archive: Path, name: str = "", **changed: Any) -> archives.Moved:
    return import_index(archive, name, settings=Settings.load(**changed), embedder=FakeEmbedder())


def nothing_left(before: dict[str, bytes], indexes: Path) -> None:
    left = {path: data for path, data in contents(indexes).items() if not path.endswith(".lock")}
    assert left == {path: data for path, data in before.items() if not path.endswith(".lock")}
    assert not (indexes / archives.STAGING).exists()


def test_an_index_on_another_machine_gives_the_same_answer(
    archive: Path, index: Path, tmp_path: Path
) -> None:
    def answer(name: str, **changed: Any) -> Any:
        opened = Assistant.open(
            name, settings=Settings.load(**changed), embedder=FakeEmbedder(), generator=fake_generator()
        )
        reply = opened.ask(QUESTION).to_dict()
        opened.close()
        return reply["text"], reply["citations"], [passage["chunk"] for passage in reply["passages"]]

    elsewhere = {"indexes": tmp_path / "other"}
    done = imported(archive, **elsewhere)
    assert (done.name, done.articles, done.uploads) == ("small", 3, 1)
    assert answer("small", **elsewhere) == answer("small")
    kept = tmp_path / "other" / "small" / "uploads" / "برج.txt"
    assert kept.read_bytes() == (index / "uploads" / "برج.txt").read_bytes()
    assert str(tmp_path).encode() not in archive.read_bytes(), "paths of the first machine stay there"


def test_what_was_corrected_moves_with_the_index_and_is_no_uploaded_file(
    index: Path, tmp_path: Path, small_articles: Path
) -> None:
    own: Any = {"settings": Settings.load(), "embedder": FakeEmbedder()}
    correct_article("olives", "small", outlet="Valley News", published="2024-10", **own)
    assert export_index(tmp_path / "small.sanad", "small").uploads == 1
    assert imported(tmp_path / "small.sanad", "moved").uploads == 1
    build_index(small_articles, "moved", **own)
    listed = {one.article.id: one.article for one in list_articles("moved")}
    assert (listed["olives"].outlet, listed["olives"].published) == ("Valley News", "2024-10")


def test_an_archive_is_a_plain_tar(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        assert all(member.isreg() for member in tar)
        assert tar.getnames()[0] == "sanad.json"


def test_nothing_is_embedded_again(archive: Path) -> None:
    class Counting(FakeEmbedder):
        def with_tokens(self, texts: Any) -> Any:
            raise AssertionError("vectors are in the archive")

    import_index(archive, "again", embedder=Counting())


def test_the_commands_export_and_import(run: Run, index: Path, tmp_path: Path) -> None:
    file = tmp_path / "moved index.sanad"
    status, out, err = run("export", str(file), "--index", "small")
    assert (status, err) == (0, "") and out.startswith("small: 3 articles, 1 uploaded file, 0.")
    assert run("export", str(file), "--index", "small")[2].endswith(
        "already exists. Choose another file name.\n"
    )
    assert run("import", str(file))[2].endswith(f"sanad import '{file}' --index NAME\n")
    status, out, _ = run("import", str(file), "--index", "mine")
    folder = Settings.load().indexes / "mine"
    assert (status, out) == (0, f"mine: 3 articles, 1 uploaded file, imported from {file} into {folder}\n")
    assert "harbour.txt:2" in run("ask", "--index", "mine", QUESTION)[1]
    assert run("import", str(tmp_path / "none"))[0] == 2
    assert "is not an archive of an index" in run("import", str(index / "CURRENT"), "--index", "x")[2]


def test_vectors_of_another_embedder_or_cut_are_refused_with_the_fix(archive: Path, tmp_path: Path) -> None:
    before = contents(tmp_path / "indexes")
    with pytest.raises(BadSettings, match=r"embedder .*, not fake:32.*SANAD_EMBEDDER.*sanad index FOLDER"):
        import_index(archive, "x", embedder=FakeEmbedder(dimension=32))
    with pytest.raises(BadSettings, match=r"split with.*SANAD_CHUNK_TOKENS"):
        imported(archive, "x", chunk_tokens=77)
    nothing_left(before, tmp_path / "indexes")


def test_a_missing_index_and_a_full_disk_leave_no_file(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(IndexMissing):
        export_index(tmp_path / "x", "nothing")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives, "_add", full)
    with pytest.raises(NoSpace, match="No space left"):
        export_index(tmp_path / "x", "small")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".x", "x"))]


def test_too_little_room_for_an_import_is_reported_before(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    with pytest.raises(NoSpace, match="are free"):
        imported(archive, "x")


def members(archive: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(archive) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def rewritten(archive: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """The archive with other files, and a header that fits them."""
    files = {member.name: data for member, data in members(archive)}
    header = json.loads(files.pop("sanad.json"))
    change(header, files)
    for one in header["files"] if isinstance(header["files"], list) else ():
        if isinstance(one, dict) and one.get("name") in files:
            data = files[one["name"]]
            one |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    with tarfile.open(archive, "w") as tar:
        for name, data in {"sanad.json": json.dumps(header).encode(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive


def renamed(new: str) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(header: dict[str, Any], files: dict[str, bytes]) -> None:
        header["files"][-1]["name"] = new
        files[new] = files.pop("uploads/0009") if "uploads/0009" in files else files.popitem()[1]

    return change


def uploaded(new: Any) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda header, _: header["files"][-1].update(upload=new)


def manifest_with(**changed: Any) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda header, _: header.update(changed)


def spoiled(name: str, data: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(header: dict[str, Any], files: dict[str, bytes]) -> None:
        files[f"generation/{name}"] = data
        manifest = json.loads(files[f"generation/{MANIFEST}"])
        if name != MANIFEST:
            manifest["segments"][0]["files"][name] = hashlib.sha256(data).hexdigest()  # all digests fit
            files[f"generation/{MANIFEST}"] = json.dumps(manifest).encode()

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (renamed("/etc/cron.d/x"), "not a file of an index"),
        (renamed("../../x"), "not a file of an index"),
        (renamed("generation/../../x"), "not a file of an index"),
        (renamed("generation/chroma/chroma.sqlite3"), "not a file of an index"),
        (renamed("uploads/../x"), "not a file of an index"),
        (uploaded("../../x.txt"), "uploaded file with the invalid name"),
        (uploaded("/x.txt"), "uploaded file with the invalid name"),
        (uploaded(".bashrc"), "uploaded file with the invalid name"),
        (uploaded("x.exe"), "uploaded file with the invalid name"),
        (uploaded("x\u202etxt.txt"), "uploaded file with the invalid name"),
        (uploaded(7), "uploaded file with the invalid name"),
        (manifest_with(format=99), "format 99"),
        (manifest_with(files=[]), "list every file exactly once"),
        (manifest_with(files=7), "cannot be read"),
        (manifest_with(files=[7]), "cannot be read"),
        (manifest_with(embedder=None), "cannot be read"),
        (spoiled("vectors.npy", b"\x93NUMPY\x01\x00\x10\x00"), "is not an index"),
        (spoiled("chunks.npy", b"\x80\x04cos\nsystem\n"), "is not an index"),
        (spoiled("articles.jsonl", b"{}\n"), "is not an index"),
        (spoiled("tokens.bin", b""), "is not an index"),
        (spoiled(MANIFEST, b"[]"), "is not an index"),
    ],
)
def test_an_archive_that_means_harm_is_refused_and_leaves_nothing(
    archive: Path, tmp_path: Path, change: Any, why: str
) -> None:
    before = contents(tmp_path / "indexes")
    around = {path.name for path in tmp_path.iterdir()} | {path.name for path in tmp_path.parent.iterdir()}
    with pytest.raises(BadArticles, match=why):
        imported(rewritten(archive, change), "x")
    nothing_left(before, tmp_path / "indexes")
    assert {path.name for path in tmp_path.iterdir()} | {p.name for p in tmp_path.parent.iterdir()} == around


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "/x"])
def test_a_name_that_leads_elsewhere_is_refused(archive: Path, name: str) -> None:
    with pytest.raises(BadSettings, match="not a valid index name"):
        imported(rewritten(archive, manifest_with(name=name)))


ODD_KINDS = [
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE,
    tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME,
]  # fmt: skip


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_a_member_that_is_no_plain_file_is_refused(archive: Path, kind: bytes) -> None:
    listed = members(archive)
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for number, (member, data) in enumerate(listed):
            if number == 2:
                odd = tarfile.TarInfo(member.name)
                odd.type, odd.linkname = kind, "/etc/passwd"
                tar.fileobj.write(odd.tobuf())  # type: ignore[union-attr]
                tar.offset += 512
            tar.addfile(member, io.BytesIO(data))
    with pytest.raises(BadArticles, match="not a regular file"):
        imported(archive, "x")


def test_a_tar_whose_names_are_not_utf8_is_no_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.tar", "w", encoding="cp1256", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("مقال.txt"))
    with pytest.raises(BadArticles, match="it is not an archive of an index"):
        imported(tmp_path / "old.tar", "x")


def test_two_uploads_that_are_one_file_on_this_disk_are_refused_by_name(index: Path, tmp_path: Path) -> None:
    """As a.txt and A.txt are on macOS and Windows."""
    (index / "uploads" / "bell.txt").write_text("The bell rang again on Saturday.", encoding="utf-8")
    export_index(tmp_path / "two.sanad", "small")
    changed = rewritten(tmp_path / "two.sanad", uploaded("bell.txt"))
    with pytest.raises(BadArticles, match=r"'bell\.txt' and another one have the same name on this disk"):
        imported(changed, "other")


def test_an_archive_that_promises_too_much_is_refused_before_anything_is_written(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    member = tarfile.TarInfo("sanad.json")
    member.size = archives.MAX_HEADER + 1
    archive.write_bytes(member.tobuf() + bytes(data[512:]))
    with pytest.raises(BadArticles, match="more than"):
        imported(archive, "x")


@pytest.mark.slow
@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_archive_that_was_cut_or_changed_anywhere_is_refused_or_still_whole(
    archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    whole = bytearray(archive.read_bytes())
    if data.draw(st.booleans()):
        spoilt = bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        at = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.integers(0, 4000)))
        whole[at] ^= data.draw(st.integers(1, 255))
        spoilt = bytes(whole)
    file = tmp_path / "spoilt"
    file.write_bytes(spoilt)
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    try:
        done = imported(file, "x", indexes=tmp_path / "fresh")
    except (BadArticles, BadSettings):
        assert not (tmp_path / "fresh" / "x").exists()
    else:  # it was padding, or a field that nothing depends on
        assert done.articles == 3
