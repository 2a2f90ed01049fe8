"""What is right for each case of a folder of cases from the field; scripts/cases.py runs them.

A case is a subfolder whose name begins with two digits. Each function below checks one: it takes a ``Case``
and yields its checks. A question is asked only where the model may be used.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rag import Answer, Article, Assistant, Settings, Turn, build_index
from rag.index.indexing import Built
from rag.language.sentences import sentences
from rag.language.terms import terms
from rag.language.text import fold
from rag.loading.articles import Loaded, load_folder
from rag.models.embedding.embedder import Embedder, FakeEmbedder
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.models.llm.protocol import Generator


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of a case."""

    expected: str
    """What is right, in a few words."""
    got: str
    """What was found."""
    right: bool
    """Whether that is right."""


@dataclass(slots=True)
class Models:
    """The models that all cases share."""

    settings: Settings
    """Where indexes are written, and the packaged models."""
    embedder: Embedder | None = None
    """The packaged embedder; None where no model may be used."""
    generator: Generator | None = None
    """The packaged generator, likewise."""
    opened: dict[str, Assistant] = field(default_factory=dict)
    """Assistants by the name of their index."""

    def assistant(self, folder: Path, name: str) -> Assistant:
        """An assistant over the files of a folder."""
        if name not in self.opened:
            build_index(folder, name, settings=self.settings, embedder=self.embedder)
            self.opened[name] = Assistant.open(
                name, settings=self.settings, embedder=self.embedder, generator=self.generator
            )
        return self.opened[name]


@dataclass
class Case:
    """A folder of a case, read by the real loaders."""

    folder: Path
    """The folder of the case."""
    models: Models
    """The models, for questions and indexes."""

    @cached_property
    def loaded(self) -> Loaded:
        """The articles of the folder."""
        return load_folder(self.folder, self.models.settings, may_be_empty=True)

    def article(self, source: str) -> Article | None:
        """The article of a file, or the first of its rows."""
        return next(iter(self.rows(source)), None)

    def rows(self, source: str) -> list[Article]:
        """The articles of a file."""
        wanted = (article for article in self.loaded.articles)
        return [one for one in wanted if re.fullmatch(rf"{re.escape(source)}(:\d+)?", one.source)]

    def text(self, source: str) -> str:
        """The text of a file; empty if it was not read."""
        article = self.article(source)
        return article.text if article else ""

    def reasons(self, source: str) -> str:
        """What was reported of a file."""
        return "; ".join(item.reason for item in self.loaded.skipped if item.source.startswith(source))

    def files(self, suffix: str) -> list[str]:
        """The names of the files with a suffix."""
        return sorted(path.name for path in self.folder.glob(f"*{suffix}"))

    def assistant(self, part: str = "") -> Assistant | None:
        """An assistant over the folder or a subfolder; None where no model may be used."""
        if self.models.embedder is None:
            return None
        name = re.sub(r"\W", "-", f"{self.folder.name}-{part}" if part else self.folder.name)
        return self.models.assistant(self.folder / part, name)

    def ask(
        self, question: str, part: str = "", *, value: str = "", cited: str = "", outcome: str = "answered"
    ) -> Iterator[Check]:
        """Ask, and check the value, the citations and the outcome; nothing where no model may be used.

        Args:
            question: The question.
            part: A subfolder, of which alone the index is made.
            value: A pattern that the answer must contain.
            cited: ``file:line`` of the only sentence that may be cited; empty for any.
            outcome: The outcome of the answer.
        """
        if assistant := self.assistant(part):
            wanted = " ".join(filter(None, (value, cited, outcome)))
            yield _checked(f"{question} → {wanted}", assistant.ask(question), value, cited, outcome)


def _checked(expected: str, answer: Answer, value: str, cited: str, outcome: str) -> Check:
    places = sorted({f"{one.source}:{one.line}" for one in answer.citations})
    got = f"{' '.join(answer.text.split())[:110]} {' '.join(places)} {answer.outcome}"
    right = answer.outcome == outcome and (not cited or places == [cited])
    return Check(expected, got, right and re.search(value, answer.text) is not None)


def _contains(text: str, *parts: str) -> Check:
    """A check that a text contains all parts, whatever its white space."""
    plain = " ".join(text.split())
    missing = [part for part in parts if part not in plain]
    return Check(", ".join(parts), f"without {missing}" if missing else "all there", not missing)


def _metadata(article: Article | None, **wanted: str | None) -> Check:
    got = {name: getattr(article, name, "no article") for name in wanted}
    return Check(str(wanted), str(got), got == wanted)


def _times(text: str, part: str, count: int = 1) -> Check:
    actual = text.count(part)
    return Check(f"{part!r} {count} times", f"{actual} times", actual == count)


def nested_tables(case: Case) -> Iterator[Check]:
    """Word: every row of nested tables once."""
    yield _times(case.text("layout.docx"), "تموز | 120")
    yield _times(case.text("nested12.docx"), "40 سفينة")
    for name in case.files(".docx"):
        with zipfile.ZipFile(case.folder / name) as file:
            rows = len(re.findall(rb"<w:tr[ >]", file.read("word/document.xml")))
        read = sum(" | " in line for line in case.text(name).splitlines())
        yield Check(f"{name}: at most {rows} rows", f"{read}", bool(case.text(name)) and read <= rows)
    yield from case.ask("كم عدد السفن في آب؟", value="135")


def strict_word(case: Case) -> Iterator[Check]:
    """Word: Strict Open XML read, or named for what it is."""
    for name in case.files(".docx"):
        got = case.text(name) or case.reasons(name)
        yield Check(f"{name}: read, or named Strict", got[:80], bool(case.text(name)) or "Strict" in got)


def footnotes(case: Case) -> Iterator[Check]:
    """Word: notes read, or their loss reported."""
    for name in case.files(".docx"):
        with zipfile.ZipFile(case.folder / name) as file:
            parts = [part for part in file.namelist() if re.search(r"word/(foot|end)notes\.xml", part)]
            inside = " ".join(
                text.decode() for part in parts for text in re.findall(rb"<w:t[ >][^<]*", file.read(part))
            )
        words = set(fold(re.sub(r"<w:t[^>]*>", " ", inside)).split())
        read = words <= set(fold(case.text(name)).split())
        got = "read" if read else case.reasons(name) or "lost"
        yield Check(f"{name}: notes read, or reported", got[:80], read or "note" in case.reasons(name))


def bad_letters(case: Case) -> Iterator[Check]:
    """PDF: letters that are valid but wrong are refused or marked."""
    for name in case.files(".pdf"):
        got = case.reasons(name) or case.text(name)[:60]
        yield Check(f"{name}: refused, or marked", got, bool(case.reasons(name)))


def spaces_of_scripts(case: Case) -> Iterator[Check]:
    """PDF: spaces where the script changes, and paragraphs whole."""
    text = case.text("docling_rtl_01.pdf")
    yield _contains(text, "Python ميزات")
    keys = terms("Pythonميزات")
    yield Check("the term python", str(keys[:3]), "python" in keys)
    right = [
        fold(case.text("docling_rtl_01.md")[slice(*span)])
        for span in sentences(case.text("docling_rtl_01.md"))
    ]
    read = fold(" ".join(text.split()))
    whole = sum(sentence in read for sentence in right)
    yield Check(
        "at least nine tenths of the sentences whole", f"{whole} of {len(right)}", whole >= 0.9 * len(right)
    )
    yield Check(
        "the word habibi", case.text("pypdf_habibi.pdf"), "habibi" in terms(case.text("pypdf_habibi.pdf"))
    )


def fake_bold(case: Case) -> Iterator[Check]:
    """PDF: text drawn twice is read once."""
    for name in case.files(".pdf"):
        yield _times(case.text(name), "Harbour of Faw reopens on Sunday")


def two_columns(case: Case) -> Iterator[Check]:
    """PDF: columns are read one after the other."""
    wanted = (
        "The harbour of Faw reopened on Sunday after two years of repairs, the port authority said.",
        "contains notices to the public of the proposed issuance of rules and regulations",
    )
    for name in case.files(".pdf"):
        text = case.text(name)
        whole = [" ".join(text[slice(*span)].split()) for span in sentences(text)]
        if name.startswith("two_columns"):
            yield Check(
                f"{name}: {wanted[0]}",
                "as a sentence" if wanted[0] in whole else text[:80],
                wanted[0] in whole,
            )
        else:
            yield _contains(text, wanted[1])


def type1_fonts(case: Case) -> Iterator[Check]:
    """PDF: Type 1 fonts with built-in encodings are read."""
    for name in case.files(".pdf"):
        check = _contains(case.text(name), "Two-Column Document with Lorem Ipsum")
        yield check if check.right else Check(check.expected, case.reasons(name) or check.got, right=False)


def page_of_sentence(case: Case) -> Iterator[Check]:
    """PDF: the page of a sentence, not of its paragraph."""
    yield from case.ask("When does the harbour master retire?", value="December", cited="pagebreak2.pdf:2")


def date_modified(case: Case) -> Iterator[Check]:
    """Page: publication date before modification date."""
    yield _metadata(case.article("modified_meta.html"), published="2019-09-24")
    # The day as the page words it, or its date; any other date is wrong.
    yield from case.ask("متى افتتح الوزير الميناء؟", value="الاثنين", cited="modified_meta.html:2")
    if assistant := case.assistant():
        answer = assistant.ask("متى افتتح الوزير الميناء؟")
        dated = [one.published for one in answer.citations]
        good = dated == ["2019-09-24"] and not re.search(r"2020|30|28", answer.text)
        yield Check("cited with 2019-09-24, and no other date", f"{dated} {answer.text[:60]}", good)


def zero_bytes(case: Case) -> Iterator[Check]:
    """Page and text: a few zero bytes do not make a binary file."""
    for name in ("nul.html", "nul.txt"):
        text = case.text(name)
        yield Check(
            f"{name}: read, without NUL", text[:40] or case.reasons(name), bool(text) and "\0" not in text
        )


def live_and_roundup(case: Case) -> Iterator[Check]:
    """Page: headings, times and dates of updates are kept, or a note says that they are not."""
    kept = {
        "live.html": ("18:40", "15:10", "12:05", "ارتفاع الحصيلة إلى 14", "9 قتلى"),
        "roundup.html": (
            "2024-09-01",
            "2024-09-02",
            "2024-09-03",
            "افتتاح مستشفى في الموصل",
            "جفاف في ذي قار",
        ),
    }
    for name, parts in kept.items():
        check = _contains(case.text(name), *parts)
        noted = case.reasons(name)
        yield Check(f"{name}: {check.expected}", f"{check.got} {noted}", check.right or bool(noted))


def markup_in_rows(case: Case) -> Iterator[Check]:
    """Rows: markup and entities in fields are read as such."""
    yield _metadata(
        case.article("htmlfields.jsonl"), title="Harbour reopens – mayor’s words", outlet="Palm Agency"
    )
    text = case.text("htmlfields.jsonl")
    parts = [text[slice(*span)] for span in sentences(text)]
    wanted = "Some 40% of the ships & ferries were moved."
    yield Check(wanted, str(parts[-1:]), wanted in parts)
    everything = " ".join(one.text for one in case.loaded.articles)
    yield Check("no tag, entity or script", "", not re.search(r"<\w|&\w+;|var a", everything))


def shapes_of_rows(case: Case) -> Iterator[Check]:
    """Rows: the shapes that services and content management systems write."""
    for path in sorted(case.folder.iterdir()):
        single = path.name in ("literal_n.csv", "newsapi.jsonl", "allthenews.csv")
        got = case.rows(path.name)
        wanted = 1 if single else 2
        shown = ", ".join(repr(one.text[-30:]) for one in got) or case.reasons(path.name)
        yield Check(f"{path.name}: {wanted} articles", f"{len(got)}: {shown}", len(got) == wanted)
    yield _metadata(case.article("newsapi.jsonl"), outlet="Palm", published="2024-09-06")
    yield _metadata(case.article("allthenews.csv"), outlet="Palm Times", published="2016-12-31")
    yield _metadata(case.article("sep.csv"), title="فتح الجسر", published="2024-09-06")
    yield _contains(case.text("wp.jsonl"), "The harbour reopened on Sunday, the mayor said.")
    yield _contains(case.text("textandcontent.csv"), "The harbour reopened on Friday after the storm.")
    yield Check(
        "line breaks", repr(case.text("literal_n.csv")[-40:]), case.text("literal_n.csv").count("\n") >= 3
    )


def wrong_encodings(case: Case) -> Iterator[Check]:
    """Text: what was read in a wrong encoding is repaired or reported."""
    for name in case.files(".txt"):
        article = case.article(name)
        good = article is None or (article.language == "ar" and "البلدية" in article.text)
        got = f"{case.text(name)[:40]} {case.reasons(name)}"
        yield Check(f"{name}: repaired, or reported", got, good and bool(case.reasons(name)))


def front_matter(case: Case) -> Iterator[Check]:
    """Markdown: front matter gives title, date and outlet, and is no text."""
    yield _metadata(case.article("hugo.md"), title="إعادة فتح ميناء الفاو", published="2024-09-06")
    yield _metadata(
        case.article("en.md"), title="Harbour reopens", published="2024-09-06", outlet="Palm Times"
    )
    for name in case.files(".md"):
        yield Check(
            f"{name}: no front matter in the text", case.text(name)[:30], "---" not in case.text(name)
        )


def same_number(case: Case) -> Iterator[Check]:
    """Citations: only of sentences about the same thing."""
    cost = "كم بلغت كلفة الرصيف الجديد في الفاو؟"
    yield from case.ask(cost, "differ", value="120", cited="quay.txt:4")
    yield from case.ask(cost, "same", value="90", cited="quay.txt:4")
    yield from case.ask("من دفع كلفة الرصيف الجديد في الفاو؟", "same", value="شركة|النفط", cited="quay.txt:4")
    yield from case.ask("كم بلغت خسائر الجفاف؟", "same", outcome="not_found")
    yield from case.ask("كم بلغت ديون الشركة؟", "headline", outcome="not_found")
    yield from case.ask(
        "When was the bridge in Hilla closed?", "headline", value="Monday", cited="bridge.txt:2"
    )


def when_without_time(case: Case) -> Iterator[Check]:
    """Answers: a when without a time is no answer."""
    yield from case.ask("When did the strike end?", value="Monday|9 September", cited="strike.txt:2")


def follow_ups(case: Case) -> Iterator[Check]:
    """Dialogue: corrections, short follow-ups and thanks."""
    assistant = case.assistant("docs")
    if assistant is None:
        return
    first = assistant.ask("How much did the quay in Faw cost?")
    then = assistant.ask("No, I meant the hospital.", history=[Turn(first.question, first.text)])
    yield _checked("No, I meant the hospital. → 90 hospital.txt:3", then, "90", "hospital.txt:3", "answered")
    first = assistant.ask("How many teachers were owed wages?")
    history = [Turn(first.question, first.text)]
    bridge = assistant.ask("And the bridge?", history=history)
    cited = {one.source for one in bridge.citations}
    yield Check(
        "And the bridge? → nothing on teachers", f"{bridge.text[:80]} {cited}", "strike.txt" not in cited
    )
    thanks = assistant.ask("Thanks!", history=history)
    yield Check("Thanks! → asks nothing", f"{thanks.text[:80]} {thanks.outcome}", not thanks.citations)


def openai_clients(case: Case) -> Iterator[Check]:
    """API: requests that OpenAI clients send, answered by a stand-in for the model."""
    import httpx

    from rag.server.serve import Server

    settings = case.models.settings
    folder = settings.indexes.parent / "chat"
    folder.mkdir(exist_ok=True)
    (folder / "wages.txt").write_text(
        "Wages of 1,200 teachers were owed, the ministry said.\n", encoding="utf-8"
    )
    build_index(folder, "chat", settings=settings, embedder=FakeEmbedder())
    stand_in = fake_generator(FakeLLM.scripted([]))
    assistant = Assistant.open("chat", settings=settings, embedder=FakeEmbedder(), generator=stand_in)
    server = Server(assistant).start()
    with closing(server), httpx.Client(base_url=server.address, timeout=60) as client:
        for name, path, body in _requests():
            status = client.request("POST" if body else "GET", path, json=body).status_code
            yield Check(f"{name} → 200", str(status), status == 200)
        streamed = {**_chat(_ASKED), "stream": True, "stream_options": {"include_usage": True}}
        usage = '"usage":{' in client.post("/v1/chat/completions", json=streamed).text.replace(" ", "")
        yield Check("usage in the stream where asked for", str(usage), usage)


_ASKED = {"role": "user", "content": "How many teachers were owed wages?"}
_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def _chat(*messages: object, **fields: object) -> dict[str, object]:
    return {"model": "sanad", "messages": list(messages), **fields}


def _requests() -> Iterator[tuple[str, str, dict[str, object] | None]]:
    """Name, path and body of each request."""
    chat = "/v1/chat/completions"
    nulls = dict.fromkeys(("temperature", "max_tokens", "stream", "stop", "n", "user"))
    yield "null for optional fields", chat, _chat(_ASKED, **nulls)
    parts = [{"type": "text", "text": _ASKED["content"]}, _PICTURE]
    yield "parts with an image", chat, _chat({"role": "user", "content": parts})
    call = {"id": "c1", "type": "function", "function": {"name": "x", "arguments": "{}"}}
    tools = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"},
    ]
    yield "tool messages", chat, _chat({"role": "user", "content": "hi"}, *tools, _ASKED)
    yield "a system message at the end", chat, _chat(_ASKED, {"role": "system", "content": "Be brief."})
    turns = [{"role": role, "content": f"{n}?"} for n in range(60) for role in ("user", "assistant")]
    yield "sixty turns", chat, _chat(*turns, _ASKED)
    yield "the model by name", "/v1/models/sanad", None


def renamed_files(case: Case) -> Iterator[Check]:
    """Index: a renamed file is no loss, and nothing is embedded."""
    settings = case.models.settings
    folder = settings.indexes.parent / "renamed"
    shutil.copytree(case.folder / "docs", folder)
    folder.chmod(0o755)
    embedder = case.models.embedder or FakeEmbedder()

    def indexed() -> Built:
        return build_index(folder, "renamed", settings=settings, embedder=embedder)

    indexed()
    first = min(folder.glob("*.txt"))
    first.rename(first.with_name("renamed.txt"))
    done = indexed().written
    got = (
        f"{done.articles} articles, {len(done.removed)} removed, {done.embedded} embedded, moved {done.moved}"
    )
    yield Check(
        "4 articles, 0 removed, 0 embedded", got, (done.articles, done.removed, done.embedded) == (4, (), 0)
    )


def glued_scripts(case: Case) -> Iterator[Check]:
    """Search: runs of two scripts that are glued together are found by each."""
    keys = set(terms(case.text("glued.txt")))
    for word in ("2500", "جندي"):
        yield Check(f"found by {word}", str(set(terms(word)) & keys), set(terms(word)) <= keys)


def fine(case: Case) -> Iterator[Check]:
    """What came out right before stays right."""
    yield _metadata(case.article("amp.html"), published="2024-09-06", title="افتتاح الميناء")
    yield _metadata(case.article("js_rendered.html"), published="2024-09-06")
    yield _contains(case.text("js_rendered.html"), "40 مليون دينار")
    for name in ("br.html", "font_only.html"):
        yield _contains(case.text(name), "90 مليون دولار دفعتها شركة النفط.", "31 عاما من الخدمة.")
    yield _contains(case.text("related_inline.html"), "40 مليون دينار", "حتى إشعار آخر.")
    beside = [part for part in ("حريق", "استقالة", "مو 40") if part in case.text("related_inline.html")]
    yield Check("no related article and no comment", str(beside), not beside)
    dates = [one.published for one in case.rows("hijri.csv")]
    yield Check("no Hijri date taken for another", str(dates), dates[:3] == [None, None, "2024-09-06"])
    yield Check(
        "two rows with CR line ends", str(len(case.rows("cr_only.csv"))), len(case.rows("cr_only.csv")) == 2
    )
    yield _contains(case.text("dupheaders.csv"), "reopened Friday.")


def ligature_line(case: Case) -> Iterator[Check]:
    """PDF: thirty equal paragraphs and no other line."""
    lines = Counter(
        " ".join(line.split()) for line in case.text("chromium_dejavu.pdf").splitlines() if line.strip()
    )
    got = {text[:20]: count for text, count in lines.items()}
    yield Check("thirty equal paragraphs", str(got), list(lines.values()) == [30])


CHECKS: dict[str, Callable[[Case], Iterator[Check]]] = {
    "01": nested_tables,
    "02": strict_word,
    "03": footnotes,
    "05": bad_letters,
    "06": spaces_of_scripts,
    "07": fake_bold,
    "08": two_columns,
    "09": type1_fonts,
    "10": page_of_sentence,
    "12": date_modified,
    "14": zero_bytes,
    "15": live_and_roundup,
    "16": markup_in_rows,
    "17": shapes_of_rows,
    "18": wrong_encodings,
    "19": front_matter,
    "21": same_number,
    "22": when_without_time,
    "23": follow_ups,
    "24": openai_clients,
    "25": renamed_files,
    "26": glued_scripts,
    "27": fine,
    "28": ligature_line,
}
"""The checks of a case by the number that its folder's name begins with."""
