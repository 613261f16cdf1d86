"""Unpacks Debian packages into a folder, without root and without installing anything.

    python packaging/debian.py trixie libonnxruntime-dev build/onnxruntime
    python packaging/debian.py bookworm python3-minimal build/arm --architecture arm64 --dependencies

apt downloads the packages and checks their signatures, with its state in a temporary folder. Needs apt-get, dpkg-deb,
the package debian-archive-keyring and a connection.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHIVE = "http://deb.debian.org/debian"


def unpack(suite: str, packages: list[str], folder: Path, *, architecture: str, dependencies: bool) -> None:
    """Unpack the packages, and on request what they depend on, into a new folder, which appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        unpacked = Path(work) / "unpacked"
        unpacked.mkdir()
        for archive in _download(Path(work), suite, packages, architecture, dependencies=dependencies):
            subprocess.run(["dpkg-deb", "-x", archive, unpacked], check=True)
        unpacked.rename(folder)


def _download(work: Path, suite: str, packages: list[str], architecture: str, *, dependencies: bool) -> list[Path]:
    for name in ("state/lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {ARCHIVE} {suite} main\n")
    (work / "apt.conf").write_text(
        f'#clear APT::Architectures;\nAPT::Architectures "{architecture}";\nAPT::Architecture "{architecture}";\n'
        f'APT::Sandbox::User "";\nDir::State "{work}/state";\nDir::State::status "{work}/status";\n'
        f'Dir::Cache "{work}/cache";\nDir::Etc::sourcelist "{work}/sources.list";\nDir::Etc::sourceparts "-";\n'
    )
    get = ["-y", "--no-install-recommends", "--download-only", "install"] if dependencies else ["download"]
    for arguments in (["update"], [*get, *packages]):
        _apt(work, arguments)
    return sorted(work.rglob("*.deb"))


def _apt(work: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "APT_CONFIG": str(work / "apt.conf")}
    done = subprocess.run(
        ["apt-get", "-q", *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"apt-get {' '.join(arguments)} failed:\n{done.stderr}")


def main() -> int:
    """Unpack what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("suite", help="such as bookworm")
    parser.add_argument("packages", nargs="+", metavar="PACKAGE")
    parser.add_argument("folder", type=lambda text: Path(text).resolve(), metavar="FOLDER", help="must not exist")
    parser.add_argument("--architecture", default="amd64", help="Debian's name for it (default: amd64)")
    parser.add_argument("--dependencies", action="store_true", help="also everything that the packages need")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        raise SystemExit(f"{arguments.folder} exists already; remove it, or name another folder")
    unpack(
        arguments.suite,
        arguments.packages,
        arguments.folder,
        architecture=arguments.architecture,
        dependencies=arguments.dependencies,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
