"""A conversation: stages while the model works, a follow-up, and a question to some articles only.

python examples/follow_up.py
"""

from __future__ import annotations

import os
from contextlib import closing

from rag import Assistant, Filter, Finished, StageStarted, Turn

FIRST, NEXT = "كم عدد الجنود الأمريكيين في سوريا؟", "وفي العراق؟"

with closing(Assistant.open(index=os.environ.get("INDEX", "seeds"))) as assistant:
    for event in assistant.stream(FIRST):
        if isinstance(event, StageStarted):
            print("…", event.stage)
        elif isinstance(event, Finished):
            answer = event.answer
    print(answer.text)

    follow_up = assistant.ask(NEXT, history=[Turn(answer.question, answer.text)])
    print("understood as:", follow_up.understood)
    print(follow_up.text)

    arabic = assistant.ask(FIRST, where=Filter(language="ar"))
    print("in Arabic articles:", arabic.text)
