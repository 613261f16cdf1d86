"""What a verification costs, step by step, in units of one image factor: `python benchmarks/capacity.py [--turns 60]`.

Processor time, not waiting, so that a busy computer changes little; factors and payments take turns in one process.
HTTP is what the server's process takes beyond these steps for a payment that `sealframe loadtest` sends it. What a
computer can do follows: cores / (factors a payment x seconds a factor).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sealframe as sf
from sealframe.faces.detection import Cascade
from sealframe.loadtest.clients import send_all
from sealframe.loadtest.corpus import Corpus
from sealframe.loadtest.processes import Servers
from sealframe.loadtest.site import CURRENCY, SHOP, Site, open_site
from sealframe.payment_protocol import Action, Code, PaymentRequest, new_payment_id
from sealframe.sandbox import Bank
from sealframe.server.payments.envelope_start import EnvelopeStart
from sealframe.server.payments.request_opener import OpenedRequest
from sealframe.server.payments.service import PaymentService

FACTOR_STAGES = ("image", "features", "derivation", "similarity", "image factor", "comparison")
WARM = 5


class ProcessorStages:
    """A mark that keeps the processor seconds of this process for each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def __call__(self, stage: str) -> None:
        now = time.process_time()
        name = "image factor, recomputed" if stage in FACTOR_STAGES else stage
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


def pay(service: PaymentService, site: Site, turn: int) -> dict[str, float]:
    """Processor seconds of each step of one payment."""
    till, frame = site.tills[0], site.frames[turn % len(site.frames)]
    request = PaymentRequest(Action.PAY, new_payment_id(), SHOP, 1, CURRENCY, till.account)
    envelope, _ = till.sealer.seal_request(frame, request.encode())
    on_stage = ProcessorStages()
    attempts = service.attempts
    opened = attempts.open(envelope, EnvelopeStart.parse(envelope), on_stage)
    assert isinstance(opened, OpenedRequest)
    attempt = attempts.verify_person(opened, on_stage)
    assert attempts.settle(attempt).result().code is Code.PAID
    on_stage("settling, one payment in a commit")
    return on_stage.seconds


def seconds_of(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def over_http(site: Site, folder: Path, payments: int) -> float:
    """Processor seconds of the server's process for one payment, HTTP included, eight clients at once."""
    with Servers(site, 1, folder) as servers:
        queues = Corpus(site, folder / "corpus", lambda _: None).payments("http", payments, site.tills[1:9])
        send_all([queue[:1] for queue in queues], servers.ports)
        before = servers.processor_seconds()
        seen = send_all([queue[1:] for queue in queues], servers.ports)
        return (servers.processor_seconds() - before) / len(seen.replies)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=60, help="payments and factors (default: %(default)s)")
    parser.add_argument("--database", metavar="URL", help="an empty one (default: SQLite in a folder of its own)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = open_site(folder, arguments.database, 9)
        service, frame, cascade = Bank.reopen(site.home, site.url).service, site.frames[0], Cascade()
        factors, payments = [], []
        for turn in range(arguments.turns + WARM):
            factors.append(seconds_of(lambda: sf.image_factor(frame)))
            payments.append(pay(service, site, turn))
        extra = {
            "face detection by the cascade, instead": statistics.median(
                seconds_of(lambda: cascade.find(frame)) for _ in range(5)
            ),
            "a password, instead of the face": statistics.median(
                seconds_of(lambda: service.passwords.check(service.database, "nobody", "guess")) for _ in range(5)
            ),
        }
        service.close()
        whole = over_http(site, folder, 8 * (1 + max(1, arguments.turns // 8)))
    unit = statistics.median(factors[WARM:])
    steps = {step: statistics.median(each.get(step, 0.0) for each in payments[WARM:]) for step in payments[-1]}
    print(f"one image factor: {1000 * unit:.2f} ms of one core\n")
    for step, seconds in steps.items():
        print(f"  {step:44}{seconds / unit:8.2f}")
    print(f"  {'together':44}{sum(steps.values()) / unit:8.2f}")
    print(f"  {'a payment over HTTP, eight clients':44}{whole / unit:8.2f}\n")
    for step, seconds in extra.items():
        print(f"  {step:44}{seconds / unit:8.2f}")
    print(f"\npayments a second and core, faces guided into the middle: {1 / whole:.0f}")


if __name__ == "__main__":
    main()
