"""Seal and open, whole (M1, M12-M15, M17-M19, M21-M23, M30), and what the pipeline refuses (A11, A18, A36-A38, A45).

Covers A8, A12, A13, A17, A37, A43, A46.
"""

from __future__ import annotations

import ast
import base64
import gc
import hashlib
import hmac
import logging
import os
import pickle
import tempfile
import threading
import traceback
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sealframe as sf
from sealframe.derivation import noise_seed_of
from sealframe.envelope import content
from sealframe.factor import PROFILES, ImageFactor
from sealframe.image import frame_from_bytes
from sealframe.pipeline import sealer as sealing
from tests.programs import seal_endurance as endurance
from tests.support import encoded, synthetic_frame

NOW = 1_790_000_000_000


@pytest.fixture(scope="module")
def device() -> sf.DeviceKey:
    return sf.DeviceKey.generate("POS-0001")


@pytest.fixture(scope="module")
def server() -> sf.ServerKey:
    return sf.ServerKey.generate()


def sealer_for(server: sf.ServerKey, device: sf.DeviceKey, **options: Any) -> sf.Sealer:
    options.setdefault("counter", sf.MemoryCounter(1))
    return sf.Sealer(to=server.public, device=device, **options)


def archive(server: sf.ServerKey, device: sf.DeviceKey, **options: Any) -> sf.Opener:
    return sf.Opener(server, devices=[device.public], freshness=sf.Archive(), **options)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_m23_a_frame_opens_to_the_same_pixels_and_factor(
    server: sf.ServerKey, device: sf.DeviceKey, frame: np.ndarray, order: Any, workers: int
) -> None:
    envelope = sealer_for(server, device, workers=workers).seal(frame, b"amount=1", order=order)
    opened = archive(server, device, workers=workers).open(envelope)
    assert np.array_equal(opened.image, frame)
    assert opened.frame.order == order
    assert opened.data == b"amount=1"
    assert opened.image_factor == sf.image_factor(frame, order=order).bytes
    assert opened.context.device_info == "POS-0001"
    assert (opened.context.width, opened.context.height) == (640, 480)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 1, 3), (1, 700), (700, 1, 4), (31, 33), (129, 127, 3), (128, 128), (600, 20, 4)]
)
def test_every_shape_round_trips(server: sf.ServerKey, device: sf.DeviceKey, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal(archive(server, device).open(sealer_for(server, device).seal(pixels)).image, pixels)


def test_m1_every_readable_file_seals_and_opens_to_the_same_bytes(
    server: sf.ServerKey, device: sf.DeviceKey, picture_files: list[Path]
) -> None:
    sealer, opener, refused = sealer_for(server, device), archive(server, device), 0
    for path in picture_files:
        content = path.read_bytes()
        try:
            frame_from_bytes(content)
        except sf.ImageError:
            refused += 1
            with pytest.raises(sf.ImageError):
                sealer.seal(content)
            continue
        opened = opener.open(sealer.seal(content))
        assert opened.payload == content, path
        assert opened.image.dtype == np.uint8
    assert 0 < refused < len(picture_files) / 2


@pytest.mark.parametrize("path", ["gan", "vae", "discriminator"])
@pytest.mark.parametrize("reduction", ["rows", "norm", "rank", "eigenvalue", "eigenvector"])
def test_m15_every_path_and_reduction_seals_and_opens(
    server: sf.ServerKey, device: sf.DeviceKey, path: Any, reduction: Any
) -> None:
    envelope = sealer_for(server, device, path=path, reduction=reduction).seal(synthetic_frame(40, 50))
    opened = archive(server, device).open(envelope)
    profile = PROFILES[opened.header.profile]
    assert (profile.path, profile.reduction) == (path, reduction)


def test_m8_the_noise_of_the_vae_path_comes_from_the_capture_context(
    server: sf.ServerKey, device: sf.DeviceKey
) -> None:
    frame, sealer = synthetic_frame(40, 50), sealer_for(server, device, path="vae")
    first, second = (archive(server, device).open(sealer.seal(frame)) for _ in range(2))
    assert first.image_factor != second.image_factor
    seed = noise_seed_of(first.context.random)
    assert first.image_factor == sf.image_factor(frame, "vae", noise_seed=seed).bytes


def test_several_recipients_each_open(device: sf.DeviceKey) -> None:
    servers = [sf.ServerKey.generate() for _ in range(3)]
    sealer = sf.Sealer(to=[server.public for server in servers], device=device, counter=sf.MemoryCounter())
    envelope = sealer.seal(synthetic_frame(20, 20))
    assert len({archive(server, device).open(envelope).payload for server in servers}) == 1


def test_sealing_twice_gives_new_counter_random_and_bytes(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    sealer, opener, frame = sealer_for(server, device), archive(server, device), synthetic_frame(20, 20)
    first, second = (opener.open(sealer.seal(frame)) for _ in range(2))
    assert first.context.counter + 1 == second.context.counter
    assert first.context.random != second.context.random
    assert first.image_factor == second.image_factor


def with_false_digest(sealer: sf.Sealer, frame: np.ndarray, **changes: Any) -> bytes:
    """What only a faulty device, or a recipient among several, would make."""
    factor, payload = sealer.security_factor_of(frame, b"")
    factor = replace(factor, payload_digest=bytes(32), **changes)
    return sealer._writer.write(sealer._profile.number, factor, b"", payload)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("side", [20, 200])
def test_a31_the_payloads_digest_has_its_say_before_whatever_is_checked_beside_it(
    server: sf.ServerKey, device: sf.DeviceKey, workers: int, side: int
) -> None:
    """A context that is not canonical, a clock far off and a false factor come after it in the order of checks."""
    frame, then = synthetic_frame(side, side), sealer_for(server, device, clock=lambda: NOW / 1000)
    for changes in ({}, {"capture_context": b"SF1|POS-0001"}, {"image_factor": b"false"}):
        envelope, out = with_false_digest(then, frame, **changes), bytearray(200_000)
        for freshness in (sf.Archive(), sf.Live(sf.MemoryReplayStore())):
            opener = sf.Opener(server, devices=[device.public], freshness=freshness, workers=workers)
            told: list[str] = []
            for opened in (
                lambda opener=opener, envelope=envelope: opener.verify(envelope),
                lambda opener=opener, envelope=envelope, told=told: opener.verify(envelope, on_check=told.append),
                lambda opener=opener, envelope=envelope, out=out: opener.open_into(out, envelope),
            ):
                with pytest.raises(sf.FactorMismatch, match="content differs from the one"):
                    opened()
            assert told == ["framing", "policy", "keys", "signature", "decryption"]
            assert not any(out)


def test_an_opener_has_no_worker_or_one(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    with pytest.raises(ValueError, match="workers"):
        archive(server, device, workers=2)
    with pytest.raises(ValueError, match="workers"):
        sealer_for(server, device, workers=-1)


def _with(change: Callable[[ImageFactor], bytes]) -> Callable[..., ImageFactor]:
    real = sealing.compute_image_factor

    def computed(*arguments: Any, **options: Any) -> ImageFactor:
        factor = real(*arguments, **options)
        return ImageFactor(change(factor), factor.features, factor.derived, factor.map, factor.profile)

    return computed


@pytest.mark.parametrize(
    "change",
    [
        lambda factor: factor.bytes[:-1],
        lambda factor: factor.bytes + b"\0",
        lambda factor: bytes([factor.bytes[0] ^ 1]) + factor.bytes[1:],
        lambda factor: factor.bytes[:-1] + bytes([factor.bytes[-1] ^ 1]),
        lambda factor: sf.image_factor(synthetic_frame(9, 9, seed=5)).bytes,
        lambda factor: sf.image_factor(synthetic_frame(30, 30), reduction="norm").bytes,
    ],
)
def test_a18_a_factor_that_is_not_the_pictures_is_refused(
    server: sf.ServerKey, device: sf.DeviceKey, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    with monkeypatch.context() as sabotage:
        sabotage.setattr(sealing, "compute_image_factor", _with(change))
        envelope = sealer_for(server, device).seal(synthetic_frame(30, 30))
    with pytest.raises(sf.FactorMismatch):
        archive(server, device).verify(envelope)


def test_a18_a_sealed_payload_that_is_no_picture_is_refused(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    sealer = sealer_for(server, device)
    factor, _ = sealer.security_factor_of(synthetic_frame(9, 9), b"")
    junk = b"no picture"
    factor = replace(factor, payload_digest=hashlib.sha256(junk).digest())
    with pytest.raises(sf.FactorMismatch, match="not a picture"):
        archive(server, device).open(sealer._writer.write(1, factor, b"", junk))


def test_a17_equal_norms_do_not_make_equal_factors() -> None:
    flat, other = np.full((8, 8), 9, np.uint8), np.full((8, 8), 10, np.uint8)
    assert sf.image_factor(flat, reduction="norm").bytes != sf.image_factor(other, reduction="norm").bytes


@pytest.mark.parametrize("value", [0, 127, 128, 255])
def test_a13_constant_pictures_have_a_factor(server: sf.ServerKey, device: sf.DeviceKey, value: int) -> None:
    frame = np.full((48, 64), value, np.uint8)
    opened = archive(server, device).open(sealer_for(server, device).seal(frame))
    assert np.array_equal(opened.image, frame)


def test_a36_a_replay_is_refused_and_verify_changes_nothing(
    server: sf.ServerKey, device: sf.DeviceKey, tmp_path: Path
) -> None:
    for store in (sf.MemoryReplayStore(), sf.SqliteReplayStore(tmp_path / "replay.db")):
        opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(store))
        envelope = sealer_for(server, device).seal(synthetic_frame(20, 20))
        first, second = opener.verify(envelope), opener.verify(envelope)
        first.accept()
        with pytest.raises(sf.ReplayedCapture):
            second.accept()
        with pytest.raises(sf.ReplayedCapture):
            opener.open(envelope)


@pytest.mark.parametrize("counter", [7, 6, 0])
def test_a37_the_same_or_a_lower_counter_is_refused(server: sf.ServerKey, device: sf.DeviceKey, counter: int) -> None:
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    frame = synthetic_frame(20, 20)
    opener.open(sealer_for(server, device, counter=sf.MemoryCounter(7)).seal(frame))
    with pytest.raises(sf.ReplayedCapture):
        opener.open(sealer_for(server, device, counter=sf.MemoryCounter(counter)).seal(frame))
    opener.open(sealer_for(server, device, counter=sf.MemoryCounter(2**64 - 1)).seal(frame))


@pytest.mark.parametrize(("late_ms", "fresh"), [(299_999, True), (300_000, True), (300_001, False), (-300_001, False)])
def test_a38_the_clock_window(server: sf.ServerKey, device: sf.DeviceKey, late_ms: int, fresh: bool) -> None:
    envelope = sealer_for(server, device, clock=lambda: NOW / 1000).seal(synthetic_frame(20, 20))
    live = sf.Live(sf.MemoryReplayStore(), window_s=300, clock=lambda: (NOW + late_ms) / 1000)
    opener = sf.Opener(server, devices=[device.public], freshness=live)
    if fresh:
        opener.open(envelope)
    else:
        with pytest.raises(sf.StaleCapture):
            opener.open(envelope)


def test_a45_nothing_secret_in_printed_forms_or_tracebacks(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    canary = b"\xc5\xa7CANARY-PIXELS\xc5\xa7" * 20
    frame = np.frombuffer(canary[:320], np.uint8).reshape(16, 20)
    sealer, opener = sealer_for(server, device), archive(server, device)
    envelope = sealer.seal(frame, b"SECRET-DATA")
    opened = opener.open(envelope)
    printed = "".join(
        map(repr, (sealer, opener, opened, opener.verify(envelope), device, server, opened.image_factor[:0]))
    )
    try:
        opener.open(envelope[:-1])
    except sf.SealframeError:
        printed += traceback.format_exc()
    for secret in ("CANARY", "SECRET-DATA", "PIXELS"):
        assert secret not in printed
    for holder in (sealer, opener, device, server):
        with pytest.raises(TypeError):
            pickle.dumps(holder)


def spellings(secret: bytes) -> list[str]:
    """How bytes may show: as text, in hexadecimal, in base64, escaped, as a list of numbers."""
    numbers = ", ".join(map(str, secret[:6]))
    return [secret.hex()[:24], base64.b64encode(secret[:18]).decode(), repr(secret[:8])[2:-1], f"[{numbers}"]


def test_a45_no_secret_in_any_object_log_or_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever of the package is alive inside a seal, an opening and failed openings shows neither key nor pixel."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    frame = np.random.default_rng(45).integers(128, 256, (40, 50), np.uint8)
    data = bytes(range(200, 240))
    texts: list[str] = []
    secrets = [frame.tobytes(), data]

    def look(_: str = "") -> None:
        mine = (one for one in gc.get_objects() if str(type(one).__module__).startswith("sealframe"))
        texts.extend(show(one) for one in mine for show in (repr, str))

    def looking_first(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(key: bytes, context: bytes) -> Any:
            secrets.append(key)
            look()
            return make(key, context)

        return made

    for cipher in ("Cobblestone256Encryptor", "Cobblestone256Decryptor"):
        monkeypatch.setattr(content, cipher, looking_first(getattr(content, cipher)))
    sealer, opener = sealer_for(server, device), archive(server, device)
    envelope, answer_key = sealer.seal_request(frame, data, on_stage=look)
    stream = sf.SealSession(sealer, frame)
    kept = [opener.open(envelope, on_stage=look), sf.OpenSession(opener, stream.opening), answer_key, stream]
    for wrong in (envelope[:-1], flipped(envelope, -1), flipped(envelope, 100), with_false_digest(sealer, frame)):
        with pytest.raises(sf.SealframeError) as caught:
            opener.open(wrong, on_stage=look)
        texts.extend(traceback.format_exception(caught.value))
    look()
    secrets += [answer_key.to_bytes()[32:]]
    secrets += [block.content[-32:] for block in (*device._signing_key.blocks(), *server._recipient.blocks())]
    everything = "\n".join([*texts, caplog.text])
    assert len(texts) > 100
    assert len(kept) == 4
    for secret in secrets:
        for spelling in spellings(secret):
            assert spelling not in everything
    assert list(tmp_path.iterdir()) == []


def flipped(envelope: bytes, position: int) -> bytes:
    altered = bytearray(envelope)
    altered[position] ^= 1
    return bytes(altered)


def test_a8_a_polyglot_is_sealed_and_opened_as_the_very_bytes_it_was(
    server: sf.ServerKey, device: sf.DeviceKey
) -> None:
    polyglot = encoded(synthetic_frame(20, 20), "JPEG") + b"PK\3\4<script>"
    assert archive(server, device).open(sealer_for(server, device).seal(polyglot)).payload == polyglot


def test_a12_what_happens_to_the_callers_memory_during_a_call_changes_nothing(
    server: sf.ServerKey, device: sf.DeviceKey
) -> None:
    pixels, encoded_picture = synthetic_frame(20, 20), bytearray(encoded(synthetic_frame(30, 30), "PNG"))
    sealer, opener = sealer_for(server, device), archive(server, device)
    before = pixels.copy(), bytes(encoded_picture)

    def spoil(stage: str) -> None:
        if stage == "image":
            pixels.resize((1, 1, 3), refcheck=False)
            encoded_picture.clear()

    assert np.array_equal(opener.open(sealer.seal(pixels, on_stage=spoil)).image, before[0])
    encoded_picture[:] = before[1]
    pixels.resize((20, 20, 3), refcheck=False)
    assert opener.open(sealer.seal(encoded_picture, on_stage=spoil)).payload == before[1]


def test_a12_buffers_cannot_be_resized_while_they_are_read_or_written(
    server: sf.ServerKey, device: sf.DeviceKey
) -> None:
    envelope, out = bytearray(sealer_for(server, device).seal(synthetic_frame(20, 20))), bytearray(10_000)
    refused: list[str] = []

    def spoil(stage: str) -> None:
        for name, buffer in (("envelope", envelope), ("out", out)):
            try:
                buffer.clear()
            except BufferError:
                refused.append(f"{stage} {name}")

    opened = archive(server, device).open_into(out, envelope, on_stage=spoil)
    assert {"envelope out", "image out", "comparison out"} <= set(refused)
    assert np.array_equal(opened.image, synthetic_frame(20, 20))
    with pytest.raises(BufferError):
        out.clear()


def test_a46_every_secret_comparison_takes_the_same_time_whatever_it_finds(
    server: sf.ServerKey, device: sf.DeviceKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tag, both digests and image factor go through compare_digest, and a match for each is what opens."""
    envelope, opener = sealer_for(server, device).seal(synthetic_frame(20, 20), b"data"), archive(server, device)
    factor = opener.open(envelope).security_factor
    compare, compared = hmac.compare_digest, []

    def recorded(first: Any, second: Any) -> bool:
        compared.append(bytes(second))
        return compare(first, second)

    monkeypatch.setattr(hmac, "compare_digest", recorded)
    opener.open(envelope)
    secrets = [envelope[56:88], factor.data_digest, factor.payload_digest, factor.image_factor]
    assert sorted(compared) == sorted(secrets)


SECRET_WORDS = {"tag", "digest", "secret", "password", "mac", "token", "factor"}


@pytest.mark.parametrize("part", ["envelope", "keys", "pipeline", "freshness", "security_factor"])
def test_a46_no_secret_is_compared_with_an_operator(part: str) -> None:
    folder = Path(sf.__file__).parent
    for path in [*folder.glob(f"{part}.py"), *folder.glob(f"{part}/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                continue
            for operand in (node.left, *node.comparators):
                name = getattr(operand, "attr", getattr(operand, "id", ""))
                assert not SECRET_WORDS & set(name.split("_")), f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def test_a43_sealer_and_opener_work_on_in_a_forked_child(
    server: sf.ServerKey, device: sf.DeviceKey, tmp_path: Path
) -> None:
    sealer = sealer_for(server, device, counter=sf.CounterFile(tmp_path / "pos.counter"))
    opener, frame = archive(server, device), synthetic_frame(200, 200)
    mine = opener.open(sealer.seal(frame)).context.counter
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        envelope = sealer.seal(frame)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(envelope if opener.open(envelope).data == b"" else b"")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        envelope = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    assert len({mine, opener.open(envelope).context.counter, opener.open(sealer.seal(frame)).context.counter}) == 3


def test_one_sealer_and_one_opener_serve_many_threads(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    sealer, opener = sealer_for(server, device), archive(server, device)
    failures: list[int] = []

    def work(seed: int) -> None:
        for turn in range(6):
            frame = synthetic_frame(30 + seed, 40, seed=10 * seed + turn)
            if not np.array_equal(opener.open(sealer.seal(frame)).image, frame):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("workers", [0, 1])
def test_sealer_and_opener_own_one_thread_each_or_none(
    server: sf.ServerKey, device: sf.DeviceKey, workers: int
) -> None:
    sealer, opener = sealer_for(server, device, workers=workers), archive(server, device, workers=workers)
    before = set(threading.enumerate())
    opener.open(sealer.seal(synthetic_frame(20, 20)))
    assert set(threading.enumerate()) <= before
    frame = synthetic_frame(200, 200)
    opener.open(sealer.seal(frame))
    with ThreadPoolExecutor(4, thread_name_prefix="caller") as callers:
        list(callers.map(lambda _: opener.open(sealer.seal(frame)), range(12)))
    mine = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sealframe")]
    assert len(mine) == 2 * workers


def test_stages_are_traced_in_order(server: sf.ServerKey, device: sf.DeviceKey, frame: np.ndarray) -> None:
    times = sf.StageTimes()
    sealer_for(server, device).seal(frame, on_stage=times)
    wanted = ["image", "features", "derivation", "similarity", "image factor", "security factor", "envelope"]
    assert list(times.nanoseconds) == wanted
    assert sum(times.shares().values()) == pytest.approx(1)


def test_wrong_arguments_get_sentences(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    sealer = sealer_for(server, device)
    with pytest.raises(TypeError):
        sealer.seal([[1, 2], [3, 4]])
    with pytest.raises(sf.LimitExceeded):
        sealer.seal(synthetic_frame(9, 9), bytes(65_537))
    with pytest.raises(ValueError, match="profile"):
        sealer_for(server, device, path="vae", reduction="nothing")
    with pytest.raises(TypeError):
        sf.Opener(server, devices=[device.public])  # type: ignore[call-arg]
    with pytest.raises(sf.MalformedEnvelope):
        archive(server, device).open(encoded(synthetic_frame(9, 9), "PNG"))


def test_a_request_gets_its_answer_back(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    envelope, answer_key = sealer_for(server, device).seal_request(synthetic_frame(20, 20), b"pay")
    opened = archive(server, device).open(envelope)
    answer = answer_key.read(opened.answer(server, b"paid"), server.public)
    assert (answer.body, answer.confidential) == (b"paid", True)
    assert opened.envelope_id == answer_key.envelope_id
    other_key = sealer_for(server, device).seal_request(synthetic_frame(20, 20))[1]
    with pytest.raises(sf.SealframeError):
        other_key.read(opened.answer(server, b"paid"), server.public)


def test_seal_into_a_buffer(server: sf.ServerKey, device: sf.DeviceKey, frame: np.ndarray) -> None:
    sealer, out = sealer_for(server, device), bytearray(1_000_000)
    length = sealer.seal_into(out, frame, b"data")
    assert np.array_equal(archive(server, device).open(memoryview(out)[:length]).image, frame)
    with pytest.raises(ValueError, match="buffer"):
        sealer.seal_into(bytearray(1000), frame)


def test_open_into_a_buffer(server: sf.ServerKey, device: sf.DeviceKey, frame: np.ndarray) -> None:
    sealer, out = sealer_for(server, device), bytearray(1_000_000)
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    envelope = sealer.seal(frame, b"data")
    opened = opener.open_into(out, envelope)
    assert np.array_equal(opened.image, frame)
    assert np.shares_memory(opened.image, np.frombuffer(out, np.uint8))
    with pytest.raises(sf.ReplayedCapture):
        opener.open_into(out, envelope)
    assert not any(out)
    with pytest.raises(ValueError, match="at least"):
        opener.open_into(bytearray(1000), sealer.seal(frame))
    own = bytearray(envelope)
    with pytest.raises(ValueError, match="overlaps"):
        opener.open_into(own, own)
    assert own == envelope


def test_a_frame_may_be_sealed_into_its_own_buffer(
    server: sf.ServerKey, device: sf.DeviceKey, frame: np.ndarray
) -> None:
    buffer = bytearray(1_000_000)
    held = np.frombuffer(buffer, np.uint8, frame.size).reshape(frame.shape)
    held[:] = frame
    length = sealer_for(server, device).seal_into(buffer, held)
    assert np.array_equal(archive(server, device).open(bytes(buffer[:length])).image, frame)


def test_a_stream_through_two_buffers(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    sealing_side = sf.SealSession(sealer_for(server, device), synthetic_frame(40, 50))
    opening_side = sf.OpenSession(archive(server, device), sealing_side.opening)
    sealed, out = bytearray(20_000), bytearray(20_000)
    for seed in range(3):
        picture = synthetic_frame(40, 50, seed=seed)
        with pytest.raises(ValueError, match="too small"):
            sealing_side.seal_into(bytearray(50), picture)
        length = sealing_side.seal_into(sealed, picture, b"d")
        opened = opening_side.open_into(out, memoryview(sealed)[:length])
        assert np.array_equal(opened.image, picture)
        assert (opened.sequence, opened.data) == (seed, b"d")
    with pytest.raises(sf.ReplayedCapture):
        opening_side.open_into(out, memoryview(sealed)[:length])
    assert not any(out)


def peak_bytes(step: Callable[[], Any]) -> tuple[Any, int]:
    content._buffers._free.clear()
    tracemalloc.start()
    try:
        return step(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_sealing_and_opening_take_at_most_four_frames_of_memory(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    """Beyond the caller's own picture and envelope; everything is loaded and pools are empty before."""
    sealer, opener = sealer_for(server, device), archive(server, device)
    opener.open(sealer.seal(synthetic_frame(20, 20)))
    frame = synthetic_frame(1080, 1920)
    envelope, sealing_peak = peak_bytes(lambda: sealer.seal(frame))
    opened, opening_peak = peak_bytes(lambda: opener.open(envelope))
    assert np.array_equal(opened.image, frame)
    for peak in (sealing_peak, opening_peak):
        assert frame.size < peak <= 4 * frame.size


def test_many_seals_and_openings_hold_no_memory_and_no_descriptors() -> None:
    """A short form of `python -m tests.programs.seal_endurance`."""
    first, last = endurance.run(rounds=60, every=20)[1:3]
    assert last.descriptors == first.descriptors
    assert last.resident_kb - first.resident_kb < 2_000


OWN_RULE = sf.SpliceRule(
    "TILL7", "{magic_num}/{random}{timestamp}{counter};{device_info};{width}x{height};{sign_version}"
)
OTHER_RULE = sf.SpliceRule("TILL8", OWN_RULE.template)


@pytest.mark.parametrize("workers", [0, 1])
def test_m18_a_message_is_spliced_by_the_sealers_rule(server: sf.ServerKey, device: sf.DeviceKey, workers: int) -> None:
    frame = synthetic_frame(200, 200)
    opener = archive(server, device, splice_rules=[OTHER_RULE, OWN_RULE], workers=workers)
    for rule, start in ((OWN_RULE, b"TILL7/"), (OTHER_RULE, b"TILL8/"), (None, b"SF1|")):
        options = {} if rule is None else {"splice_rule": rule}
        envelope = sealer_for(server, device, workers=workers, **options).seal(frame, b"data")
        opened = opener.open(envelope)
        assert np.array_equal(opened.image, frame)
        assert opened.security_factor.capture_context.startswith(start)
        assert opened.context.encode() == opened.security_factor.capture_context
        assert opened.to_dict()["context"]["magic_num"].encode() == start[:-1]


def test_m18_a_rule_that_the_opener_was_not_given_is_refused(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    envelope = sealer_for(server, device, splice_rule=OWN_RULE).seal(synthetic_frame(20, 20))
    for rules in ([], [OTHER_RULE]):
        with pytest.raises(sf.MalformedEnvelope, match="unknown splice rule"):
            archive(server, device, splice_rules=rules).open(envelope)
    with pytest.raises(ValueError, match="TILL7 is used by two"):
        archive(server, device, splice_rules=[OWN_RULE, sf.SpliceRule("TILL7", OWN_RULE.template + ".")])


def test_m18_a_stream_is_spliced_by_the_sealers_rule(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    opener = archive(server, device, splice_rules=[OWN_RULE, OTHER_RULE])
    sealing_side = sf.SealSession(sealer_for(server, device, splice_rule=OWN_RULE), synthetic_frame(20, 20))
    opening_side = sf.OpenSession(opener, sealing_side.opening)
    frame = opening_side.open(sealing_side.seal(synthetic_frame(20, 20, seed=2)))
    for opened in (opening_side.opened, frame):
        assert opened.context.splice_rule == OWN_RULE
        assert opened.security_factor.capture_context.startswith(b"TILL7/")
    sealing_side._sealer = sealer_for(server, device, splice_rule=OTHER_RULE)
    with pytest.raises(sf.MalformedEnvelope, match="unknown splice rule"):
        opening_side.open(sealing_side.seal(synthetic_frame(20, 20)))
    with pytest.raises(sf.MalformedEnvelope):
        sf.OpenSession(archive(server, device), sealing_side.opening)


def test_a_stream_of_frames_under_one_opening(server: sf.ServerKey, device: sf.DeviceKey) -> None:
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    frames = [synthetic_frame(40, 50, seed=seed) for seed in range(5)]
    sealing_side = sf.SealSession(sealer_for(server, device), frames[0], b"first")
    opening_side = sf.OpenSession(opener, sealing_side.opening)
    assert np.array_equal(opening_side.opened.image, frames[0])
    sealed = [sealing_side.seal(each, b"next") for each in frames[1:]]
    for sequence, (each, envelope) in enumerate(zip(frames[1:], sealed, strict=True)):
        opened = opening_side.open(envelope)
        assert np.array_equal(opened.image, each)
        assert (opened.sequence, opened.data) == (sequence, b"next")
    with pytest.raises(sf.ReplayedCapture):
        opening_side.open(sealed[0])
    with pytest.raises(sf.ReplayedCapture):
        sf.OpenSession(opener, sealing_side.opening)
    with pytest.raises(sf.PolicyError):
        opener.open(sealing_side.opening)
    with pytest.raises(sf.PolicyError):
        sf.OpenSession(opener, sealer_for(server, device).seal(frames[0]))
    with pytest.raises(sf.SealframeError):
        opener.open(sealed[0])


def test_a18_a_stream_frame_with_another_factor_is_refused(
    server: sf.ServerKey, device: sf.DeviceKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = sf.SealSession(sealer_for(server, device), synthetic_frame(20, 20))
    reader = sf.OpenSession(archive(server, device), stream.opening)
    with monkeypatch.context() as sabotage:
        sabotage.setattr(sealing, "compute_image_factor", _with(lambda factor: factor.bytes[::-1]))
        false_frame = stream.seal(synthetic_frame(20, 20))
    with pytest.raises(sf.FactorMismatch):
        reader.open(false_frame)
