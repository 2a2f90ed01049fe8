"""Runs the cases of a folder through the real loaders, index and model, and prints what is right.

python scripts/cases.py FOLDER [WORD] [--without-model]     prints verdict, case, expected and got

FOLDER contains a subfolder for each case; WORD selects those whose name contains it. What is right for each
is in scripts/case_checks.py. Without the model no question is asked. Ends with 1 if a case is wrong.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(ROOT)]

from case_checks import CHECKS, Case, Check, Models

from rag import Settings
from rag.models.embedding.embedder import open_embedder
from rag.models.llm.factory import open_generator
from rag.settings import quiet_libraries


def checks_of(case: Case) -> Iterable[Check]:
    """The checks of a case; one that cannot be run is wrong."""
    done: list[Check] = []
    try:
        for check in CHECKS[case.folder.name[:2]](case):
            done.append(check)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        done.append(
            Check("runs", f"{type(error).__name__}: {error} ({where.name}:{where.lineno})", right=False)
        )
    return done


def main() -> int:
    """Check every case of the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--without-model", action="store_true", help="ask no question")
    options = parser.parse_args()
    folders = [
        path for path in sorted(options.folder.iterdir()) if path.is_dir() and options.word in path.name
    ]
    unknown = [path.name for path in folders if path.name[:2] not in CHECKS]
    wrong, count = 0, 0
    with tempfile.TemporaryDirectory(prefix="sanad-cases-") as temporary:
        settings = Settings.load(indexes=Path(temporary) / "indexes", answer_cache=False)
        quiet_libraries(settings)
        models = Models(settings)
        if not options.without_model:
            # A generator that is passed in gets the general prompt unless the settings name another one.
            models.settings = dataclasses.replace(settings, prompt=settings.template)
            models.embedder = open_embedder(settings, lambda _what, _share: None)
            models.generator = open_generator(settings)
        for folder in folders:
            if folder.name[:2] not in CHECKS:
                continue
            for check in checks_of(Case(folder, models)):
                count += 1
                wrong += not check.right
                verdict = "right" if check.right else "WRONG"
                got = " ".join(check.got.split())
                sys.stdout.write(f"{verdict}  {folder.name:<30} {check.expected} | {got}\n")
                sys.stdout.flush()
        for assistant in models.opened.values():
            assistant.close()
    sys.stdout.write("".join(f"WRONG  {name:<30} no checks in case_checks.py\n" for name in unknown))
    sys.stdout.write(f"{count - wrong} of {count} checks right, {len(folders)} cases\n")
    return int(bool(wrong or unknown) or not folders)


if __name__ == "__main__":
    sys.exit(main())
