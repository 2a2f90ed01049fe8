"""Login for servers that other machines can reach: names, passwords, and a limit on wrong attempts.

    a line of the password file:   NAME:scrypt$15$8$1$SALT$HASH     created by: sanad serve --make-password
        NAME

Programs send name and password with each request (HTTP Basic); clients of OpenAI's API send NAME:PASSWORD as
their key (Bearer). A browser logs in on a page and keeps a cookie that scripts cannot read and that other
sites cannot make it send.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import ipaddress
import os
import secrets
import stat
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import BadSettings
from rag.server.guard import parsed_address, read_body, refusal
from rag.settings import command_line

Key = TypeVar("Key")
Value = TypeVar("Value")

COST, BLOCK, LANES = 15, 8, 1
"""scrypt's N as a power of two, r and p: 32 MB and about 0.1 s per check; one check runs at a time."""

MEMORY = 2 * 128 * BLOCK * 2**COST
"""Bytes that OpenSSL may use for it."""

SHORTEST = 10
"""Fewest characters of a new password."""

ATTEMPTS, WINDOW = 10, 60.0
"""Wrong passwords that one address may send, and the seconds in which they are counted."""

ADDRESSES = 10_000
"""Addresses whose attempts are kept; the oldest are dropped first."""

SESSION_SECONDS = 12 * 3600
"""A browser stays logged in for a working day."""

SESSIONS = 1000
"""Sessions that are kept; the oldest end first."""

FORM_BYTES, FORM_SECONDS = 4000, 10.0
"""Largest login form in bytes, and the seconds in which it must arrive."""

COOKIE = "sanad_session"
LOGIN, LOGOUT, ALIVE = "/login", "/logout", "/healthz"

_NOBODY = f"scrypt${COST}${BLOCK}${LANES}${'0' * 32}${'0' * 128}"
"""Checked for unknown names, so that they take as long as known ones."""


def hashed(password: str) -> str:
    """The hash of a password, as the password file contains it.

    Raises:
        BadSettings: The password is too short.
    """
    if len(password) < SHORTEST:
        raise BadSettings(
            f"The password has {len(password)} characters. Choose one with at least {SHORTEST}."
        )
    salt = secrets.token_bytes(16)
    return f"scrypt${COST}${BLOCK}${LANES}${salt.hex()}${_scrypt(password, salt, COST, BLOCK, LANES).hex()}"


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    # HMAC pads a short key with zeros: without the digest, "abc" and "abc\0" would be the same password.
    data = hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
    return hashlib.scrypt(data, salt=salt, n=2**cost, r=block, p=lanes, maxmem=MEMORY)


def _matches(password: str, line: str) -> bool:
    _, cost, block, lanes, salt, digest = line.split("$")
    computed = _scrypt(password, bytes.fromhex(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(computed, bytes.fromhex(digest))


def read_passwords(path: Path) -> dict[str, str]:
    """The names in the password file, each with its hash.

    Args:
        path: The file; only its owner may be able to read it.

    Raises:
        BadSettings: It cannot be read, other users can read it, or a line is not valid.
    """
    fix = "To create a line: sanad serve --make-password NAME"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"Cannot read the password file {str(path)!r}: {error}. {fix}") from None
    if os.name == "posix" and mode & 0o077:
        fix = command_line("chmod", "600", str(path))
        raise BadSettings(f"Other users can read the password file {str(path)!r}. Run: {fix}")
    passwords = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, digest = line.strip().rpartition(":")
        try:
            if not name:
                raise ValueError
            _matches("", digest)  # raises an error if this machine cannot compute the hash
        except (ValueError, MemoryError):
            raise BadSettings(f"Line {number} of {str(path)!r} is not of the form NAME:HASH. {fix}") from None
        passwords[name] = digest
    if not passwords:
        raise BadSettings(f"The password file {str(path)!r} contains no password. {fix}")
    return passwords


class Attempts:
    """Recent wrong passwords, by address."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str) -> float:
        """Seconds until the address may try again; 0 if it may try now."""
        with self._lock:
            failed = self._recent(address)
            return WINDOW - (time.monotonic() - failed[0]) if len(failed) >= ATTEMPTS else 0.0

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        with self._lock:
            failed = self._recent(address)
            failed.append(time.monotonic())
            _put(self._failed, _network(address), failed, ADDRESSES)

    def _recent(self, address: str) -> deque[float]:
        failed = self._failed.get(_network(address), deque())
        while failed and time.monotonic() - failed[0] > WINDOW:
            failed.popleft()
        return failed


def _put(entries: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Add an entry as the newest one, and drop the oldest ones beyond ``most``."""
    entries[key] = value
    entries.move_to_end(key)
    while len(entries) > most:
        entries.popitem(last=False)


def _network(address: str) -> str:
    """The address; for IPv6 its /64 network, which usually belongs to one machine."""
    parsed = parsed_address(address)
    if not isinstance(parsed, ipaddress.IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


class Users:
    """Checks passwords and keeps the sessions of users who have logged in."""

    def __init__(self, passwords: dict[str, str]) -> None:
        """Start without sessions.

        Args:
            passwords: The hash for each name.
        """
        self._passwords = passwords
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        self._checking = threading.Lock()  # one at a time: each takes 32 MB
        self.attempts = Attempts()

    def check(self, name: str, password: str, address: str) -> bool:
        """Whether this is the user's password; a wrong one is counted for the address."""
        # A correct password is recognised without hashing it again (0.1 s), by a digest keyed to this
        # process.
        seen = hmac.digest(self._key, f"{name}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        if seen in self._known:
            return True
        with self._checking:
            if self.attempts.wait(address):  # other attempts of this address were checked in the meantime
                return False
            right = _matches(password, self._passwords.get(name, _NOBODY)) and name in self._passwords
        if right:
            _put(self._known, seen, True, SESSIONS)
        else:
            self.attempts.failed(address)
        return right

    def begin(self) -> str:
        """Begin a session and return its token."""
        token = secrets.token_urlsafe(32)
        _put(self._sessions, _digest(token), time.monotonic() + SESSION_SECONDS, SESSIONS)
        return token

    def in_session(self, token: str) -> bool:
        """Whether the token belongs to a session that has not ended."""
        # Looked up by digest: comparing could be timed.
        return time.monotonic() < self._sessions.get(_digest(token), 0.0)

    def end(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Login:
    """Middleware: without login, nothing but the health check is served."""

    def __init__(self, app: ASGIApp, users: Users) -> None:
        self._app = app
        self._users = users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass requests of known users on; answer all others with the login page or an error."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] == ALIVE):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            response = await self._response(Request(scope, receive))
            await (response or self._app)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _response(self, request: Request) -> Response | None:
        """The response in place of the application's; None to pass the request on."""
        token = request.cookies.get(COOKIE, "")
        if request.url.path == LOGOUT and request.method == "POST":
            self._users.end(token)
            response = RedirectResponse(LOGIN, 303)
            response.delete_cookie(COOKIE, path="/")
            return response
        if self._users.in_session(token):
            return RedirectResponse(_after(request), 303) if request.url.path == LOGIN else None
        basic = _credentials(request.headers.get("authorization", ""))
        form = request.url.path == LOGIN and request.method == "POST"
        if basic is None and not form:
            return _ask(request)
        if refused := self._too_many(request):
            return refused
        if form:
            return await self._logged_in(request)
        return None if basic and await self._right(request, *basic) else _unknown()

    async def _logged_in(self, request: Request) -> Response:
        """The response to a login form, which anyone can send."""
        sent = await read_body(request, FORM_BYTES, FORM_SECONDS)
        if isinstance(sent, Response):
            return sent
        fields = parse_qs(sent.decode("utf-8", "replace"))
        name, password = (fields.get(key, [""])[0] for key in ("name", "password"))
        if not await self._right(request, name, password):
            return self._too_many(request) or _page(request, 401, alert=_WRONG)
        response = RedirectResponse(_after(request), 303)
        response.set_cookie(
            COOKIE, self._users.begin(), max_age=SESSION_SECONDS, path="/", httponly=True,
            samesite="strict", secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    async def _right(self, request: Request, name: str, password: str) -> bool:
        return await run_in_threadpool(self._users.check, name, password, _address(request))

    def _too_many(self, request: Request) -> Response | None:
        """The refusal of an address with too many wrong passwords; None if it may try now."""
        wait = self._users.attempts.wait(_address(request))
        if not wait:
            return None
        seconds = int(wait) + 1
        message = f"Too many wrong passwords. Try again in {seconds} s."
        return refusal(429, message, headers={"Retry-After": str(seconds)})


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _credentials(header: str) -> tuple[str, str] | None:
    """Name and password of HTTP Basic or of a key, empty if they cannot be read; None if there are none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in ("basic", "bearer"):
        return None
    try:
        sent = value.encode("latin-1")  # as headers are decoded
        sent = base64.b64decode(sent, validate=True) if scheme.lower() == "basic" else sent
        name, _, password = sent.decode("utf-8").partition(":")
    except (binascii.Error, UnicodeError):
        return "", ""
    return name, password


def _ask(request: Request) -> Response:
    """The response to an unknown client: the login page for a browser, an error for a program."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        if request.url.path == LOGIN:
            return _page(request, 200)
        link = f"?{urlencode({'next': f'/?{request.url.query}'})}" if request.url.query else ""
        return RedirectResponse(LOGIN + (link if request.url.path == "/" else ""), 303)
    return _unknown()


def _after(request: Request) -> str:
    """Where a login leads: to the link to the page that was opened before it, else to the page."""
    link = request.query_params.get("next", "")
    return link if link.startswith("/?") else "/"  # never to another site


def _unknown() -> Response:
    message = "This server requires a name and a password: HTTP Basic, or NAME:PASSWORD as the key (Bearer)."
    return refusal(401, message, headers={"WWW-Authenticate": 'Basic realm="Sanad"'})


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sanad</title>
<style>body{{font:1rem system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:1rem}}
form{{display:grid;gap:.75rem;width:min(20rem,100%)}}input,button{{font:inherit;padding:.5rem}}</style>
<form method="post" action="{action}"><h1>Sanad · <span lang="ar">سند</span></h1>{alert}
<label>Name · <span lang="ar">الاسم</span><br><input name="name" autocomplete="username" required></label>
<label>Password · <span lang="ar">كلمة المرور</span><br>
<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in · <span lang="ar">تسجيل الدخول</span></button></form></html>"""

_WRONG = (
    '<p role="alert">Wrong name or password. · <span lang="ar">الاسم أو كلمة المرور غير صحيحة.</span></p>'
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"


def _page(request: Request, status: int, *, alert: str = "") -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    link = _after(request)
    action = LOGIN if link == "/" else f"{LOGIN}?{urlencode({'next': link})}"
    return HTMLResponse(_PAGE.format(alert=alert, action=html.escape(action)), status, headers)
