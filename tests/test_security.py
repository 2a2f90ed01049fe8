"""What docs/security.md promises: each row of its table names a test, here or elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import FakeAssistant, Serve, assistant_over, examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from rag import BadSettings
from rag.server.guard import UPLOADS
from rag.server.login import ATTEMPTS, COOKIE, Attempts, Users, hashed, read_passwords
from rag.server.serve import Server

NAME, PASSWORD = "editor", "correct horse battery"
QUICK = 5
"""scrypt's N, as a power of two, in all tests except those of the cost."""

QUESTION = "When did the harbour of Marsa reopen?"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def line() -> str:
    """A line of a file of passwords, of the real cost; made once, as scrypt is meant to be slow."""
    return f"{NAME}:{hashed(PASSWORD)}\n"


@pytest.fixture
def passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of passwords whose checks are quick."""
    from rag.server import login

    nobody = login._NOBODY.replace(f"scrypt${login.COST}$", f"scrypt${QUICK}$")
    monkeypatch.setattr(login, "COST", QUICK)
    monkeypatch.setattr(login, "_NOBODY", nobody)
    path = tmp_path / "passwords"
    path.write_text(f"# users\n\n{NAME}:{hashed(PASSWORD)}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def with_page() -> dict[str, Any]:
    from ui.app import page_app

    return {"page": page_app}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server with page and API; one for all tests that change nothing there."""
    with assistant_over(tmp_path_factory.mktemp("page")) as assistant:
        server = Server(assistant, **with_page()).start()
        with httpx.Client(base_url=server.address, timeout=60) as client:
            yield client
        server.close()


EVERY_PATH = [
    "/", "/config", "/theme.css", "/gradio_api/queue/data?session_hash=x", "/gradio_api/startup-events",
    "/assets/index.js", "/openapi.json", "/docs", "/metrics", "/readyz", "/v1/models", "/api/ask",
    "/api/articles", "/api/articles/harbour", "/api/search", "/mcp",
    "/v1/chat/completions", "/sanad/upload/x.txt", "/sanad/file?article=harbour",
    "/sanad/pdfjs/6.5.438/pdf.min.mjs", "/gradio_api/file=/etc/passwd", "/nothing", "/healthz/",
    "//healthz", "/healthz/../config", "/login/../config",
]  # fmt: skip


@pytest.mark.slow
def test_nothing_is_read_or_changed_without_login_but_whether_it_lives(serve: Serve, passwords: Path) -> None:
    client = serve(server=with_page(), passwords=str(passwords))
    assert client.get("/healthz").json() == {"status": "ok"}
    for path in EVERY_PATH:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
            response = client.request(method, path)
            assert response.status_code == 401, (method, path)
            assert len(response.content) < 200
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    form = client.get("/login", headers={"Accept": "text/html"})
    assert "form-action 'self'" in form.headers["content-security-policy"] and "<form" in form.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("next_", "leads"),
    [
        ("/?article=a b&start=1&end=2", "/?article=a%20b&start=1&end=2"),
        ("//elsewhere.example/?x", "/"),
        ("https://elsewhere.example/", "/"),
        ("/\\elsewhere.example", "/"),
        ("/logout", "/"),
    ],
)
def test_a_login_leads_back_to_the_link_that_was_opened_and_nowhere_else(
    serve: Serve, passwords: Path, next_: str, leads: str
) -> None:
    client = serve(server=with_page(), passwords=str(passwords))
    html = {"Accept": "text/html"}
    form = client.get("/login", params={"next": next_}, headers=html)
    (action,) = re.findall(r'action="([^"]*)"', form.text)
    right = client.post(unescape(action), data={"name": NAME, "password": PASSWORD}, headers=html)
    assert (right.status_code, right.headers["location"]) == (303, leads)


@pytest.mark.slow
def test_a_link_that_is_opened_without_login_is_kept(serve: Serve, passwords: Path) -> None:
    client = serve(server=with_page(), passwords=str(passwords))
    html, link = {"Accept": "text/html"}, "/?article=%D8%A8&start=1&end=2"
    redirect = client.get(link, headers=html)
    right = client.post(redirect.headers["location"], data={"name": NAME, "password": PASSWORD}, headers=html)
    assert right.headers["location"] == link


def test_a_program_is_let_in_by_name_and_password(serve: Serve, passwords: Path) -> None:
    client = serve(passwords=str(passwords))
    for auth in [(NAME, "wrong"), ("nobody", PASSWORD), ("", ""), (NAME, PASSWORD + "\0")]:
        assert client.get("/metrics", auth=auth).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Basic ####"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.get("/metrics", auth=(NAME, PASSWORD)).status_code == 200
    assert client.post("/api/ask", auth=(NAME, PASSWORD), json={"question": QUESTION}).status_code == 200
    start = time.perf_counter()
    assert client.get("/metrics", auth=(NAME, PASSWORD)).status_code == 200
    assert time.perf_counter() - start < 5, "a known password is not hashed again"


@pytest.mark.slow
def test_a_browser_keeps_a_cookie_that_scripts_and_other_sites_cannot_use(
    serve: Serve, passwords: Path
) -> None:
    client = serve(server=with_page(), passwords=str(passwords))
    html = {"Accept": "text/html"}
    wrong = client.post("/login", data={"name": NAME, "password": "wrong"}, headers=html)
    assert wrong.status_code == 401 and "set-cookie" not in wrong.headers
    right = client.post("/login", data={"name": NAME, "password": PASSWORD}, headers=html)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=") and "httponly" in cookie and "samesite=strict" in cookie
    page = client.get("/", headers=html)
    assert page.status_code == 200 and "sanad" in page.text
    assert client.post("/logout").status_code == 303
    client.cookies.set(COOKIE, cookie.split("=")[1].split(";")[0])
    assert client.get("/config").status_code == 401, "a session that was ended is not begun again"


def test_after_ten_wrong_passwords_an_address_waits_and_others_do_not(
    serve: Serve, passwords: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(passwords=str(passwords))
    with ThreadPoolExecutor(15) as pool:  # at once, as an attacker would
        tried = list(pool.map(lambda n: client.get("/metrics", auth=(NAME, f"guess {n}")), range(15)))
    assert {response.status_code for response in tried} <= {401, 429}
    limited = client.get("/metrics", auth=(NAME, PASSWORD))
    assert limited.status_code == 429 and 0 < int(limited.headers["retry-after"]) <= 61
    assert client.post("/login", data={"name": NAME, "password": PASSWORD}).status_code == 429
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=client.base_url, transport=transport) as elsewhere:
        assert elsewhere.get("/metrics", auth=(NAME, PASSWORD)).status_code == 200


def test_no_more_than_ten_passwords_are_even_looked_at(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def counted(password: bytes, **_cost: Any) -> bytes:
        checked.append(password)
        return b"another"

    monkeypatch.setattr(hashlib, "scrypt", counted)
    users = Users({NAME: line.strip().partition(":")[2]})
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: users.check(NAME, f"guess {n}", "192.0.2.7"), range(40)))
    assert len(checked) == ATTEMPTS


@pytest.mark.slow
def test_an_unknown_name_costs_as_much_as_a_known_one(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.server import login

    costs: list[tuple[int, int, int]] = []
    real = hashlib.scrypt

    def counted(password: bytes, *, n: int, r: int, p: int, **more: Any) -> bytes:
        costs.append((n, r, p))
        return real(password, n=n, r=r, p=p, **more)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    users = Users({NAME: line.strip().partition(":")[2]})
    for name in (NAME, "nobody"):
        assert not users.check(name, "a wrong password", "192.0.2.7")
    assert costs == [(2**login.COST, login.BLOCK, login.LANES)] * 2
    # The hash that is used for an unknown name must not match any password either.
    assert not users.check("nobody", "", "192.0.2.7")


def test_attempts_are_forgotten_after_a_minute_and_counted_by_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rag.server import login

    now = 1000.0
    monkeypatch.setattr(login.time, "monotonic", lambda: now)
    attempts = Attempts()
    for host in range(ATTEMPTS):
        attempts.failed(f"2001:db8::{host:x}")  # one machine may have all of these
    assert attempts.wait("2001:db8::ffff") == pytest.approx(60)
    assert attempts.wait("2001:db8:0:1::1") == attempts.wait("192.0.2.1") == 0
    now += 61
    assert attempts.wait("2001:db8::1") == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "news.example"])  # noqa: S104
def test_beyond_this_machine_nothing_is_served_without_passwords(
    fake_assistant: FakeAssistant, host: str
) -> None:
    with pytest.raises(BadSettings, match=r"needs passwords.*--make-password"):
        Server(fake_assistant(), host=host)


def test_a_file_of_passwords_in_the_home_of_nobody_is_named(fake_assistant: FakeAssistant) -> None:
    with pytest.raises(BadSettings, match="Cannot read the password file '~nosuchuser/file'"):
        Server(fake_assistant(passwords="~nosuchuser/file"))


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (None, 0o600, "Cannot read"),
        ("", 0o600, "contains no password"),
        ("editor:secret", 0o600, "Line 1"),
        ("editor:scrypt$15$8$1$00", 0o600, "Line 1"),
        ("editor:scrypt$40$8$1$00$00", 0o600, "Line 1"),
        ("{line}", 0o644, "Run: chmod 600 '.*a file'$"),
        ("{line}\nnonsense", 0o600, "Line 2"),
    ],
)
def test_a_file_of_passwords_that_is_wrong_or_open_to_others_is_refused(
    tmp_path: Path, line: str, content: str | None, mode: int, expected: str
) -> None:
    path = tmp_path / "a file"
    if content is not None:
        path.write_text(content.format(line=line.strip()), encoding="utf-8")
        path.chmod(mode)
    with pytest.raises(BadSettings, match=expected):
        read_passwords(path)


@pytest.mark.slow
def test_the_command_prints_a_line_that_the_server_reads(run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from io import StringIO

    monkeypatch.setattr(sys, "stdin", StringIO(PASSWORD + "\n"))
    status, out, _ = run("serve", "--make-password", "desk")
    path = tmp_path / "file"
    path.write_text(out, encoding="utf-8")
    path.chmod(0o600)
    assert status == 0 and PASSWORD not in out
    assert Users(read_passwords(path)).check("desk", PASSWORD, "192.0.2.1")
    monkeypatch.setattr(sys, "stdin", StringIO("short\n"))
    assert run("serve", "--make-password", "desk")[::2] == (
        2, "sanad: The password has 5 characters. Choose one with at least 10.\n",
    )  # fmt: skip
    assert run("serve", "--make-password", "a:b")[0] == 2


FOREIGN = [
    "elsewhere.example", "127.0.0.1.elsewhere.example", "localhost.elsewhere.example", "169.254.1.1", "",
    "127.0.0.2", "[::1", "localhost@elsewhere.example.", "xn--\u00e9",
]  # fmt: skip


@pytest.mark.slow
def test_a_foreign_host_name_is_refused(client: httpx.Client) -> None:
    for host in FOREIGN:
        for path in ("/", "/healthz", "/api/ask"):
            assert client.get(path, headers={"Host": host.encode("utf-8")}).status_code == 400, host


def test_its_own_names_are_known(serve: Serve) -> None:
    client = serve(hosts="news.example, Desk.Example")
    port = client.base_url.port
    for host in (
        "127.0.0.1",
        f"localhost:{port}",
        "LOCALHOST",
        "news.example",
        "desk.example:80",
        "localhost.",
    ):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_pages_of_other_sites_change_and_read_nothing(client: httpx.Client) -> None:
    server_origin = str(client.base_url).rstrip("/")
    body = {"question": QUESTION}
    for origin in (
        "https://elsewhere.example",
        "null",
        server_origin.replace("127.0.0.1", "localhost"),
        "http://127.0.0.1:1",
    ):
        for path in ("/api/ask", "/v1/chat/completions", "/gradio_api/queue/join", UPLOADS + "a.txt"):
            response = client.post(path, json=body, headers={"Origin": origin})
            assert response.status_code == 403
        listed = client.get("/v1/models", headers={"Origin": origin})
        assert not [name for name in listed.headers if name.startswith("access-control")]
        preflight = client.options(
            "/api/ask", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert not [name for name in preflight.headers if name.startswith("access-control")]
        page = client.get("/config", headers={"Origin": origin})
        assert not [name for name in page.headers if name.startswith("access-control")]
    assert client.post("/api/ask", json=body, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/api/ask", json=body, headers={"Origin": server_origin}).status_code == 200


def test_no_file_is_served_but_those_of_the_page(client: httpx.Client, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    for path in (
        f"/gradio_api/file={secret}", f"/file={secret}",
        "/gradio_api/file=https://elsewhere.example/x",
        "/gradio_api/proxy=https://elsewhere.example/", f"/gradio_api/file/{secret}",
        "/static/../../etc/passwd",
        f"/assets/..%2f..%2f..%2f{secret}", "/custom_component/x/y/../../../../etc/passwd", "/svelte/../../x",
        f"/gradio_api/stream/{secret}", "/gradio_api/deep_link", "/monitoring", "/gradio_api/openapi.json",
    ):  # fmt: skip
        response = client.get(path, follow_redirects=False)
        assert response.status_code in (303, 307, 400, 403, 404, 405, 422), path
        assert "the secret" not in response.text and "root:" not in response.text


def test_a_page_may_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    for path in ("/", "/config", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "http" not in policy
    assert client.get("/healthz").headers["x-content-type-options"] == "nosniff"


@pytest.mark.slow
def test_from_another_network_namespace_nothing_is_had_without_the_password(
    serve: Serve, passwords: Path
) -> None:
    ip = ["ip", "netns"]
    name, here, there = f"sanad{os.getpid()}", f"sa{os.getpid()}", f"sb{os.getpid()}"
    added = subprocess.run([*ip, "add", name], capture_output=True) if os.geteuid() == 0 else None
    if added is None or added.returncode:
        pytest.skip("making a network namespace takes root's rights")
    try:
        for command in (
            ["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name],
            ["ip", "addr", "add", "198.51.100.1/30", "dev", here],
            ["ip", "link", "set", here, "up"],
            [*ip, "exec", name, "ip", "addr", "add", "198.51.100.2/30", "dev", there],
            [*ip, "exec", name, "ip", "link", "set", there, "up"],
        ):
            if subprocess.run(command, capture_output=True).returncode:
                pytest.skip("this machine cannot connect network namespaces")
        server = with_page() | {"host": "198.51.100.1"}
        port = serve(server=server, passwords=str(passwords)).base_url.port
        script = f"""
import httpx, json
client = httpx.Client(base_url="http://198.51.100.1:{port}", timeout=30)
statuses = {{"local": None}}
try:
    httpx.get("http://127.0.0.1:{port}/", timeout=3)
except httpx.HTTPError:
    statuses["local"] = "refused"
paths = ("/", "/config", "/metrics", "/openapi.json", "/api/ask")
statuses["open"] = [client.get(path).status_code for path in paths]
statuses["file"] = client.get("/gradio_api/file=/etc/passwd").status_code
statuses["host"] = client.get("/healthz", headers={{"Host": "elsewhere.example"}}).status_code
statuses["right"] = client.get("/metrics", auth=("{NAME}", "{PASSWORD}")).status_code
statuses["closed"] = client.get("/gradio_api/file=/etc/passwd", auth=("{NAME}", "{PASSWORD}")).status_code
statuses["wrong"] = [client.get("/metrics", auth=("{NAME}", f"guess{{n}}")).status_code for n in range(12)]
print(json.dumps(statuses))
"""
        done = subprocess.run(
            [*ip, "exec", name, sys.executable, "-c", script], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        statuses = json.loads(done.stdout)
        assert statuses.pop("wrong") == [401] * 10 + [429] * 2
        assert statuses.pop("closed") in (403, 404)
        assert statuses == {"local": "refused", "open": [401] * 5, "file": 401, "host": 400, "right": 200}
    finally:
        subprocess.run(["ip", "link", "del", here], capture_output=True)
        subprocess.run([*ip, "del", name], capture_output=True)


HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "Cookie", "Content-Type", "X-Forwarded-For", "X-Request-ID", "Origin"]),
    st.one_of(
        st.binary(max_size=40).map(lambda data: b"Basic " + base64.b64encode(data)),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60).map(str.encode),
        st.just(f"{COOKIE}=x".encode()),
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, line: str) -> Any:
    """The whole stack in front of a route that would return a secret, without a network."""
    from starlette.responses import PlainTextResponse
    from starlette.testclient import TestClient

    from rag.server.guard import Bodies, Hosts, Origins
    from rag.server.login import Login

    users = Users({NAME: line.strip().partition(":")[2]})
    users.attempts.wait = lambda _: 0.0  # type: ignore[method-assign]
    users.check = lambda name, password, _: (name, password) == (NAME, PASSWORD)  # type: ignore[method-assign]
    app = Hosts(Origins(Login(Bodies(PlainTextResponse("the secret")), users)), ["testserver"])
    return TestClient(app, follow_redirects=False)


@examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"]),
    # No control characters: the client itself refuses to send them.
    path=st.text(
        st.characters(min_codepoint=33, max_codepoint=0x7FF, exclude_categories=["Cc"]), max_size=40
    ),
    headers=HEADERS,
    body=st.binary(max_size=200),
)
def test_whatever_is_sent_without_the_password_the_secret_is_not_returned(
    guarded: Any, method: str, path: str, headers: dict[str, bytes], body: bytes
) -> None:
    response = guarded.request(method, "/" + path.lstrip("/"), headers=headers, content=body)
    leaked = "the secret" in response.text
    assert not leaked or response.request.url.path == "/healthz"
    assert response.status_code < 500
