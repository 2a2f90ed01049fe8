"""All words of the page itself, in both languages. Texts of answers and articles are not here."""

from __future__ import annotations

import json
import re

from rag.records import Language

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        # The page around the conversation
        "tagline": "Answers from news articles, each with its source.",
        "skip": "Skip to the question",
        "views": "Views",
        "ask_view": "Questions",
        "articles_view": "Articles",
        "conversations": "Conversations",
        "conversation_new": "New conversation",
        "conversation_delete": "Delete",
        "conversation_delete_which": "Delete conversation: {title}",
        "conversation_delete_sure": "Delete this conversation? This cannot be undone.",
        "conversation_gone": "That conversation is not stored in this browser, or has been deleted.",
        "conversations_none": "No conversations yet. They are stored only in this browser.",
        "conversations_kept": "Stored only in this browser.",
        "yes_delete": "Delete",
        "yes_remove": "Remove",
        "cancel": "Cancel",
        "ask_hint": "Ask in English or Arabic",
        "ask": "Ask",
        "stop": "Stop",
        "unreachable": "Sanad cannot be reached. Check that it is running; nothing you wrote is lost.",
        "interrupted": "The answer was interrupted. Ask again.",
        "still_working": "Still working",
        "failed": "That did not work; Sanad's log has the details. Try again.",
        "unsent": "The file was not sent. Check that Sanad is running and send it again.",
        "store_full": "This browser has no space for the conversation. It will be lost when you reload.",
        # Before the first question
        "welcome": "Ask about {n}",
        "welcome_none": "This index contains no articles yet. Add some under “Articles”.",
        "examples": "For example",
        "example": "What is reported about “{title}”?",
        # A turn
        "waiting": "Waiting: {n} ahead",
        "searching": "Searching the articles",
        "reading": "Reading {n}",
        "checking": "Checking the answer against its sources",
        "translating": "Translating the cited sentences",
        "elapsed": "{s} s",
        "stopped": "Stopped.",
        "question": "Question",
        "answer": "Answer",
        "sources": "Sources",
        "source": "Source {n}",
        "open": "Open the article",
        "outlet_unknown": "unknown outlet",
        "undated": "undated",
        "also": "Also in:",
        "listed": ", ",
        "more": " and {n}",
        "conflict": "The sources disagree.",
        "timeline": "What each source says",
        "partial": "The sources do not support every part of this answer.",
        "not_found": "The articles do not contain an answer.",
        "nearest": "Closest passages, which may not answer the question",
        "others": "Found but not cited ({n})",
        "claim_supported": "supported",
        "claim_partial": "partly supported",
        "claim_unsupported": "not supported",
        "lost": "The article has changed and no longer contains the quoted sentence. Nothing is highlighted.",
        "answered_in": "Answered in {s} s",
        "words": "In the article's words",
        "understood": "Understood as",
        "only": "Searched only",
        "since": "from {date}",
        "until": "until {date}",
        "actions": "Actions for this answer",
        "copy": "Copy",
        "copy_markdown": "Copy as Markdown",
        "copied": "Copied with its sources.",
        "copy_none": "Another version of Sanad stored this answer. Ask again to copy it.",
        "copy_failed": "The browser did not allow copying. Select the text and copy it.",
        "retry": "Ask again",
        "good": "Good answer",
        "bad": "Wrong answer",
        "comment_good": "What is good about it? (optional)",
        "comment_bad": "What is the correct answer? (optional)",
        "send": "Send",
        "thanks": "Thank you. Your rating is stored only on the machine that runs Sanad.",
        "article": "Article",
        "article_close": "Close the article",
        "unfetched": "The article could not be loaded. Check that Sanad is still running.",
        # The filter
        "filter_filter": "Search in",
        "filter_all": "all",
        "filter_all_articles": "All articles",
        "filter_outlets": "Outlet",
        "filter_since": "From",
        "filter_until": "Until",
        "filter_language": "Language",
        # The articles
        "search": "Search",
        "search_hint": "Headline, outlet or file",
        "found": "{n} of {all}",
        "found_none": "No articles match.",
        "page_more": "Show more",
        "remove": "Remove",
        "remove_which": "Remove article: {title}",
        "remove_sure": "Remove this article from the index?",
        "remove_uploaded": "It was added on this page, so its file is deleted too.",
        "remove_row": "It was added on this page in a file of articles. It returns only with that file.",
        "remove_comes_back": "Its file is kept, so the next update of its folder adds the article again.",
        "removed": "The article was removed.",
        "upload": "Add articles",
        "upload_choose": "Choose files",
        "upload_drop": "or drop them here",
        "upload_kinds": "Text, Markdown, web pages, PDF, Word, JSON Lines, CSV; up to {mb} MB per file.",
        "uploading": "Uploading {name}",
        "indexing": "Indexing",
        "work_reading": "reading files",
        "work_cutting": "splitting articles into passages",
        "work_embedding": "processing passages",
        "work_indexing_words": "writing the index",
        "work_building_the_graph": "building the search graph",
        "work_checking": "checking the index",
        "indexed_added": "{n} added",
        "indexed_changed": "{n} updated",
        "indexed_nothing": "No articles were added.",
        "skipped": "Skipped:",
        "noted": "Added with a note:",
        # Errors
        "fault_empty": "The question is empty. Type a question.",
        "fault_long": "The question has {n} characters; the limit is {most}. Shorten it.",
        "fault_date": "“{value}” is not a date. Write it as 2024, 2024-08 or 2024-08-31.",
        "fault_dates": "No article can match: {since} is after {until}. Swap the dates.",
        "fault_outlet": "The outlet “{value}” contains no letters or digits. Choose another one.",
        "fault_language": "Articles cannot be filtered by the language “{value}”. Choose one from the list.",
        "fault_filter": "The page sent a filter that Sanad cannot read. Reload the page.",
        "fault_place": "The page sent a request that Sanad cannot read. Reload the page.",
        "fault_sent": "The page sent data that Sanad cannot read. Reload the page.",
        "fault_kept": "Another version of Sanad stored this question. It cannot be shown; ask again.",
        "fault_broke": "An internal error occurred; Sanad's log has the details. Ask again.",
        "fault_broke_work": (
            "An internal error occurred while indexing; Sanad's log has the details. "
            "The previous index is still in use."
        ),
        "fault_crowded": "Too many questions are waiting. Ask again in a minute.",
        "fault_name": "“{name}” cannot be used as the name of an article file. Rename it.",
        "fault_kind": "Sanad cannot read files like “{name}”. Supported types: {kinds}.",
        "fault_size": "“{name}” is larger than {mb} MB, the limit for a file.",
        "fault_cut": "“{name}” was not uploaded completely. Upload it again.",
        "fault_unwritable": "“{name}” could not be saved: {why}.",
        "fault_many": "Too many files are waiting to be indexed; the limit is {most}. Try again later.",
        "fault_question": "The question cannot be answered:",
        "fault_articles": "The articles cannot be used:",
        "fault_settings": "A setting is not valid:",
        "fault_index": "The index cannot be used:",
        "fault_model": "The language model cannot be used:",
        "fault_space": "The disk is full:",
        "fault_generation": "The language model failed:",
        "fault_other": "An error occurred:",
    },
    "ar": {
        "tagline": "إجابات من المقالات الإخبارية، مع مصدر كل إجابة.",
        "skip": "الانتقال إلى السؤال",
        "views": "أقسام الصفحة",
        "ask_view": "الأسئلة",
        "articles_view": "المقالات",
        "conversations": "المحادثات",
        "conversation_new": "محادثة جديدة",
        "conversation_delete": "حذف",
        "conversation_delete_which": "حذف المحادثة: {title}",
        "conversation_delete_sure": "هل تريد حذف هذه المحادثة؟ لا يمكن التراجع عن الحذف.",
        "conversation_gone": "هذه المحادثة غير محفوظة في هذا المتصفح، أو حُذفت منه.",
        "conversations_none": "لا محادثات بعد. تُحفظ المحادثات في هذا المتصفح فقط.",
        "conversations_kept": "تُحفظ المحادثات في هذا المتصفح فقط.",
        "yes_delete": "حذف",
        "yes_remove": "إزالة",
        "cancel": "إلغاء",
        "ask_hint": "اكتب سؤالك بالعربية أو الإنجليزية",
        "ask": "إرسال",
        "stop": "إيقاف",
        "unreachable": "تعذّر الاتصال بسند. تأكد من أنه لا يزال يعمل؛ لن يضيع شيء مما كتبته.",
        "interrupted": "انقطعت الإجابة. أعد طرح السؤال.",
        "still_working": "لا يزال العمل جاريًا",
        "failed": "لم تنجح العملية؛ التفاصيل في سجل سند. حاول مجددًا.",
        "unsent": "لم يُرسل الملف. تأكد من أن سند لا يزال يعمل ثم أرسله مجددًا.",
        "store_full": "لا تتسع مساحة التخزين في المتصفح لهذه المحادثة، وستختفي عند إعادة تحميل الصفحة.",
        "welcome": "اسأل عمّا ورد في {n}",
        "welcome_none": "لا مقالات في هذا الفهرس بعد. يمكنك إضافتها من قسم «المقالات».",
        "examples": "على سبيل المثال",
        "example": "ماذا ورد عن «{title}»؟",
        "waiting": "في الانتظار، وقبلك {n}",
        "searching": "جارٍ البحث في المقالات",
        "reading": "جارٍ قراءة {n}",
        "checking": "جارٍ التحقق من الإجابة في مصادرها",
        "translating": "جارٍ ترجمة الجمل المستشهَد بها",
        "elapsed": "{s} ث",
        "stopped": "أُوقفت الإجابة.",
        "question": "السؤال",
        "answer": "الإجابة",
        "sources": "المصادر",
        "source": "المصدر {n}",
        "open": "فتح المقال",
        "outlet_unknown": "ناشر غير معروف",
        "undated": "بلا تاريخ",
        "also": "ورد أيضًا في:",
        "listed": "، ",
        "more": " و{n}",
        "conflict": "تتعارض المصادر.",
        "timeline": "ما يقوله كل مصدر",
        "partial": "لا تدعم المصادر كل ما ورد في هذه الإجابة.",
        "not_found": "لا تتضمن المقالات إجابة عن هذا السؤال.",
        "nearest": "أقرب المقاطع، وقد لا تجيب عن السؤال",
        "others": "مقاطع أخرى لم يُستشهد بها ({n})",
        "claim_supported": "مدعوم",
        "claim_partial": "مدعوم جزئيًا",
        "claim_unsupported": "غير مدعوم",
        "lost": "تغيّر هذا المقال ولم يعد يتضمن الجملة المقتبسة، لذلك لم يُظلَّل أي نص.",
        "answered_in": "مدة الإجابة: {s} ث",
        "words": "نص المقال",
        "understood": "فُهم السؤال على أنه",
        "only": "البحث مقصور على",
        "since": "من {date}",
        "until": "حتى {date}",
        "actions": "خيارات الإجابة",
        "copy": "نسخ",
        "copy_markdown": "نسخ بصيغة Markdown",
        "copied": "نُسخت الإجابة مع مصادرها.",
        "copy_none": "حُفظت هذه الإجابة في إصدار آخر من سند. أعد طرح السؤال لنسخها.",
        "copy_failed": "لم يسمح المتصفح بالنسخ. حدّد النص وانسخه.",
        "retry": "إعادة السؤال",
        "good": "إجابة جيدة",
        "bad": "إجابة خاطئة",
        "comment_good": "ما الجيد فيها؟ (اختياري)",
        "comment_bad": "ما الإجابة الصحيحة؟ (اختياري)",
        "send": "إرسال",
        "thanks": "شكرًا. يُحفظ تقييمك على الجهاز الذي يعمل عليه سند فقط.",
        "article": "المقال",
        "article_close": "إغلاق المقال",
        "unfetched": "تعذّر تحميل المقال. تأكد من أن سند لا يزال يعمل.",
        "filter_filter": "نطاق البحث",
        "filter_all": "الكل",
        "filter_all_articles": "كل المقالات",
        "filter_outlets": "الناشر",
        "filter_since": "من",
        "filter_until": "حتى",
        "filter_language": "اللغة",
        "search": "البحث",
        "search_hint": "العنوان أو الناشر أو الملف",
        "found": "{n} من أصل {all}",
        "found_none": "لا مقالات مطابقة.",
        "page_more": "عرض المزيد",
        "remove": "إزالة",
        "remove_which": "إزالة المقال: {title}",
        "remove_sure": "هل تريد إزالة هذا المقال من الفهرس؟",
        "remove_uploaded": "أُضيف المقال من هذه الصفحة، وسيُحذف ملفه أيضًا.",
        "remove_row": "أُضيف المقال من هذه الصفحة ضمن ملف، ولن يعود إلا بإضافة الملف مجددًا.",
        "remove_comes_back": "يبقى ملفه في مكانه، وسيعود المقال عند التحديث التالي للمجلد.",
        "removed": "أُزيل المقال.",
        "upload": "إضافة مقالات",
        "upload_choose": "اختيار ملفات",
        "upload_drop": "أو اسحبها إلى هنا",
        "upload_kinds": "نصوص وMarkdown وصفحات ويب وPDF وWord وJSON Lines وCSV، حتى {mb} ميغابايت لكل ملف.",
        "uploading": "جارٍ رفع {name}",
        "indexing": "جارٍ الفهرسة",
        "work_reading": "قراءة الملفات",
        "work_cutting": "تقسيم المقالات إلى مقاطع",
        "work_embedding": "معالجة المقاطع",
        "work_indexing_words": "كتابة الفهرس",
        "work_building_the_graph": "بناء شبكة البحث",
        "work_checking": "التحقق من الفهرس",
        "indexed_added": "إضافة {n}",
        "indexed_changed": "تحديث {n}",
        "indexed_nothing": "لم يُضف أي مقال.",
        "skipped": "ما لم يُضف:",
        "noted": "أُضيف مع ملاحظة:",
        "fault_empty": "السؤال فارغ. اكتب سؤالًا.",
        "fault_long": "عدد أحرف السؤال {n}، والحد الأقصى {most}. اختصر السؤال.",
        # The marks keep the parts of a date in their order behind Arabic letters.
        "fault_date": "«{value}» ليس تاريخًا. اكتبه هكذا: 2024 أو \u200e2024-08 أو \u200e2024-08-31.",
        "fault_dates": "لا يمكن أن يطابق أي مقال: {since} بعد {until}. بدّل بين التاريخين.",
        "fault_outlet": "لا حروف ولا أرقام في اسم الناشر «{value}». اختر ناشرًا آخر.",
        "fault_language": "لا يمكن التصفية باللغة «{value}». اختر لغة من القائمة.",
        "fault_filter": "أرسلت الصفحة تصفية تتعذر قراءتها. أعد تحميل الصفحة.",
        "fault_place": "طلبت الصفحة مقالًا بصيغة تتعذر قراءتها. أعد تحميل الصفحة.",
        "fault_sent": "أرسلت الصفحة بيانات تتعذر قراءتها. أعد تحميل الصفحة.",
        "fault_kept": "حُفظ هذا السؤال في إصدار آخر من سند، ولا يمكن عرضه. أعد طرح السؤال.",
        "fault_broke": "حدث خطأ داخلي؛ التفاصيل في سجل سند. أعد طرح السؤال.",
        "fault_broke_work": "حدث خطأ داخلي أثناء الفهرسة؛ التفاصيل في سجل سند. يبقى الفهرس السابق.",
        "fault_crowded": "عدد كبير من الأسئلة في الانتظار. أعد طرح السؤال بعد دقيقة.",
        "fault_name": "لا يصلح «{name}» اسمًا لملف مقالات. غيّر اسم الملف.",
        "fault_kind": "نوع الملف «{name}» غير مدعوم. الأنواع المدعومة: {kinds}.",
        "fault_size": "حجم «{name}» أكبر من {mb} ميغابايت، وهو الحد الأقصى للملف.",
        "fault_cut": "لم يكتمل رفع «{name}». ارفعه مجددًا.",
        "fault_unwritable": "تعذّر حفظ «{name}»: {why}.",
        "fault_many": "عدد كبير من الملفات في انتظار الفهرسة، والحد الأقصى {most}. حاول لاحقًا.",
        "fault_question": "تتعذر الإجابة عن هذا السؤال:",
        "fault_articles": "يتعذر استخدام المقالات:",
        "fault_settings": "في الإعدادات خطأ:",
        "fault_index": "يتعذر استخدام الفهرس:",
        "fault_model": "يتعذر استخدام النموذج اللغوي:",
        "fault_space": "القرص ممتلئ:",
        "fault_generation": "تعطّل النموذج اللغوي:",
        "fault_other": "حدث خطأ:",
    },
}

LANGUAGES: dict[Language, str] = {"ar": "العربية", "en": "English"}
"""Each language by its own name."""

_ENGLISH_NOUNS = {
    "articles": ("article", "articles"),
    "sentences": ("sentence", "sentences"),
    "questions": ("question", "questions"),
    "others": ("other", "others"),
}
"""One, and any other number."""

_ARABIC_NOUNS = {
    "articles": ("مقال واحد", "مقالان", "مقالين", "مقالات", "مقالًا", "مقال"),
    "sentences": ("جملة واحدة", "جملتان", "جملتين", "جمل", "جملة", "جملة"),
    "questions": ("سؤال واحد", "سؤالان", "سؤالين", "أسئلة", "سؤالًا", "سؤال"),
    "others": ("ناشر آخر", "ناشران آخران", "ناشرين آخرين", "ناشرين آخرين", "ناشرًا آخر", "ناشر آخر"),
}
"""One; two as a subject; two after a preposition or noun; 3 to 10; 11 to 99; whole hundreds and the one or
two after them."""

_MONTHS: dict[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}


def table() -> str:
    """The words as JSON for the page's scripts, safe within a script element."""
    return json.dumps({"words": WORDS, "names": LANGUAGES}, ensure_ascii=False).replace("<", "\\u003c")


def counted(noun: str, n: int, language: Language, *, genitive: bool = False) -> str:
    """A number with its noun: ``3 articles``, ``مقالان``, ``11 مقالًا``.

    Args:
        noun: A key of the tables above.
        n: The number.
        language: Language of the page.
        genitive: Whether an Arabic preposition or noun precedes it, which changes the dual.
    """
    if language == "en":
        one, many = _ENGLISH_NOUNS[noun]
        return f"{n:,} {one if n == 1 else many}"
    single, dual, dual_genitive, few, tens, hundreds = _ARABIC_NOUNS[noun]
    if n == 1:
        return single
    if n == 2:
        return dual_genitive if genitive else dual
    rest = n % 100
    return f"{n:,} {few if 3 <= rest <= 10 else tens if rest >= 11 else hundreds}"


def date(published: str | None, language: Language) -> str:
    """An ISO date in words, as digits with hyphens change places within Arabic; "" if there is none."""
    parts = re.fullmatch(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", published or "")
    if not parts or not 1 <= int(parts[2]) <= 12:
        return published or ""
    month = _MONTHS[language].split()[int(parts[2]) - 1]
    day = f"{int(parts[3])} " if parts[3] else ""
    return f"{day}{month} {parts[1]}"
