"""How well the assistant translates sentences, against a human translation.

    python -m evals.translation --source FILE --reference FILE [--out DIR]       as answers show them
    … --hinted                                      beside it, sentences by the model, which is given hints
    … --plain                                       beside it, sentences by the model without hints

One sentence a line in both files; empty lines are left out. The first sentence decides the direction. Prints
chrF++ and BLEU (sacrebleu), the shares of the reference's numbers and names that are kept, how many are
certain, and seconds a sentence; writes DIR/report.json. Intervals are a bootstrap over sentences.

Exit status: 0 done; 2 could not run; 130 interrupted (--out keeps the replies: run it again to go on).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from evals.command import exit_status
from evals.recording import RecordingGenerator, Replies
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

SAME = 0.8
"""Likeness of two spellings of one name from which it counts as kept: Mohammed and Muhammad."""

RESAMPLES = 500
"""Bootstrap samples of an interval."""

_NAME = re.compile(r"(?<=[^.!?\"“] )[A-Z][\w’'-]+")
"""A capitalised word of an English sentence that does not begin a sentence."""
_PART = re.compile(r"\b(?!Al\b|El\b)[A-Z]\w+")
"""The parts of a name, which a text may have with other signs between them: Berners and Lee, Keefe."""
_DAYS = frozenset(map(str.lower, DAY_NAMES["en"]))


Translate = Callable[[str, Context], translation.Translation | None]
"""Sentence and context → its translation, or None."""


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
        found = translate(source, context)
        seconds = sum(reply.seconds for reply in replayed) or time.perf_counter() - started
        text, certain = (found.text, found.certain) if found else ("", False)
        items.append(Item(source, reference, text, certain, seconds))
        progress(len(items))
    return items


def numbers_kept(reference: str, text: str) -> tuple[int, int]:
    """How many of a reference's numbers and months a translation has, and how many there are."""
    wanted = quantities.claimed(reference)
    return len(wanted & quantities.held(text)), len(wanted)


def names_kept(reference: str, text: str) -> tuple[int, int]:
    """How many of an English reference's names a translation has, in this spelling or nearly, of how many."""
    parts = [part for name in _NAME.findall(reference) for part in _PART.findall(name)]
    wanted = [w for w in map(fold, parts) if w not in _DAYS and w not in MONTH_WORDS]
    words = fold(text).split()
    found = sum(any(SequenceMatcher(None, name, word).ratio() >= SAME for word in words) for name in wanted)
    return found, len(wanted)


def scores(items: Sequence[Item]) -> dict[str, float]:
    """chrF++, BLEU and the shares of numbers and names kept (1 where there are none).

    Args:
        items: At least one.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    texts, references = [item.translation for item in items], [[item.reference for item in items]]
    found = {
        "chrf": CHRF(word_order=2).corpus_score(texts, references).score,
        "bleu": BLEU(effective_order=True).corpus_score(texts, references).score,
    }
    for name, count in (("numbers_kept", numbers_kept), ("names_kept", names_kept)):
        kept, total = map(sum, zip(*(count(i.reference, i.translation) for i in items), strict=True))
        found[name] = kept / total if total else 1.0
    return found


def interval(items: Sequence[Item], name: str, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of a score.

    Args:
        items: At least one.
        name: A key of ``scores``.
        seed: Of the samples.
    """
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    values = sorted(scores(draw.choices(items, k=len(items)))[name] for _ in range(RESAMPLES))
    return values[int(0.025 * RESAMPLES)], values[int(0.975 * RESAMPLES)]


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
    args.out.mkdir(parents=True, exist_ok=True)
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
        found = report(items, model.identity)
        path = args.out / ("report.json" if name == "shown" else f"report-{name}.json")
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _print(name, found, items)
    return 0


def _print(name: str, found: dict[str, Any], items: Sequence[Item]) -> None:
    certain, seconds = found["certain"], found["seconds"]
    print(f"{name}: n {found['n']}, certain {certain:.2f}, {seconds:.1f} s a sentence (median)")
    for key, label in (
        ("chrf", "chrF++"),
        ("bleu", "BLEU"),
        ("numbers_kept", "numbers kept"),
        ("names_kept", "names kept"),
    ):
        low, high = interval(items, key)
        digits = 1 if key in ("chrf", "bleu") else 2
        print(f"  {label:13}{found[key]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]")


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
