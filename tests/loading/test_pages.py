"""Web pages: the date of publication and no other; live blogs and round-ups keep their headings and times."""

from __future__ import annotations

import json

import pytest

from rag.loading.formats.html import read_html
from rag.loading.parsed import ParsedFile

PROSE = [
    "The port authority said that the ferry to the island would sail again from Sunday after two years.",
    "It will carry three hundred passengers a day, and tickets cost no more than they did before the storm.",
    "The old quay was repaired by a local company, which employed forty people from the villages nearby.",
]
PARAGRAPHS = "".join(f"<p>{line}</p>" for line in PROSE)


def page(
    head: str = "", above: str = "", below: str = "", beside: str = "", title: str = "Ferry sails"
) -> ParsedFile:
    body = f"<main><article><h1>{title}</h1>{above}{PARAGRAPHS}{below}</article>{beside}</main>"
    return read_html(f"<html><head><title>{title}</title>{head}</head><body>{body}</body></html>".encode())


def ld(*items: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(list(items))}</script>'


def meta(name: str, content: str, key: str = "property") -> str:
    return f'<meta {key}="{name}" content="{content}">'


NEWS = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Ferry sails"}
CHANGED = meta("article:modified_time", "2024-10-30T10:00:00+00:00")
RELATED = {
    "@type": "ItemList",
    "itemListElement": [{**NEWS, "headline": "Old", "datePublished": "2001-01-01"}],
}
OTHER = {"@type": "NewsArticle", "headline": "Another storm", "datePublished": "2023-03-03"}
ADDRESS = '<link rel="canonical" href="https://n.example/2024/09/06/ferry">'
BROKEN = '<script type="application/ld+json">{"headline": "x" "datePublished": "2024-09-06T10:00"}</script>'
REPLIES = {**NEWS, "comment": [{"@type": "Comment", "datePublished": "2024-12-01"}]}


@pytest.mark.parametrize(
    "head",
    [
        CHANGED + ld({**NEWS, "datePublished": "2024-09-06T10:00:00Z", "dateModified": "2024-10-30"}),
        CHANGED + ld({"@graph": [{"@type": "WebPage", "datePublished": "2024-09-06T08:00:00+03:00"}]}),
        CHANGED + meta("article:published_time", "2024-09-06T10:00:00Z"),
        meta("last-modified", "2024-10-30", "name") + meta("pubdate", "20240906", "name"),
        ld(RELATED, {**NEWS, "datePublished": "2024-09-06"}),
        ld(OTHER, {**NEWS, "datePublished": "2024-09-06"}),
        ld({**REPLIES, "datePublished": "2024-09-06"}),
        BROKEN,
        CHANGED + ADDRESS,
        ADDRESS + ld({**NEWS, "datePublished": "2024-09-05T23:30:00Z"}),
    ],
)  # fmt: skip
def test_the_date_of_publication_is_found_in_the_head(head: str) -> None:
    read = page(head, beside='<aside><time datetime="2020-01-01">1 January 2020</time></aside>')
    assert read.articles[0].published == "2024-09-06"
    assert read.notes == ()


@pytest.mark.parametrize(
    "above",
    [
        '<time datetime="2024-09-06T10:00">Friday</time>',
        '<p class="byline">By A. Writer, 6 September 2024</p>',
        '<span class="post-date">٦ أيلول ٢٠٢٤</span>',
        "<div>الجمعة 6 سبتمبر 2024</div><span class='updated'>Updated 30 October 2024</span>",
        '<span itemprop="datePublished" content="2024-09-06">yesterday</span>',
        '<span class="date">2024/09/06</span>',
    ],
)
def test_the_date_beside_the_headline_is_found(above: str) -> None:
    assert page(above=above).articles[0].published == "2024-09-06"


@pytest.mark.parametrize(
    "beside",
    [
        '<aside><time datetime="2020-01-01">1 January 2020</time></aside>',
        '<div class="related-posts"><h3>More</h3><span class="date">1 January 2020</span></div>',
        '<div id="comments"><p class="comment"><time datetime="2020-01-01">then</time> No.</p></div>',
        '<footer><span class="date">1 January 2020</span></footer>',
        "<section id='x'><h3>التعليقات (3)</h3><p class='date'>1 January 2020</p><p>No.</p></section>",
        "<div><h4>اقرأ أيضًا</h4><a href='/1'>Storm</a> <time>2020-01-01</time></div>",
        '<ul class="most-read"><li><a href="/x">Storm</a> <time>2020-01-01</time></li></ul>',
    ],
)
def test_dates_of_other_things_on_the_page_are_not_taken(beside: str) -> None:
    assert page(beside=beside).articles[0].published is None
    assert (
        page(above='<time datetime="2024-09-06"></time>', beside=beside).articles[0].published == "2024-09-06"
    )


def test_today_at_the_top_of_the_site_and_ambiguous_dates_are_not_taken() -> None:
    top = '<header><span class="date">Friday 27 November 2026</span></header>'
    read = read_html(f"<html><body>{top}<article><h1>Ferry</h1>{PARAGRAPHS}</article></body></html>".encode())
    assert read.articles[0].published is None
    assert page(above='<span class="date">06/09/2024</span>').articles[0].published is None


def test_two_articles_in_the_metadata_of_which_neither_is_the_page_give_no_date() -> None:
    assert (
        page(ld(OTHER, {**OTHER, "headline": "A third", "datePublished": "2022-02-02"})).articles[0].published
        is None
    )


def test_the_date_of_the_last_change_alone_is_reported_and_not_used() -> None:
    read = page(CHANGED)
    assert read.articles[0].published is None
    assert [(note.reason, note.added) for note in read.notes] == [
        (
            "has only the date of its last change, 2024-10-30, which was not used; give the one of "
            "publication in articles.toml",
            True,
        )
    ]


UPDATES = [
    ("18:40", "Toll rises to 14"),
    ("15:10", "Rescuers reach the ferry"),
    ("12:05", "Ferry runs aground"),
]

LIVE = {
    "articles": '<article><header><time datetime="2024-09-06T{time}">{time}</time><h2>{head}</h2></header>'
    "{text}</article>",
    "classes": '<div class="live-update"><h3>{head}</h3><span class="time">{time}</span>{text}</div>',
    "list": '<li><time datetime="2024-09-06T{time}">{time}</time><h3>{head}</h3>{text}</li>',
    "sections": '<section class="entry"><div><time>{time}</time></div><h2>{head}</h2>{text}</section>',
}  # fmt: skip


def live(shape: str, updates: list[tuple[str, str]] = UPDATES) -> ParsedFile:
    parts = (
        shape.format(time=time, head=head, text=f"<p>{line}</p>")
        for (time, head), line in zip(updates, PROSE, strict=True)
    )
    wrapped = f"<main><h1>Live: ferry aground</h1><p>All updates.</p><div>{''.join(parts)}</div></main>"
    head = ld({**NEWS, "@type": "LiveBlogPosting"})
    side = "<aside><h3>Most read</h3><p>Oil falls to 70 dollars</p></aside>"
    return read_html(f"<html><head>{head}</head><body>{wrapped}{side}</body></html>".encode())


@pytest.mark.parametrize("shape", LIVE)
def test_updates_of_a_live_blog_keep_heading_and_time_in_order(shape: str) -> None:
    read = live(LIVE[shape])
    text = read.articles[0].text
    places = [
        text.index(part)
        for (time, head), line in zip(UPDATES, PROSE, strict=True)
        for part in (f"{time} {head}", line)
    ]
    assert places == sorted(places)
    assert "All updates." in text
    assert "Oil" not in text
    assert read.notes == ()


STORIES = [("2024-09-01", "Ferry sails"), ("2024-09-03", "Quay repaired"), ("2024-09-05", "Storm ends")]


@pytest.mark.parametrize(
    "shape",
    [
        '<article><h2><a href="/x">{head}</a></h2><time datetime="{time}">{time}</time>{text}</article>',
        "<h2>{head}</h2><time datetime='{time}'>{time}</time>{text}",
        '<div class="story"><p class="date">{time}</p><h3>{head}</h3>{text}</div>',
    ],
)
def test_a_page_of_several_stories_keeps_their_dates_and_has_none_of_its_own(shape: str) -> None:
    parts = (
        shape.format(time=time, head=head, text=f"<p>{line}</p>")
        for (time, head), line in zip(STORIES, PROSE, strict=True)
    )
    read = read_html(f"<html><body><main><h1>The week</h1>{''.join(parts)}</main></body></html>".encode())
    found = read.articles[0]
    places = [
        found.text.index(part)
        for line, (time, _) in zip(PROSE, STORIES, strict=True)
        for part in (time, line)
    ]
    assert places == sorted(places)
    assert all(head in found.text for _, head in STORIES)
    assert found.published is None
    assert read.notes[0].reason == (
        "contains 3 stories of different dates (2024-09-01 to 2024-09-05) and has none of its own"
    )
    assert read.notes[0].added


def test_a_list_of_other_articles_is_no_live_blog() -> None:
    cards = "".join(
        f"<article><h3>Card {n}</h3><time>2020-01-0{n}</time><p>A teaser of another, no. {n}.</p></article>"
        for n in range(1, 6)
    )
    text = page(beside=f"<section>{cards}</section>").articles[0].text
    assert all(line in text for line in PROSE)
    assert "teaser" not in text


def test_a_live_blog_whose_updates_are_not_found_is_noted() -> None:
    read = page(ld({**NEWS, "@type": "LiveBlogPosting", "datePublished": "2024-09-06"}))
    assert read.articles[0].published == "2024-09-06"
    assert [note.reason for note in read.notes] == [
        "is a live blog; headings and times of its updates may be missing"
    ]
