"""Live blogs and pages with several stories: each update keeps its heading and its time.

trafilatura takes the first story for the article and drops headings and times of the others. So the page is
rewritten before: the stories become one article, and heading and time of each a paragraph at its top.
"""

from __future__ import annotations

import copy
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from rag.language.text import fold
from rag.loading.dates import date_in, iso_date
from rag.loading.formats.page_date import PARAGRAPH, is_aside, json_ld, types

LEAST_STORY = 40
"""Characters of text that a story has below its heading."""

LEAST_SHARE = 0.6
"""Share of the article's text that is in the stories. Less is in a list of other articles, and in updates
below a long report."""

_LIVE = re.compile(
    r"(?:^|[-_ ])(?:live-?(?:blog)?-?(?:update|post|entry|item|event)s?|liveblog-?\w*|update-?item|"
    r"timeline-?item|key-?event|block--?live)(?:[-_ ]|$)",
    re.IGNORECASE,
)
"""Class names of the updates of a live blog."""

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TIME = re.compile(r"(?:^|[-_ ])(?:\w*time\w*|\w*date|hour|clock|stamp)(?:[-_ ]|$)", re.IGNORECASE)
LONGEST_TIME = 60
"""Characters."""

_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}")
_ISO_CLOCK = re.compile(r"[T ](\d{2}:\d{2})")


def is_live(page: Any) -> bool:
    """Whether the page's metadata calls it a live blog."""
    return any("liveblogposting" in types(item) for item in json_ld(page))


def spread(page: Any, read: Callable[[Any], str]) -> tuple[Any, list[str], set[str]]:
    """The page with its stories as one article; a page with one story stays as it is.

    Args:
        page: The parsed page, an lxml element.
        read: Extracts the text of the article on a page, which it may change.

    Returns:
        The page, a copy if it was rewritten; the heading lines of the stories (``18:40 Toll rises to 14``);
        and the dates of their times.
    """
    stories = _stories(page)
    if len(stories) < 2 and not _flat_times(page):
        return page, [], set()
    before = read(copy.deepcopy(page))
    changed = copy.deepcopy(page)
    if len(stories) > 1 and _are_article(stories, before):
        heads, dates = _joined(changed, _stories(changed))
    else:
        heads, dates = _flat(_flat_times(changed))
    if not heads or _lost(before, read(copy.deepcopy(changed))):
        return page, [], set()
    return changed, heads, dates


def _joined(page: Any, stories: list[Any]) -> tuple[list[str], set[str]]:
    heads, dates = [], set()
    for story in stories:
        head, date = _take_head(story)
        heads += [head] if head else []
        dates |= {date} if date else set()
        _rename(story, head)
    around = _around(stories, _headline(page))
    for inner in list(around.iter("article", "ol", "ul")):
        if inner.tag == "article" or any(story.getparent() is inner for story in stories):
            inner.tag = "div"
    if around.tag not in ("body", "html"):
        around.tag = "article"
    return heads, dates


def _lost(before: str, after: str) -> bool:
    """Whether a paragraph that was read before is not read after."""
    folded = fold(after)
    return any(fold(line) not in folded for line in before.splitlines() if len(line) >= PARAGRAPH)


def _around(stories: list[Any], headline: Any) -> Any:
    """The smallest element around all stories, with headline and lead if that is not the whole page."""
    around = stories[0].getparent()
    while not all(around in story.iterancestors() for story in stories):
        around = around.getparent()
    for wider in (around, *around.iterancestors()):
        if wider.tag in ("body", "html"):
            break
        if headline is not None and headline in wider.iterdescendants("h1"):
            return wider
    return around


def _headline(page: Any) -> Any:
    return next(iter(page.xpath("//h1[normalize-space()]")), None)


def _flat_times(page: Any) -> list[Any]:
    """The times beside headings in a flat list of stories: heading, time, paragraphs, heading and so on."""
    headline = _headline(page)
    times = [
        each
        for each in _times(page)
        if any(
            near is not None and near.tag in _HEADINGS[1:] for near in (each.getprevious(), each.getnext())
        )
        if not is_aside(each, headline)
    ]
    parents = Counter(each.getparent() for each in times)
    return [each for each in times if parents[each.getparent()] > 1]


def _flat(times: list[Any]) -> tuple[list[str], set[str]]:
    heads, dates = [], set()
    for each in times:
        written = each.get("datetime") or ""
        if date := iso_date(written) or date_in(_text(each)):
            dates.add(date)
        heads.append(_when(_text(each), written))
        tail = each.tail
        each.clear()
        each.tag, each.text, each.tail = "p", heads[-1], tail
    return heads, dates


def _stories(page: Any) -> list[Any]:
    """The elements that look like the stories or updates of a page."""
    headline = _headline(page)
    timed = {unit for each in _times(page) if (unit := _repeated(each)) is not None}
    groups: dict[tuple[Any, str], list[Any]] = defaultdict(list)
    for element in page.iter("article", "section", "div", "li"):
        is_unit = element.tag == "article" or element in timed or _LIVE.search(element.get("class") or "")
        if not is_unit or is_aside(element, headline) or not _is_story(element):
            continue
        if headline is not None and headline in element.iterdescendants("h1"):
            continue
        top = element
        while top.getparent() is not None and len(top.getparent()) == 1:
            top = top.getparent()
        groups[(top.getparent(), element.tag)].append(element)
    nested = {each for group in groups.values() for element in group for each in element.iterancestors()}
    leaves = [[element for element in group if element not in nested] for group in groups.values()]
    return max(leaves, key=lambda group: sum(map(_length, group)), default=[])


def _times(element: Any) -> list[Any]:
    """The elements that show a time or a date."""
    return [
        each
        for each in element.iter("time", "span", "div", "p", "strong", "small", "b", "em")
        if each.tag == "time"
        or (_TIME.search(each.get("class") or "") and (_CLOCK.search(text := _text(each)) or date_in(text)))
        if len(_text(each)) <= LONGEST_TIME
    ]


def _repeated(time: Any) -> Any:
    """The element around a time that has others of its kind with a time beside it; None if there is none."""
    for each in time.iterancestors():
        siblings = (*each.itersiblings(each.tag), *each.itersiblings(each.tag, preceding=True))
        if any(_times(other) for other in siblings if other.get("class") == each.get("class")):
            return each if each.tag in ("article", "section", "div", "li") else None
    return None


def _are_article(stories: list[Any], text: str) -> bool:
    """Whether most of an extracted text is in the stories, which are then no list of other articles."""
    within = fold(" ".join(map(_text, stories)))
    lines = [fold(line) for line in text.splitlines()]
    return sum(len(line) for line in lines if line in within) > LEAST_SHARE * sum(map(len, lines))


def _is_story(element: Any) -> bool:
    return bool(_marks(element)) and _length(element) >= LEAST_STORY


def _length(element: Any) -> int:
    """Characters of the text of a story, without its headings and times."""
    return len(_text(element)) - sum(len(_text(each)) for each in _marks(element))


def _marks(element: Any) -> list[Any]:
    return [*_times(element), *element.iter(*_HEADINGS)]


def _text(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _take_head(story: Any) -> tuple[str, str | None]:
    """Remove heading and time of a story; returns them as one line, and the date of the time."""
    time = next(iter(_times(story)), None)
    heading = next(iter(story.iter(*_HEADINGS)), None)
    parts, date = [], None
    if time is not None:
        written = time.get("datetime") or ""
        date = iso_date(written) or date_in(_text(time))
        parts.append(_when(_text(time), written))
    if heading is not None:
        parts.append(_text(heading))
    for each in (time, heading):
        if each is not None and each is not story and each.getparent() is not None:
            _remove(each)
    return " ".join(filter(None, parts)), date


def _when(shown: str, written: str) -> str:
    """The time as shown, with the date that it stands for where that is not shown."""
    date = iso_date(written)
    if not date or date_in(shown) or date in shown:
        return shown
    clock = _CLOCK.search(shown) or _ISO_CLOCK.search(written)
    return f"{date} {shown if _CLOCK.search(shown) else clock[1] if clock else shown}".strip()


def _remove(element: Any) -> None:
    parent, before = element.getparent(), element.getprevious()
    if element.tail:
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _rename(story: Any, head: str) -> None:
    """Make a story a plain part of the article, with its heading line as the first paragraph."""
    story.tag = "div"
    story.attrib.clear()
    if head:
        line = story.makeelement("p")
        line.text = head
        line.tail, story.text = story.text, None
        story.insert(0, line)
