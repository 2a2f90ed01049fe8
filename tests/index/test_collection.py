"""The Chroma collection of an index is what its articles are, whatever happened to either."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chroma_reader import check, opened
from command import Run, refused

from rag import Filter, Settings, build_index
from rag.errors import BadSettings, IndexUnusable
from rag.index import chroma_store, collection, filters
from rag.index.archive import export_index, import_index
from rag.index.generations import open_generation, writer_lock
from rag.index.indexing import list_articles, remove_articles
from rag.models.embedding.embedder import FakeEmbedder
from rag.records import date_span

pytestmark = pytest.mark.slow

NAME = "small"


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the collections are: an empty address for the folder of each index, or that of a server."""
    if request.param == "folder":
        yield ""
        return
    address: Callable[[], str] = request.getfixturevalue("server")
    monkeypatch.setenv("SANAD_CHROMA_URL", address())
    yield address()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Starts a Chroma server, and stops it when it is called again; returns its address."""
    command = str(Path(sys.executable).with_name("chroma"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [command, "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(tmp_path / "served")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout
        while b"listening" not in process.stdout.readline():
            assert process.poll() is None, "the server ended"
        while True:  # it says so a moment before it does
            with contextlib.suppress(OSError):
                chroma_store.server_version(f"http://127.0.0.1:{port}")
                break
            assert process.poll() is None, "the server ended"
        drain = threading.Thread(target=process.stdout.read)
        drain.start()

        def address() -> str:
            return f"http://127.0.0.1:{port}"

        address.stop = process.kill  # type: ignore[attr-defined]
        yield address
        process.kill()
        drain.join()


def build(folder: Path, **options: Any) -> None:
    build_index(folder, NAME, allow_shrink=True, embedder=FakeEmbedder(), **options)


def edit(folder: Path) -> None:
    """Change one article, add one and remove one."""
    (folder / "harbour.txt").write_text("The bridge\n\nThe bridge opened on Monday.", encoding="utf-8")
    (folder / "olives.txt").unlink()
    (folder / "new.txt").write_text("Rain\n\nIt rained for 40 days in Marsa.", encoding="utf-8")


def test_a_plain_client_reads_every_chunk_with_its_text_metadata_and_vector(
    small_articles: Path, place: str
) -> None:
    build(small_articles)
    check(NAME, place)
    edit(small_articles)
    build(small_articles)
    check(NAME, place)
    remove_articles(["new"], NAME, allow_shrink=True, embedder=FakeEmbedder())
    check(NAME, place)


def test_an_update_touches_the_rows_of_its_articles_alone(
    small_articles: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    real = chroma_store.Collection.update

    def update(self: Any, gone: list[str], rows: Any, state: str) -> None:
        rows = list(rows)
        sent.extend(item["article_id"] for some in rows for item in some.metadata)
        assert gone == []
        real(self, gone, rows, state)

    monkeypatch.setattr(chroma_store.Collection, "update", update)
    build(small_articles)
    for number in range(9):  # more than are merged into one segment, so that articles are copied
        (small_articles / f"n{number}.txt").write_text(f"News {number}\n\nIt is day {number}.", "utf-8")
        build(small_articles)
    assert sent == [f"n{number}" for number in range(9)]
    check(NAME, place)


def test_dates_are_numbers_for_ranges_and_what_is_unknown_is_left_out(small_articles: Path) -> None:
    rows = [
        {"id": "month", "text": "It rained all September.", "date": "2024-02"},
        {"id": "day", "text": "It rained on Friday.", "date": "2024-09-06", "outlet": "Wire"},
        {"id": "none", "text": "It never rained."},
    ]
    (small_articles / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    build(small_articles)
    with opened(NAME) as found:
        known = found.get()["metadatas"]
        span = {"$and": [{"published_until": {"$gte": 20240215}}, {"published_from": {"$lte": 20240301}}]}
        assert len(found.get(where=span)["ids"]) == 1
    days = sorted((item["published_from"], item["published_until"]) for item in known if "published" in item)
    assert (20240201, 20240229) in days
    assert (20240906, 20240906) in days
    assert any("outlet" not in item and "published" not in item for item in known)


@pytest.mark.parametrize("file", ["chroma.sqlite3", "data_level0.bin"])
def test_a_damaged_or_missing_collection_is_written_again_and_answers_do_not_depend_on_it(
    small_articles: Path, file: str
) -> None:
    build(small_articles)
    index = Settings.load().indexes / NAME
    for path in (index / "chroma").rglob(file):
        path.write_bytes(b"x" * 500)
    open_generation(index).close()
    edit(small_articles)
    build(small_articles)
    check(NAME)
    shutil.rmtree(index / "chroma")
    build(small_articles)
    check(NAME)


def test_what_another_program_changed_is_noticed_by_the_count_and_written_again(
    small_articles: Path, place: str, run: Run
) -> None:
    build(small_articles)
    with opened(NAME, place) as found:
        found.delete(ids=found.get()["ids"][:1])
    status, _, err = run("index", "--index", NAME, "--show-collection")
    assert status == 0
    assert "The index has 3 passages, but the collection 2." in err
    build(small_articles)
    check(NAME, place)


@pytest.mark.parametrize("step", ["update", "rebuild", "_add"])
def test_an_update_that_ends_anywhere_in_the_collection_is_finished_by_the_next(
    small_articles: Path, place: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    if step != "rebuild":
        build(small_articles)
        edit(small_articles)
    real = getattr(chroma_store.Collection, step)

    def killed(self: Any, *arguments: Any) -> None:
        if step == "_add":
            real(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(chroma_store.Collection, step, killed)
        build(small_articles)
    open_generation(Settings.load().indexes / NAME).close()
    (small_articles / "later.txt").write_text("Later\n\nIt snowed in Marsa.", encoding="utf-8")
    build(small_articles)
    check(NAME, place)


def test_while_another_process_writes_the_collection_is_left_to_it(small_articles: Path) -> None:
    build(small_articles)
    index = Settings.load().indexes / NAME
    shutil.rmtree(index / "chroma")
    with writer_lock(index):
        collection.bring_up_to_date(index, "", lambda *_: None)
        assert not (index / "chroma").exists()
    collection.bring_up_to_date(index, "", lambda *_: None)
    check(NAME)


def test_a_collection_that_is_two_generations_behind_is_written_again(small_articles: Path) -> None:
    build(small_articles)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(collection, "bring_up_to_date", lambda *_: None)
        for text in ("one", "two"):
            (small_articles / "harbour.txt").write_text(f"Title\n\nThe harbour, edition {text}.", "utf-8")
            build(small_articles)
    build(small_articles)
    check(NAME)


def test_an_imported_index_has_its_collection_under_its_new_name(
    small_articles: Path, place: str, tmp_path: Path
) -> None:
    build(small_articles)
    export_index(tmp_path / "archive", NAME)
    import_index(tmp_path / "archive", "مرسى", embedder=FakeEmbedder())
    check("مرسى", place)
    check(NAME, place)


def test_show_collection_prints_python_that_reads_it(small_articles: Path, place: str, run: Run) -> None:
    build(small_articles)
    status, out, err = run("index", "--index", NAME, "--show-collection")
    assert (status, err) == (0, "")
    shown, code = out.split("\n\n")
    values = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert values["count"] == "3"
    assert values["metadata"].split(", ") == list(collection.KEYS)
    assert (values["tenant"], values["database"]) == ("default_tenant", "default_database")
    assert values["server" if place else "path"] == (place or str(Settings.load().indexes / NAME / "chroma"))
    assert len(code.splitlines()) == 4
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SANAD_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "harbour" in done.stdout, done.stderr


def test_a_range_of_dates_in_chroma_selects_what_the_filter_selects(small_articles: Path) -> None:
    dates = ("2023", "2024", "2024-02", "2024-02-29", "2024-03-01", None)
    rows = [{"id": f"r{n}", "text": f"It rained {n} times.", "date": date} for n, date in enumerate(dates)]
    (small_articles / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    build(small_articles)
    articles = [item.article for item in list_articles(NAME)]
    with opened(NAME) as found:
        for since, until in itertools.product(dates[:-1], repeat=2):
            (first, _), (_, last) = date_span(since or ""), date_span(until or "")
            if first > last:
                continue
            span = [
                {"published_until": {"$gte": int(f"{first:%Y%m%d}")}},
                {"published_from": {"$lte": int(f"{last:%Y%m%d}")}},
            ]
            selected = {item["article_id"] for item in found.get(where={"$and": span})["metadatas"]}
            assert selected == filters.allowed(Filter(since=since, until=until), articles)


def test_showing_the_collection_of_an_index_that_is_not_there_names_the_command(run: Run) -> None:
    assert "sanad index FOLDER --index none" in refused(run("index", "--index", "none", "--show-collection"))


@pytest.mark.parametrize(
    "url", ["localhost:8000", "http://host", "http://u:p@host:1", "ftp://h:1", "http://h:1/x"]
)
def test_an_address_that_is_none_is_refused_with_its_value(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANAD_CHROMA_URL", url)
    with pytest.raises(BadSettings, match=re.escape(repr(url)) + ".*http://HOST:PORT"):
        Settings.load()


class Old(http.server.BaseHTTPRequestHandler):
    """A server with another version of Chroma."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'"0.6.3"')

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Other(Old):
    """A server of another kind."""

    def do_GET(self) -> None:
        self.send_error(404)


@pytest.mark.parametrize(
    ("handler", "says"),
    [(None, "refused"), (Other, "status 404"), (Old, r"has version 0\.6\.3, but .* needs Chroma 1\.")],
)
def test_a_server_that_cannot_be_used_is_named_with_the_fix_before_anything_is_written(
    small_articles: Path, monkeypatch: pytest.MonkeyPatch, handler: type[Old] | None, says: str
) -> None:
    build(small_articles)
    index = Settings.load().indexes / NAME
    before = (index / "CURRENT").read_bytes()
    edit(small_articles)
    with http.server.HTTPServer(("127.0.0.1", 0), handler or Old) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("SANAD_CHROMA_URL", url)
        if handler is None:
            server.socket.close()
        else:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
        with pytest.raises(
            IndexUnusable, match=f"{url} .*{says}.*Nothing was changed.*unset SANAD_CHROMA_URL"
        ):
            build(small_articles)
        if handler is not None:
            thread.join()
    assert (index / "CURRENT").read_bytes() == before


@pytest.mark.slow
def test_a_server_that_dies_during_an_update_leaves_a_whole_index_and_is_named(
    small_articles: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANAD_CHROMA_URL", server())
    build(small_articles)
    edit(small_articles)
    real = chroma_store.Collection._add

    def dies(self: Any, *arguments: Any) -> None:
        server.stop()
        real(self, *arguments)

    with monkeypatch.context() as patched, pytest.raises(IndexUnusable) as raised:
        patched.setattr(chroma_store.Collection, "_add", dies)
        build(small_articles)
    assert re.search(
        rf"complete and in use.*{server()} \(SANAD_CHROMA_URL\).*Start that server", str(raised.value)
    )
    assert "\n" not in str(raised.value)
    with contextlib.closing(open_generation(Settings.load().indexes / NAME)) as generation:
        assert "new" in generation.articles
    monkeypatch.delenv("SANAD_CHROMA_URL")
    build(small_articles)
    check(NAME)
