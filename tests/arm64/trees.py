"""What an emulated run stands on, made once and kept in a cache: the emulator, trees of Debian, wheels.

The emulator is the dynamically linked one of Debian 12, because that one takes plugins. It shows a guest the host's
/proc/cpuinfo, on which LiteRT crashes; each processor therefore gets a file of its own, with what the board has.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-ocr" / "arm64"


@dataclass(frozen=True, slots=True)
class Processor:
    """A core as QEMU calls it, and what the kernel of its board says of it in /proc/cpuinfo."""

    name: str
    part: str
    features: str
    architecture: int = 8

    def cpuinfo(self) -> str:
        """Four cores of it."""
        says = (
            f"BogoMIPS\t: 108.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: {self.architecture}\n"
            f"CPU variant\t: 0x0\nCPU part\t: {self.part}\nCPU revision\t: 3\n"
        )
        return "\n".join(f"processor\t: {core}\n{says}" for core in range(4))


_V8 = "fp asimd evtstrm crc32 cpuid"  # Broadcom left the cryptography out until the Pi 5
PROCESSORS = {
    "cortex-a53": Processor("cortex-a53", "0xd03", _V8),
    "cortex-a72": Processor("cortex-a72", "0xd08", _V8),
    "cortex-a76": Processor(
        "cortex-a76",
        "0xd0b",
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    ),
}
PROCESSORS["cortex-a7"] = Processor(
    "cortex-a7", "0xc07", "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm", 7
)
"""Raspberry Pi 3 and Zero 2 W, 4, 5; and 2, which knows 32 bits alone."""

_PURE = ("interegular", "pytest", "pytest-timeout", "hypothesis", "packaging", "pluggy", "iniconfig", "pygments")
_LITERT = ("ai-edge-litert", "backports-strenum", "flatbuffers", "ml-dtypes", "protobuf", "tqdm", "typing-extensions")


@dataclass(frozen=True, slots=True)
class Suite:
    """A tree to run in.

    Attributes:
        name: what the command line calls it.
        debian: the release.
        architecture: Debian's name for it.
        emulator: QEMU's.
        triplet: of its compiler.
        python: of the release, such as "3.11".
        platforms: tags of the wheels that run in it, besides the oldest.
        wheels: taken from the package index, in the versions of ``lock``.
        lock: file of .ci/locks.
        packages: of Debian, besides Python.

    """

    name: str
    debian: str
    architecture: str
    emulator: str
    triplet: str
    python: str
    platforms: tuple[str, ...]
    wheels: tuple[str, ...]
    lock: str = "test.txt"
    packages: tuple[str, ...] = ()

    @property
    def tree(self) -> Path:
        """Where it is laid out."""
        return CACHE / self.name / "tree"

    @property
    def site(self) -> Path:
        """Where its wheels are."""
        return CACHE / self.name / "site"


_MIRROR = "deb http://deb.debian.org/debian {} main"
"""Releases without what was added since: the same trees for everybody, and the same instructions."""

_AARCH64 = ("manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in (17, 24, 27, 28, 31, 34)))
_MODERN = ("numpy", "opencv-python-headless", "sortedcontainers", *_LITERT, *_PURE)
SUITES = {
    suite.name: suite
    for suite in (
        Suite("bookworm", "bookworm", "arm64", "qemu-aarch64", "aarch64-linux-gnu", "3.11", _AARCH64, _MODERN),
        Suite("trixie", "trixie", "arm64", "qemu-aarch64", "aarch64-linux-gnu", "3.13", _AARCH64, _MODERN),
        Suite(
            "armv7l",
            "bookworm",
            "armhf",
            "qemu-arm",
            "arm-linux-gnueabihf",
            "3.11",
            ("manylinux_2_34_armv7l",),
            ("tflite-runtime", *_PURE),
            "tflite.txt",
            ("python3-numpy", "python3-opencv"),  # the package index has no wheels of them for 32 bits
        ),
    )
}


def prepare(suite: Suite) -> None:
    """Lay out everything that ``suite`` needs which is not in the cache yet.

    Raises:
        subprocess.CalledProcessError: a tree or a wheel could not be had; its output says why.

    """
    tree = ["mmdebstrap", "--quiet", "--variant=extract"]
    packages = ",".join(("python3", "libstdc++6", *suite.packages))
    _once(CACHE / "qemu", [*tree, "--arch=amd64", "--include=qemu-user", "bookworm"])
    _once(
        suite.tree,
        [*tree, f"--arch={suite.architecture}", f"--include={packages}", suite.debian],
        then=[_MIRROR.format(suite.debian)],
    )
    if not (suite.tree / "lib").exists():
        (suite.tree / "lib").symlink_to("usr/lib")
    _once(suite.site, _download(suite), then=["--requirement"], text=_requirements(suite))


def emulator(suite: Suite, processor: Processor) -> tuple[list[str], dict[str, str]]:
    """The command that starts the Python of ``suite`` on ``processor``, and its environment."""
    prefix = CACHE / suite.name / processor.name
    shutil.rmtree(prefix, ignore_errors=True)
    (prefix / "proc").mkdir(parents=True)
    (prefix / "proc" / "cpuinfo").write_text(processor.cpuinfo(), "utf-8")
    for part in ("usr", "lib", "etc", "bin"):
        if (suite.tree / part).exists():
            (prefix / part).symlink_to(suite.tree / part)
    qemu = CACHE / "qemu"
    libraries = f"{qemu}/usr/lib/x86_64-linux-gnu:{qemu}/lib/x86_64-linux-gnu"
    loader = [str(qemu / "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries]
    command = [*loader, str(qemu / "usr/bin" / suite.emulator), "-L", str(prefix), "-cpu", processor.name]
    # In a tree that was unpacked but not set up, nothing points to the one of several linear algebras.
    tree = suite.tree / "usr/lib" / suite.triplet
    algebra = [str(tree / name) for name in ("blas", "lapack", "pulseaudio") if (tree / name).is_dir()]
    if algebra:
        command += ["-E", f"LD_LIBRARY_PATH={':'.join(algebra)}"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_FOR_THREADS_NUM": "1",
    }
    return command, environment


def python(suite: Suite) -> str:
    """The interpreter's path as the host sees it."""
    return str(suite.tree / f"usr/bin/python{suite.python}")


def _requirements(suite: Suite) -> str:
    """The locked versions of the suite's wheels, by the markers of its Python."""
    lines = []
    for line in (ROOT / ".ci/locks" / suite.lock).read_text("utf-8").splitlines():
        pin, _, marker = line.partition(";")
        wanted = pin.partition("==")[0] in suite.wheels
        old = "python_full_version < '3.12'" in marker and suite.python != "3.11"
        new = "python_full_version >= '3.12'" in marker and suite.python == "3.11"
        if wanted and not old and not new:
            lines.append(pin.strip())
    return "\n".join(lines)


def _download(suite: Suite) -> list[str]:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    platforms = [word for platform in suite.platforms for word in ("--platform", platform)]
    version = suite.python.replace(".", "")
    # pip compares what a package requires with its own Python, not with the one it is told to install for.
    for_it = ["--only-binary=:all:", "--python-version", version, "--no-deps", "--ignore-requires-python"]
    return [*pip, *for_it, *platforms, "--target"]


def _once(folder: Path, command: Sequence[str], *, then: Sequence[str] = (), text: str = "") -> None:
    """Run ``command FOLDER [THEN] [FILE]``, unless the same filled the folder before; FILE holds the text."""
    key = hashlib.sha256("\0".join([*command, *then, text]).encode()).hexdigest()
    mark = folder.with_name(f"{folder.name}.key")
    if folder.is_dir() and mark.is_file() and mark.read_text("ascii") == key:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    more = list(then)
    if text:
        listed = folder.with_name(f"{folder.name}.txt")
        listed.write_text(text, "utf-8")
        more.append(str(listed))
    _run([*command, str(folder), *more])
    mark.write_text(key, "ascii")


def build(architecture: str, triplet: str) -> Path:
    """The one wheel for an architecture, its kernel cross-compiled, unpacked; always anew, which takes seconds.

    Raises:
        subprocess.CalledProcessError: the compiler is not installed, or the wheel cannot be built; its output says why.

    """
    work = CACHE / "wheel" / architecture
    headers = work.with_name(f"headers-{architecture}")
    packages = "--include=libpython3-dev"
    tree = ["mmdebstrap", "--quiet", "--variant=extract", f"--arch={architecture}", packages, "bookworm"]
    _once(headers, tree, then=[_MIRROR.format("bookworm")])
    shutil.rmtree(work, ignore_errors=True)
    copy_sources(work / "source")
    # Python's headers before those of the host's Python, the C library's after those of the cross-compiler.
    include = headers / "usr/include"
    environment = {
        "CC": f"{triplet}-gcc",
        "CFLAGS": f"-I{include}/python3.11 -idirafter {include}",
        "_PYTHON_HOST_PLATFORM": f"linux-{'aarch64' if architecture == 'arm64' else 'armv7l'}",
    }
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(work), str(work / "source")], environment)
    (wheel,) = work.glob("*.whl")
    shutil.unpack_archive(wheel, work / "package", "zip")
    return work / "package"


def copy_tests(folder: Path) -> None:
    """What the tests need besides the package, as it is now, and without the host's package beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)


def copy_sources(folder: Path) -> None:
    """What a build needs, apart from the checkout: a build leaves things in the folder that it runs in."""
    ignore: Callable[[str, list[str]], set[str]] = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "edge_ocr", folder / "edge_ocr", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in"):
        shutil.copy(ROOT / name, folder / name)


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, timeout=900, env={**os.environ, **(environment or {})})
