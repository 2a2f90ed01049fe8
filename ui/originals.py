"""Routes for PDFs as they look: the file of an article, and pdf.js, which draws its pages in the browser.

    GET /sanad/file?article=ID&index=NAME   the PDF that the article was read from
    GET /sanad/pdfjs/VERSION/NAME           a file of ui/assets/pdfjs

The browser asks for either only when a reader opens an article that was read from a PDF.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from rag import Assistant, SanadError
from ui import pdf_files
from ui.front import ASSETS

FILE = "/sanad/file"
"""Path of the file of an article."""

VERSION = "6.5.438"
"""Version of pdf.js, as in ui/assets/pdfjs/README.md."""

LIBRARY = f"/sanad/pdfjs/{VERSION}/"
"""Path of pdf.js. With its version, so that browsers may keep the files for good."""

NAMES = (
    "pdf.min.mjs",
    "pdf.worker.min.mjs",
    "jbig2_nowasm_fallback.js",
    "openjpeg_nowasm_fallback.js",
)
"""Files of pdf.js that are served. The last two decode scanned pages without WebAssembly, which the policy
forbids."""

PATHS = (FILE, *(LIBRARY + name for name in NAMES))
"""All paths of these routes."""


def routes(find: Callable[[str], Assistant]) -> list[Route]:
    """The routes for the articles of some indexes.

    Args:
        find: Returns the assistant of an index, which records where each article was read; of the first one
            if the name is empty.
    """

    def file(request: Request) -> Response:
        assistant = find(request.query_params.get("index", ""))
        try:
            article = assistant.article(request.query_params.get("article", ""))
            limit = assistant.settings.max_file_bytes
            data = pdf_files.read(assistant.uploads.parent, article, limit)
        except pdf_files.Changed as error:
            return _refused(409, error)
        except (pdf_files.Missing, SanadError) as error:
            return _refused(404, error)
        headers = {"Content-Disposition": "inline", "Cache-Control": "no-store"}
        return Response(data, media_type="application/pdf", headers=headers)

    return [Route(FILE, file), *(Route(LIBRARY + name, _library) for name in NAMES)]


def _library(request: Request) -> Response:
    path = ASSETS / "pdfjs" / request.url.path.removeprefix(LIBRARY)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(path, media_type="text/javascript", headers=headers)


def _refused(status: int, error: Exception) -> Response:
    return PlainTextResponse(str(error), status, {"Cache-Control": "no-store"})
