"""Properties of envelopes and contexts over arbitrary inputs (A21-A26, A34, A35).

SEALFRAME_LONG=1 multiplies the number of examples by a hundred.

Covers A20, A22.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sealframe.capture_context import DEFAULT_RULE, CaptureContext, SpliceRule, rules_by_magic
from sealframe.envelope import EnvelopeWriter, Policy, SessionReader, inspect
from sealframe.errors import EnvelopeError, MalformedEnvelope, SealframeError
from sealframe.keys import SIGN_NAMES, DeviceKey, ServerKey, SharedKey, Suite
from sealframe.security_factor import SecurityFactor
from tests.programs import fuzz_envelope, tamper
from tests.sealing import ANY_SUITE, factor_of, now_s, seal, unseal

SCALE = 100 if os.environ.get("SEALFRAME_LONG") else 1
DEVICE = DeviceKey.generate("POS-0001")
DEVICES = {sign: DeviceKey.generate("POS-0001", sign) for sign in SIGN_NAMES}
SERVER = ServerKey.generate(Suite.X25519)
RECIPIENTS: dict[int, Any] = {
    Suite.X_WING: ServerKey.generate(),
    Suite.X25519: SERVER,
    Suite.SHARED_KEY: SharedKey.generate(),
}
OTHER_RULE = SpliceRule(
    "PROP", "{magic_num}/{timestamp}{random}{device_info} {counter},{sign_version},{height}*{width}"
)
RULES = rules_by_magic([OTHER_RULE])
SESSIONS = Policy(suites=frozenset(Suite), modes=frozenset({1}))


def examples(count: int) -> settings:
    return settings(max_examples=count * SCALE, deadline=None, suppress_health_check=list(HealthCheck))


contexts = st.builds(
    CaptureContext,
    device_info=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=96).filter(
        lambda text: len(text.encode()) <= 96
    ),
    sign_version=st.integers(1, 255),
    timestamp=st.integers(10**12, 10**13 - 1),
    counter=st.integers(0, 2**64 - 1),
    random=st.binary(min_size=16, max_size=16),
    width=st.integers(1, 2**32 - 1),
    height=st.integers(1, 2**32 - 1),
    splice_rule=st.sampled_from([DEFAULT_RULE, OTHER_RULE]),
)


@examples(200)
@given(contexts)
def test_a34_a_context_survives_its_spelling(context: CaptureContext) -> None:
    assert CaptureContext.decode(context.encode(), RULES) == context


@examples(200)
@given(contexts, contexts)
def test_a34_different_contexts_are_spelled_differently(first: CaptureContext, second: CaptureContext) -> None:
    assert (first == second) == (first.encode() == second.encode())


@examples(200)
@given(contexts, st.data())
def test_a34_a_spelling_that_is_read_is_the_only_one(context: CaptureContext, data: st.DataObject) -> None:
    """Whatever is changed in a line: it is refused, or it means something else and is spelled just so."""
    line = bytearray(context.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(line) - 1))
        line[position : position + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        read = CaptureContext.decode(bytes(line), RULES)
    except MalformedEnvelope:
        return
    assert read.encode() == line


NAMES = ["device_info", "sign_version", "timestamp", "counter", "random", "width", "height"]
magic_numbers = st.from_regex(r"[0-9A-Z]{1,16}", fullmatch=True).filter(lambda magic: magic != "SF1")


def template_of(names: list[str], between: list[str]) -> str:
    return "".join(f"{{{name}}}{text}" for name, text in zip(["magic_num", *names], between, strict=True))


def templates(*separators: str) -> st.SearchStrategy[str]:
    between = st.lists(st.sampled_from(separators), min_size=8, max_size=8)
    return st.builds(template_of, st.permutations(NAMES), between)


plain_rules = st.builds(SpliceRule, magic_numbers, templates("|", ";", "/ ", "|0", ",x"))


def is_accepted(template: str) -> bool:
    try:
        SpliceRule("RULE", template)
    except ValueError:
        return False
    return True


@examples(200)
@given(templates("|", ";", "/ ", "", "x", "0", "%", "|0", "a|").filter(is_accepted), contexts, contexts)
def test_a35_every_rule_that_is_accepted_is_injective(
    template: str, first: CaptureContext, second: CaptureContext
) -> None:
    rule = SpliceRule("RULE", template)
    first, second = replace(first, splice_rule=rule), replace(second, splice_rule=rule)
    for context in (first, second):
        assert CaptureContext.decode(context.encode(), rules_by_magic([rule])) == context
    assert (first == second) == (first.encode() == second.encode())


@examples(60)
@given(st.sets(plain_rules, min_size=2, max_size=2), contexts, st.binary(max_size=200))
def test_m18_a_message_and_a_frame_open_under_the_rule_that_sealed_them(
    pair: set[SpliceRule], context: CaptureContext, payload: bytes
) -> None:
    """With both rules in the reader, with this one, and not with the other one alone."""
    own, other = pair
    assume(own.magic_num != other.magic_num)
    context = replace(context, device_info="POS-0001", sign_version=1, splice_rule=own)
    factor = factor_of(DEVICE, payload, b"d", context=context.encode())
    opening, frames = EnvelopeWriter(SERVER.public, DEVICE, clock=now_s).open_session(1, factor, b"d", payload)
    frame = frames.write(replace(factor, payload_digest=b""), b"d", payload)
    message = seal(DEVICE, SERVER.public, payload, b"d", factor=factor)
    for known in ([own], [other, own]):
        rules = rules_by_magic(known)
        assert unseal(message, SERVER, DEVICE.public, splice_rules=rules).context == context
        session = unseal(opening, SERVER, DEVICE.public, policy=SESSIONS, splice_rules=rules)
        assert SessionReader(session).verify(frame).context == context
    for envelope, policy in ((message, ANY_SUITE), (opening, SESSIONS)):
        with pytest.raises(MalformedEnvelope):
            unseal(envelope, SERVER, DEVICE.public, policy=policy, splice_rules=rules_by_magic([other]))


@examples(60)
@given(
    st.sampled_from(list(SIGN_NAMES)),
    st.sampled_from(list(RECIPIENTS)),
    st.binary(max_size=50_000),
    st.binary(max_size=2_000),
    st.binary(min_size=1, max_size=2_000),
    contexts,
)
def test_envelopes_of_every_kind_and_size_round_trip(
    sign: str, suite: int, payload: bytes, data: bytes, image_factor: bytes, context: CaptureContext
) -> None:
    device, key = DEVICES[sign], RECIPIENTS[suite]
    context = replace(context, device_info="POS-0001", sign_version=device.public.sign_version)
    digests = hashlib.sha256(data).digest(), hashlib.sha256(payload).digest()
    factor = SecurityFactor(image_factor, context.encode(), *digests)
    envelope = seal(device, key if isinstance(key, SharedKey) else key.public, payload, data, factor=factor)
    unsealed = unseal(envelope, key, device.public, splice_rules=RULES)
    assert (unsealed.payload, unsealed.data, unsealed.context) == (payload, data, context)
    assert unsealed.security_factor == factor


@examples(200)
@given(st.binary(min_size=1, max_size=300), st.binary(min_size=1, max_size=200), st.data())
def test_a21_security_factors_have_one_spelling(image_factor: bytes, context: bytes, data: st.DataObject) -> None:
    factor = SecurityFactor(image_factor, context, bytes(32), bytes(range(32)))
    assert SecurityFactor.decode(factor.encode()) == factor
    altered = bytearray(factor.encode())
    position = data.draw(st.integers(0, len(altered) - 1))
    altered[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        read = SecurityFactor.decode(bytes(altered))
    except MalformedEnvelope:
        return
    assert read.encode() == altered


@examples(300)
@given(st.data())
def test_a22_envelopes_mangled_at_random_get_a_typed_error(data: st.DataObject) -> None:
    honest = seal(DEVICE, SERVER.public)
    mangled = bytearray(honest)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(mangled)))
        mangled[position : position + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    assume(mangled != honest)
    with pytest.raises(SealframeError):
        unseal(mangled, SERVER, DEVICE.public)


@examples(300)
@given(st.binary(max_size=400), st.booleans())
def test_a20_arbitrary_bytes_are_inspected_or_refused_with_a_typed_error(raw: bytes, pretend: bool) -> None:
    raw = b"\x89SLF\1\2\1\0" + raw if pretend else raw
    with pytest.raises(EnvelopeError):
        inspect(raw)


def test_a21_a22_a26_flips_cuts_and_mixtures_are_refused_with_typed_errors() -> None:
    """A sample of `python -m tests.programs.tamper`."""
    ends, wrong = tamper.run(every=1 if os.environ.get("SEALFRAME_LONG") else 1499)
    assert wrong == []
    assert {"BadSignature", "CannotOpen", "MalformedEnvelope"} <= set(ends)


@examples(300)
@given(st.integers(0, 9), st.binary(max_size=600))
def test_what_is_fuzzed_ends_in_a_typed_error_or_a_result(entrance: int, raw: bytes) -> None:
    fuzz_envelope.one_input(bytes([entrance]) + raw)
