"""Removes the lines that came along when an article was copied from a web page, such as share buttons.

The patterns are common to news pages in Arabic and English; none names an outlet. Only whole lines are
removed, and the other lines are not changed at all, because they are quoted.
"""

from __future__ import annotations

import itertools
import re

from rag.language.text import ascii_digits

LONGEST_LABEL = 120
"""Characters. Labels, buttons and headlines are shorter; a longer line is prose and is kept."""

_POPUP_LINES = 12
"""The most lines of a pop-up that has a × button."""

_NETWORKS = (
    "facebook|twitter|x|whatsapp|telegram|linkedin|instagram|email|e-mail|print|share|tweet|copy link|"
    "فيسبوك|فيس بوك|تويتر|إكس|واتساب|واتس اب|تلغرام|تليغرام|تيليجرام|لينكد إن|إنستغرام|"
    "طباعة|نشر|شارك|شاركها|مشاركة|نسخ الرابط|بريد إلكتروني|البريد الإلكتروني"
)
_ICONS = (
    "camera|tag|share|print|printer|calendar|clock|time|user|author|comments?|e?mail|facebook|twitter|"
    "whatsapp|telegram|search|play|video|photo|image|link|location|bookmark|eye|menu|close"
)

_LABELS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Advertisements.
        r"advertisements?|advertising|sponsored(?: content)?|(?:ال)?[إا]علان(?:ات)?|مساحة إعلانية",
        # A weather label, with or without the temperature: "دمشق °C".
        r"(?:[^\W\d_]+[ ،,]+){0,3}[-+−]?\d{0,3} ?° ?[cfم]?",
        # A telephone number on its own. Without a label it must be international: 2003-2011 is not one.
        r"(?:\+|00)[\d ().-]{8,24}",
        r"(?:(?:tele)?phone|tel|fax|mobile|whatsapp|(?:ال)?هاتف|فاكس|جوال|واتساب) ?[.:]* ?\+?[\d ().-]{6,24}",
        # Names of icons as text: "tag icon ع ع ع", "camera iconالتعليق على الصورة".
        # Before a space and a Latin word it would be prose: "Fashion icon dies", "Video icon of the year".
        rf"(?:{_ICONS}) icon(?=$|\s*[^\x00-\x7f]|(?-i:[A-Z])).*",
        # The buttons that change the type size.
        r"(?:ع ?){2,4}|(?:a[+-]? ?){2,4}",
        # Share and follow buttons.
        rf"(?:(?:{_NETWORKS})(?:[\s|·،,/-]+|$))+",
        r"share (?:this|on|via)(?: \w+){0,4}|شارك (?:هذا |هذه )?(?:المقال|الخبر|المادة|الصفحة)(?: \w+){0,4}",
        r"(?:follow us|تابعونا|تابعنا)(?: .{0,40})?",
        # The heading of the readers' comments.
        r"(?:\d+ )?(?:التعليقات|تعليقات|أضف تعليقا?ً?|اترك تعليقا?ً?|comments?|leave a (?:comment|reply))"
        r"\s*(?:\(?\d+\)?)?\s*:?",
        # One related article, on the same line as its label.
        r"(?:اقرأ أيض(?:ا|ًا|اً)|إقرأ أيض(?:ا|ًا|اً)|طالع أيض(?:ا|ًا|اً)|read (?:also|more)|see also|related) ?:.+",
    )
]

_RELATED = re.compile(
    r"(?:مقالات|أخبار|مواضيع|موضوعات|تقارير|مواد) (?:متعلقة|ذات صلة|مشابهة|مرتبطة)|"
    r"(?:اقرأ|إقرأ|طالع|شاهد) أيض(?:ا|ًا|اً)|قد يعجبك(?: أيض(?:ا|ًا|اً))?|"
    r"related (?:articles|stories|posts|news|content)|read (?:also|more|next)|see also|you may also like",
    re.IGNORECASE,
)
"""The heading of a list of other articles; the list is removed with it."""

_CALL = re.compile(
    r"(?:اضغط|انقر|إضغط) هنا.*|تبرع(?:وا)?(?: (?:الآن|لنا|هنا))?|ادعمنا|"
    r"اشترك(?: (?:الآن|في النشرة.*|في القناة.*))?|"
    r"click here.*|(?:donate|subscribe|support us|join us|become a member)(?: (?:now|today|here))?!?",
    re.IGNORECASE,
)
"""A line that asks the reader to click, pay or subscribe."""

_SUPPORT = re.compile(r"(?:ادعموا?|ساهموا?|support|donate to) .{1,40}", re.IGNORECASE)
"""Could be a headline, so it is removed only from an article that also contains a ``_CALL``."""

_CLOSE = re.compile(r"[×✕✖✗]")
"""The close button of a pop-up; in the plain text of the page, the pop-up's text follows it."""

_SPACE = re.compile(r"\s+")
_INVISIBLE = " \u200b\u200e\u200f\ufeff"

_CREDIT = re.compile(r"(?:المصدر|ترجمة|تحرير|إعداد|source|translated by|edited by|by) ?:", re.IGNORECASE)

_PROSE_END = re.compile(r"[.!?؟…؛:][”“\"»)\]]*$")


def shown_lines(raw: str) -> tuple[str, tuple[int, ...]]:
    r"""The lines of ``raw`` that are part of the article, and the 1-based line number in ``raw`` of each.

    They are unchanged, except that line endings become ``\n``. Blank lines at both ends are removed, and
    several in a row become one. Credits (المصدر: …, ترجمة: …) and the headline are kept.
    """
    lines = [line if line.strip() else "" for line in re.split("\r\n?|\n", raw)]
    gone = _boilerplate([line.strip() for line in lines])
    kept: list[int] = []
    for index, line in enumerate(lines):
        if index not in gone and (line or (kept and lines[kept[-1]])):
            kept.append(index)
    if kept and not lines[kept[-1]]:
        kept.pop()
    return "\n".join(lines[index] for index in kept), tuple(index + 1 for index in kept)


def _boilerplate(lines: list[str]) -> set[int]:
    full = [index for index, line in enumerate(lines) if line]
    plain = {index: _SPACE.sub(" ", ascii_digits(lines[index])).strip(_INVISIBLE) for index in full}
    short = {index for index in full if len(lines[index]) <= LONGEST_LABEL}
    # A caption after the name of an icon may be as long as a paragraph, so that pattern has no limit.
    gone = {
        index
        for index in full
        for label in _LABELS
        if (index in short or "icon" in label.pattern)
        if label.fullmatch(plain[index])
    }
    calls = {index for index in short if _CALL.fullmatch(plain[index])}
    gone |= calls
    if calls:
        gone |= {index for index in short if _SUPPORT.fullmatch(plain[index])}
    listed: set[int] = set()
    for place, index in enumerate(full):
        if _CLOSE.fullmatch(plain[index]):
            gone.add(index)
            gone |= _popup(full[place + 1 :], short, calls)
        elif index in short and index not in listed and _RELATED.fullmatch(plain[index].rstrip(" :")):
            listed |= {index, *_list_after(full[place + 1 :], plain, short)}
    return gone | listed


def _popup(rest: list[int], short: set[int], calls: set[int]) -> set[int]:
    """The lines of the pop-up up to its last call to action; none if it contains no call to action."""
    block = list(itertools.takewhile(short.__contains__, rest[:_POPUP_LINES]))
    last_call = max((place for place, index in enumerate(block) if index in calls), default=-1)
    return set(block[: last_call + 1])


def _list_after(rest: list[int], plain: dict[int, str], short: set[int]) -> set[int]:
    """The headlines that follow: short lines that do not end like a sentence.

    If prose follows them, the last of them is the subheading of that prose and is kept.
    """
    block: list[int] = []
    for index in rest:
        if _CLOSE.fullmatch(plain[index]) or _CREDIT.match(plain[index]):
            break
        if index not in short or _PROSE_END.search(plain[index]):
            block = block[:-1]
            break
        block.append(index)
    return set(block)
