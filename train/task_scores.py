"""Scores replies to examples: translation, reading and rewriting.

    python -m train.task_scores FILE …            prints a table for each file
    python -m train.task_scores --names FILE …    also the share of names kept, by the shipped tables

FILE is what train/answers.py wrote. Translation: chrF++ and BLEU of sacrebleu, and of the numbers and names
of the human translation those that the reply has. Reading: token F1 of the answer, right citation, refusals.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from evals.overlap import token_f1
from evals.stats import score
from rag.language.text import fold, numbers
from rag.language.translation.gazetteer import Name, gazetteer
from train.replies import parsed, places
from train.tasks.files import read

Item = dict[str, Any]
Names = list[frozenset[str]]
"""The folded forms of each name."""


def read_names(tables: Iterable[Name]) -> dict[str, Names]:
    """Forms of every name, by language and first word; names of one short word are left out."""
    found: dict[str, Names] = defaultdict(list)
    for name in tables:
        for forms in (name.english, name.arabic):
            folded = frozenset(f for f in map(fold, forms) if len(f) > 3)
            if folded:
                for form in folded:
                    found[form.split()[0]].append(folded)
    return dict(found)


def names_kept(reference: str, reply: str, names: dict[str, Names]) -> tuple[int, int]:
    """Names of a reference that a reply has, in any of their forms, and how many there are."""
    wanted, said = f" {fold(reference)} ", f" {fold(reply)} "
    entries = {forms for word in set(wanted.split()) for forms in names.get(word, ())}
    asked = [forms for forms in entries if any(f" {form} " in wanted for form in forms)]
    return sum(any(f" {form} " in said for form in forms) for forms in asked), len(asked)


def numbers_kept(reference: str, reply: str) -> tuple[int, int]:
    """Numbers in digits of a reference that a reply has, and how many there are."""
    wanted, said = Counter(numbers(reference)), Counter(numbers(reply))
    return sum((wanted & said).values()), sum(wanted.values())


def translation(items: Sequence[Item], names: dict[str, Names] | None = None) -> dict[str, Any]:
    """Scores of translations into one language."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    replies, references = [i["reply"] for i in items], [[i["answer"] for i in items]]
    found: dict[str, Any] = {
        "n": len(items),
        "chrf++": round(CHRF(word_order=2).corpus_score(replies, references).score, 1),
        "bleu": round(BLEU().corpus_score(replies, references).score, 1),
    }
    pairs = [(i["answer"], i["reply"]) for i in items]
    found["numbers kept"] = _share(numbers_kept(a, b) for a, b in pairs)
    if names is not None:
        found["names kept"] = _share(names_kept(a, b, names) for a, b in pairs)
    return found


def _share(counts: Any) -> str:
    kept, total = map(sum, zip(*counts, strict=True))
    return f"{kept / total:.2f} ({kept}/{total})" if total else "-"


def reading(items: Sequence[Item]) -> dict[str, Any]:
    """Scores of reading, with 95 % intervals."""
    f1, cited, answerable, refused = [], [], [], []
    for item in items:
        wanted, said = parsed(item["answer"]), parsed(item["reply"])
        no = said.refused or not said.statements
        if wanted.refused:
            refused.append(float(no))
            continue
        answerable.append(float(no))
        plain = " ".join(one.text for one in wanted.statements)
        f1.append(0.0 if no else token_f1(" ".join(one.text for one in said.statements), [plain]))
        if not no:
            named = {n for one in said.statements for n in places(one)}
            cited.append(float(named == {n for one in wanted.statements for n in places(one)}))
    rows = {"f1": f1, "cited": cited, "unanswerable refused": refused, "answerable refused": answerable}
    return {name: _interval(values) for name, values in rows.items() if values}


def _interval(values: Sequence[float]) -> str:
    one = score(values, list(map(str, range(len(values)))))
    return f"{one['value']:.2f} [{one['low']:.2f}, {one['high']:.2f}] n {one['n']}"


def rewriting(items: Sequence[Item]) -> dict[str, Any]:
    """Rewritten questions that are the wanted ones, and ROUGE-L by words."""
    exact = [float(fold(i["reply"]) == fold(i["answer"])) for i in items]
    return {"exact": _interval(exact), "rouge-l": _interval([rouge(i["answer"], i["reply"]) for i in items])}


def rouge(reference: str, reply: str) -> float:
    """ROUGE-L: the F1 of the longest common subsequence of words."""
    one, two = re.findall(r"\w+", fold(reference)), re.findall(r"\w+", fold(reply))
    row = [0] * (len(two) + 1)
    for word in one:
        before = 0
        for at, other in enumerate(two, start=1):
            before, row[at] = row[at], before + 1 if word == other else max(row[at], row[at - 1])
    return 2 * row[-1] / (len(one) + len(two)) if one and two else 0.0


SCORERS: dict[str, Callable[[Sequence[Item]], dict[str, Any]]] = {
    "read": reading,
    "rewrite": rewriting,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Score; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.task_scores", description="Score replies to examples.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--names", action="store_true", help="count the names kept, by the shipped tables")
    args = parser.parse_args(arguments)
    names = read_names(gazetteer().names) if args.names else None
    for file in args.files:
        groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in read(file):
            groups[item["task"], item["pair"]].append(item)
        print(file.name)
        for (task, pair), items in sorted(groups.items()):
            scores = translation(items, names) if task == "translate" else SCORERS[task](items)
            print(f"  {task} {pair}: " + ", ".join(f"{name} {value}" for name, value in scores.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
