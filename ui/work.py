"""Changes of the index from the page: uploads, updates, corrections and removals.

    PUT /sanad/upload/NAME → a file beside the index → index_uploads → added and skipped files

In the meantime questions are answered from the last generation.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import unicodedata
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from rag import Assistant, SanadError
from rag.index.indexing import Built
from rag.loading import uploads
from rag.server.guard import UPLOADS, file_parts
from ui.exchange import language
from ui.wording.faults import Fault, Refused, failure, fault

MOST = 200
"""Files that may wait to be indexed: it is quicker to copy more of them into a folder and index that."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """State of the work on the index."""

    running: bool = False
    """Whether the index is being changed."""
    doing: str = ""
    """Current stage, by its name in ``rag``."""
    share: float = 0.0
    """Finished share of the stage, 0 to 1."""
    built: Built | None = None
    """Result of the last update."""
    word: str = ""
    """Key of the sentence that reports the last change; empty if it was an update."""
    fault: Fault | None = None
    """Why the last change failed."""
    changes: int = 0
    """Number of changes so far; a page that knows a smaller number must reload its lists."""


class Work:
    """Changes of one index, one after the other in a background thread."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._jobs: deque[Callable[[], Built | str]] = deque()
        self._lock = threading.Lock()
        self._arrived: set[str] = set()
        self._state = State()

    @property
    def state(self) -> State:
        """The current state."""
        return self._state

    def index(self) -> None:
        """Index the uploaded files."""
        self._arrived.clear()
        self._begin(lambda: self._assistant.index_uploads(progress=self._tell))

    def remove(self, article_id: str) -> None:
        """Remove an article from the index."""

        def job() -> str:
            self._assistant.remove([article_id], progress=self._tell)
            return "removed"

        self._begin(job)

    def correct(self, article_id: str, outlet: str, published: str) -> None:
        """Correct outlet and date of an article."""

        def job() -> str:
            self._assistant.correct(article_id, outlet=outlet, published=published, progress=self._tell)
            return "corrected"

        self._begin(job)

    async def receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive a file: an empty 200, or the error as HTML in the language that the query names."""
        name = unicodedata.normalize("NFC", str(scope["path"]).removeprefix(UPLOADS))
        assistant = self._assistant
        query = parse_qs(bytes(scope.get("query_string", b"")).decode("ascii", "replace"))
        try:
            self._check(name)
            parts = file_parts(Request(scope, receive), name)
            await uploads.receive(
                assistant.uploads, name, parts, assistant.settings.max_file_bytes, assistant.take_upload
            )
        except SanadError as error:
            page = failure(fault(error), language((query.get("language") or [""])[0]))
            await HTMLResponse(page, status_code=422)(scope, receive, send)
        else:
            self._arrived.add(name)
            await HTMLResponse("")(scope, receive, send)

    def _check(self, name: str) -> None:
        uploads.check_name(name)
        if len(self._arrived) >= MOST and name not in self._arrived:
            raise Refused("fault_many", most=str(MOST))

    def _begin(self, job: Callable[[], Built | str]) -> None:
        with self._lock:
            self._jobs.append(job)
            if self._state.running:
                return
            self._state = State(running=True, changes=self._state.changes)
        threading.Thread(target=self._work, name="index", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._state = dataclasses.replace(self._state, running=False)
                    return
                job = self._jobs.popleft()
            changes = self._state.changes
            try:
                result = job()
                built, word = (None, result) if isinstance(result, str) else (result, "")
                done = State(True, built=built, word=word, changes=changes + 1)
            except SanadError as error:
                done = State(True, fault=fault(error), changes=changes)
            except Exception:
                _log.exception("The index could not be changed")
                done = State(True, fault=Fault("fault_broke_work"), changes=changes)
            self._state = done

    def _tell(self, what: str, share: float) -> None:
        self._state = State(True, what, share, changes=self._state.changes)
