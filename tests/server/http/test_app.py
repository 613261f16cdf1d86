"""HTTP on loopback: the hot route, operator calls, limits, logs, metrics, a graceful stop (A53, A59-A61).

Covers A40, A45, A60, M24, M25.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.security import HTTPAuthorizationCredentials
from starlette.requests import Request

from sealframe.envelope import MAX_START_BYTES
from sealframe.payment_protocol import (
    ENVELOPE_TYPE,
    ENVELOPES_TYPE,
    Action,
    Code,
    EnrolmentRequest,
    join_envelopes,
    new_payment_id,
)
from sealframe.sandbox.serving import ThreadedServer
from sealframe.server.http import app, header_limits, json_logs
from sealframe.server.http.operator_routes import OperatorGate
from sealframe.server.http.problems import TransportError
from sealframe.server.http.request_bodies import OCTETS, UploadLimiter
from sealframe.server.http.thread_pools import ConcurrencyLimit
from sealframe.server.payments import administration, operator_tokens
from sealframe.server.payments.attempt import AttemptRefused
from sealframe.server.payments.passwords import Checked
from sealframe.server.payments.request_opener import REST_MS
from sealframe.server.payments.service import MAX_ENVELOPE_BYTES
from sealframe.server.storage.device_records import record_of
from tests.server.bank import ALICE, BOB, PASSWORD, Bank, Terminal


class Site:
    """The bank behind uvicorn, in a thread."""

    def __init__(self, bank: Bank, **options: Any) -> None:
        self.bank = bank
        self.token = bank.service.writer.submit(
            lambda c: operator_tokens.create_token(c, "olga", bank.service.now())
        ).result()
        self.serving = ThreadedServer(app.build_app(bank.service, **options), closes_app=True)
        self.port = self.serving.port

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **headers: str
    ) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": content_type, "Authorization": f"Bearer {self.token}", **headers}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, raw, sent)
            reply = connection.getresponse()
            content = reply.read()
            return reply.status, json.loads(content) if content[:1] in {b"{", b"["} else content
        finally:
            connection.close()

    def stop(self) -> None:
        self.serving.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    bank = Bank(tmp_path)
    site = Site(bank)
    yield site
    site.stop()
    assert not bank.broken_invariants()


def test_m24_a_capture_is_answered_and_operators_see_it(site: Site) -> None:
    request = site.bank.request()
    envelope, key = site.bank.terminal.seal(request)
    status, answer = site.call("POST", "/v1/attempts", envelope, ENVELOPE_TYPE)
    assert status == 200
    assert site.bank.terminal.read(answer, key).code is Code.PAID
    status, facts = site.call("GET", f"/v1/payments/{request.payment_id}")
    assert (status, facts["state"], facts["method"]) == (200, "posted", "face")
    assert site.call("GET", "/v1/accounts/shop")[1]["balance"] == 250
    assert site.call("GET", "/v1/accounts/alice")[1]["templates"] == [site.bank.template]
    assert site.call("GET", "/v1/server")[1].decode() == record_of(site.bank.key.public)
    assert site.call("GET", "/health") == (200, {"status": "ok"})
    assert b'sealframe_answers_total{code="paid",stored="false"} 1.0' in site.call("GET", "/metrics")[1]


def test_m25_operators_open_enrol_pay_in_refund_and_revoke(site: Site) -> None:
    account = {"account": "carol", "name": "Carol", "currency": "EUR"}
    assert site.call("POST", "/v1/accounts", account) == (201, {"id": "carol"})
    assert site.call("POST", "/v1/accounts", account)[0] == 409
    money = {"payment_id": new_payment_id(), "amount": 900}
    assert [site.call("POST", "/v1/accounts/carol/deposits", money)[0] for _ in range(2)] == [204, 204]
    assert site.call("PUT", "/v1/accounts/carol/password", {"password": PASSWORD})[0] == 204
    terminal = site.bank.new_terminal("POS-0009", register=False)
    public = terminal.device.public
    assert site.call("POST", "/v1/devices", {"record": record_of(public)}) == (201, {"id": public.key_id.hex()})
    frames = [terminal.seal(EnrolmentRequest("carol"), BOB, capture)[0] for capture in range(3)]
    path = "/v1/accounts/carol/templates"
    status, made = site.call("POST", path, join_envelopes(frames), ENVELOPES_TYPE)
    assert status == 201
    assert site.call("POST", path, join_envelopes(frames), ENVELOPES_TYPE)[0] == 422
    request = site.bank.request(account="carol")
    assert site.bank.code(request, BOB, terminal=terminal) is Code.PAID
    back = {"refund_id": new_payment_id(), "amount": 250}
    assert site.call("POST", f"/v1/payments/{request.payment_id}/refunds", back)[0] == 204
    assert site.call("GET", "/v1/accounts/carol")[1]["balance"] == 900
    assert site.call("DELETE", f"/v1/templates/{made['id']}")[0] == 204
    assert site.call("DELETE", f"/v1/templates/{made['id']}")[0] == 404
    assert site.call("GET", f"/v1/devices/{public.key_id.hex()}")[1]["last_counter"] == f"{4:020}"
    assert site.call("DELETE", f"/v1/devices/{public.key_id.hex()}")[0] == 204
    assert site.call("GET", f"/v1/devices/{public.key_id.hex()}")[1]["status"] == "revoked"
    assert site.call("GET", f"/v1/devices/{'0' * 32}")[0] == 404
    assert site.bank.code(request, BOB, terminal=terminal) is Code.DEVICE_REVOKED


@pytest.mark.parametrize("currency", ["XAU", "XDR", "XTS", "XXX", "EUX", "eur", "EURO", "EUR\n", ""])
def test_an_account_needs_a_currency_that_can_be_counted(site: Site, currency: str) -> None:
    account = {"account": "carol", "name": "Carol", "currency": currency}
    assert site.call("POST", "/v1/accounts", account)[0] == 422
    with pytest.raises(ValueError, match="ISO 4217"):
        site.bank.operate(administration.create_account, **account)
    assert site.call("GET", "/v1/accounts/carol")[0] == 404


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([(ALICE, "bob")] * 2, "at least 3"),
        ([(ALICE, "bob"), (ALICE, "bob"), (BOB, "bob")], "different faces"),
        ([(ALICE, "bob"), (ALICE, "bob"), (ALICE, "alice")], "not sealed for this"),
    ],
)
def test_m25_an_enrolment_that_does_not_serve_is_refused(site: Site, frames: list[Any], why: str) -> None:
    sealed = [
        site.bank.terminal.seal(EnrolmentRequest(account), person, n)[0] for n, (person, account) in enumerate(frames)
    ]
    status, problem = site.call("POST", "/v1/accounts/bob/templates", join_envelopes(sealed), OCTETS)
    assert status == 422
    assert why in problem["message"]


def test_an_enrolment_on_the_hot_route_is_rejected(site: Site) -> None:
    envelope, key = site.bank.terminal.seal(EnrolmentRequest("alice"))
    answer = site.call("POST", "/v1/attempts", envelope, OCTETS)[1]
    assert site.bank.terminal.read(answer, key).code is Code.REJECTED


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "status"),
    [
        (b"", OCTETS, {}, 400),
        (b"nothing", OCTETS, {}, 400),
        (b"{}", "application/json", {}, 415),
        (b"x", "", {}, 415),
        (b"x", OCTETS, {"Content-Length": str(MAX_ENVELOPE_BYTES + 1)}, 413),
        (b"x", OCTETS, {"Content-Length": "9" * 30}, 400),
    ],
)
def test_a53_odd_bodies(site: Site, body: bytes, content_type: str, headers: dict[str, str], status: int) -> None:
    assert site.call("POST", "/v1/attempts", body, content_type, **headers)[0] == status


def test_a53_a_body_without_length_is_cut_at_the_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    pieces = (b"x" * (1 << 20) for _ in range(17))
    try:
        connection.request("POST", "/v1/attempts", pieces, {"Content-Type": OCTETS}, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server had answered and closed before the last piece
    finally:
        connection.close()
    assert site.call("GET", "/health")[0] == 200


@contextmanager
def slow_senders(site: Site, number: int) -> Iterator[list[socket.socket]]:
    """They announce nine bytes, send two, and wait."""
    head = f"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nContent-Type: {OCTETS}\r\nContent-Length: 9\r\n\r\nab".encode()
    senders = [socket.create_connection(("127.0.0.1", site.port), timeout=20) for _ in range(number)]
    for sender in senders:
        sender.sendall(head)
    yield senders
    for sender in senders:
        sender.close()


def test_a53_a_slow_body_is_told_so_and_the_connection_ends(bank: Bank) -> None:
    site = Site(bank, upload_limiter=UploadLimiter(seconds=0.2))
    with slow_senders(site, 1) as (sender,):
        reply = b"".join(iter(lambda: sender.recv(4096), b""))
    assert reply.startswith(b"HTTP/1.1 408")
    site.stop()


def status_of_reply(sender: socket.socket) -> int:
    """Of the next one, which may come in parts."""
    with http.client.HTTPResponse(sender) as reply:
        reply.begin()
        reply.read()
        return reply.status


def test_a53_a_slow_head_ends_the_connection_and_a_slow_answer_does_not(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "HEAD_SECONDS", 0.3)
    site = Site(bank, upload_limiter=UploadLimiter(seconds=60))
    whole, half = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /health HTTP/1.1\r\nHost"
    for heads_before in (0, 1):
        for slow in (b"", half):
            with socket.create_connection(("127.0.0.1", site.port), timeout=20) as sender:
                for _ in range(heads_before):
                    sender.sendall(whole)
                    assert status_of_reply(sender) == 200
                sender.sendall(slow)
                if slow or not heads_before:  # a connection that rests after an answer is uvicorn's matter
                    assert sender.recv(200) == b""
    with slow_senders(site, 1) as (sender,):  # its head is whole; the body has limits of its own
        time.sleep(0.6)
        sender.sendall(b"cdefghi")
        assert status_of_reply(sender) == 400
        time.sleep(0.6)
        sender.sendall(whole)
        assert status_of_reply(sender) == 200
    site.stop()


@contextmanager
def forger(site: Site) -> Iterator[tuple[socket.socket, bytes]]:
    """Has sent all before the content of what the bank's terminal did not sign; and the content, not sent."""
    bank = site.bank
    assert bank.code(bank.request()) is Code.PAID
    envelope = bytearray(bank.terminal.seal(bank.request())[0])
    envelope[60] ^= 1
    head = f"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nContent-Type: {OCTETS}\r\nContent-Length: {len(envelope)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as sender:
        sender.sendall(head.encode() + envelope[:MAX_START_BYTES])
        yield sender, bytes(envelope[MAX_START_BYTES:])


def test_a53_what_a_device_did_not_sign_is_refused_before_it_has_arrived(site: Site) -> None:
    with forger(site) as (sender, rest):
        assert status_of_reply(sender) == 400
        assert site.call("GET", "/metrics")[1].count(b"sealframe_bodies_arriving 0.0") == 1
        sender.sendall(rest + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")  # the connection still serves
        assert status_of_reply(sender) == 200


def test_a53_the_rest_of_what_was_refused_may_take_as_long_as_a_body(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(header_limits, "BODY_SECONDS", 0.5)
    with forger(site) as (sender, rest):
        assert status_of_reply(sender) == 400
        begun = time.monotonic()
        sender.sendall(rest[:1])
        assert sender.recv(200) == b""
        assert time.monotonic() - begun > 0.5


def test_a53_slow_bodies_keep_nobody_out(bank: Bank) -> None:
    """Three times as many as there is room for: a payment goes through meanwhile, and the first who came had to go."""
    site = Site(bank, upload_limiter=UploadLimiter(bodies=70, seconds=60))
    with slow_senders(site, 210) as senders:
        for sender in senders[:140]:
            assert sender.recv(200).startswith(b"HTTP/1.1 408")
        envelope, key = bank.terminal.seal(bank.request())
        status, answer = site.call("POST", "/v1/attempts", envelope, OCTETS)
        assert status == 200
        assert bank.terminal.read(answer, key).code is Code.PAID
        assert b"sealframe_bodies_arriving 69.0" in site.call("GET", "/metrics")[1]
        senders[-1].sendall(b"cdefghi")  # whoever is still there may go on
        assert senders[-1].recv(200).startswith(b"HTTP/1.1 400")
    site.stop()


def test_a53_bodies_that_are_too_much_together_make_room_from_the_address_that_sends_the_most() -> None:
    async def read_all() -> list[Any]:
        upload_limiter = UploadLimiter(total_bytes=100, seconds=60)
        go_on = asyncio.Event()

        async def read(address: str, size: int) -> bytes:
            pieces = [b"x" * size, b""]

            async def receive() -> dict[str, Any]:
                if len(pieces) == 1:
                    await go_on.wait()
                return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

            scope = {"type": "http", "client": (address, 1), "headers": [], "method": "POST"}
            async with upload_limiter.incoming_body(Request(scope, receive), 100) as body:
                return await body.whole()

        readers = [asyncio.create_task(read(*each)) for each in (("a", 40), ("b", 30), ("b", 20), ("c", 30))]
        await asyncio.sleep(0.05)
        go_on.set()
        return await asyncio.gather(*readers, return_exceptions=True)

    kept = asyncio.run(read_all())
    assert [len(each) if isinstance(each, bytes) else each.status for each in kept] == [40, 408, 20, 30]


@pytest.mark.parametrize(
    "change", [{"amount": True}, {"amount": 0}, {"amount": "5"}, {"amount": 1.5}, {"more": 1}, {"payment_id": "x"}]
)
def test_a53_operators_fields_are_strict(site: Site, change: dict[str, Any]) -> None:
    money = {"payment_id": new_payment_id(), "amount": 900, **change}
    assert site.call("POST", "/v1/accounts/alice/deposits", money)[0] == 422


def test_a53_a_field_given_twice_is_refused(site: Site) -> None:
    body = f'{{"payment_id": "{new_payment_id()}", "amount": 1, "amount": 900}}'.encode()
    assert site.call("POST", "/v1/accounts/alice/deposits", body)[0] == 400
    assert site.call("POST", "/v1/accounts/alice/deposits", b"{" * 200_000)[0] == 413
    assert site.call("POST", "/v1/accounts/alice/deposits", b"[" * 100_000)[0] in {400, 422}
    status, problem = site.call("POST", "/v1/accounts/alice/deposits", b'{"amount": 1, }')
    assert (status, problem["message"]) == (422, "Not valid JSON at byte 15.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": 0}, "amount must be more than 0."),
        ({"amount": "5"}, "amount must be a whole number."),
        ({"amount": 5, "more": 1}, "more is not a known field."),
        (
            {"amount": 0, "payment_id": "x"},
            "amount must be more than 0; payment_id must be a UUID of version 7 in lower case.",
        ),
        ({}, "amount is missing."),
    ],
)
def test_a_wrong_field_is_told_the_form_that_it_needs(site: Site, change: dict[str, Any], said: str) -> None:
    status, problem = site.call("POST", "/v1/accounts/alice/deposits", {"payment_id": new_payment_id(), **change})
    assert (status, problem["message"]) == (422, said)


def test_a45_a_refused_password_is_not_repeated(site: Site) -> None:
    status, problem = site.call("PUT", "/v1/accounts/alice/password", {"password": "hunter2", "more": "hunter2"})
    assert status == 422
    assert "hunter2" not in json.dumps(problem)


def operator_calls() -> list[tuple[str, str]]:
    return [
        ("POST", "/v1/accounts"),
        ("GET", "/v1/accounts/alice"),
        ("POST", "/v1/accounts/alice/deposits"),
        ("PUT", "/v1/accounts/alice/password"),
        ("POST", "/v1/accounts/alice/templates"),
        ("DELETE", f"/v1/templates/{'0' * 32}"),
        ("POST", "/v1/devices"),
        ("GET", f"/v1/devices/{'0' * 32}"),
        ("DELETE", f"/v1/devices/{'0' * 32}"),
        ("GET", f"/v1/payments/{new_payment_id()}"),
        ("POST", f"/v1/payments/{new_payment_id()}/refunds"),
    ]


def test_a61_without_a_valid_token_nothing_is_done(site: Site) -> None:
    for method, path in operator_calls():
        for token in ("", "Bearer ", "Bearer wrong", "Basic x"):
            assert site.call(method, path, {}, Authorization=token)[0] == 401, (method, path)
    site.bank.service.writer.submit(lambda c: operator_tokens.revoke_tokens(c, "olga", 1)).result()
    assert site.call("GET", "/v1/accounts/alice")[0] == 401


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("testclient", False), (None, False)]
)
def test_a61_operator_calls_come_from_this_machine_unless_allowed(site: Site, host: str | None, local: bool) -> None:
    request = Request({"type": "http", "client": (host, 1) if host else None, "headers": []})
    token = HTTPAuthorizationCredentials(scheme="Bearer", credentials=site.token)
    gate, open_gate = (OperatorGate(site.bank.service, allow_remote=allowed) for allowed in (False, True))
    assert asyncio.run(open_gate(request, token)) == "operator:olga"
    if local:
        assert asyncio.run(gate(request, token)) == "operator:olga"
        return
    with pytest.raises(TransportError) as refused:
        asyncio.run(gate(request, token))
    assert refused.value.status == 403


def test_a60_passwords_have_threads_of_their_own(site: Site) -> None:
    slow, release = threading.Event(), threading.Event()

    def check_slowly(*_: object) -> Checked:
        slow.set()
        release.wait(20)
        return Checked(Code.WRONG_PASSWORD)

    site.bank.service.passwords.check = check_slowly  # type: ignore[method-assign]
    terminals = [site.bank.new_terminal(f"POS-1{number:02}") for number in range(12)]
    codes: list[Code] = []

    def guess(terminal: Terminal) -> None:
        envelope, key = terminal.seal(site.bank.request(Action.PASSWORD, account="bob", password="guess"))
        codes.append(terminal.read(site.call("POST", "/v1/attempts", envelope, OCTETS)[1], key).code)

    threads = [threading.Thread(target=guess, args=(terminal,)) for terminal in terminals]
    for thread in threads:
        thread.start()
    assert slow.wait(20)
    envelope, key = site.bank.new_terminal("POS-0002").seal(site.bank.request())
    answer = site.call("POST", "/v1/attempts", envelope, OCTETS)[1]
    assert site.bank.terminal.read(answer, key).code is Code.PAID
    end = time.monotonic() + 20
    while len(codes) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    assert codes == [Code.SERVER_BUSY] * 4  # eight wait at most
    release.set()
    for thread in threads:
        thread.join()
    assert len(codes) == 12
    assert Code.SERVER_BUSY not in codes[4:]


def test_a60_a_device_told_to_be_too_busy_for_rests_and_no_other(bank: Bank) -> None:
    request = bank.request(Action.PASSWORD, account="bob", password="guess")
    refused = AttemptRefused(Code.SERVER_BUSY)
    assert bank.service.attempts.refuse(bank.opened(request), refused).code is Code.SERVER_BUSY
    assert bank.code(request) is Code.SERVER_BUSY
    assert bank.code(bank.request(), terminal=bank.new_terminal("POS-0002")) is Code.PAID
    bank.now_s += REST_MS / 1000
    assert bank.code(request) is Code.WRONG_PASSWORD


def test_a59_a45_logs_are_lines_of_json_without_secrets(site: Site) -> None:
    root = logging.getLogger()
    before, level, stream = root.handlers, root.level, io.StringIO()
    json_logs.log_as_json()
    root.handlers[0].setStream(stream)  # type: ignore[attr-defined]
    try:
        forger = site.bank.new_terminal('POS"\n{"event":"forged"}', register=False)
        site.bank.terminal.server = site.bank.key.public
        for terminal in (forger, site.bank.terminal):
            envelope, _ = terminal.seal(site.bank.request(Action.PASSWORD, password="hunter2 hunter2"))
            site.call("POST", "/v1/attempts", envelope, OCTETS)
        try:
            raise ValueError("hunter2 hunter2")
        except ValueError:
            logging.getLogger("sealframe").exception("broken")
            logging.getLogger("library").warning("it says hunter2 hunter2")
    finally:
        root.handlers = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    events = [line["event"] for line in lines]
    assert {len(line["request_id"]) for line in lines if line["event"] in {"refused", "answered"}} == {16}
    assert set(events[:-1]) == {"refused", "answered", "broken"}
    assert events[-1].startswith("library: test_app:")
    assert "hunter2" not in stream.getvalue()


def test_the_server_is_busy_rather_than_buried(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    places = ConcurrencyLimit(1, lambda: TransportError.of(503, Code.SERVER_BUSY))
    with places, pytest.raises(TransportError), places:
        raise AssertionError("two are in")
    with places:
        pass


def test_a45_a_fault_of_the_server_is_told_without_what_it_was_about(site: Site) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("hunter2")

    site.bank.service.faces.compare = fail  # type: ignore[assignment]
    envelope, _ = site.bank.terminal.seal(site.bank.request())
    status, problem = site.call("POST", "/v1/attempts", envelope, OCTETS)
    assert (status, problem["code"]) == (500, "failed")
    assert "hunter2" not in problem["message"]


def test_a40_a_store_that_is_down_gives_503_and_no_answer(site: Site) -> None:
    site.bank.service.writer.close()
    envelope, _ = site.bank.terminal.seal(site.bank.request())
    status, problem = site.call("POST", "/v1/attempts", envelope, OCTETS)
    assert (status, problem["code"]) == (503, "server_busy")
    assert site.call("GET", "/health")[0] == 503


def test_a_graceful_stop_finishes_what_was_begun(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    site = Site(bank)
    envelope, key = bank.terminal.seal(bank.request())
    results: list[Any] = []
    compare, entered = bank.service.faces.compare, threading.Event()

    def slowly(*arguments: Any) -> Any:
        entered.set()
        time.sleep(0.3)
        return compare(*arguments)

    bank.service.faces.compare = slowly  # type: ignore[method-assign]
    sender = threading.Thread(target=lambda: results.append(site.call("POST", "/v1/attempts", envelope, OCTETS)))
    sender.start()
    assert entered.wait(20)
    site.stop()
    sender.join()
    assert bank.terminal.read(results[0][1], key).code is Code.PAID
