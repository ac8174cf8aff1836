"""Updates for real: `make test-update`. The installer, systemd and its units on a device with Debian 12 that is booted.

Releases are built as wheels, packed, signed by the command minisign and fetched from a web server by the unit that asks
every day: a good one; one whose `serve` does not come up, one that is up and sees nothing, one that reads nonsense;
what a stranger signed, what is torn off, what is old, and one for which the disk has no room. Then the power is cut
again and again. Needs root, and Debian's packages mmdebstrap, systemd-container and minisign.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
from device import CACHE, Device, run, until

from edge_ocr.update import archive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
MEGABYTES = 1100
PROOF_SECONDS = 20
"""In the place of the unit's two minutes."""

POWER_CUTS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.05, 1.2, 1.5)
"""After a look, in the time that one takes; the last ones fall into the trial."""

UNIT = "edge-ocr-update.service"
STATE = ("python3", "/opt/edge-ocr/slots.py", "/opt/edge-ocr", "status")

CONFIG = """
[[camera]]
name = "gate"
source = "fake:///srv/pictures"

[store]
folder = "/var/lib/edge-ocr"
"""

DIES = {"edge_ocr/service.py": ("def serve(", 'raise SystemExit("it does not come up")\n\n\ndef serve(')}
BLIND = {
    "edge_ocr/worker.py": (
        "events = self._pipeline.step(",
        "raise OSError(self.name)\n            events = self._pipeline.step(",
    )
}
"""Mistakes in a release: what stands in a file, and what in its place."""


class Maker:
    """Who makes releases.

    Args:
        folder: to work in.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("fleet", "stranger"):
            run("minisign", "-G", "-W", "-p", folder / f"{name}.pub", "-s", folder / f"{name}.key")
        self.public = folder / "fleet.pub"

    def program(self, serial: int, mistake: Mapping[str, tuple[str, str]] | None = None) -> Path:
        """A signed archive with a wheel of the program as it is, but for its version and a mistake."""
        source, wheels = self._folder / f"source-{serial}", self._folder / f"wheels-{serial}"
        source.mkdir()
        shutil.copytree(ROOT / "edge_ocr", source / "edge_ocr", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
            shutil.copy(ROOT / name, source / name)
        version = {"pyproject.toml": (f'version = "{metadata.version("edge-ocr")}"', f'version = "99.{serial}"')}
        for name, (found, instead) in {**version, **(mistake or {})}.items():
            text = _text(source / name)
            assert found in text, f"{name} does not say {found!r}"
            (source / name).write_text(text.replace(found, instead, 1), "utf-8")
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run(*pip, "--wheel-dir", wheels, source)
        return self._signed({f"wheels/{path.name}": path for path in wheels.iterdir()}, serial)

    def nonsense(self, serial: int) -> Path:
        """A signed archive with a bundle that takes every digit for another."""
        folder = self._folder / "plate"
        shutil.copytree(ROOT / "edge_ocr/models/plate", folder)
        card = _text(folder / "model.toml")
        (folder / "model.toml").write_text(card.replace("0123456789", "9876543210"), "utf-8")
        return self._signed(archive.bundle_files([folder]), serial)

    def sign(self, made: Path, key: str = "fleet") -> None:
        """Put a signature beside an archive."""
        run("minisign", "-S", "-s", self._folder / f"{key}.key", "-m", made)

    def again(self, serial: int) -> Path:
        """An archive that was made before."""
        return self._folder / f"update-{serial}.zip"

    def _signed(self, files: Mapping[str, Path], serial: int) -> Path:
        made = self.again(serial)
        archive.pack(files, made, name=f"r{serial}", serial=serial)
        self.sign(made)
        return made


class Site:
    """The device at work, and the server that it asks.

    Args:
        device: laid out, switched off.
        maker: whose key it trusts.

    """

    def __init__(self, device: Device, maker: Maker) -> None:
        self._device, self._tree = device, device.tree
        for name in ("media", "srv/updates", "srv/pictures", "etc/edge-ocr/update-keys"):
            (self._tree / name).mkdir(parents=True, exist_ok=True)
        shutil.copytree(ROOT / "firmware_configs", self._tree / "media/firmware_configs")
        shutil.copytree(CACHE / f"wheels-{SUITE}", self._tree / "media/wheels")
        proof = self._tree / "media/firmware_configs/systemd/edge-ocr-confirm.service"
        assert "--seconds 120" in _text(proof)
        proof.write_text(_text(proof).replace("--seconds 120", f"--seconds {PROOF_SECONDS}"), "utf-8")
        (self._tree / "etc/edge-ocr/edge-ocr.toml").write_text(CONFIG, "utf-8")
        (self._tree / "etc/edge-ocr/update.env").write_text("UPDATE_URL=http://127.0.0.1:8000/latest.zip\n", "utf-8")
        shutil.copy(maker.public, self._tree / "etc/edge-ocr/update-keys/fleet.pub")
        capture = cv2.VideoCapture(str(ROOT / "docs/samples/clip.mp4"))
        shown = [picture for good, picture in iter(capture.read, (False, None)) if good][::4]
        for number, picture in enumerate(shown):
            cv2.imwrite(str(self._tree / f"srv/pictures/{number:03}.jpg"), picture)

    def switch_on(self) -> None:
        """With the server of updates."""
        self._device.boot()
        server = ["/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", "-d", "/srv/updates", "8000"]
        self._device.do("systemd-run", "--quiet", "--unit=server", *server)

    def install(self) -> None:
        """As the tutorial says, but for the network."""
        installer = "/media/firmware_configs/install.sh"
        self._device.do(installer, "--wheels", "/media/wheels")
        for path in (self._tree / "media/wheels").iterdir():  # a small disk
            path.unlink()

    def offer(self, made: Path) -> None:
        """Put an archive on the server."""
        shutil.copy(made, self._tree / "srv/updates/latest.zip")
        shutil.copy(made.with_name(f"{made.name}.minisig"), self._tree / "srv/updates/latest.zip.minisig")

    def look(self) -> str:
        """What the unit that asks every day has to say."""
        self._device.says("systemctl", "reset-failed", UNIT)  # it asks once a day, and here again and again
        self._device.says("systemctl", "start", UNIT)
        run_of = self._device.says("systemctl", "show", "--property=InvocationID", "--value", UNIT)
        return self._device.says("journalctl", f"_SYSTEMD_INVOCATION_ID={run_of}", "--output=cat")

    def look_soon(self) -> None:
        """Without waiting for what comes of it."""
        self._device.says("systemctl", "reset-failed", UNIT)
        self._device.do("systemctl", "start", "--no-block", UNIT)

    def links(self) -> str:
        """Which release is current and which on trial."""
        return " ".join(self._device.says(*STATE).split())

    def refused(self) -> str:
        """The release that was taken back last."""
        link = self._tree / "opt/edge-ocr/refused"
        return link.readlink().name if link.is_symlink() else ""

    def begin_anew(self) -> None:
        """As if r4 had never come: r1 runs, and nothing is refused."""
        root = self._tree / "opt/edge-ocr"
        for name in ("trial", "trial.starts", "refused"):
            (root / name).unlink(missing_ok=True)
        if (root / "current").readlink().name != "r1":
            (root / "current").unlink()
            (root / "current").symlink_to("releases/r1")
        if self.running() != "r1":
            self._device.do("systemctl", "restart", "edge-ocr.service")
            self.reads("r1")

    def process(self) -> str:
        """The number of the service's main process."""
        return self._device.says("systemctl", "show", "--property=MainPID", "--value", "edge-ocr.service")

    def running(self) -> str:
        """The release that the service runs; '' while it does not."""
        pid = self.process()
        words = self._device.says("cat", f"/proc/{pid}/cmdline") if pid not in {"", "0"} else ""
        found = re.match(r"/opt/edge-ocr/releases/([^/]+)/venv/bin/python", words)
        return found[1] if found else ""

    def reads(self, release: str) -> None:
        """Wait until a release runs and frames go through it."""
        until(f"{release} runs", lambda: self.running() == release)
        first = self._frames()
        until(f"frames go through {release}", lambda: self._frames() > first and self.running() == release)

    def remove(self) -> None:
        """Undo the installation, while it runs."""
        self._device.do("/media/firmware_configs/install.sh", "--uninstall", "--purge")
        assert self.running() == ""
        left = [name for name in ("opt/edge-ocr", "etc/edge-ocr", "var/lib/edge-ocr") if (self._tree / name).exists()]
        left += [path.name for path in (self._tree / "etc/systemd/system").rglob("edge-ocr*")]
        assert not left, f"{left} are left"

    def _frames(self) -> int:
        said = self._device.says("cat", "/run/edge-ocr/frames")
        return int(said) if said.isdecimal() else 0


def main() -> int:
    """Tries everything; ends with SystemExit where something is not as it should be."""
    began = time.monotonic()

    def tell(what: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - began:3.0f} s] {what}\n")
        sys.stdout.flush()

    run(ROOT / "tests/trees/lay.sh", sys.executable, SUITE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = Maker(folder)
        device = Device(folder, SUITE, MEGABYTES)
        try:
            site = Site(device, maker)
            site.switch_on()
            site.install()
            (first,) = (path.name for path in (device.tree / "opt/edge-ocr/releases").iterdir())
            site.reads(first)
            tell(f"installed: systemd runs {first}, and frames go through it")
            accept(site, maker.program(1), "r1")
            tell("r1 was fetched, tried and accepted")
            refuse(site, maker)
            tell("what is not signed, torn off, old or reads nonsense was refused, and r1 ran on")
            for serial, mistake, what in ((2, DIES, "did not come up"), (3, BLIND, "was up and saw nothing")):
                take_back(site, maker.program(serial, mistake), f"r{serial}")
                tell(f"r{serial}, which {what}, was taken back, and is not tried again")
            made = maker.program(4)
            without_room(site, device.tree, made)
            tell("r4 had no room, and r1 ran on")
            survive(site, device, made, tell)
            site.begin_anew()
            accept(site, made, "r4")
            tell(f"r4 was accepted after {len(POWER_CUTS)} power cuts")
            site.remove()
            tell("taken away: nothing runs, and nothing is left")
        except BaseException:
            sys.stderr.write(device.says("journalctl", "--no-pager", "--lines=60"))
            raise
        finally:
            device.close()
    return 0


def accept(site: Site, made: Path, release: str) -> None:
    """A good release."""
    site.offer(made)
    if site.links() != f"current: {release} trial: none":
        site.look()
    site.reads(release)
    until(f"{release} is accepted", lambda: site.links() == f"current: {release} trial: none")
    assert site.running() == release


def refuse(site: Site, maker: Maker) -> None:
    """What must not get as far as a trial."""
    good = maker.program(9)
    whole = good.read_bytes()
    before = site.process()

    def expect(said: str) -> None:
        site.offer(good)
        found = site.look()
        assert said in found, f"{said!r} is not in {found!r}"
        assert site.links() == "current: r1 trial: none"
        assert site.process() == before, "the service was restarted"

    maker.sign(good, "stranger")
    expect("nothing was changed")
    maker.sign(good)
    good.write_bytes(whole[: len(whole) // 2])
    expect("nothing was changed")
    maker.sign(good)  # signed as it is torn off: who signs may be careless
    expect("is no archive of an update")
    old = maker.again(1)
    good.write_bytes(old.read_bytes())
    maker.sign(good)
    expect("its serial 1 is not above 1")
    good.write_bytes(maker.nonsense(5).read_bytes())
    maker.sign(good)
    expect("where 1CFV575 is written")


def take_back(site: Site, made: Path, release: str) -> None:
    """A release that gets as far as a trial, and no farther."""
    site.offer(made)
    site.look()
    until(f"{release} is taken back", lambda: site.links() == "current: r1 trial: none" and site.refused() == release)
    site.reads("r1")
    assert "nothing is newer" in site.look()
    assert site.links() == "current: r1 trial: none"


def without_room(site: Site, tree: Path, made: Path) -> None:
    """A disk that fills up on the way."""
    site.offer(made)
    free = shutil.disk_usage(tree).free
    filler = tree / "srv/filler"
    run("fallocate", "-l", str(free - made.stat().st_size * 3 // 2), filler)
    said = site.look()
    assert re.search("No space left on device|cannot be installed", said), said
    assert site.links() == "current: r1 trial: none"
    filler.unlink()
    site.reads("r1")


def survive(site: Site, device: Device, made: Path, tell: Callable[[str], None]) -> None:
    """The power goes at any moment of an update; what is whole runs after that."""
    site.offer(made)
    began = time.monotonic()
    site.look()
    took = time.monotonic() - began
    for share in POWER_CUTS:
        site.begin_anew()
        site.look_soon()
        time.sleep(share * took)
        device.cut()
        site.switch_on()
        until("a whole release runs", lambda: site.running() in {"r1", "r4"})
        site.reads(site.running())
        tell(f"the power was cut {share * took:.1f} s after a look of {took:.0f}; then: {site.links()}")


def _text(path: Path) -> str:
    return path.read_text("utf-8")


if __name__ == "__main__":
    sys.exit(main())
