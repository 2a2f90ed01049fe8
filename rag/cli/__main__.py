"""Runs ``sanad`` as ``python -m rag.cli``."""

import sys

from rag.cli.commands import main

sys.exit(main())
