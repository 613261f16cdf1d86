"""The states as text, for terminals without a graphical screen: every change is printed, every choice is a line."""

from __future__ import annotations

import os
import select
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from sealframe.money import AmountError, example_of, format_amount
from sealframe.terminal.entry import AccountError, read_entry
from sealframe.terminal.screen import texts
from sealframe.terminal.states import CAPTURING, MAX_TRIES, Choice, State

if TYPE_CHECKING:
    from sealframe.terminal.camera.quality import Hint
    from sealframe.terminal.payment_controller import PaymentController
    from sealframe.terminal.states import Situation

_POLL_SECONDS = 0.02
_COLOURS = {State.PAID: "green", State.FAILED: "red", State.OUT_OF_SERVICE: "red", State.UNKNOWN: "yellow"}
_KEYS = {"f": Choice.FACE, "p": Choice.PASSWORD, "c": Choice.CANCEL}


class TextScreen:
    """Shows one controller on standard output and obeys lines of standard input."""

    def __init__(self, controller: PaymentController, payee: str, currency: str, language: str) -> None:
        self._controller = controller
        self._payee = payee
        self._currency = currency
        self._language = language
        self._console = Console(highlight=False)
        self._typed = b""

    def run(self) -> None:
        """Until the person ends it in the idle state, or the input ends."""
        shown = -1
        try:
            while not self._controller.stopped:
                version = self._controller.board.version
                if version != shown:
                    shown = version
                    self._show(self._controller.board.situation, self._controller.board.hint)
                if not self._obey_typed():
                    return
        finally:
            _echo(on=True)

    def _show(self, now: Situation, hint: Hint) -> None:
        _echo(on=now.state is not State.PASSWORD)
        table = Table.grid(padding=(0, 2))
        for name, value in self._facts(now):
            table.add_row(name, value)
        colour = _COLOURS.get(now.state, "cyan")
        title = f"[bold]{texts.title(now.state, self._language, now.reason)}[/]"
        panel = Panel(table, title=title, subtitle=self._what_to_do(now), border_style=colour, width=72)
        self._console.print(panel)
        if now.state in CAPTURING and self._controller.board.preview is not None:
            self._console.print(texts.hint_text(hint, self._language))

    def _facts(self, now: Situation) -> list[tuple[str, str]]:
        language, facts = self._language, []
        if now.request is not None:
            money = f"{format_amount(now.request.amount, now.request.currency)} {now.request.currency}"
            facts = [("payee", now.request.payee), ("amount", money), ("account", now.request.account)]
        if now.reference is not None:
            facts.append(("reference", now.reference))
        rows = [(texts.label(name, language), value) for name, value in facts]
        if why := texts.sentence(now.reason, now.state, language):
            rows.append(("", why))
        if now.state is State.RETRYING:
            rows.append(("", texts.label("try", language, tries=now.tries + 1, most=MAX_TRIES)))
        if now.state is State.FAILED and now.attempts_left is not None:
            rows.append(("", texts.label("left", language, left=now.attempts_left)))
        return rows

    def _what_to_do(self, now: Situation) -> str:
        if now.state is State.IDLE:
            return texts.label("enter_line", self._language, example=example_of(self._currency))
        if now.state is State.PASSWORD:
            return texts.label("password_line", self._language)
        keys = {choice: key for key, choice in _KEYS.items()} | {
            Choice.DONE: texts.label("enter_key", self._language),
        }
        return "    ".join(f"{keys[choice]}  {texts.label(choice, self._language)}" for choice in now.choices)

    def _obey_typed(self) -> bool:
        """Wait a moment for a line and obey it; False when the person ends the terminal."""
        ready, _, _ = select.select([sys.stdin], [], [], _POLL_SECONDS)
        if ready:
            typed = os.read(sys.stdin.fileno(), 4096)
            if not typed:
                return False
            self._typed += typed
        while b"\n" in self._typed:
            line, self._typed = self._typed.split(b"\n", 1)
            if not self._obey(line.decode(errors="replace").rstrip("\r"), self._controller.board.situation):
                return False
        return True

    def _obey(self, line: str, now: Situation) -> bool:
        word = line.strip().lower()
        if now.state is State.PASSWORD and now.request is not None:
            self._take_password(line, now, now.request.payment_id)
        elif now.state is State.IDLE:
            return word != "q" and (word == "" or self._start(line, now))
        elif now.state in (State.NOT_READY, State.OUT_OF_SERVICE) and word == "q":
            return False
        elif _KEYS.get(word) is Choice.CANCEL:
            if now.request is not None:
                self._controller.cancel(now.request.payment_id)
        elif Choice.DONE in now.choices:
            self._controller.choose(now.screen, Choice.DONE)
        elif word in _KEYS:
            self._controller.choose(now.screen, _KEYS[word])
        return True

    def _take_password(self, line: str, now: Situation, payment_id: str) -> None:
        if not line:
            self._controller.cancel(payment_id)
            return
        with suppress(ValueError):
            self._controller.give_password(now.screen, line)

    def _start(self, line: str, now: Situation) -> bool:
        amount, _, account = line.strip().partition(" ")
        try:
            entry = read_entry(amount, account, payee=self._payee, currency=self._currency)
        except (AmountError, AccountError) as error:
            self._console.print(texts.complaint(error, self._language))
        else:
            self._controller.start(now.screen, self._payee, entry.amount, self._currency, entry.account)
        return True


def _echo(*, on: bool) -> None:
    """Whether the terminal shows what is typed; nothing to do where the input is none."""
    with suppress(termios.error):
        modes = termios.tcgetattr(sys.stdin)
        modes[3] = modes[3] | termios.ECHO if on else modes[3] & ~termios.ECHO
        termios.tcsetattr(sys.stdin, termios.TCSANOW, modes)
