"""C and C++ programs find, link and run the installed library and agree with Python to the last bit (M30, A19)."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from sealframe import _core
from sealframe.__main__ import main
from sealframe.image import frame_from_bytes
from tests.support import synthetic_frame

CONSUMER = Path(__file__).parents[1] / "consumer"
ROOT = CONSUMER.parent.parent


def folder(option: str) -> Path:
    done = subprocess.run([sys.executable, "-m", "sealframe", option], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def run(*command: str | Path, **environment: str) -> None:
    subprocess.run([str(part) for part in command], env={**os.environ, **environment}, check=True, capture_output=True)


def tool(name: str) -> str:
    """The tool on PATH, or the one that a package put beside Python."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent)) or ""


def has(*names: str) -> bool:
    return all(tool(name) for name in names)


def with_find_package(build: Path) -> Path:
    options = [f"-DCMAKE_PREFIX_PATH={folder('--cmakedir')}", "-DCMAKE_BUILD_TYPE=Release"]
    run(tool("cmake"), "-S", CONSUMER / "find_package", "-B", build, *options)
    run(tool("cmake"), "--build", build)
    return build / "consumer"


def with_pkg_config(build: Path) -> Path:
    libraries = folder("--libdir")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "sealframe"],
        env={**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    build.mkdir()
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    run("cc", *strict, CONSUMER / "main.c", *flags, f"-Wl,-rpath,{libraries}", "-o", build / "consumer")
    return build / "consumer"


def with_static_library(build: Path) -> Path:
    build.mkdir()
    library = folder("--libdir") / "libsealframe.a"
    run("cc", CONSUMER / "main.c", f"-I{folder('--includedir')}", library, "-o", build / "consumer")
    return build / "consumer"


def with_add_subdirectory(build: Path) -> Path:
    run(tool("cmake"), "-S", CONSUMER / "add_subdirectory", "-B", build, "-DCMAKE_BUILD_TYPE=Release")
    run(tool("cmake"), "--build", build, "--target", "consumer")
    return build / "consumer"


WAYS = {with_static_library: has("cc")}
WAYS |= {with_pkg_config: has("cc", "pkg-config"), with_find_package: has("cc", "cmake")}
WAYS |= {with_add_subdirectory: has("c++", "cmake")}


@pytest.fixture(scope="module")
def frames(test_data: Path | None) -> list[np.ndarray]:
    if test_data is None:
        return [synthetic_frame(301, 407)]
    photo = next(iter(sorted((test_data / "samples" / "photos").glob("*.png"))), None)
    real = [] if photo is None else [frame_from_bytes(photo.read_bytes()).pixels]
    return [synthetic_frame(301, 407), *(pixels for pixels in real if pixels.shape[2:] == (3,))]


@pytest.mark.parametrize("build", [way for way, possible in WAYS.items() if possible], ids=lambda way: way.__name__)
def test_m30_a_consumer_agrees_with_python(build, frames, tmp_path) -> None:
    program = build(tmp_path / "build")
    for frame in frames:
        raw = tmp_path / "frame.rgb"
        raw.write_bytes(np.ascontiguousarray(frame).tobytes())
        sides = [str(side) for side in frame.shape[:2]]
        done = subprocess.run([program, raw, *sides], capture_output=True, check=True)
        features, similarity = np.frombuffer(done.stdout, np.uint8).reshape(2, 128, 128)
        expected = _core.area_mean(frame, "rgb", 128, 128)
        mirrored = _core.area_mean(frame[:, ::-1], "rgb", 128, 128)
        assert np.array_equal(features, expected)
        assert np.array_equal(similarity.view(np.int8), _core.window_cosine(expected, mirrored))


def test_m30_ctypes_agrees_with_python() -> None:
    """The exported names are all that another language needs."""
    library = ctypes.CDLL(str(folder("--libdir") / "libsealframe.so.1"))
    image = np.ascontiguousarray(synthetic_frame(64, 128)[..., 0])
    means = np.zeros((8, 16), np.uint8)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (image, means)]
    sides = [ctypes.c_size_t(side) for side in (64, 128, 8)]
    assert library.sf_block_means(pointers[0], *sides, pointers[1]) == 0
    assert np.array_equal(means, _core.block_means(image, 8))
    library.sf_status_text.restype = ctypes.c_char_p
    assert library.sf_block_means(None, *sides, pointers[1]) == 1
    assert library.sf_status_text(1) == b"A pointer that must be given is null."


def test_the_library_exports_the_header_and_nothing_else() -> None:
    header = (folder("--includedir") / "sealframe" / "sealframe.h").read_text()
    declared = set(re.findall(r"\b(sf_\w+)\(", header.split('extern "C"', 1)[1]))
    listed = set(re.findall(r"\b(sf_\w+);", (ROOT / "cpp" / "cmake" / "exports.map").read_text()))
    assert declared == listed
    if has("nm"):
        library = folder("--libdir") / "libsealframe.so.1"
        found = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        assert {line.split()[-1] for line in found.stdout.splitlines()} == listed


def test_every_function_that_takes_arguments_has_a_fuzz_target() -> None:
    header = (folder("--includedir") / "sealframe" / "sealframe.h").read_text()
    declared = set(re.findall(r"\b(sf_\w+)\((?!void\))", header.split('extern "C"', 1)[1]))
    declared.add("sf_set_isa_from_environment")  # its argument is the environment
    source = (ROOT / "tests" / "cpp" / "fuzz.cpp").read_text()
    assert {f"sf_{name}" for name in re.findall(r"\bTARGET\((\w+)\)[,\s}]", source)} - {"sf_name"} == declared


def test_the_library_is_one_file_and_a_linker_script() -> None:
    assert (folder("--libdir") / "libsealframe.so").read_text() == "INPUT(libsealframe.so.1)\n"


def test_files_of_one_instruction_set_share_no_code_with_others() -> None:
    """A weak symbol could bring AVX code into a function that runs on every CPU."""
    listing = subprocess.run(
        ["nm", "-A", folder("--libdir") / "libsealframe.a"], capture_output=True, text=True, check=True
    ).stdout
    entries = (ROOT / "cpp" / "src" / "cpu" / "instruction_sets.def").read_text()
    sets = "|".join(re.findall(r"^SEALFRAME_INSTRUCTION_SET\((\w+),", entries, re.MULTILINE))
    lines = [line for line in listing.splitlines() if re.search(rf"_({sets})\.cpp\.o:", line)]
    assert lines
    assert not [line for line in lines if re.search(r" [WwVvu] ", line)]


@pytest.mark.parametrize(
    ("group", "file"), [("cmake.root", "sealframe-config.cmake"), ("pkg_config", "sealframe.pc")], ids=str
)
def test_m30_other_packages_find_the_library_by_entry_point(group, file) -> None:
    """What scikit-build-core and pkgconf of other packages read: a package whose folder holds the file."""
    (entry,) = entry_points(group=group, name="sealframe")
    found = Path(str(files(entry.load())))
    assert (found / file).is_file()
    assert found.is_relative_to(folder("--libdir"))


def test_an_unknown_option_is_the_command_lines(capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "sealframe" in capsys.readouterr().out


@pytest.mark.parametrize("isa_name", _core.isas())
def test_a19_every_kernel_gives_the_committed_hashes(isa_name, hashes_program) -> None:
    """The table is the one that all compilers, levels and emulated CPUs of tests/cpp/bit_identity.py give."""
    environment = {**os.environ, "SEALFRAME_ISA": isa_name}
    done = subprocess.run([hashes_program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "tests" / "cpp" / "hashes.txt").read_text()


@pytest.mark.parametrize("isa_name", _core.isas())
def test_a19_whole_numbers_do_not_depend_on_the_rounding_mode(isa_name, hashes_program) -> None:
    environment = {**os.environ, "SEALFRAME_ISA": isa_name}
    done = subprocess.run([hashes_program, "upward"], env=environment, capture_output=True, text=True, check=True)
    expected = (ROOT / "tests" / "cpp" / "hashes.txt").read_text().splitlines()
    changed = {one.split()[0] for one, other in zip(done.stdout.splitlines(), expected, strict=True) if one != other}
    floats = re.compile(r"channel_cosine_f32_|standardise_|area_mean_\d+x\d+_\d+x\d+_[25]$")
    assert "channel_cosine_f32_c64" in changed
    assert [name for name in sorted(changed) if not floats.match(name)] == []


@pytest.fixture(scope="module")
def hashes_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not has("c++"):
        pytest.skip("a C++ compiler is not installed")
    program = tmp_path_factory.mktemp("hashes") / "hashes"
    library = folder("--libdir") / "libsealframe.a"
    source = ROOT / "tests" / "cpp" / "hashes.cpp"
    run("c++", "-std=c++20", source, f"-I{folder('--includedir')}", library, "-o", program)
    return program
