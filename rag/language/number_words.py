"""Words for numbers in English and Arabic: cardinals, ordinals, duals and multipliers."""

from __future__ import annotations

NUMBER_WORDS = {
    "0": "zero صفر",
    "1": "one once single واحد واحدة مرة",
    "2": "two twice both second اثنان اثنين اثنتان اثنتين مرتين الثاني الثانية عامين عامان شهرين شهران يومين "
    "يومان ساعتين ساعتان سنتين سنتان أسبوعين أسبوعان",
    "3": "three third ثلاث ثلاثة الثالث الثالثة",
    "4": "four fourth أربع أربعة الرابع الرابعة",
    "5": "five fifth خمس خمسة الخامس الخامسة",
    "6": "six sixth ست ستة السادس السادسة",
    "7": "seven seventh سبع سبعة السابع السابعة",
    "8": "eight eighth ثمان ثماني ثمانية الثامن الثامنة",
    "9": "nine ninth تسع تسعة التاسع التاسعة",
    "10": "ten tenth decade عشر عشرة عقد العقد العاشر العاشرة",
    "11": "eleven eleventh",
    "12": "twelve twelfth dozen",
    "13": "thirteen",
    "14": "fourteen",
    "15": "fifteen",
    "16": "sixteen",
    "17": "seventeen",
    "18": "eighteen",
    "19": "nineteen",
    "20": "twenty twentieth عشرون عشرين عقدين عقدان",
    "30": "thirty ثلاثون ثلاثين",
    "40": "forty أربعون أربعين",
    "50": "fifty خمسون خمسين",
    "60": "sixty ستون ستين",
    "70": "seventy سبعون سبعين",
    "80": "eighty ثمانون ثمانين",
    "90": "ninety تسعون تسعين",
    "100": "hundred century مئة مائة قرن",
    "200": "مئتان مئتين مائتان مائتين",
    "1000": "thousand ألف",
    "2000": "ألفان ألفين",
    "1000000": "million مليون",
}
"""Words by their number in digits, as written, including ordinals and the duals and round spans of time
(two years, a decade) that news writes without a digit."""

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
