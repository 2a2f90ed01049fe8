"""Words for numbers in English and Arabic: cardinals, ordinals, duals and multipliers."""

from __future__ import annotations

from rag.language.word_classes import closed

CARDINALS = {
    0: ("zero", "صفر"),
    1: ("one", "واحد واحدة"),
    2: ("two", "اثنان اثنين اثنتان اثنتين"),
    3: ("three", "ثلاثة ثلاث"),
    4: ("four", "أربعة أربع"),
    5: ("five", "خمسة خمس"),
    6: ("six", "ستة ست"),
    7: ("seven", "سبعة سبع"),
    8: ("eight", "ثمانية ثماني ثمان"),
    9: ("nine", "تسعة تسع"),
    10: ("ten", "عشرة عشر"),
    11: ("eleven", ""),
    12: ("twelve", ""),
    13: ("thirteen", ""),
    14: ("fourteen", ""),
    15: ("fifteen", ""),
    16: ("sixteen", ""),
    17: ("seventeen", ""),
    18: ("eighteen", ""),
    19: ("nineteen", ""),
    20: ("twenty", "عشرون عشرين"),
    30: ("thirty", "ثلاثون ثلاثين"),
    40: ("forty", "أربعون أربعين"),
    50: ("fifty", "خمسون خمسين"),
    60: ("sixty", "ستون ستين"),
    70: ("seventy", "سبعون سبعين"),
    80: ("eighty", "ثمانون ثمانين"),
    90: ("ninety", "تسعون تسعين"),
    100: ("hundred", "مئة مائة"),
    200: ("", "مئتان مئتين مائتان مائتين"),
    1000: ("thousand", "ألف"),
    2000: ("", "ألفان ألفين"),
    10**6: ("million", "مليون"),
}
"""Cardinal numbers in one word: English, and the Arabic forms as written. For 3 to 10 the first form counts
masculine nouns and the second feminine ones."""

WITHIN_NUMBERS = {1: "أحد إحدى", 2: "اثنا اثني اثنتا اثنتي", 200: "مئتا مئتي مائتا مائتي"}
"""Arabic forms that are numbers only before another word: أحد عشر (eleven), مئتا شخص (200 people). Alone
they are also other words (أحد, someone)."""

ORDINALS = {
    1: ("first", "الأول الأولى"),
    2: ("second", "الثاني الثانية"),
    3: ("third", "الثالث الثالثة"),
    4: ("fourth", "الرابع الرابعة"),
    5: ("fifth", "الخامس الخامسة"),
    6: ("sixth", "السادس السادسة"),
    7: ("seventh", "السابع السابعة"),
    8: ("eighth", "الثامن الثامنة"),
    9: ("ninth", "التاسع التاسعة"),
    10: ("tenth", "العاشر العاشرة"),
    11: ("eleventh", ""),
    12: ("twelfth", ""),
    20: ("twentieth", ""),
}
"""Ordinal numbers in one word: English, Arabic masculine and feminine."""

_ALSO_HOLD = {
    1: "once single مرة",
    2: "twice both مرتين عامين عامان شهرين شهران يومين يومان ساعتين ساعتان سنتين سنتان أسبوعين أسبوعان",
    10: "decade عقد العقد",
    12: "dozen",
    20: "عقدين عقدان",
    100: "century قرن",
}
"""Other words that contain a number: duals and round spans of time that news writes without a digit."""


def _holding(value: int) -> str:
    ordinal = ORDINALS.get(value, ("", "")) if value > 1 else ("", "")  # "first" is not a count
    return " ".join(filter(None, (*CARDINALS[value], *ordinal, _ALSO_HOLD.get(value, ""))))


NUMBER_WORDS = {str(value): _holding(value) for value in CARDINALS}
"""Words by their number in digits, as written: the cardinals, the ordinals from "second", and other words
that contain a number (two years, a decade)."""

HUNDRED_STEMS = {3: "ثلاث", 4: "أربع", 5: "خمس", 6: "ست", 7: "سبع", 8: "ثمان ثماني", 9: "تسع"}
"""Stems of the Arabic hundreds, which are written as one word: ثلاثمئة."""

HUNDRED_ENDINGS = ("مئة", "مائة")
"""The two spellings of "hundred" after a stem."""

MULTIPLIERS = {
    3: "k thousand thousands الف الفا الاف الافا",
    6: "mn million millions مليون مليونا ملايين",
    9: "bn billion billions مليار مليارا مليارات بليون بليونا بلايين",
    12: "tn trillion trillions تريليون تريليونا تريليونات ترليون",
}
"""Words that multiply the number before them, folded, by their power of ten. A single "m" is not among them,
since it often means metres."""

MULTIPLIER_DUALS = {
    3: "ألفان ألفين ألفي",
    6: "مليونان مليونين مليوني",
    9: "ملياران مليارين ملياري",
}
"""Arabic duals of the multipliers, as written, by their power of ten; the last form of each is used before a
noun."""

DUALS_BEFORE_NOUNS = closed("الفا مليونا مليارا")
"""Two of a multiplier, folded, directly before what is counted: ألفا دولار, two thousand dollars. Elsewhere
the same words are one in the accusative (بلغ مليونا, 38 مليونا)."""

COUNTED = closed(
    "شخص نسمه انسان مواطن رجل امراه طفل طفله شاب فتاه عسكري جندي مجند مقاتل مسلح عنصر شرطي ضابط مدني حارس "
    "لاجي نازح مهاجر مهجر مشرد سجين معتقل اسير رهينه مفقود قتيل جريح مصاب ضحيه حاله اصابه وفاه طالب طالبه "
    "تلميذ معلم معلمه موظف عامل طبيب ممرض مزارع صياد عايله اسره ناخب مرشح عضو مندوب متظاهر محتج مضرب مشجع "
    "متفرج لاعب رياضي متطوع زاير سايح حاج معتمر راكب مسافر مستخدم مشترك متابع مشاهد زبون مستفيد متقاعد "
    "منزل مبني بنايه وحده شقه خيمه مدرسه مسجد شركه مصنع مقعد سرير غرفه سياره مركبه حافله شاحنه دبابه "
    "سفينه طايره مسيره رحله صاروخ قذيفه قنبله لغم غاره ضربه هجمه هجوم حادث رساله مكالمه طلب وثيقه صفحه "
    "كلمه نسخه كتاب لوحه قطعه عينه جرعه وجبه سله شجره بقره جايزه وظيفه مشروع مره"
)
"""Folded singular nouns that news counts by the thousand. They follow a dual; a list is needed, as other
nouns behind the accusative singular are adverbs (بلغ مليونا نهاية العام)."""

FRACTIONS = {"نصف": "0.5", "ربع": "0.25", "half": "0.5", "quarter": "0.25"}
"""Words for fractions, which follow a multiplier ("مليون ونصف") or come before one ("half a million")."""

THREE_QUARTERS = {("ثلاثه", "ارباع"), ("three", "quarters")}
"""Three quarters, the other fraction that news writes in words, folded."""
