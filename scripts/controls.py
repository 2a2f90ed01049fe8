"""Removes each control of docs/security.md in a copy of the program, and checks that its tests notice.

python scripts/controls.py [WORD]         prints case, control, test and outcome; WORD selects rows

Ends with 1 if a test passes without its control, or fails with it. tests/scripts/test_faults.py checks that
every test that the document names has a control here, and that every control is still in its file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from faults import ROOT, documented

SECONDS = 600
"""For all tests of the document, or those of one control."""

HUNG_SECONDS = 60
"""Seconds after which a test that hangs without its control counts as noticing; with it, it takes one or
two."""

COPIED = (
    "rag",
    "ui",
    "evals",
    "tests",
    "scripts",
    "docs",
    "prompts",
    "seeds",
    "pyproject.toml",
    "constraints.txt",
)
"""What the tests need."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control, and the program's code without it."""

    file: str
    """The file that contains it."""
    there: str
    """Its text, which the file contains once."""
    without: str
    """The text that replaces it when it is removed."""
    tests: tuple[str, ...]
    """Tests of docs/security.md that must notice, by name."""
    hangs: bool = False
    """Whether they notice by hanging."""


CONTROLS = (
    Control(
        "rag/language/sanitize.py",
        'return " ".join(_LINK.sub(GONE, shown).translate(_TABLE).split())',
        "return text",
        ("test_a_tokenizer_finds_no_control_token_in_it", "test_what_could_command_the_model_is_text_to_it"),
    ),
    Control(
        "ui/wording/text.py",
        'escaped = html.escape(_OTHER_CONTROL.sub("\\ufffd", text)).replace("\\r", "&#13;")',
        "escaped = text",
        ("test_hostile_text_in_every_field_brings_in_no_element_handler_or_link",),
    ),
    Control(
        "ui/wording/text.py",
        "return _BIDI_CONTROL.sub(r'<span class=\"control\" hidden>\\1</span>', escaped)",
        "return escaped",
        ("test_no_bidi_control_is_displayed_or_is_in_an_attribute",),
    ),
    Control(
        "rag/cli/printing.py",
        "return text.translate(_CONTROLS)",
        "return text",
        ("test_no_article_commands_the_terminal",),
    ),
    Control(
        "ui/front.py",
        "\"default-src 'none'\",",
        '"default-src https:",',
        ("test_a_page_may_load_nothing_from_elsewhere",),
    ),
    Control(
        "rag/loading/sandbox.py",
        "sys.addaudithook(refuse)",
        "_ = refuse",
        ("test_the_process_of_the_parsers_can_open_no_connection_and_take_only_so_much_memory",),
    ),
    Control(
        "rag/loading/sandbox.py",
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))",
        "_ = limit",
        ("test_the_process_of_the_parsers_can_open_no_connection_and_take_only_so_much_memory",),
    ),
    Control(
        "rag/loading/formats/html.py",
        'page = html.document_fromstring(text.replace("\\0", "").encode("utf-8", "replace"), parser=parser)',
        "as_xml = etree.XMLParser(resolve_entities=True, load_dtd=True)\n"
        "        page = html.document_fromstring(etree.tostring(etree.fromstring(text.encode(), as_xml)))",
        ("test_a_page_opens_nothing_that_it_refers_to",),
    ),
    Control(
        "rag/loading/formats/word_package.py",
        "resolve_entities=False, no_network=True, load_dtd=False",
        "resolve_entities=True",
        ("test_a_word_file_opens_nothing_that_it_refers_to",),
    ),
    Control(
        "rag/loading/sandbox.py",
        "        timer.start()\n",
        "",
        ("test_a_parser_that_crashes_or_takes_too_long_costs_its_file_only",),
        hangs=True,
    ),
    Control(
        "rag/loading/formats/jsonl.py",
        "except (ValueError, RecursionError) as error:",
        "except ZeroDivisionError as error:",
        ("test_whatever_a_file_holds_it_is_an_article_or_a_reason",),
    ),
    Control(
        "rag/loading/files.py",
        "            if path.is_symlink():\n                self._check_link(path)\n",
        "",
        ("test_links_do_not_lead_out_of_the_folder_nor_count_an_article_twice",),
    ),
    Control(
        "rag/loading/files.py",
        "if not stat.S_ISREG(status.st_mode):",
        "if False:",
        ("test_a_fifo_does_not_hang_the_build",),
    ),
    Control(
        "rag/loading/uploads.py",
        'if not _is_plain(name) or name.casefold() == "readme.md":',
        "if False:",
        ("test_a_name_that_leads_elsewhere_or_is_none_is_refused",),
    ),
    Control(
        "rag/loading/uploads.py",
        "if size > limit:",
        "if False:",
        (
            "test_a_file_that_is_too_large_leaves_nothing_and_is_reported_in_the_pages_language",
            "test_a_file_that_is_not_accepted_leaves_nothing",
        ),
    ),
    Control(
        "rag/loading/uploads.py",
        "part.unlink(missing_ok=True)",
        "pass",
        ("test_an_upload_that_breaks_off_leaves_nothing_and_the_next_one_works",),
    ),
    Control(
        "rag/index/collection.py",
        "    if not url:\n        return\n    needed",
        "    return\n    needed",
        ("test_a_server_that_cannot_be_used_is_named_with_the_fix_before_anything_is_written",),
    ),
    Control(
        "rag/index/collection.py",
        "            if url:\n                raise\n",
        "            raise\n",
        ("test_a_damaged_or_missing_collection_is_written_again_and_answers_do_not_depend_on_it",),
    ),
    Control(
        "rag/index/archive.py",
        "if not (member.name in GENERATION and not member.upload) and not numbered:",
        "if False:",
        ("test_an_archive_that_means_harm_is_refused_and_leaves_nothing",),
    ),
    Control(
        "rag/index/archive.py",
        "if member.type != tarfile.REGTYPE or member.size < 0:",
        "if member.size < 0:",
        ("test_a_member_that_is_no_plain_file_is_refused",),
    ),
    Control(
        "rag/index/archive.py",
        "if member.size > MAX_HEADER:",
        "if False:",
        ("test_an_archive_that_promises_too_much_is_refused_before_anything_is_written",),
    ),
    Control(
        "rag/models/weights/packaged.py",
        "if (size, digest) != (model.size, model.sha256):",
        "if False:",
        ("test_weights_other_than_the_published_ones_are_never_parsed",),
    ),
    Control(
        "rag/models/weights/packaged.py",
        "spec = importlib.util.find_spec(part.package)",
        "spec = importlib.import_module(part.package).__spec__",
        ("test_a_model_is_joined_checked_and_converted_without_running_its_packages",),
    ),
    Control(
        "rag/models/llm/transformers.py",
        "use_safetensors=True,",
        "use_safetensors=None,",
        ("test_models_of_a_hub_are_safetensors_and_bring_no_code",),
    ),
    Control(
        "rag/index/segments/segment.py",
        "allow_pickle=False",
        "allow_pickle=True",
        ("test_nothing_is_unpickled",),
    ),
    Control(
        "rag/index/segments/segment.py",
        "if digest != part.files[file]:",
        "if False:",
        ("test_every_file_of_an_index_is_refused_when_it_is_damaged",),
    ),
    Control(
        "rag/server/schema.py",
        "history: list[TurnBody] = Field(default=[], max_length=MAX_TURNS,",
        "history: list[TurnBody] = Field(default=[],",
        ("test_what_makes_no_sense_is_refused_in_words",),
    ),
    Control(
        "rag/server/guard.py",
        "if len(body) > most:",
        "if False:",
        ("test_a_body_that_is_too_large_is_refused_however_it_is_sent",),
    ),
    Control(
        "rag/server/fair_queue.py",
        "if waiting >= self._places or of_client >= max(1, self._places // SHARE):",
        "if False:",
        ("test_of_too_many_at_once_each_is_answered_or_gets_a_time_to_retry",),
    ),
    Control(
        "rag/server/api.py",
        "@app.exception_handler(RequestValidationError)",
        "@app.exception_handler(ZeroDivisionError)",
        ("test_every_operation_answers_as_its_schema_says",),
    ),
    Control(
        "rag/models/llm/watchdog.py",
        "check_limits(cancel, deadline, seconds)",
        "check_limits(cancel, None, seconds)",
        ("test_an_engine_that_hangs_is_late_for_its_own_reply_and_replaced_for_the_next",),
        hangs=True,
    ),
    Control(
        "rag/server/serve.py",
        'if not (address.is_loopback if address else host == "localhost"):',
        "if False:",
        ("test_beyond_this_machine_nothing_is_served_without_passwords",),
    ),
    Control(
        "rag/server/login.py",
        "if basic is None and not form:\n            return _ask(request)",
        "if basic is None and not form:\n            return None",
        ("test_nothing_is_read_or_changed_without_login_but_whether_it_lives",),
    ),
    Control(
        "rag/server/serve.py",
        "        if self._passwords:\n",
        "        if False:\n",
        ("test_from_another_network_namespace_nothing_is_had_without_the_password",),
    ),
    Control(
        "rag/server/login.py",
        "if refused := self._too_many(request):",
        "if refused := None:",
        ("test_after_ten_wrong_passwords_an_address_waits_and_others_do_not",),
    ),
    Control(
        "rag/server/login.py",
        "if self.attempts.wait(address):  # other attempts",
        "if False:  # others",
        ("test_no_more_than_ten_passwords_are_even_looked_at",),
    ),
    Control(
        "rag/server/login.py",
        "return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))",
        "return address",
        ("test_attempts_are_forgotten_after_a_minute_and_counted_by_network",),
    ),
    Control(
        "rag/server/login.py",
        "right = _matches(password, self._passwords.get(name, _NOBODY)) and name in self._passwords",
        "right = name in self._passwords and _matches(password, self._passwords[name])",
        ("test_an_unknown_name_costs_as_much_as_a_known_one",),
    ),
    Control(
        "rag/server/guard.py",
        'foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")',
        "foreign = False",
        ("test_pages_of_other_sites_change_and_read_nothing",),
    ),
    Control(
        "rag/server/guard.py",
        'for name in [name for name in headers if name.lower().startswith("access-control-")]:',
        "for name in []:",
        ("test_pages_of_other_sites_change_and_read_nothing",),
    ),
    Control(
        "rag/server/login.py",
        "httponly=True",
        "httponly=False",
        ("test_a_browser_keeps_a_cookie_that_scripts_and_other_sites_cannot_use",),
    ),
    Control(
        "rag/server/login.py",
        'samesite="strict"',
        'samesite="lax"',
        ("test_a_browser_keeps_a_cookie_that_scripts_and_other_sites_cannot_use",),
    ),
    Control(
        "rag/server/guard.py",
        'if scope["type"] == "lifespan" or self._known(scope):',
        "if True:",
        ("test_a_foreign_host_name_is_refused",),
    ),
    Control(
        "ui/pdf_files.py",
        "if not path.is_relative_to(root):",
        "if False:",
        ("test_no_link_leads_out_of_the_folder",),
    ),
    Control(
        "ui/pdf_files.py",
        "if hashlib.sha256(data).hexdigest() != article.sha256:",
        "if False:",
        ("test_a_file_that_has_changed_or_is_gone_is_not_served",),
    ),
    Control(
        "ui/guard.py",
        "elif path in self._open or path.startswith(self._beginnings):",
        "elif True:",
        (
            "test_no_file_is_served_but_those_of_the_page",
            "test_routes_that_the_page_does_not_use_are_closed",
        ),
    ),
    Control(
        "rag/server/local_socket.py",
        "path.chmod(0o600)",
        "path.chmod(0o666)",
        ("test_a_server_is_found_by_ask_and_ends_cleanly_at_a_signal",),
    ),
    Control(
        "rag/server/local_socket.py",
        " or status.st_uid != os.geteuid()",
        "",
        ("test_a_socket_of_another_user_is_not_trusted",),
    ),
    Control(
        "rag/server/login.py",
        'if os.name == "posix" and mode & 0o077:',
        "if False:",
        ("test_a_file_of_passwords_that_is_wrong_or_open_to_others_is_refused",),
    ),
    Control(
        "rag/settings.py",
        'sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]',
        "pass",
        (
            "test_no_library_tries_to_reach_another_machine",
            "test_everything_works_where_there_is_no_network",
        ),
    ),
    Control(
        "scripts/licences.py",
        '(r"MIT.*", "MIT"),',
        '(r"MIT.*", "GPL-3.0-only"),',
        ("test_every_dependency_has_a_licence_that_allows_shipping_it",),
    ),
    Control(
        "constraints.txt",
        "\nfilelock==",
        "\nfilelock>=",
        ("test_every_line_of_the_lock_is_one_exact_version",),
    ),
    Control(
        "rag/server/logs.py",
        "if self._with_text:",
        "if True:",
        ("test_the_log_is_lines_of_json_with_request_ids_and_without_the_question",),
    ),
    Control(
        "rag/models/llm/remote.py",
        'what = "does not accept the key" if self._key else "asks for a key"',
        'what = f"does not accept the key {self._key}" if self._key else "asks for a key"',
        ("test_a_wrong_key_is_reported_and_not_shown",),
    ),
    Control(
        "rag/models/llm/remote.py",
        'api_key=self._key or "none",',
        "api_key=self._key or None,",
        ("test_a_key_of_another_server_is_not_sent",),
    ),
    Control(
        "rag/models/llm/remote.py",
        "httpx.AsyncClient(trust_env=self._proxies)",
        "httpx.AsyncClient(trust_env=self._proxies, follow_redirects=True)",
        ("test_a_redirect_to_another_server_is_not_followed",),
    ),
    Control(
        "rag/models/llm/factory.py",
        "if not is_loopback(address.host):",
        "if False:",
        ("test_another_machine_is_named_once_and_this_one_never",),
    ),
    Control(
        "rag/server/logs.py",
        'route = path if path in self._routes else f"{start}…" if start else "page"',
        "route = path",
        ("test_health_readiness_and_metrics_are_reported",),
    ),
)


def main() -> int:
    """Try every control."""
    word = sys.argv[1] if sys.argv[1:] else ""
    rows = [row for row in documented(ROOT / "docs" / "security.md") if word in row[0]]
    named = {name: (case, f"tests/{file}::{name}") for case, tests in rows for file, name in tests}
    failed = False
    with tempfile.TemporaryDirectory(prefix="sanad-controls-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        noticed, failures = _run(copy, {node for _, node in named.values()}, SECONDS)
        sys.stdout.write(f"with all controls: {failures if noticed else 'every test passes'}\n\n")
        if noticed:
            return 1
        sys.stdout.write(f"{'case':<44} control removed, and the test that noticed\n")
        for control in CONTROLS:
            tests = [name for name in control.tests if name in named]
            for name in tests:
                case, node = named[name]
                noticed, failures = _without(control, copy, node)
                failed = failed or not noticed
                outcome = "failed" if noticed else "NOTICED NOTHING"
                sys.stdout.write(f"{_cut(case, 43):<44} {control.file}: {_cut(control.there, 60)}\n")
                sys.stdout.write(f"{'':<44} {outcome} {name}: {failures}\n")
                sys.stdout.flush()
    return int(failed)


def _without(control: Control, copy: Path, node: str) -> tuple[bool, str]:
    path = copy / control.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(control.there, control.without), encoding="utf-8")
    try:
        return _run(copy, {node}, HUNG_SECONDS if control.hangs else SECONDS, hangs=control.hangs)
    finally:
        path.write_text(whole, encoding="utf-8")


def _run(copy: Path, nodes: Collection[str], seconds: float, *, hangs: bool = False) -> tuple[bool, str]:
    """Whether a test failed, and its first message; a test that could not be run at all has not failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "", "--no-header", "--tb=short"]
    command += ["-p", "no:cacheprovider", *sorted(nodes)]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, cwd=copy, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:  # fmt: skip
        try:
            out, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return hangs, f"hung for {seconds:g} s"
    # What Hypothesis groups is printed without the E.
    said = re.search(
        r"^[ |]*E +(\S.*)|^[ |+-]*((?:\w+\.)*\w+(?:Error|Failure|Exceeded)\b.*)", out, re.MULTILINE
    )
    if process.returncode < 0:
        return True, f"ended by signal {-process.returncode}"
    # 1: a test failed. 2 to 5: pytest could not even collect or find it, which proves nothing.
    return process.returncode == 1, _cut(said[1] or said[2] if said else out.strip().rpartition("\n")[2], 90)


def _cut(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


if __name__ == "__main__":
    sys.exit(main())
