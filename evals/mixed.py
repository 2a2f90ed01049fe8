"""Is the right article found when an index holds articles in two languages?

    python -m evals.mixed --corpus ARABIC --english ENGLISH --questions FILE --draws 5 --seed 1

Each article is there in both languages: files of the same name, or, where the folders share no name, files in
the same order. One index holds them all; a draw takes each article in one of its languages, by lot, and asks
every question of those alone. Items are reported by the languages of question and article. A question with
evidence in several articles (sources that disagree, comparisons) is reported apart: are two of them found?

No language model runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.command import exit_status
from evals.dataset import BadQuestions, Question, read_questions
from evals.grading.intervals import interval
from evals.grading.score import DEPTH
from rag.index import duplicates, generations, indexing
from rag.index.layout import Contents
from rag.loading.articles import load_folder
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Article, Language, Passage
from rag.retrieval.search import Searcher
from rag.settings import Settings, index_folder

FIRST = 5
"""The right article is to be among this many passages."""

Draw = dict[str, Language]
"""The language in which each article is in a draw, by the name of its pair."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Articles that are there in both languages."""

    articles: tuple[Article, ...]
    """All of them; the id is the language, a slash and the name of the pair."""
    name_of: dict[str, str]
    """The name of the pair, by the article's name in either folder."""

    def draw(self, seed: str) -> Draw:
        """The language of each article, by lot."""
        lot = random.Random(seed)  # noqa: S311 - not for secrets
        return {name: lot.choice(("ar", "en")) for name in sorted(set(self.name_of.values()))}

    def right(self, question: Question) -> set[str]:
        """The names of the pairs that answer a question."""
        return {self.name_of[quote.article] for quote in question.evidence if quote.article in self.name_of}


@dataclass(frozen=True, slots=True)
class Item:
    """A question of one draw."""

    id: str
    direction: str
    """Languages of question and article (``en-ar``), or ``both, one language`` and ``both, two languages``
    where there are several right articles."""
    article: str
    """The right article: items on the same one are not independent."""
    rank: int
    """Rank of its first passage, from 1, or of the second right article's; 0 if it is not among ``DEPTH``."""


def read_pairs(arabic: Path, english: Path, settings: Settings) -> Pairs:
    """Read the articles of two folders.

    Args:
        arabic: The articles in Arabic.
        english: The same in English: files of the same names, or in the same order.
        settings: Limits on files.

    Raises:
        BadQuestions: The folders do not hold the same number of articles, or only some names are in both.
    """
    folders = [sorted(load_folder(path, settings).articles, key=lambda a: a.id) for path in (arabic, english)]
    ids = [[article.id for article in articles] for articles in folders]
    if len(ids[0]) != len(ids[1]) or (ids[0] != ids[1] and set(ids[0]) & set(ids[1])):
        raise BadQuestions(
            f"{arabic} has {len(ids[0])} articles and {english} has {len(ids[1])}, of which "
            f"{len(set(ids[0]) & set(ids[1]))} have the same name. Each article must be in both folders, "
            "under the same name or in the same place of the order."
        )
    languages: tuple[Language, Language] = ("ar", "en")
    return Pairs(
        articles=tuple(
            dataclasses.replace(article, id=f"{language}/{name}", language=language)
            for language, articles in zip(languages, folders, strict=True)
            for name, article in zip(ids[0], articles, strict=True)
        ),
        name_of=dict(zip([*ids[0], *ids[1]], [*ids[0], *ids[0]], strict=True)),
    )


def open_searcher(
    articles: Sequence[Article], folder: Path, settings: Settings, embedder: Embedder
) -> Searcher:
    """A searcher over an up-to-date index of articles; what was embedded before is not embedded again.

    Args:
        articles: The articles.
        folder: The folder of the index.
        settings: How articles are split.
        embedder: Embeds them.
    """
    contents = Contents(
        articles=tuple(articles),
        lines={article.id: () for article in articles},
        cut=indexing.cutter(settings),
        chunker=indexing.chunker(settings),
        groups=duplicates.groups(articles),
    )
    generations.write_generation(folder, contents, embedder, lambda _what, _share: None, allow_shrink=True)
    opened = generations.open_generation(folder, embedder.identity, contents.chunker)
    return Searcher(opened, embedder)


def ask(searcher: Searcher, pairs: Pairs, questions: Sequence[Question], draw: Draw) -> Iterator[Item]:
    """Search a draw's articles for every answerable question.

    Args:
        searcher: Over all articles.
        pairs: The articles.
        questions: Those without evidence among the articles are left out.
        draw: The articles' languages.
    """
    allowed = frozenset(f"{language}/{name}" for name, language in draw.items())
    for question in questions:
        right = sorted(pairs.right(question))
        if not question.answerable or not right:
            continue
        passages, _ = searcher.search(question.text, k=DEPTH, read=0, limit=0, tokens=0, allowed=allowed)
        ranks = sorted(filter(None, (_rank(passages, f"{draw[name]}/{name}") for name in right)))
        if len(right) == 1:
            yield Item(question.id, f"{question.lang}-{draw[right[0]]}", right[0], ranks[0] if ranks else 0)
        else:
            languages = "one language" if len({draw[name] for name in right}) == 1 else "two languages"
            rank = ranks[1] if len(ranks) > 1 else 0
            yield Item(question.id, f"both, {languages}", right[0], rank)


def _rank(passages: Sequence[Passage], article_id: str) -> int:
    for passage in passages:
        if article_id in (passage.chunk.article_id, *(also.article_id for also in passage.also)):
            return passage.rank
    return 0


def table(items: Sequence[Item]) -> str:
    """Recall and mean reciprocal rank by direction, with 95 % intervals over articles.

    Args:
        items: Of all draws.
    """
    lines = [f"{'':<20} {'n':>5}  {'recall@1':<18} {f'recall@{FIRST}':<18} {f'recall@{DEPTH}':<18} MRR"]
    for direction in sorted({item.direction for item in items}):
        those = [item for item in items if item.direction == direction]
        clusters = [item.article for item in those]
        shares = [[float(0 < item.rank <= depth) for item in those] for depth in (1, FIRST, DEPTH)]
        shares.append([1 / item.rank if item.rank else 0.0 for item in those])
        cells = ["{:.3f} [{:.2f}, {:.2f}]".format(*interval(values, clusters)) for values in shares]
        row = " ".join(f"{cell:<18}" for cell in cells)
        lines.append(f"{direction:<20} {len(those):>5}  {row}".rstrip())
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None, *, embedder: Embedder | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
        embedder: Defaults to the one that the settings name.
    """
    args = _parser().parse_args(argv)
    return exit_status(lambda: _run(args, embedder))


def _run(args: argparse.Namespace, embedder: Embedder | None) -> None:
    settings, _ = indexing.prepared(Settings.load(embedder=args.embedder))
    questions = read_questions(args.questions)
    pairs = read_pairs(args.corpus, args.english, settings)
    key = hashlib.sha256(f"{args.corpus.resolve()}\n{args.english.resolve()}\n{settings.embedder}".encode())
    settings = dataclasses.replace(settings, indexes=settings.cache / "evals")
    folder = index_folder(settings, f"mixed-{key.hexdigest()[:12]}")
    searcher = open_searcher(pairs.articles, folder, settings, embedder or open_embedder(settings))
    items: list[Item] = []
    for number in range(args.draws):
        items += ask(searcher, pairs, questions, pairs.draw(f"{args.seed}-{number}"))
    if not items:
        raise BadQuestions(f"{args.questions}: no question has evidence in an article of {args.corpus}.")
    print(table(items))
    if args.out:
        lines = (json.dumps(dataclasses.asdict(item), ensure_ascii=False) + "\n" for item in items)
        args.out.write_text("".join(lines), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals.mixed", description="Search collections whose articles are in Arabic or English by lot."
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the articles in Arabic")
    parser.add_argument("--english", type=Path, required=True, help="folder of the same articles in English")
    parser.add_argument("--questions", type=Path, required=True, help="questions in the format of README.md")
    parser.add_argument("--draws", type=int, default=5, help="collections that are drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the lots")
    parser.add_argument("--embedder", help="as the setting of this name")
    parser.add_argument("--out", type=Path, help="file for the items, one JSON object a line")
    return parser


if __name__ == "__main__":
    sys.exit(main())
