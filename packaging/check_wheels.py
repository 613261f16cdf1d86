"""Checks the built distributions without running them: names, metadata, platform, exports, contents, sizes.

    python packaging/check_wheels.py [dist]

Exit status 1 if anything is wrong. Needs `pip install '.[wheels]'`.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

ROOT = Path(__file__).resolve().parent.parent
MAX_BYTES = 5_000_000
MAX_BYTES_WITHOUT_MODELS = 1_000_000
SYSTEM_LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
MADE_BY_SDIST = {"PKG-INFO"}


def check_wheel(wheel: Path) -> list[str]:
    """Everything that is wrong with a wheel, one line each."""
    wrong = []
    with zipfile.ZipFile(wheel) as archive:
        sizes = {item.filename: item.compress_size for item in archive.infolist()}
        content = {name: archive.read(name) for name in sizes}
    without_models = wheel.stat().st_size - sum(
        size for name, size in sizes.items() if name.startswith("sealframe/models/") and name.endswith(".onnx")
    )
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {without_models:,} without models")
    if wheel.stat().st_size > MAX_BYTES:
        wrong.append(f"more than {MAX_BYTES:,} bytes")
    if without_models > MAX_BYTES_WITHOUT_MODELS:
        wrong.append(f"more than {MAX_BYTES_WITHOUT_MODELS:,} bytes without models")
    tags = re.search(r"-cp(\d+)-cp\d+-(?:\w+\.)?manylinux_2_17_(\w+)\.whl$", wheel.name)
    if not tags:
        return [*wrong, "not a manylinux_2_17 wheel"]
    python, architecture = tags.groups()
    for name, data in content.items():
        if data.startswith(b"\x7fELF"):
            wrong += [f"{name}: {fault}" for fault in _check_library(name, data, architecture)]
        if found := re.search(
            rb"(?:/tmp|/home|/root|/build)/[\w./-]+", data if name.endswith((".so", ".1", ".a")) else b""
        ):
            wrong.append(f"{name} names a folder of the computer that built it: {found[0].decode()}")
    wanted = {"lib/libsealframe.so.1", "lib/libsealframe.so", "lib/libsealframe.a", "include/sealframe/sealframe.h"}
    wanted |= {"lib/cmake/sealframe/sealframe-config.cmake", "lib/pkgconfig/sealframe.pc", "py.typed", "_core.pyi"}
    wanted |= {f"_core.cpython-{python}-{architecture}-linux-gnu.so"}
    wanted |= {f"models/{model.name}" for model in (ROOT / "models").iterdir()}
    return wrong + [f"{name} is missing" for name in sorted(wanted) if f"sealframe/{name}" not in content]


def _check_library(name: str, data: bytes, architecture: str) -> list[str]:
    """Architecture, dependencies and exports of a shared library."""
    library = ELFFile(io.BytesIO(data))
    wrong = []
    if library["e_machine"] != {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}[architecture]:
        wrong.append(f"made for {library['e_machine']}")
    needed = {tag.needed for tag in library.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    if foreign := needed - SYSTEM_LIBRARIES - LOADERS:
        wrong.append(f"needs {', '.join(sorted(foreign))}")
    exported = {
        symbol.name
        for symbol in library.get_section_by_name(".dynsym").iter_symbols()
        if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL" and symbol.name
    }
    expected = {"PyInit__core"}
    if "libsealframe" in name:
        expected = set(re.findall(r"\b(sf_\w+);", (ROOT / "cpp" / "cmake" / "exports.map").read_text()))
    if exported != expected:
        wrong.append(f"exports {sorted(exported - expected)} too many and lacks {sorted(expected - exported)}")
    return wrong


def check_sdist(sdist: Path) -> list[str]:
    """What a source distribution lacks of the files that git tracks, and what it holds beside them."""
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = set(listing.splitlines())
    print(f"{sdist.name}: {sdist.stat().st_size:,} bytes, {len(packed)} files")
    return [f"lacks {name}" for name in sorted(tracked - packed)] + [
        f"holds {name}, which git does not track" for name in sorted(packed - tracked - MADE_BY_SDIST)
    ]


def main() -> int:
    """Check each file of the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist", help="default: dist")
    folder = parser.parse_args().folder
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    files = [*wheels, *sdists]
    if not wheels or not sdists:
        raise SystemExit(
            f"{folder} holds no wheel or no source distribution; build both: python packaging/build_wheels.py"
        )
    wrong = [f"{file.name}: {fault}" for file in wheels for fault in check_wheel(file)]
    wrong += [f"{file.name}: {fault}" for file in sdists for fault in check_sdist(file)]
    print("\n".join(wrong) or "contents, exports and sizes are as they must be")
    modules = [["twine", "check", "--strict", *files], ["check_wheel_contents", *wheels]]
    modules += [["auditwheel", "show", wheel] for wheel in wheels]
    failed = [subprocess.run([sys.executable, "-m", *map(str, module)], check=False).returncode for module in modules]
    return 1 if wrong or any(failed) else 0


if __name__ == "__main__":
    sys.exit(main())
