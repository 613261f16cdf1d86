"""The examples, built and run where their parts are there: a C++ terminal, a service, plugins (M24, M25, M30)."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import sealframe as sf
from sealframe.faces import (
    Cascade,
    CentreOval,
    Liveness,
    PluginError,
    choose_detector,
    choose_liveness,
    choose_matcher,
    crop_face,
)
from sealframe.faces.detection import RequireLiveness
from sealframe.sandbox.drawn_faces import draw_face
from tests.support import encoded, onnxruntime_headers, onnxruntime_library, synthetic_frame

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def folder(option: str) -> str:
    return subprocess.check_output([sys.executable, "-m", "sealframe", option], text=True).strip()


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cmake = shutil.which("cmake") or shutil.which("cmake", path=str(Path(sys.executable).parent))
    if cmake is None or shutil.which("c++") is None:
        pytest.skip("cmake or a C++ compiler is not installed")
    if (headers := onnxruntime_headers()) is None:
        pytest.skip("ONNX Runtime has no header here: packaging/debian.py trixie libonnxruntime-dev build/onnxruntime")
    build = tmp_path_factory.mktemp("terminal")
    options = [f"-DCMAKE_PREFIX_PATH={folder('--cmakedir')}", "-DCMAKE_CXX_FLAGS=-Werror"]
    options += [f"-DONNXRUNTIME_INCLUDE_DIR={headers}", f"-DONNXRUNTIME_LIBRARY={onnxruntime_library()}"]
    for step in (["-S", str(EXAMPLES / "terminal"), "-B", str(build), *options], ["--build", str(build)]):
        done = subprocess.run([cmake, *step], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "terminal"


def test_m30_the_cpp_terminal_measures_what_python_measures(terminal: Path, tmp_path: Path) -> None:
    frames = [synthetic_frame(301, 407, seed=i) for i in range(5)]
    (tmp_path / "frames.rgb").write_bytes(b"".join(frame.tobytes() for frame in frames))
    words = [terminal, ROOT / "models/generator.onnx", "--frames", "frames.rgb", "301", "407", "--out", "factors"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    measured = (tmp_path / "factors").read_bytes()
    size = 256 + 128 * 4
    assert len(measured) == len(frames) * size
    for i, frame in enumerate(frames):
        _, means, rows = np.split(np.frombuffer(sf.image_factor(frame).bytes, np.uint8), [32, 288])
        part = measured[i * size : (i + 1) * size]
        assert part[:256] == means.tobytes()
        assert np.array_equal(np.frombuffer(part[256:], "<i4"), np.frombuffer(rows.tobytes(), ">i4"))
    assert re.search(r"^5 frames, \w+ kernels: median [\d.]+ ms", done.stdout, re.MULTILINE)
    assert sum(int(line.split()[-1]) for line in done.stdout.splitlines() if "#" in line) == len(frames)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ([], 2, "no network is given"),
        (["nowhere.onnx"], 1, "nowhere.onnx"),
        ([str(ROOT / "models/generator.onnx"), "--frames", "empty", "4", "4"], 1, "no whole frame in empty"),
        ([str(ROOT / "models/generator.onnx"), "--speed"], 2, "unknown: --speed"),
    ],
)
def test_the_cpp_terminal_says_what_is_wrong(terminal: Path, tmp_path: Path, words, status, sentence) -> None:
    (tmp_path / "empty").touch()
    done = subprocess.run([terminal, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("terminal: ")
    assert sentence in done.stderr


@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("fastapi", "uvicorn", "httpx")), reason="httpx or the extra server"
)
def test_m24_the_service_opens_each_frame_once_and_answers_its_sender(tmp_path: Path) -> None:
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    for words in (["server", "--out", "server"], ["device", "--device-info", "POS-0001", "--out", "pos"]):
        subprocess.run([sys.executable, "-m", "sealframe", "keygen", *words], cwd=tmp_path, check=True)
    (tmp_path / "photo.png").write_bytes(encoded(synthetic_frame(60, 80), "PNG"))
    words = ["--key", "server.key", "--from", "pos.pub", "--replays", "replay.db", "--port", port]
    service = subprocess.Popen([sys.executable, EXAMPLES / "service/service.py", *words], cwd=tmp_path)
    try:
        until_listening(int(port), service)
        sender = [sys.executable, EXAMPLES / "service/send.py", "--as", "pos.key", "--to", "server.pub"]
        sender += ["--server", f"http://127.0.0.1:{port}", "photo.png", "photo.png"]
        done = subprocess.run(sender, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert [line.split(" ", 1)[0] for line in done.stdout.splitlines()] == ["photo.png"] * 2
        assert done.stdout.count('"picture": "80x60"') == 2
        server = sf.ServerPublic.load(tmp_path / "server.pub")
        device = sf.DeviceKey.load(tmp_path / "pos.key")
        envelope = sf.Sealer(to=server, device=device, counter=sf.CounterFile(tmp_path / "pos.counter")).seal(
            synthetic_frame(20, 30)
        )
        address = f"http://127.0.0.1:{port}/frames"
        replies = [httpx.post(address, content=content).status_code for content in (envelope, envelope, b"noise")]
        assert replies == [200, 400, 400]
        assert httpx.post(address, content=bytes(17 << 20)).status_code == 413
    finally:
        service.terminate()
        service.wait(20)


def until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the service does not listen")


@pytest.fixture
def astronaut() -> np.ndarray:
    """A face that looks into the camera, RGB (512, 512, 3)."""
    return np.ascontiguousarray(pytest.importorskip("skimage.data").astronaut())


def test_m25_the_matcher_knows_a_face_in_its_mirror_image(
    astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dlib", reason="pip install dlib-bin face_recognition_models")
    monkeypatch.syspath_prepend(str(EXAMPLES / "matcher"))
    matcher = choose_matcher("dlib_matcher:DlibMatcher")
    shown = [astronaut, astronaut[:, ::-1], draw_face(1)]
    own, mirrored, other = (
        matcher.embed(crop_face(np.ascontiguousarray(frame), detector))  # type: ignore[arg-type]
        for frame, detector in zip(shown, (Cascade(), Cascade(), CentreOval()), strict=True)
    )
    assert matcher.score(own, mirrored) > 0.95 > matcher.score(own, other)
    assert own.shape == (128,)


def test_the_detector_draws_the_box_that_matchers_want(
    astronaut: np.ndarray, test_data: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its box is about that of the default detector; of a gray frame too, and of two faces two."""
    pytest.importorskip("cv2", reason="pip install opencv-python-headless")
    monkeypatch.syspath_prepend(str(EXAMPLES / "detector"))
    if test_data is None:
        pytest.skip("SEALFRAME_TEST_DATA names no folder with models/yunet.onnx")
    monkeypatch.setenv("YUNET_MODEL", str(test_data / "models" / "yunet.onnx"))
    detector = choose_detector("yunet_detector:YunetDetector")
    (box,), (wanted,) = detector.find(astronaut), Cascade().find(astronaut)
    assert abs(box.side - wanted.side) < 0.2 * wanted.side
    assert abs(box.left - wanted.left) < 0.2 * wanted.side > abs(box.top - wanted.top)
    (gray,) = detector.find(astronaut[..., 1].copy())
    assert abs(gray.left - box.left) < 6 > abs(gray.top - box.top)
    assert len(detector.find(np.concatenate([astronaut, astronaut], 1))) == 2
    assert detector.find(np.zeros((90, 120), np.uint8)) == []


def test_the_detector_says_which_file_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", reason="pip install opencv-python-headless")
    monkeypatch.syspath_prepend(str(EXAMPLES / "detector"))
    monkeypatch.delenv("YUNET_MODEL", raising=False)
    with pytest.raises(PluginError, match=r"--detector yunet_detector:YunetDetector .*YUNET_MODEL names no file"):
        choose_detector("yunet_detector:YunetDetector")


def test_the_liveness_check_sees_a_screen_and_promises_nothing(
    astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "liveness"))
    liveness = choose_liveness("moire_check:MoireCheck")
    row, column = np.mgrid[:512, :512]
    waves = 1 + 0.12 * np.sin(2 * np.pi * (0.21 * column + 0.13 * row))
    screen = (astronaut * waves[..., None]).clip(0, 255).astype(np.uint8)
    frames = [astronaut, draw_face(1), astronaut[:40, :40], screen, screen[..., 1]]
    assert [liveness.check(frame) for frame in frames] == [Liveness.NOT_CHECKED] * 3 + [Liveness.FAILED] * 2
    assert RequireLiveness(liveness).check(astronaut) is Liveness.FAILED
