"""The page in a real browser, against the real server: every state, every code, both languages, the browser's camera.

Covers A58, A62, M24, M27, M28, M29.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sealframe.payment_protocol import Code, new_payment_id
from sealframe.server.payments import administration, operator_transfers
from sealframe.terminal.camera.source import BrowserCamera
from sealframe.terminal.screen import texts
from sealframe.terminal.states import Choice, State
from tests.server.bank import ALICE, BOB, FUNDS, PASSWORD
from tests.terminal.browser import CHROMIUM, Person, ServedPage, chromium, write_camera_file
from tests.terminal.every_state import walk
from tests.terminal.network import Network
from tests.terminal.running_terminal import QUICK, RunningTerminal
from tests.terminal.served_bank import ServedBank

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="there is no Playwright; pip install playwright"),
]
PHONE = {"width": 390, "height": 844}
PANEL = {"width": 800, "height": 480}
"""The small touch panels of many counters."""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Alice sits before its camera."""
    with chromium(playwright, write_camera_file(tmp_path_factory.mktemp("camera") / "alice.mjpeg", ALICE)) as browser:
        yield browser


@pytest.fixture
def page(till: RunningTerminal) -> Iterator[ServedPage]:
    page = ServedPage(till)
    yield page
    till.stop()
    page.join()


@pytest.fixture
def person(browser: Any, page: ServedPage) -> Iterator[Person]:
    person = Person(browser, page.address)
    yield person
    person.close()
    assert person.errors == []


@pytest.fixture
def camera_till(site: ServedBank, tmp_path: Path) -> Iterator[RunningTerminal]:
    """A till whose camera is the browser's."""
    till = RunningTerminal(site, tmp_path / "till", replace(QUICK, steady=0.2), source=BrowserCamera())
    yield till
    till.stop()


# Paying


def test_m24_m27_the_browsers_camera_pays_and_the_receipt_stands_there(
    site: ServedBank, camera_till: RunningTerminal, browser: Any
) -> None:
    page = ServedPage(camera_till)
    person = Person(browser, page.address)
    person.pay()
    person.until("paid")
    receipt = person.reads()
    assert re.search(r"2\.50 EUR", receipt)
    assert re.search(r"Payee\s+shop", receipt)
    assert camera_till.now.reference
    assert camera_till.now.reference in receipt
    assert site.bank.balance("alice") == FUNDS - 250
    assert person.tab.evaluate("document.querySelector('video')") is None, "the camera is off"
    person.choose("done")
    person.until("idle")
    person.close()
    assert person.errors == []
    camera_till.stop()
    page.join()


def test_m28_a_strangers_face_fails_and_the_password_is_typed_on_the_screen(
    site: ServedBank, camera_till: RunningTerminal, browser: Any
) -> None:
    """Alice claims to be Bob, and knows his password."""
    bank = site.bank
    bank.enrol_drawn("bob", BOB)
    bank.operate(operator_transfers.deposit, payment_id=new_payment_id(), account="bob", amount=FUNDS)
    bank.operate(administration.set_password, account="bob", password_hash=bank.service.passwords.hash(PASSWORD))
    page = ServedPage(camera_till)
    person = Person(browser, page.address, has_touch=True)
    person.pay(account="bob")
    person.until("failed")
    failure = person.reads()
    assert Code.FACE_MISMATCH.message in failure
    assert "Tries left: 4" in failure
    for choice in ("Face again", "Password", "Cancel"):
        assert choice in failure
    person.choose("password")
    person.until("password")
    person.tab.click('.pad [data-key="abc"]')
    person.press(PASSWORD)
    assert PASSWORD not in person.tab.content()
    person.tab.click("button.main")
    person.until("paid")
    person.close()
    assert bank.balance("bob") == FUNDS - 250
    camera_till.stop()
    page.join()


def test_a_camera_that_is_denied_says_so_and_leaves_the_password(
    site: ServedBank, camera_till: RunningTerminal, browser: Any
) -> None:
    page = ServedPage(camera_till)
    person = Person(browser, page.address, camera=False)
    person.pay()
    person.until("failed")
    assert "The browser blocks the camera" in person.reads()
    person.choose("password")
    person.until("password")
    person.tab.fill("[name=password]", PASSWORD)
    person.tab.keyboard.press("Enter")
    person.until("paid")
    assert site.bank.balance("alice") == FUNDS - 250
    person.close()
    camera_till.stop()
    page.join()


def test_keys_alone_pay_and_cancel(site: ServedBank, till: RunningTerminal, person: Person) -> None:
    keys = person.tab.keyboard
    till.camera.person = BOB
    person.until("idle")
    for key in ("2", ".", "5", "Enter", *"alice", "Enter"):
        keys.press(key)
    person.until("failed")
    keys.press("Escape")
    person.until("cancelled")
    person.rest()
    keys.press("Enter")
    person.until("idle")
    assert site.bank.balance("alice") == FUNDS


def test_what_is_no_amount_or_account_is_said_and_starts_nothing(till: RunningTerminal, person: Person) -> None:
    for amount, account, complaint in (
        ("1.234", "alice", "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals."),
        ("1,250", "alice", "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals."),
        ("nothing", "alice", "Check the amount (for example 12.50)."),
        ("2.50", "a/b", "Check the account name."),
    ):
        person.pay(amount, account)
        person.tab.locator(".complaint:visible").filter(has_text=complaint).wait_for()
    assert till.now.state is State.IDLE
    person.errors.clear()  # a browser notes every status of 400 and more
    person.pay("2.50", "alice")
    person.until("paid")


def test_a58_impatient_clicks_pay_once(site: ServedBank, till: RunningTerminal, person: Person) -> None:
    person.until("idle")
    person.tab.fill("[name=amount]", "2.50")
    person.tab.fill("[name=account]", "alice")
    person.tab.evaluate("for (let n = 0; n < 5; n++) document.querySelector('button.main').click()")
    person.until("paid")
    person.rest()
    person.tab.evaluate("for (let n = 0; n < 5; n++) document.querySelector('button.main').click()")
    person.until("idle")
    person.tab.wait_for_timeout(200)
    assert till.now.state is State.IDLE
    assert till.states.count(State.READY) == 1
    assert site.bank.balance("alice") == FUNDS - 250


def test_a58_an_enter_too_many_neither_cancels_nor_closes_the_receipt(till: RunningTerminal, person: Person) -> None:
    person.until("idle")
    person.tab.fill("[name=amount]", "2.50")
    person.tab.fill("[name=account]", "alice")
    for _ in range(3):
        person.tab.keyboard.press("Enter")
    person.until("paid")
    person.tab.evaluate("document.querySelector('button.main').dispatchEvent(new MouseEvent('click', {detail: 2}))")
    person.tab.wait_for_timeout(300)
    assert till.now.state is State.PAID


def test_two_pages_show_one_terminal(till: RunningTerminal, person: Person, browser: Any, page: ServedPage) -> None:
    other = Person(browser, page.address)
    person.pay()
    other.until("paid")
    person.until("paid")
    other.choose("done")
    person.until("idle")
    other.close()


def test_a_page_loaded_anew_in_the_middle_shows_where_the_payment_stands(till: RunningTerminal, person: Person) -> None:
    till.camera.person = BOB
    person.pay()
    person.until("failed")
    person.tab.reload()
    person.until("failed")
    person.choose("cancel")
    person.until("cancelled")


# Every state, every code


@pytest.mark.parametrize(("language", "window"), [("en", PANEL), ("zh", PHONE)])
def test_every_state_can_be_read_touched_and_heard(
    site: ServedBank, browser: Any, tmp_path: Path, language: str, window: Any
) -> None:
    till = RunningTerminal(site, tmp_path / "till", start=False)
    till.start(is_cut=True)
    page = ServedPage(till, language=language)
    person = Person(browser, page.address, reduced_motion="reduce", viewport=window)
    seen = []
    for state in walk(till, person):
        seen.append(state)
        title = texts.title(state, language)
        person.finds(title)  # the state stands in the page before its words do, while it loads
        assert title in person.tab.inner_text(".spoken")
        assert person.tab.evaluate("document.documentElement.lang").startswith(language)
        assert person.tab.evaluate(UNREADABLE) == [], state
        assert person.tab.evaluate(HARD_TO_TOUCH) == [], state
        assert person.tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
        if window is PANEL:
            assert person.tab.evaluate("document.documentElement.scrollHeight <= innerHeight"), f"{state} is too high"
        assert person.tab.evaluate("document.getAnimations().length") == 0, "motion is reduced"
    assert set(seen) == set(State)
    person.close()
    till.stop()
    page.join()
    assert person.errors == []


def test_every_code_of_the_server_stands_on_the_page_in_every_language(till: RunningTerminal, person: Person) -> None:
    """The button leads once round: the page stays in the language in which it began."""
    for code in Code:
        till.wire.faults = [till.answering(code, attempts_left=None)] * 5
        till.pay()
        ended = till.until(State.PAID, State.FAILED, State.CANCELLED, State.OUT_OF_SERVICE)
        for language in texts.LANGUAGES:
            person.tab.wait_for_function(READS, arg=texts.title(ended.state, language))
            person.tab.wait_for_function(READS, arg=texts.sentence(code, ended.state, language))
            person.tab.click("#language")
        till.wire.faults = []
        _leave(till)


def _leave(till: RunningTerminal) -> None:
    """Back to idle; what only an operator can mend is mended by letting the state machine forget it."""
    if till.now.state is State.FAILED:
        till.cancel()
        till.until(State.CANCELLED)
    if till.now.state is State.OUT_OF_SERVICE:
        from sealframe.terminal.states import Situation

        till.controller.board.show(Situation(State.IDLE, screen=till.now.screen + 1, reason=None))
    else:
        till.choose(Choice.DONE)
    till.until(State.IDLE)


def test_the_language_changes_at_once_and_keeps_what_was_typed(person: Person) -> None:
    person.until("idle")
    person.tab.fill("[name=amount]", "12.50")
    assert person.tab.inner_text("#language") == "中文"
    person.tab.click("#language")
    assert "刷脸支付" in person.reads()
    assert person.tab.input_value("[name=amount]") == "12.50"
    assert person.tab.inner_text("#language") == "English"
    person.tab.click("#language")
    assert "Pay by face" in person.reads()


def test_a_chinese_account_is_typed_in_digits_first_full_width_ones_too(
    site: ServedBank, till: RunningTerminal, browser: Any
) -> None:
    page = ServedPage(till, language="zh")
    person = Person(browser, page.address, has_touch=True)
    person.until("idle")
    assert person.tab.input_value("[name=account]") == ""
    person.tab.focus("[name=account]")
    assert person.tab.get_attribute(".pad", "data-layout") == "digits"
    person.tab.click('.pad [data-key="abc"]')
    assert person.tab.get_attribute(".pad", "data-layout") == "letters"
    person.pay("\uff12\uff0e\uff15\uff10", "\uff41lice")
    person.until("paid")
    assert site.bank.balance("alice") == FUNDS - 250
    assert person.tab.inner_text("main .why") == "", "the title says it all"
    person.close()
    till.stop()
    page.join()
    assert person.errors == []


def test_without_its_token_the_page_is_closed_in_every_language(person: Person, page: ServedPage, browser: Any) -> None:
    stranger = Person(browser, page.address.split("#")[0])
    stranger.until("locked_out")
    for language in texts.LANGUAGES:
        stranger.finds(texts.label("closed", language))
        stranger.finds(texts.label("closed_why", language))
    stranger.close()


def test_motion_is_shown_to_those_who_want_it(till: RunningTerminal, person: Person) -> None:
    gate = threading.Event()
    till.wire.faults = [lambda envelope: till.answering(Code.NO_FACE)(envelope) if gate.wait(20) else b""]
    person.pay()
    person.until("verifying")
    assert person.tab.evaluate("document.getAnimations().length") > 0
    gate.set()
    person.until("paid")


def test_a62_another_site_in_the_same_browser_gets_nowhere(
    till: RunningTerminal, browser: Any, page: ServedPage
) -> None:
    tab = browser.new_page()
    tab.goto("data:text/html,<title>elsewhere</title>")
    start = {"screen": till.now.screen, "amount": "2.50", "account": "alice"}
    for mode in ("cors", "no-cors"):
        assert tab.evaluate(CALLS_FROM_ELSEWHERE, [page.address.split("/#")[0], start, mode]) == []
    frame = f"<iframe src='{page.address}'></iframe>"
    tab.set_content(frame)
    tab.wait_for_timeout(500)
    assert "amount" not in tab.frames[-1].content(), "the page lies in no frame"
    tab.close()
    assert till.now.state is State.IDLE
    assert till.states.count(State.READY) == 0


# When something ends in the middle


def test_the_page_says_when_the_terminal_ends(till: RunningTerminal, person: Person, page: ServedPage) -> None:
    person.until("idle")
    till.stop()
    person.until("lost")
    assert "do not pay again" in person.reads()
    person.errors.clear()  # a browser notes every connection that fails


@pytest.mark.mortal
def test_the_server_is_killed_in_the_middle_and_comes_back(
    site: ServedBank, till: RunningTerminal, person: Person
) -> None:
    def power_cut(envelope: bytes) -> bytes:
        try:
            return till.wire.lose_answer(envelope)
        finally:
            site.stop()

    till.wire.faults = [power_cut]
    person.pay()
    person.until("unknown")
    assert "do not pay again" in person.reads()
    site.start()
    person.until("paid")
    assert site.bank.balance("alice") == FUNDS - 250


def test_m28_cancel_waits_for_no_server_and_a_charge_that_was_made_is_shown(
    site: ServedBank, network: Network, browser: Any, tmp_path: Path
) -> None:
    till = RunningTerminal(site, tmp_path / "till", start=False)
    till.start(address=network.address, reply_seconds=600)
    page = ServedPage(till)
    person = Person(browser, page.address)
    person.until("idle")
    network.hold_replies()
    person.pay()
    assert network.has_reply.wait(30)
    person.until("verifying")
    person.choose("cancel")
    person.until("unknown")
    assert "Cancelling, do not pay again" in person.reads()
    assert not person.tab.is_visible("[data-choice]"), "nothing more to do than wait"
    network.release()
    person.until("paid")
    assert "The payment was made before the cancellation" in person.reads()
    assert site.bank.balance("alice") == FUNDS - 250
    person.close()
    till.stop()
    page.join()
    assert person.errors == []


def test_a_cut_network_shows_unknown_until_it_is_back(site: ServedBank, till: RunningTerminal, person: Person) -> None:
    till.wire.is_cut = True
    person.pay()
    person.until("unknown")
    till.wire.is_cut = False
    person.until("failed", "cancelled")
    assert site.bank.balance("alice") == FUNDS


READS = "text => document.querySelector('main').innerText.includes(text)"
CALLS_FROM_ELSEWHERE = """async ([origin, start, mode]) => {
  const read = [];
  const body = JSON.stringify(start);
  for (const [path, options] of [["/start", { method: "POST", body }], ["/setup", {}], ["/events", {}]]) {
    const reply = await fetch(origin + path, { mode, ...options }).catch(() => null);
    if (reply !== null && (reply.ok || (await reply.text()))) read.push(path);
  }
  return read;
}"""
UNREADABLE = """() => {
  // WCAG 2: texts whose contrast with what lies behind is below 4.5.
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      const colour = parse(style.backgroundColor);
      if (colour.length === 3 || colour[3] > 0.8) return colour;
      if (style.backgroundImage.includes("gradient")) return [255, 255, 255];
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.matches(".spoken, script, :disabled")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) poor.push(`${element.textContent}: ${contrast.toFixed(2)}`);
    if (parseFloat(getComputedStyle(element).fontSize) < 16) poor.push(`${element.textContent}: small`);
  }
  return poor;
}"""
HARD_TO_TOUCH = """() => [...document.querySelectorAll("button, input")].filter((each) => {
  if (!each.checkVisibility()) return false;
  const box = each.getBoundingClientRect();
  return box.height < 44 || box.width < 24;
}).map((each) => each.outerHTML)"""
