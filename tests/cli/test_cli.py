"""The command line as people use it (M30): names, exit statuses, sentences, whole files (A44, A50, A51).

Covers A45, A52, M20, M21, M22.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sealframe import cli
from sealframe.cli import folder, main
from sealframe.cli.parser import LIBRARY_FOLDERS, build_parser
from sealframe.cli.registry import COMMANDS, actions_of, module_of
from sealframe.envelope import inspect
from sealframe.errors import ImageError
from sealframe.files import staged_file, write_whole_file
from sealframe.image import frame_from_bytes
from sealframe.keys import DeviceKey, DevicePublic, ServerKey, ServerPublic
from sealframe.pipeline import CHECKS
from tests.support import encoded, synthetic_frame, write_synthetic_pictures


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a server's and a device's keys and a picture, as the current one."""
    monkeypatch.chdir(tmp_path)
    assert main(["keygen", "server", "--out", "server"]) == 0
    assert main(["keygen", "device", "--device-info", "POS-0001", "--out", "pos"]) == 0
    Path("photo.png").write_bytes(encoded(synthetic_frame(60, 80), "PNG"))
    return tmp_path


def seal(*more: str, image: str = "photo.png", out: str = "photo.seal") -> int:
    return main(["seal", image, "--to", "server.pub", "--as", "pos.key", "--out", out, *more])


def open_(*more: str, envelope: str = "photo.seal", out: str = "opened.png") -> int:
    return main(["open", envelope, "--key", "server.key", "--from", "pos.pub", "--out", out, *more])


def names() -> set[str]:
    return {path.name for path in Path().iterdir()}


def test_keygen_writes_private_keys_for_their_owner_alone(home: Path) -> None:
    assert names() == {"server.key", "server.pub", "pos.key", "pos.pub", "pos.counter", "photo.png"}
    assert {Path(name).stat().st_mode & 0o777 for name in ("server.key", "pos.key", "pos.counter")} == {0o600}


def test_seal_open_round_trip_writes_the_same_bytes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("note.txt").write_bytes(b"amount=1")
    assert seal("--data", "note.txt") == 0
    assert open_("--data-out", "note.out", "--json") == 0
    assert Path("opened.png").read_bytes() == Path("photo.png").read_bytes()
    assert Path("note.out").read_bytes() == b"amount=1"
    facts = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert facts["freshness"] == "archive"
    assert facts["context"]["device_info"] == "POS-0001"


def test_m21_envelopes_of_the_old_and_the_new_key_open_while_keys_change(home: Path) -> None:
    assert main(["keygen", "server", "--out", "next"]) == 0
    assert seal() == 0
    assert main(["seal", "photo.png", "--to", "next.pub", "--as", "pos.key", "--out", "next.seal"]) == 0
    for envelope in ("photo.seal", "next.seal"):
        assert open_("--key", "next.key", "--force", envelope=envelope) == 0
    assert open_("--force", envelope="next.seal") == 1


def test_open_explain_names_each_check_and_its_outcome(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    capsys.readouterr()
    assert open_("--explain") == 0
    lines = capsys.readouterr().err.splitlines()
    outcomes = {line[9:23].strip(): line[:9].strip() for line in lines}
    assert outcomes == {check: "left out" if check == "clock" else "passed" for check in CHECKS}
    assert [line[9:23].strip() for line in lines] == list(CHECKS)
    assert open_("--explain", "--live", "replays.db", out="live.png") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line[:9].strip() for line in lines] == ["passed"] * (len(CHECKS) + 1)
    assert lines[-1].split()[:2] == ["passed", "acceptance"]
    assert open_("--explain", "--live", "replays.db", out="again.png") == 1
    *_, acceptance, sentence = capsys.readouterr().err.splitlines()
    assert acceptance.split()[:2] == ["FAILED", "acceptance"]
    assert "accepted before" in sentence
    assert not Path("again.png").exists()
    altered = bytearray(Path("photo.seal").read_bytes())
    altered[-1] ^= 1
    Path("photo.seal").write_bytes(altered)
    assert open_("--explain", out="other.png") == 1
    *checks, sentence = capsys.readouterr().err.splitlines()
    outcomes = {line[9:23].strip(): line[:9].strip() for line in checks}
    assert list(outcomes) == list(CHECKS)
    assert [name for name, outcome in outcomes.items() if outcome == "FAILED"] == ["decryption"]
    assert outcomes["signature"] == "passed"
    assert outcomes["commitment"] == "not run"
    assert "cannot be opened" in sentence


def test_folders_are_sealed_and_opened_and_a_second_run_does_the_rest(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("in/a.png", "in/deep/b.png", "in/c.PNG"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(encoded(synthetic_frame(20, 30, len(name)), "PNG"))
    Path("in/bad.jpg").write_bytes(b"no picture")
    Path("in/notes.txt").write_bytes(b"not asked for")
    capsys.readouterr()
    assert seal("--jobs", "2", image="in", out="sealed") == 1
    shown = capsys.readouterr()
    assert shown.out == "Sealed 3, there already 0, refused 1.\n"
    assert shown.err.startswith("sealframe: in/bad.jpg: ")
    assert seal(image="in", out="sealed") == 1
    assert capsys.readouterr().out == "Sealed 0, there already 3, refused 1.\n"
    before = Path("sealed/c.PNG.seal").read_bytes()
    assert seal("--force", image="in", out="sealed") == 1
    assert capsys.readouterr().out == "Sealed 3, there already 0, refused 1.\n"
    assert Path("sealed/c.PNG.seal").read_bytes() != before
    assert seal(image="in", out="-") == 1
    assert "name a folder" in capsys.readouterr().err
    Path("sealed/a.png.seal").write_bytes(Path("sealed/a.png.seal").read_bytes()[:-1])
    assert open_(envelope="sealed", out="back") == 1
    assert capsys.readouterr().out == "Opened 2, there already 0, refused 1.\n"
    for name in ("deep/b.png", "c.PNG"):
        assert Path("back", name).read_bytes() == Path("in", name).read_bytes()
    assert not Path("back/a.png").exists()
    Path("twice").mkdir()
    for name in ("c.PNG.seal", "c.PNG.SEAL"):
        Path("twice", name).write_bytes(Path("sealed/c.PNG.seal").read_bytes())
    assert open_(envelope="twice", out="once") == 1
    shown = capsys.readouterr()
    assert shown.out == "Opened 1, there already 0, refused 1.\n"
    assert "once/c.PNG exists already" in shown.err
    assert open_("--live", "replay.db", envelope="sealed", out="back") == 1
    with pytest.raises(SystemExit):
        seal("--jobs", "0", image="in", out="sealed")


def is_running(process: str) -> bool:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers through /proc")
def test_a51_a_killed_run_over_a_folder_takes_its_workers_along_and_goes_on_later(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in").mkdir()
    picture = encoded(synthetic_frame(200, 300), "PNG")
    for number in range(150):
        Path("in", f"{number:03}.png").write_bytes(picture)
    command = ["seal", "in", "--to", "server.pub", "--as", "pos.key", "--out", "sealed", "--jobs", "2"]
    run = subprocess.Popen([sys.executable, "-m", "sealframe", *command])
    while not list(Path().glob("sealed/*.seal")):
        assert run.poll() is None
        time.sleep(0.02)
    workers = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    run.kill()
    run.wait()
    assert len(workers) >= 2
    for _ in range(600):
        if not any(map(is_running, workers)):
            break
        time.sleep(0.05)
    assert not any(map(is_running, workers))
    assert list(Path("sealed").glob(".*")) == []
    there = len(list(Path("sealed").iterdir()))
    capsys.readouterr()
    assert main(command) == 0
    assert capsys.readouterr().out == f"Sealed {150 - there}, there already {there}, refused 0.\n"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers through /proc")
def test_a52_a_killed_worker_ends_the_run_over_a_folder_with_a_sentence(home: Path) -> None:
    Path("in").mkdir()
    for number in range(300):
        Path("in", f"{number:03}.png").write_bytes(Path("photo.png").read_bytes())
    command = ["seal", "in", "--to", "server.pub", "--as", "pos.key", "--out", "sealed", "--jobs", "2"]
    run = subprocess.Popen([sys.executable, "-m", "sealframe", *command], stderr=subprocess.PIPE, text=True)
    while not list(Path().glob("sealed/*.seal")):
        assert run.poll() is None
        time.sleep(0.02)
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    worker = next(one for one in children if b"spawn_main" in Path("/proc", one, "cmdline").read_bytes())
    os.kill(int(worker), signal.SIGKILL)
    _, told = run.communicate()
    assert run.returncode == 1
    assert "fewer --jobs" in told.splitlines()[-1]
    assert "Traceback" not in told


def test_a52_a_picture_too_large_for_the_memory_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(source: Path, target: Path) -> None:
        raise MemoryError

    monkeypatch.setattr(folder, "_step", exhausted)
    assert folder._one(Path("large.png"), Path("x")).startswith("large.png: There is not enough memory")


def test_names_reach_the_terminal_without_control_characters(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "POS\x1b[31m\n1"
    assert main(["keygen", "device", "--device-info", hostile, "--out", "evil"]) == 0
    assert main(["seal", "photo.png", "--to", "server.pub", "--as", "evil.key", "--out", "photo.seal"]) == 0
    assert main(["open", "photo.seal", "--key", "server.key", "--from", "evil.pub", "--out", "opened.png"]) == 0
    Path("in").mkdir()
    Path("in", hostile + ".png").write_bytes(b"no picture")
    assert seal(image="in", out="sealed") == 1
    assert main(["seal", hostile, "--to", "server.pub", "--as", "pos.key", "--out", "x"]) == 1
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert r"Opened a capture of POS\x1b[31m\n1, " in shown.out
    assert r"sealframe: in/POS\x1b[31m\n1.png: " in shown.err


def test_every_readable_file_seals_and_opens_and_every_other_is_a_sentence(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in write_synthetic_pictures(Path("pictures").resolve().parent):
        try:
            frame_from_bytes(path.read_bytes())
            readable = True
        except ImageError:
            readable = False
        assert seal("--force", image=str(path)) == (0 if readable else 1), path
        if readable:
            assert open_("--force") == 0
            assert Path("opened.png").read_bytes() == path.read_bytes()
        else:
            assert capsys.readouterr().err.startswith("sealframe: ")


def test_standard_streams(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("photo.png").read_bytes())))
    assert seal(image="-", out="-") == 0
    envelope = capfdbinary.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(envelope)))
    assert open_(envelope="-", out="-") == 0
    assert capfdbinary.readouterr().out == Path("photo.png").read_bytes()


def test_inspect_explains_each_field(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    capsys.readouterr()
    assert main(["inspect", "photo.seal"]) == 0
    *fields, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in fields] == list(inspect(Path("photo.seal").read_bytes()))
    assert all(re.fullmatch(r"\w+ +\S.*  \(.+\)", line) for line in fields)
    assert last.startswith("Nothing shown here was verified")


def test_inspect_and_factor_print_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    capsys.readouterr()
    assert main(["inspect", "photo.seal", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1
    assert main(["factor", "photo.png", "--json", "--plot", "plot.png"]) == 0
    assert len(bytes.fromhex(json.loads(capsys.readouterr().out)["factor"])) == 800
    assert frame_from_bytes(Path("plot.png").read_bytes()).order == "rgb"
    assert main(["factor", "photo.png", "--reduction", "norm"]) == 0
    assert len(bytes.fromhex(capsys.readouterr().out)) == 312


def test_refusals_are_one_sentence_with_status_1(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    Path("text.seal").write_bytes(b"this is no envelope")
    Path("cut.seal").write_bytes(Path("photo.seal").read_bytes()[:-1])
    assert main(["keygen", "server", "--out", "other"]) == 0
    before = names()
    for run in (
        lambda: seal(image="missing.png"),
        lambda: seal(image="text.seal"),
        lambda: seal(out="missing/photo.seal"),
        lambda: open_(envelope="text.seal"),
        lambda: open_(envelope="cut.seal"),
        lambda: open_(envelope="missing.seal"),
        lambda: main(["open", "photo.seal", "--key", "other.key", "--from", "pos.pub", "--out", "x"]),
        lambda: main(["open", "photo.seal", "--key", "server.pub", "--from", "pos.pub", "--out", "x"]),
        lambda: main(["seal", "photo.png", "--to", "pos.pub", "--as", "pos.key", "--out", "x"]),
        lambda: main(["inspect", "text.seal"]),
        lambda: main(["factor", "text.seal"]),
        lambda: main(["keygen", "device", "--device-info", "x" * 97, "--out", "long"]),
        lambda: main(["keygen", "device", "--device-info", "", "--out", "long"]),
        lambda: main(["keygen", "server", "--out", "server"]),
        lambda: seal("--data", "missing.txt", out="x"),
    ):
        capsys.readouterr()
        assert run() == 1
        said = capsys.readouterr().err
        assert said.startswith("sealframe: ")
        assert said.count("\n") == 1
        assert "Traceback" not in said
    assert names() == before


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "sealframe --help"),
        (["nothing"], "sealframe --help"),
        (["--json", "doctor"], "sealframe --help"),
        (["seal"], "sealframe seal --help"),
        (["keygen"], "sealframe keygen --help"),
        (["keygen", "server"], "sealframe keygen server --help"),
        (["factor", "x", "--reduction", "rank9"], "sealframe factor --help"),
        (["train", "--threads", "0", "gan", "x", "--out", "y"], "sealframe train --help"),
    ],
)
def test_wrong_usage_exits_2_and_names_the_help_of_its_command(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    usage, sentence = capsys.readouterr().err.strip().rsplit("\n", 1)
    assert usage.startswith(f"usage: {told.removesuffix(' --help')} ")
    assert sentence.startswith("sealframe: ")
    assert sentence.endswith(f". Try: {told}")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_flag_is_an_error_of_its_own_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [name.split()]
    if callable(getattr(module_of(name), "run", None)):  # a folder may hold an action of this name
        lines.append(example_of(name).split()[1:])
    for words in lines:
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--no-such-flag"])
        assert stopped.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith(f"usage: sealframe {name} ")
        assert said.endswith(f". Try: sealframe {name} --help\n")
        assert "--no-such-flag" in said or words == name.split()


def example_of(name: str) -> str:
    """The example, without what follows it for the reader or for the shell."""
    return str(module_of(name).EXAMPLE).partition("   ")[0].partition(" > ")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_of_its_own_and_the_exit_status(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*name.split(), "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: sealframe {name} ")
    assert f"example: sealframe {name}" in text
    assert "exit status: 0 done, 1 refused" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_what_its_command_takes(name: str) -> None:
    for example in example_of(name).split(" && "):
        options = build_parser().parse_args(example.split()[1:])
        assert options.command.split()[0] == name.split()[0]


def test_the_registry_names_every_command_module_once_and_each_has_what_it_needs() -> None:
    root = Path(cli.__file__).parent
    found = {
        ".".join(("sealframe.cli", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
        for path in root.rglob("*.py")
        if re.search("^EXAMPLE = ", path.read_text(), re.MULTILINE)
    }
    assert sorted(found) == sorted(command.module for command in COMMANDS.values())
    for name in COMMANDS:
        module = module_of(name)
        assert actions_of(name) or callable(module.add_options), name
        assert actions_of(name) or callable(module.run), name
        assert not name.partition(" ")[1] or name.split()[0] in COMMANDS


def test_a_command_that_needs_an_extra_says_which(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["evaluate", "."]) == 1
    assert capsys.readouterr().err == "sealframe: This command needs more packages: pip install 'sealframe[training]'\n"


HEAVY = {
    "PIL", "alembic", "cv2", "fastapi", "matplotlib", "onnxruntime", "rich", "skimage", "sqlalchemy", "torch", "uvicorn"
}  # fmt: skip


def loaded_by(*lines: list[str]) -> set[str]:
    """Modules that a process has loaded once each of these command lines has ended."""
    code = (
        "import contextlib, io, json, sys\n"
        "from sealframe.cli import main\n"
        "for argv in json.loads(sys.argv[1]):\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "        main(argv)\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, *(n for n in sys.modules if 'sealframe.' in n))"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(lines)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_m30_the_help_of_all_and_the_version_load_no_command() -> None:
    loaded = loaded_by(["--help"], ["--version"])
    assert "argparse" in loaded
    assert not loaded & {*HEAVY, "cryptography", "numpy"}
    assert not loaded & {command.module for command in COMMANDS.values()}


def test_m30_the_help_of_a_command_loads_its_module_and_no_other() -> None:
    loaded = loaded_by(["seal", "--help"])
    assert loaded & {command.module for command in COMMANDS.values()} == {"sealframe.cli.seal"}
    assert not loaded & HEAVY


def test_m30_no_help_loads_what_only_the_work_needs() -> None:
    loaded = loaded_by(*([*name.split(), "--help"] for name in COMMANDS))
    assert loaded >= {command.module for command in COMMANDS.values()}
    assert not loaded & HEAVY


def test_the_folders_of_the_library_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    for option in LIBRARY_FOLDERS:
        assert option in text
        with pytest.raises(SystemExit, match="0"):
            main([option])
        assert Path(capsys.readouterr().out.strip()).is_dir()


def test_m18_a_capture_is_sealed_and_opened_by_a_splice_rule_of_ones_own(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rule.toml").write_text(
        'magic_num = "PAY1"\n'
        'template = "{magic_num};{timestamp}{random}{device_info}/{sign_version}/{counter}/{width}x{height}"\n'
    )
    assert seal("--splice-rule", "rule.toml") == 0
    assert open_() == 1
    assert "splice rule" in capsys.readouterr().err
    assert open_("--splice-rule", "rule.toml") == 0
    assert Path("opened.png").read_bytes() == Path("photo.png").read_bytes()
    assert seal(out="default.seal") == 0
    assert open_("--splice-rule", "rule.toml", envelope="default.seal", out="default.png") == 0
    Path("rule.toml").write_text("magic_num = 1\n")
    assert seal("--splice-rule", "rule.toml", out="wrong.seal") == 1
    assert "rule.toml" in capsys.readouterr().err


def test_live_open_spends_the_capture_and_leaves_no_file_of_a_replay(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seal() == 0
    assert open_("--live", "replay.db") == 0
    assert open_("--live", "replay.db", out="again.png") == 1
    assert not Path("again.png").exists()
    assert "ReplayedCapture" not in capsys.readouterr().err


def test_live_open_that_cannot_write_does_not_spend_the_capture(home: Path) -> None:
    assert seal() == 0
    assert open_("--live", "replay.db", out="missing/opened.png") == 1
    assert open_("--live", "replay.db") == 0


def test_a44_key_files_open_to_others_or_with_a_wrong_password(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pos.key").chmod(0o644)
    assert seal() == 1
    assert "chmod 600" in capsys.readouterr().err
    Path("secret").write_bytes(b"correct horse\n")
    Path("wrong").write_bytes(b"battery\n")
    assert main(["keygen", "server", "--out", "locked", "--password-file", "secret"]) == 0
    Path("pos.key").chmod(0o600)
    argv = ["open", "photo.seal", "--key", "locked.key", "--from", "pos.pub", "--out", "opened.png"]
    assert main(["seal", "photo.png", "--to", "locked.pub", "--as", "pos.key", "--out", "photo.seal"]) == 0
    assert main([*argv, "--password-file", "wrong"]) == 1
    assert main(argv) == 1
    assert main([*argv, "--password-file", "secret"]) == 0


def test_a50_outputs_are_never_overwritten_unless_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("photo.seal").write_bytes(b"mine")
    assert seal() == 1
    assert Path("photo.seal").read_bytes() == b"mine"
    assert seal("--force") == 0
    Path("link.png").symlink_to("elsewhere.png")
    assert open_("--force", out="link.png") == 1
    assert open_(out=".") == 1
    capsys.readouterr()
    assert open_(out="absent/opened.png") == 1
    assert capsys.readouterr().err == "sealframe: absent is not a folder; create the folder first, or choose another.\n"
    assert not Path("elsewhere.png").exists()
    assert open_() == 0
    assert Path("opened.png").stat().st_mode & 0o777 == 0o600


def test_a50_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), staged_file(tmp_path / "out", b"content"):
        assert not (tmp_path / "out").exists()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    write_whole_file(tmp_path / "out", b"content")
    with pytest.raises(FileExistsError):
        write_whole_file(tmp_path / "out", b"other")
    with pytest.raises(FileExistsError), staged_file(tmp_path / "race", b"loser"):
        (tmp_path / "race").write_bytes(b"winner")
    assert (tmp_path / "race").read_bytes() == b"winner"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "race"]


def test_a52_without_memory_a_sentence_and_no_file(home: Path) -> None:
    """The address space ends 30 MB above what the program takes before it reads the picture, which needs 48 MB."""
    Path("large.png").write_bytes(encoded(np.zeros((4000, 4000, 3), np.uint8), "PNG", compress_level=0))
    code = (
        "import resource, sys\n"
        "from sealframe import _core, cli, envelope, image, keys, models, pipeline\n"
        "import PIL.Image, PIL.PngImagePlugin, onnxruntime\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 30_000_000,) * 2)\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    command = ["seal", "large.png", "--to", "server.pub", "--as", "pos.key", "--out", "large.seal"]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("sealframe: There is not enough memory")
    assert not Path("large.seal").exists()


def unread(pipe: int) -> int:
    """Bytes in a pipe that nobody has read."""
    count = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_a51_interrupt_leaves_nothing_half_written(home: Path) -> None:
    reading_end, writing_end = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sealframe",
            "seal",
            "-",
            "--to",
            "server.pub",
            "--as",
            "pos.key",
            "--out",
            "late.seal",
        ],
        stdin=reading_end,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    os.write(writing_end, b"x")
    wait_until(lambda: unread(reading_end) == 0)  # the command has begun to read
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    os.close(writing_end)
    os.close(reading_end)
    assert process.returncode == 130
    assert said.decode().startswith("sealframe: Interrupted")
    assert "late.seal" not in names()


def test_demo_refuses_what_it_must_and_draws(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["demo"], ["demo", "--image", "photo.png", "--out", "mine.png"]):
        assert main(argv) == 0
        said = capsys.readouterr().out
        assert said.count("refused ") == 6
        assert "identical to the last byte" in said
        assert "derivation" in said
    assert frame_from_bytes(Path("sealframe-demo.png").read_bytes()).height > 400


def test_doctor_reports_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["self_test"]["passed"]
    assert facts["isa"]["active"] in facts["isa"]["usable"]
    assert main(["doctor"]) == 0
    assert "all equal" in capsys.readouterr().out


def test_a_wrong_instruction_set_is_a_sentence_for_people_and_an_error_for_programs(home: Path) -> None:
    environment = {**os.environ, "SEALFRAME_ISA": "bogus"}
    argv = [sys.executable, "-m", "sealframe", "factor", "photo.png"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("sealframe: SEALFRAME_ISA must be")
    assert "Traceback" not in done.stderr
    program = [sys.executable, "-c", "import sealframe"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert "ImportError: SEALFRAME_ISA must be" in done.stderr


def test_broken_pipe_is_no_traceback(home: Path) -> None:
    line = f"{sys.executable} -m sealframe factor photo.png --json | true"
    said = subprocess.run(["bash", "-c", line], capture_output=True, check=False).stderr
    assert b"Traceback" not in said


@pytest.mark.parametrize("suite", ["x-wing", "x25519"])
@pytest.mark.parametrize("sign", ["ed25519", "ml-dsa-44", "ml-dsa-65", "ed25519+ml-dsa-65", "ecdsa-p256"])
def test_m21_m22_every_suite_and_signature_by_name(home: Path, suite: str, sign: str) -> None:
    assert main(["keygen", "server", "--suite", suite, "--out", "s"]) == 0
    assert main(["keygen", "device", "--device-info", "POS-2", "--sign", sign, "--out", "d"]) == 0
    assert main(["seal", "photo.png", "--to", "s.pub", "--as", "d.key", "--out", "p.seal"]) == 0
    argv = ["open", "p.seal", "--key", "s.key", "--from", "d.pub", "--out", "opened.png"]
    if suite == "x25519":
        assert main(argv) == 1
        argv += ["--allow-suite", suite]
    assert main(argv) == 0
    assert Path("opened.png").read_bytes() == Path("photo.png").read_bytes()


def test_m20_a_shared_key_seals_and_opens_where_it_is_allowed_by_name(home: Path) -> None:
    assert main(["keygen", "shared", "--out", "both"]) == 0
    assert main(["seal", "photo.png", "--to", "both.key", "--as", "pos.key", "--out", "p.seal"]) == 0
    argv = ["open", "p.seal", "--key", "both.key", "--from", "pos.pub", "--out", "opened.png"]
    assert main(argv) == 1
    assert main([*argv, "--allow-suite", "shared-key"]) == 0


@pytest.fixture
def locked(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three keys whose passwords are their names, and a person who types them; the prompts so far."""
    for command in (["shared"], ["server"], ["device", "--device-info", "POS-0002"]):
        name = f"locked-{command[0]}"
        Path("secret").write_text(f"{name}.key\n")
        assert main(["keygen", *command, "--out", name, "--password-file", "secret"]) == 0
    asked: list[str] = []

    def type_the_name(prompt: str) -> str:
        asked.append(prompt)
        return prompt.removeprefix("Password of ").removesuffix(": ")

    monkeypatch.setattr("getpass.getpass", type_the_name)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    return asked


SHARED = ["--key", "locked-shared.key", "--allow-suite", "shared-key"]


def test_m20_each_protected_key_is_asked_for_once_by_its_name(locked: list[str]) -> None:
    argv = ["--to", "locked-shared.key", "--as", "locked-device.key", "--out", "photo.seal"]
    assert main(["seal", "photo.png", *argv]) == 0
    assert locked == ["Password of locked-shared.key: ", "Password of locked-device.key: "]
    locked.clear()
    argv = ["--key", "server.key", *SHARED, "--from", "locked-device.pub", "--out", "opened.png"]
    assert main(["open", "photo.seal", "--key", "locked-server.key", *argv]) == 0
    assert locked == ["Password of locked-server.key: ", "Password of locked-shared.key: "]


def test_a_password_file_serves_all_the_keys_that_it_opens(locked: list[str]) -> None:
    Path("secret").write_text("locked-shared.key\n")
    argv = ["--to", "locked-shared.key", "--as", "pos.key", "--out", "photo.seal", "--password-file", "secret"]
    assert main(["seal", "photo.png", *argv]) == 0
    assert main(["keygen", "server", "--out", "same", "--password-file", "secret"]) == 0
    argv = ["--key", "same.key", *SHARED, "--from", "pos.pub", "--out", "opened.png", "--password-file", "secret"]
    assert main(["open", "photo.seal", *argv]) == 0
    assert locked == []
    assert main(["key", "show", "locked-shared.key"]) == 0
    assert locked == ["Password of locked-shared.key: "]


def test_a_folder_asks_for_a_password_once_for_all_its_processes(locked: list[str]) -> None:
    Path("in").mkdir()
    for name in ("1.png", "2.png"):
        Path("in", name).write_bytes(Path("photo.png").read_bytes())
    argv = ["--to", "server.pub", "--as", "locked-device.key", "--jobs", "2", "--out", "out"]
    assert main(["seal", "in", *argv]) == 0
    assert locked == ["Password of locked-device.key: "]
    assert {path.name for path in Path("out").iterdir()} == {"1.png.seal", "2.png.seal"}


def test_a44_a_password_that_nobody_types_rightly_is_refused_by_the_name_of_its_key(
    locked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    for typed in (lambda _: "wrong", lambda _: "", nobody):
        monkeypatch.setattr("getpass.getpass", typed)
        assert seal("--as", "locked-device.key") == 1
        assert "password" in capsys.readouterr().err.lower()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert seal("--as", "locked-device.key") == 1
    assert "locked-device.key is protected by a password" in capsys.readouterr().err
    assert seal("--as", "locked-device.key", "--password-file", "secret") == 0
    Path("secret").write_text("wrong\n")
    assert seal("--as", "locked-device.key", "--password-file", "secret", out="again.seal") == 1
    assert "locked-device.key" in capsys.readouterr().err


def test_a45_key_show_prints_public_facts_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "shared", "--out", "both"]) == 0
    for name in ("server.key", "server.pub", "pos.key", "pos.pub", "both.key"):
        capsys.readouterr()
        assert main(["key", "show", name, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert len(bytes.fromhex(facts["key_id"])) == 16
        assert main(["key", "show", name]) == 0
    assert main(["key", "show", "photo.png"]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seal", "picture.png", "--to", "pos.pub", "--as", "pos.key"], "pos.pub is a device key; --to needs"),
        (["seal", "picture.png", "--to", "server.pub", "--as", "server.key"], "server.key is a server key; --as needs"),
        (["open", "a.seal", "--key", "pos.key", "--from", "pos.pub"], "pos.key is a device key; --key needs"),
        (["open", "a.seal", "--key", "server.key", "--from", "server.pub"], "server.pub is a server key; --from needs"),
    ],
)
def test_a_key_of_the_wrong_kind_is_named_with_its_option(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    DeviceKey.generate("POS-0001").save("pos.key")
    DevicePublic.load("pos.key").save("pos.pub")
    ServerKey.generate().save("server.key")
    ServerPublic.load("server.key").save("server.pub")
    Path("picture.png").write_bytes(encoded(synthetic_frame(60, 80), "PNG"))
    Path("a.seal").write_bytes(b"")
    assert main([*words, "--out", "result"]) == 1
    assert capsys.readouterr().err.startswith(f"sealframe: {said}")
    assert not Path("result").exists()
