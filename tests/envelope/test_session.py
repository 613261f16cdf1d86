"""Session frames: bound to the opening message and to their place (A26, A36, A43, and what limits a session).

Covers A22, A45.
"""

from __future__ import annotations

import numpy as np
import pytest

from sealframe.envelope import EnvelopeWriter, Policy, SessionReader, SessionWriter, Unsealed, content, schedule
from sealframe.envelope.content import draft_content
from sealframe.envelope.session import MAX_FRAMES, MAX_SECONDS, WINDOW
from sealframe.errors import (
    CannotOpen,
    FactorMismatch,
    LimitExceeded,
    MalformedEnvelope,
    PolicyError,
    ReplayedCapture,
    SealframeError,
    UnknownKey,
    UnsupportedEnvelope,
)
from sealframe.keys import DeviceKey, ServerKey, SharedKey, Suite
from tests.sealing import context_of, factor_of, frame_factor_of, now_s, seal, unseal

SESSIONS = Policy(suites=frozenset(Suite), modes=frozenset({0, 1}))


@pytest.fixture(scope="module")
def device() -> DeviceKey:
    return DeviceKey.generate("POS-0001")


@pytest.fixture(scope="module")
def server() -> ServerKey:
    return ServerKey.generate(Suite.X25519)


def opened(device: DeviceKey, key: ServerKey | SharedKey) -> tuple[SessionWriter, Unsealed]:
    to = key if isinstance(key, SharedKey) else key.public
    writer = EnvelopeWriter(to, device, clock=now_s)
    opening, frames = writer.open_session(1, factor_of(device, b"first", b""), b"", b"first")
    return frames, unseal(opening, key, device.public, policy=SESSIONS)


def frame(writer: SessionWriter, device: DeviceKey, payload: bytes = b"frame", data: bytes = b"") -> bytes:
    return writer.write(frame_factor_of(device, data), data, payload)


@pytest.mark.parametrize("key", [ServerKey.generate(), ServerKey.generate(Suite.X25519), SharedKey.generate()])
def test_frames_follow_their_opening(device: DeviceKey, key: ServerKey | SharedKey) -> None:
    writer, opening = opened(device, key)
    assert opening.payload == b"first"
    reader = SessionReader(opening)
    for number in range(3):
        payload = bytes([number]) * 20_000
        verified = reader.verify(frame(writer, device, payload, b"d"))
        assert (verified.sequence, verified.payload, verified.data) == (number, payload, b"d")
        assert verified.context == context_of(device)
        assert verified.profile == 1
        reader.accept(verified.sequence)


def test_a36_a_frame_counts_once_and_in_order(device: DeviceKey, server: ServerKey) -> None:
    writer, opening = opened(device, server)
    reader = SessionReader(opening)
    first, second = frame(writer, device), frame(writer, device)
    assert first[:8] == b"\x89SLF\1\2\0\2"
    with pytest.raises(ReplayedCapture):
        reader.verify(second)
    reader.verify(first)
    reader.accept(reader.verify(first).sequence)
    for use in (lambda: reader.verify(first), lambda: reader.accept(0)):
        with pytest.raises(ReplayedCapture):
            use()
    reader.accept(reader.verify(second).sequence)


def test_a36_within_the_window_each_frame_may_come_late_once(device: DeviceKey, server: ServerKey) -> None:
    writer, opening = opened(device, server)
    reader = SessionReader(opening, ordered=False)
    frames = [frame(writer, device) for _ in range(WINDOW + 2)]
    reader.accept(reader.verify(frames[5]).sequence)
    for number in (4, 0, 3):
        reader.accept(reader.verify(frames[number]).sequence)
        with pytest.raises(ReplayedCapture):
            reader.verify(frames[number])
    reader.accept(reader.verify(frames[WINDOW + 1]).sequence)
    reader.accept(reader.verify(frames[2]).sequence)
    with pytest.raises(ReplayedCapture):
        reader.verify(frames[1])
    with pytest.raises(ReplayedCapture):
        reader.verify(frames[5])
    reader.accept(reader.verify(frames[WINDOW]).sequence)


def test_a22_every_altered_bit_and_truncation_is_refused(device: DeviceKey, server: ServerKey) -> None:
    writer, opening = opened(device, server)
    reader, honest = SessionReader(opening), frame(writer, device)
    altered = [honest[:length] for length in range(len(honest))] + [honest + b"\0"]
    for offset in range(len(honest) * 8):
        flipped = bytearray(honest)
        flipped[offset // 8] ^= 1 << offset % 8
        altered.append(bytes(flipped))
    for wrong in altered:
        with pytest.raises(SealframeError):
            reader.verify(wrong)
    assert reader.verify(honest).payload == b"frame"


@pytest.mark.parametrize(
    ("offset", "value", "error"),
    [
        (0, 0, MalformedEnvelope),
        (4, 2, UnsupportedEnvelope),
        (5, 1, UnknownKey),
        (6, 1, MalformedEnvelope),
        (7, 0, UnsupportedEnvelope),
        (8, None, UnknownKey),
        (31, 9, ReplayedCapture),
        (39, None, MalformedEnvelope),
        (40, None, FactorMismatch),
        (80, None, CannotOpen),
    ],
)
def test_a22_each_field_has_its_error(
    device: DeviceKey, server: ServerKey, offset: int, value: int | None, error: type[SealframeError]
) -> None:
    writer, opening = opened(device, server)
    altered = bytearray(frame(writer, device))
    altered[offset] = altered[offset] ^ 1 if value is None else value
    with pytest.raises((error, CannotOpen) if error is FactorMismatch else error):
        SessionReader(opening).verify(altered)


def test_a26_a_frame_of_another_session_is_refused(device: DeviceKey, server: ServerKey) -> None:
    (writer, opening), (other_writer, _) = opened(device, server), opened(device, server)
    foreign = frame(other_writer, device)
    with pytest.raises(UnknownKey):
        SessionReader(opening).verify(foreign)
    moved = bytearray(foreign)
    moved[8:24] = frame(writer, device)[8:24]
    with pytest.raises(CannotOpen):
        SessionReader(opening).verify(moved)


def test_a_message_opens_no_session_and_a_frame_is_no_message(device: DeviceKey, server: ServerKey) -> None:
    with pytest.raises(PolicyError):
        SessionReader(unseal(seal(device, server.public), server, device.public))
    writer, opening = opened(device, server)
    with pytest.raises(UnsupportedEnvelope, match="frame of a session"):
        unseal(frame(writer, device), server, device.public, policy=SESSIONS)
    with pytest.raises(UnsupportedEnvelope):
        SessionReader(opening).verify(seal(device, server.public))


def test_a_session_has_one_recipient(device: DeviceKey, server: ServerKey) -> None:
    writer = EnvelopeWriter([server.public, ServerKey.generate(Suite.X25519).public], device, clock=now_s)
    with pytest.raises(PolicyError):
        writer.open_session(1, factor_of(device, b"", b""), b"", b"")


def test_a_frame_of_another_device_or_with_other_content_is_refused(device: DeviceKey, server: ServerKey) -> None:
    writer, opening = opened(device, server)
    reader = SessionReader(opening)
    foreign = frame_factor_of(device, b"", context=context_of(device, device_info="POS-0002").encode())
    with pytest.raises(PolicyError):
        reader.verify(writer.write(foreign, b"", b"p"))
    writer, opening = opened(device, server)
    with pytest.raises(FactorMismatch):
        SessionReader(opening).verify(writer.write(frame_factor_of(device, b"other"), b"", b"p"))


def test_frames_hold_no_digest_of_their_payload_and_messages_do(device: DeviceKey, server: ServerKey) -> None:
    frames, opening = opened(device, server)
    with pytest.raises(ValueError, match="no digest"):
        frames.write(factor_of(device, b"p", b""), b"", b"p")
    with pytest.raises(ValueError, match="digest"):
        seal(device, server.public, factor=frame_factor_of(device, b"data"))
    digested = draft_content(factor_of(device, b"p", b""), b"", b"p")
    header = frames._next_header(digested)
    false = content.encrypt(header, digested, frames._session.key, schedule.frame_context(header))
    with pytest.raises(MalformedEnvelope):
        SessionReader(opening).verify(false)


def test_frames_into_buffers(device: DeviceKey, server: ServerKey) -> None:
    frames, opening = opened(device, server)
    reader, payload, sealed = SessionReader(opening), bytes(range(250)) * 100, bytearray(30_000)
    out = bytearray(b"\xaa" * 30_000)
    for _ in range(2):
        for small in (bytearray(100), memoryview(bytearray(25_000))):
            with pytest.raises(ValueError, match="too small"):
                frames.write_into(small, frame_factor_of(device, b"d"), b"d", payload)
        length = frames.write_into(sealed, frame_factor_of(device, b"d"), b"d", payload)
        verified = reader.verify(memoryview(sealed)[:length], out=out)
        assert bytes(verified.payload) == payload
        assert np.shares_memory(np.frombuffer(verified.payload, np.uint8), np.frombuffer(out, np.uint8))
        reader.accept(verified.sequence)
    sealed[length - 1] ^= 1
    with pytest.raises(SealframeError):
        reader.verify(memoryview(sealed)[:length], out=out)
    assert not any(out)


def test_a_session_ends_after_ten_minutes(device: DeviceKey, server: ServerKey) -> None:
    writer, opening = opened(device, server)
    now = 100.0
    reader = SessionReader(opening, clock=lambda: now)
    timed = SessionWriter(writer._session, clock=lambda: now)
    honest = frame(timed, device)
    now += MAX_SECONDS
    reader.verify(honest)
    now += 0.001
    for use in (lambda: reader.verify(honest), lambda: reader.accept(0), lambda: frame(timed, device)):
        with pytest.raises(LimitExceeded, match="used up"):
            use()


def test_a_session_ends_after_its_last_frame(device: DeviceKey, server: ServerKey) -> None:
    writer, opening = opened(device, server)
    writer._sequence = MAX_FRAMES - 1
    reader = SessionReader(opening, ordered=False)
    reader.accept(reader.verify(frame(writer, device)).sequence)
    with pytest.raises(LimitExceeded, match="used up"):
        frame(writer, device)
    with pytest.raises(LimitExceeded, match="used up"):
        reader.accept(MAX_FRAMES)


def test_a43_two_senders_with_one_session_never_share_a_salt(device: DeviceKey, server: ServerKey) -> None:
    """As after a fork or a clone: the same sequence number, another salt, and only one of the two counts."""
    writer, opening = opened(device, server)
    clone = SessionWriter(writer._session)
    first, second = frame(writer, device), frame(clone, device)
    assert first[24:32] == second[24:32]
    assert first[72:96] != second[72:96]
    reader = SessionReader(opening)
    reader.accept(reader.verify(first).sequence)
    with pytest.raises(ReplayedCapture):
        reader.verify(second)


def test_a45_a_session_does_not_show_its_key(device: DeviceKey, server: ServerKey) -> None:
    _, opening = opened(device, server)
    assert opening.session is not None
    assert opening.session.key.hex() not in repr(opening.session) + repr(opening)


def test_the_limits_are_those_of_the_format() -> None:
    assert (MAX_FRAMES, MAX_SECONDS, WINDOW) == (2**20, 600, 64)
