"""How well the assistant translates sentences, against a human translation.

    python -m evals.translation --source FILE --reference FILE [--out DIR]       as answers show them
    … --hinted                                      beside it, sentences by the model, which is given hints
    … --plain                                       beside it, sentences by the model without hints

One sentence a line in both files; empty lines are left out. The first sentence decides the direction. Prints
chrF++ and BLEU (sacrebleu), the shares of the reference's numbers and names that are kept, how many are
certain, and seconds a sentence; writes DIR/report.json. Intervals are a bootstrap over sentences. Names are
kept in the reference's spelling or another one (grading/spellings.py); the share in its own is printed too.

Exit status: 0 done; 2 could not run; 130 interrupted (--out keeps the replies: run it again to go on).
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evals.command import exit_status
from evals.files import make_folder, write_json
from evals.grading.spellings import same_name
from evals.harness.recording import RecordingGenerator, Replies
from rag.answering import translation
from rag.answering.context import Context
from rag.errors import SanadError
from rag.language import quantities
from rag.language.calendar_words import DAY_NAMES, MONTH_WORDS
from rag.language.text import fold, is_arabic
from rag.models.llm import prompt
from rag.models.llm.factory import open_generator
from rag.records import Language, Retrieved
from rag.settings import Settings

RESAMPLES = 500
"""Bootstrap samples of an interval."""

_NAME = re.compile(r"(?<=[^.!?\"“] )[A-Z][\w’'-]+")
"""A capitalised word of an English sentence that does not begin a sentence."""
_PART = re.compile(r"\b(?!Al\b|El\b)[A-Z]\w+")
"""The parts of a name, which a text may have with other signs between them: Berners and Lee, Keefe."""
_SEED = 0
"""Of the bootstrap samples, so that the same items always have the same interval."""
_DAYS = frozenset(map(str.lower, DAY_NAMES["en"]))


Translate = Callable[[str, Context], translation.Translation | None]
"""Sentence and context → its translation, or None."""

Score = Callable[[Sequence["Item"]], float | None]
"""Items → their score; None where it applies to none of them."""


def _hinted(sentence: str, context: Context) -> translation.Translation | None:
    return translation.translate(sentence, context.language, context)


def _plain(sentence: str, context: Context) -> translation.Translation | None:
    return translation.translate(sentence, context.language, context, hinted=False)


SYSTEMS: dict[str, Translate] = {"shown": translation.as_shown, "hinted": _hinted, "plain": _plain}
"""What can be compared."""


class NothingToTranslate(SanadError):
    """The files hold no pairs of lines."""


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One sentence."""

    source: str
    """As in the source file."""
    reference: str
    """Its human translation."""
    translation: str
    """The assistant's; empty where it gave none."""
    certain: bool
    """Whether the assistant would show it as certain."""
    seconds: float
    """That it took, or that it took when its reply was recorded."""


def read_pairs(source: Path, reference: Path) -> list[tuple[str, str]]:
    """The lines of two files, pair by pair.

    Args:
        source: A file of sentences.
        reference: Their translations.

    Raises:
        NothingToTranslate: A file cannot be read, or they have no lines, or not equally many.
    """
    try:
        files = [path.read_text(encoding="utf-8").splitlines() for path in (source, reference)]
    except (OSError, UnicodeDecodeError) as error:
        raise NothingToTranslate(f"A file cannot be read: {error}") from None
    if len(files[0]) != len(files[1]):
        raise NothingToTranslate(
            f"{source} has {len(files[0])} lines, {reference} {len(files[1])}; give one translation a line."
        )
    pairs = [(a.strip(), b.strip()) for a, b in zip(*files, strict=True) if a.strip() and b.strip()]
    if not pairs:
        raise NothingToTranslate(f"{source} holds no sentences.")
    return pairs


def run(
    pairs: Sequence[tuple[str, str]],
    context: Context,
    translate: Translate = translation.as_shown,
    progress: Callable[[int], None] = lambda _n: None,
) -> list[Item]:
    """Translate sentences.

    Args:
        pairs: Sentences with their references.
        context: Holds the model, and the language that is translated into.
        translate: Is called with each sentence and the context.
        progress: Called with the number of sentences that are done.
    """
    items = []
    for source, reference in pairs:
        started = time.perf_counter()
        replayed = getattr(context.model, "replayed", [])
        replayed.clear()
        translated = translate(source, context)
        seconds = sum(reply.seconds for reply in replayed) or time.perf_counter() - started
        text, certain = (translated.text, translated.certain) if translated else ("", False)
        items.append(Item(source, reference, text, certain, seconds))
        progress(len(items))
    return items


def numbers_kept(reference: str, text: str) -> tuple[int, int]:
    """How many of a reference's numbers and months a translation has, and how many there are."""
    wanted = quantities.claimed(reference)
    return len(wanted & quantities.held(text)), len(wanted)


def names_kept(reference: str, text: str) -> tuple[int, int]:
    """How many of an English reference's names a translation has, in any spelling, and how many there are.

    A word that is spelled otherwise is a name only with a capital letter: "roulette" is not Rowlett.
    """
    wanted = _names(reference)
    words, capitalised = set(fold(text).split()), set(_PART.findall(text))
    kept = (fold(name) in words or any(same_name(name, other) for other in capitalised) for name in wanted)
    return sum(kept), len(wanted)


def names_exact(reference: str, text: str) -> tuple[int, int]:
    """How many of an English reference's names a translation has in the same spelling, of how many."""
    wanted, words = _names(reference), set(fold(text).split())
    return sum(fold(name) in words for name in wanted), len(wanted)


def _names(reference: str) -> list[str]:
    parts = [part for name in _NAME.findall(reference) for part in _PART.findall(name)]
    return [part for part in parts if (word := fold(part)) not in _DAYS and word not in MONTH_WORDS]


def _chrf(items: Sequence[Item]) -> float:
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF(word_order=2).corpus_score(*_texts(items)).score)


def _bleu(items: Sequence[Item]) -> float:
    from sacrebleu.metrics.bleu import BLEU

    return float(BLEU(effective_order=True).corpus_score(*_texts(items)).score)


def _texts(items: Sequence[Item]) -> tuple[list[str], list[list[str]]]:
    return [item.translation for item in items], [[item.reference for item in items]]


def _share(count: Callable[[str, str], tuple[int, int]]) -> Score:
    def share(items: Sequence[Item]) -> float | None:
        kept, total = map(sum, zip(*(count(i.reference, i.translation) for i in items), strict=True))
        return kept / total if total else None

    return share


SCORES: dict[str, tuple[str, Score]] = {
    "chrf": ("chrF++", _chrf),
    "bleu": ("BLEU", _bleu),
    "numbers_kept": ("numbers kept", _share(numbers_kept)),
    "names_kept": ("names kept", _share(names_kept)),
    "names_exact": ("– same spelling", _share(names_exact)),
}
"""Label and function of each score, by its key in report.json."""


def scores(items: Sequence[Item]) -> dict[str, float | None]:
    """chrF++, BLEU and the shares of numbers and names kept; None where the references have none.

    Args:
        items: At least one.
    """
    return {name: score(items) for name, (_, score) in SCORES.items()}


def interval(items: Sequence[Item], name: str) -> tuple[float, float]:
    """The 95 % bootstrap interval of a score.

    Args:
        items: At least one to which the score applies.
        name: A key of ``SCORES``.
    """
    draw, (_, score) = random.Random(_SEED), SCORES[name]  # noqa: S311 - not for secrets
    samples = (score(draw.choices(items, k=len(items))) for _ in range(RESAMPLES))
    values = sorted(value for value in samples if value is not None)
    return values[int(0.025 * len(values))], values[int(0.975 * len(values))]


def report(items: Sequence[Item], model: str) -> dict[str, Any]:
    """The content of report.json."""
    return {
        **scores(items),
        "n": len(items),
        "certain": sum(item.certain for item in items) / len(items),
        "seconds": statistics.median(item.seconds for item in items),
        "model": model,
        "items": [dataclasses.asdict(item) for item in items],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    args = _parser().parse_args(argv)
    return exit_status(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    pairs = read_pairs(args.source, args.reference)
    if args.limit and args.limit < len(pairs):
        pairs = random.Random(args.seed).sample(pairs, args.limit)  # noqa: S311 - not for secrets
    make_folder(args.out)
    settings = Settings.load()
    settings = dataclasses.replace(settings, adapter=False) if args.no_adapter else settings
    model = RecordingGenerator(open_generator(settings), Replies(args.out / "replies.jsonl"))
    language: Language = "en" if is_arabic(pairs[0][0]) else "ar"
    context = Context(
        search=lambda *_args, **_options: Retrieved((), ()),
        model=model,
        template=prompt.load(settings.template),
        settings=settings,
        articles=frozenset(),
        language=language,
    )

    def show(done: int) -> None:
        print(f"\r{done}/{len(pairs)}", end="", file=sys.stderr)

    for name in (name for name in SYSTEMS if name == "shown" or getattr(args, name)):
        items = run(pairs, context, SYSTEMS[name], progress=show)
        print("\r", end="", file=sys.stderr)
        content = report(items, model.identity)
        path = args.out / ("report.json" if name == "shown" else f"report-{name}.json")
        write_json(path, content)
        _print(name, content, items)
    return 0


def _print(name: str, scores: dict[str, Any], items: Sequence[Item]) -> None:
    certain, seconds = scores["certain"], scores["seconds"]
    print(f"{name}: n {scores['n']}, certain {certain:.2f}, {seconds:.1f} s a sentence (median)")
    for key, (label, _) in SCORES.items():
        if scores[key] is None:
            print(f"  {label:16}none in the references")
            continue
        low, high = interval(items, key)
        digits = 1 if key in ("chrf", "bleu") else 2
        print(f"  {label:16}{scores[key]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals.translation", description="Translate sentences and compare with a human translation."
    )
    parser.add_argument("--source", type=Path, required=True, help="sentences, one a line")
    parser.add_argument("--reference", type=Path, required=True, help="their translations, one a line")
    parser.add_argument(
        "--out", type=Path, default=Path("evals/out/translation"), help="folder of the report"
    )
    parser.add_argument("--limit", type=int, default=0, help="a sample of this size; default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--hinted", action="store_true", help="also by the model, which is given hints")
    parser.add_argument("--plain", action="store_true", help="also by the model without hints")
    parser.add_argument("--no-adapter", action="store_true", help="the model as its makers published it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
