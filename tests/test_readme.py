"""What README.md says, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import encoded, synthetic_frame

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_code_runs(tmp_path: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_commands_run_one_after_the_other(tmp_path: Path) -> None:
    (commands,) = [block for block in blocks("sh") if "sealframe keygen" in block]
    (tmp_path / "photo.jpg").write_bytes(encoded(synthetic_frame(90, 120), "JPEG"))
    for line in commands.strip().splitlines():
        argv = [sys.executable, "-m", *line.split()]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stderr.decode()}"
    assert (tmp_path / "opened.jpg").read_bytes() == (tmp_path / "photo.jpg").read_bytes()


def test_the_two_commands_are_one_line_each() -> None:
    install, test = [block for block in blocks("sh") if "venv" in block]
    assert install.count("\n") == test.count("\n") == 1
    assert install.endswith("sealframe demo\n")
    assert test.endswith("pytest\n")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_to_a_file(link: str) -> None:
    assert link.startswith("https://") or (Path(__file__).parent.parent / link).exists()
