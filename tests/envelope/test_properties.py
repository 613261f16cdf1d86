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

from sealframe.capture_context import DEFAULT_RULE, CaptureContext, SpliceRule, register_splice_rule
from sealframe.envelope import inspect
from sealframe.errors import EnvelopeError, MalformedEnvelope, SealframeError
from sealframe.keys import SIGN_NAMES, DeviceKey, ServerKey, SharedKey, Suite
from sealframe.security_factor import SecurityFactor
from tests.programs import fuzz_envelope, tamper
from tests.sealing import seal, unseal

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
register_splice_rule(OTHER_RULE)


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
    magic_num=st.sampled_from([DEFAULT_RULE.magic_num, OTHER_RULE.magic_num]),
)


@examples(200)
@given(contexts)
def test_a34_a_context_survives_its_spelling(context: CaptureContext) -> None:
    assert CaptureContext.decode(context.encode()) == context


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
        read = CaptureContext.decode(bytes(line))
    except MalformedEnvelope:
        return
    assert read.encode() == line


fields = st.permutations(["device_info", "sign_version", "timestamp", "counter", "random", "width", "height"])
separators = st.lists(st.text("|/x0a.%:", max_size=2), min_size=8, max_size=8)


@examples(200)
@given(fields, separators, contexts, contexts)
def test_a35_every_rule_that_is_accepted_is_injective(
    names: list[str], between: list[str], first: CaptureContext, second: CaptureContext
) -> None:
    template = "{magic_num}" + "".join(f"{text}{{{name}}}" for text, name in zip(between, names, strict=False))
    try:
        rule = SpliceRule("RULE", template + between[-1])
    except ValueError:
        assume(False)
    spelled = []
    for context in (first, second):
        texts = {name: str(getattr(context, name)) for name in names}
        texts |= {"random": context.random.hex(), "device_info": context.to_dict()["device_info"]}
        spelled.append(rule.splice(texts))
        assert rule.unsplice(spelled[-1]) == texts
    assert (replace(first, magic_num="SF1") == replace(second, magic_num="SF1")) == (spelled[0] == spelled[1])


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
    unsealed = unseal(envelope, key, device.public)
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
