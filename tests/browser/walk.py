"""Walks every page and flow with a real Chromium, as the people do who use them, while the sample clip is watched.

    python tests/browser/walk.py --axe node_modules/axe-core/axe.min.js

Screenshots go to out/web. What must hold on every page: no message on the browser's console, no serious finding of
axe-core, in light and dark, and no sideways scrolling at 360 pixels.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright
from watched import PASSWORD, Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "out" / "web"
MOST_BYTES = 150_000  # of the first page with all that it loads, but for the pictures of cameras
SERIOUS = {"serious", "critical"}
FADE = 500  # milliseconds: the kiosk's colours have changed by then
SHOWN = """(() => {
    const view = document.getElementById("view");
    if (!view) return true;
    const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 36}).getContext("2d");
    canvas.drawImage(view, 0, 0, 64, 36);
    const data = canvas.getImageData(0, 0, 64, 36).data;
    return Math.max(...data.filter((_, at) => at % 4 == 0)) - Math.min(...data.filter((_, at) => at % 4 == 0)) > 60;
})()"""
"""Whether a live picture, where a page has one, shows more than the grey between two rounds of the clip."""
PAGES = ("/", "/events", "/attempts", "/lists", "/zones", "/health", "/account", "/users")


class Walk:
    """One browser with the checks that hold everywhere."""

    def __init__(self, browser: Browser, address: str, axe: str) -> None:
        self._browser, self.address, self._axe = browser, address, axe
        self.context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.expected = ("",) * 0  # what the console may say at the moment
        self.watch(self.page)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)  # a machine that has other work is slow, not wrong

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not any(said in message.text for said in self.expected):
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def check(self, name: str, page: Page | None = None, *, narrow: bool = True) -> None:
        """The page as it is now: screenshots and axe, light, dark and narrow."""
        page = page or self.page
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            until(page, SHOWN)
            page.screenshot(path=OUT / f"{name}-{scheme}.png", full_page=True)
            self._look(name, page, scheme)
        page.emulate_media(color_scheme="light")
        if narrow:
            page.set_viewport_size({"width": 360, "height": 740})
            page.wait_for_timeout(150)
            until(page, SHOWN)
            page.screenshot(path=OUT / f"{name}-360.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > 360:
                self.complaints.append(f"{name}: {wide} pixels wide at 360")
            self._look(name, page, "360")
            page.set_viewport_size({"width": 1280, "height": 800})

    def _look(self, name: str, page: Page, how: str) -> None:
        if not page.evaluate("'axe' in window"):
            page.evaluate(self._axe)  # not a script tag: the page's policy lets none in
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for one in found["violations"]:
            where = "; ".join(" ".join(node["target"]) for node in one["nodes"][:3])
            line = f"{name}, {how}: {one['impact']} {one['id']} at {where}"
            if one["impact"] in SERIOUS:
                self.complaints.append(line)
            else:
                print("axe:", line)

    def fresh(self) -> Page:
        """The same user in a browser that has seen nothing."""
        context = self._browser.new_context(base_url=self.address, storage_state=self.context.storage_state())
        page = context.new_page()
        self.watch(page)
        return page

    @contextmanager
    def as_user(self, name: str) -> Iterator[Page]:
        """Somebody else, in a browser of their own."""
        context = self._browser.new_context(base_url=self.address)
        page = context.new_page()
        self.watch(page)
        log_in(page, name)
        yield page
        context.close()


def until(page: Page, says: str, seconds: float = 60) -> Any:
    """Wait until an expression is true, and return it: Playwright's own way to is what the pages' policy forbids."""
    end = time.monotonic() + seconds
    while not (said := page.evaluate(says)):
        if time.monotonic() > end:
            raise SystemExit(f"{page.url}: {says} did not come true within {seconds:g} s")
        page.wait_for_timeout(100)
    return said


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


def first_run(walk: Walk, served: Served) -> None:
    """The code of the log makes the first admin; a wrong one does not."""
    page = walk.page
    page.goto("/")
    page.wait_for_url("**/setup")
    walk.check("setup")
    walk.expected = ("403",)  # the browser itself notes a refused form on the console
    page.get_by_label("Code").fill("AAAA-AAAA-AAAA")
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("A password").fill(PASSWORD)
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_label("Code").fill(str(served.code))
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("A password").fill(PASSWORD)
    page.get_by_role("button").click()
    page.wait_for_url("**/")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    walk.check("login")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    walk.expected = ()
    log_in(page, "ann")


def live_view(walk: Walk) -> None:
    """The picture moves, and an event comes in without a reload."""
    fresh = walk.fresh()  # a browser that has nothing in its cache
    weights: list[int] = []
    fresh.on("response", lambda answer: weights.append(weight(answer)))
    fresh.goto("/")
    expect(fresh.locator("#link")).to_have_text("live")
    fresh.wait_for_timeout(1000)
    total = sum(weights)
    fresh.context.close()
    print(f"first page: {total} bytes in {len(weights)} answers, but for live pictures")
    if total > MOST_BYTES:
        walk.complaints.append(f"the first page weighs {total} bytes, more than {MOST_BYTES}")
    page = walk.page
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#events .plate").first).to_be_visible()
    until(page, "document.getElementById('view').naturalWidth > 0")
    first = page.locator("#events > li").first.get_attribute("data-seq")
    until(page, f"Number(document.querySelector('#events > li').dataset.seq) > {first}")
    walk.check("live")


def weight(answer: Any) -> int:
    """Bytes of an answer as they came; streams have none."""
    if "/live" in answer.url or "/stream" in answer.url:
        return 0
    sizes = answer.request.sizes()
    return int(sizes["responseBodySize"] + sizes["responseHeadersSize"])


def events(walk: Walk) -> None:
    """Search in all ways, look at one, export."""
    page = walk.page
    page.goto("/events")
    text = page.locator(".event .plate").first.inner_text()
    walk.check("events")
    page.get_by_label("Plate").fill(text[:2] + "*")
    page.get_by_label("Match").select_option("wildcard")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".event .plate").first).to_have_text(re.compile(f"^{text[:2]}"))
    swap = {"0": "O", "O": "0", "1": "I", "I": "1", "8": "B", "B": "8", "5": "S", "S": "5", "2": "Z", "Z": "2"}
    misread = "".join(swap.get(letter, letter) for letter in text[:3]) + text[3:]
    page.get_by_label("Plate").fill(misread)
    page.get_by_label("Match").select_option("fuzzy")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".event .plate").first).to_be_visible()
    page.get_by_label("Plate").fill(text)
    page.get_by_label("Match").select_option("exact")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".event .plate").first).to_have_text(text)
    page.get_by_label("Plate").fill("NOTHERE")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nothing was found.")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    if text not in Path(download.value.path()).read_text("utf-8"):
        walk.complaints.append("the export lacks an event")
    page.locator(".event a").first.click()
    expect(page.get_by_role("heading", name="Evidence")).to_be_visible()
    until(page, "document.querySelector('.evidence').naturalWidth > 0")
    walk.check("event")
    page.goto("/attempts")
    expect(page.get_by_role("heading", name="Missed")).to_be_visible()
    walk.check("attempts")


def lists(walk: Walk) -> None:
    """Add, edit, search, remove, import and export entries; an event then says who it is."""
    page = walk.page
    page.goto("/lists")
    page.get_by_label("Plate", exact=True).fill("ab-123 cd")
    form = page.locator("form.search").first
    form.get_by_label("Name").fill("Ann")
    form.get_by_label("Until").fill("2030-12-31T18:00")
    page.get_by_role("button", name="Add").click()
    row = page.locator("tr[data-entry='allow/AB123CD']")
    expect(row.get_by_label("name of AB123CD")).to_have_value("Ann")
    expect(row.get_by_label("until of AB123CD")).to_have_value("2030-12-31T18:00")
    row.get_by_label("note of AB123CD").fill("staff")
    row.get_by_role("button", name="Save AB123CD").click()
    expect(page.get_by_text("AB123CD is saved.")).to_be_visible()
    page.get_by_text("Import and export").click()
    page.get_by_label("CSV file").set_input_files(
        {"name": "more.csv", "mimeType": "text/csv", "buffer": b"list,plate,name\ndeny,XY 1,Eve\nknown,ZZ 2,Cy\n"}
    )
    page.get_by_role("button", name="Import").click()
    expect(page.locator("tr[data-entry='deny/XY1']")).to_be_visible()
    page.get_by_label("Search").fill("eve")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto("/lists")
    walk.check("lists")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove XY1").click()
    expect(page.locator("tr[data-entry='deny/XY1']")).to_have_count(0)
    walk.expected = ("400",)
    page.get_by_text("Add a plate").click()
    page.get_by_label("Plate", exact=True).fill("---")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#told .alarm")).to_contain_text("letters and digits")
    walk.expected = ()


def zones(walk: Walk) -> None:
    """Draw a zone with the mouse and a mask with the keyboard; both are there after a reload."""
    page = walk.page
    page.goto("/zones")
    canvas = page.locator("#draw svg")
    until(page, "document.querySelector('#draw img').naturalWidth > 0")
    box = canvas.bounding_box()
    for x, y in ((0.1, 0.3), (0.9, 0.3), (0.9, 0.9), (0.1, 0.9), (0.1, 0.3)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    expect(page.get_by_text("Zone 1, 4 corners")).to_be_visible()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.up()
    page.get_by_role("button", name="Draw a mask").click()
    canvas.focus()
    for key in ("Enter", *["ArrowRight"] * 5, "Enter", *["ArrowDown"] * 5, "Enter", "c"):
        page.keyboard.press(key)
    expect(page.get_by_text("Mask 1, 3 corners")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The zones are saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Zone 1, 4 corners")).to_be_visible()
    held = json.loads(page.locator("#draw").get_attribute("data-drawn"))
    corner = held["zones"][0][1]
    if abs(corner[0] - 0.8) > 0.02 or abs(corner[1] - 0.2) > 0.02:
        walk.complaints.append(f"the corner that was dragged is at {corner}")
    until(page, "document.querySelector('#draw img').naturalWidth > 0")
    walk.check("zones")
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The zones are saved.")).to_be_visible()


def barrier_and_health(walk: Walk) -> None:
    """Open the barrier by hand, and see how everything is."""
    page = walk.page
    page.goto("/")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Open the barrier").click()
    expect(page.get_by_text("The barrier opens.")).to_be_visible()
    page.goto("/health")
    for _ in range(10):
        page.reload()
        if page.locator(".plots svg polyline").count():
            break
        page.wait_for_timeout(3000)
    expect(page.locator(".plots svg polyline").first).to_be_attached()
    walk.check("health")


def people(walk: Walk) -> None:
    """Make users of each role, a token and a new password; each sees what it may."""
    page = walk.page
    page.goto("/users")
    for name, role in (("vic", "viewer"), ("opal", "operator")):
        form = page.locator("form[data-api='POST /api/users']")
        form.get_by_label("Name").fill(name)
        form.get_by_label("Role").select_option(role)
        form.get_by_label("Password").fill(PASSWORD)
        form.get_by_role("button").click()
        expect(page.locator("summary", has_text=name)).to_be_visible()
    walk.check("users")
    page.goto("/account")
    form = page.locator("form[data-api='POST /api/me/tokens']")
    form.get_by_label("What for").fill("home automation")
    form.get_by_role("button").click()
    expect(page.locator("#secret code")).to_have_text(re.compile("^eocr_"))
    token = page.locator("#secret code").inner_text()
    walk.check("account")
    answer = walk.context.request.get("/metrics", headers={"Authorization": f"Bearer {token}", "Cookie": ""})
    if "edge_ocr_frames_total" not in answer.text():
        walk.complaints.append("a token does not get the metrics")
    page.reload()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke home automation").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    with walk.as_user("vic") as other:
        for name, there in (("Events", 1), ("Zones", 0), ("Users", 0)):
            expect(other.get_by_role("navigation").get_by_role("link", name=name)).to_have_count(there)
        expect(other.get_by_role("button", name="Open the barrier")).to_have_count(0)
        other.goto("/lists")
        expect(other.get_by_role("button", name=re.compile("Save|Remove|Add"))).to_have_count(0)
        walk.expected = ("403",)
        other.goto("/users")
        expect(other.get_by_text("this needs role admin")).to_be_visible()
        walk.check("forbidden", other, narrow=False)
        walk.expected = ()
        stays_when_logged_out(walk, other)
    with walk.as_user("opal") as other:
        expect(other.get_by_role("button", name="Open the barrier")).to_have_count(1)
        other.goto("/account")
        other.get_by_label("Until now").fill(PASSWORD)
        other.get_by_label("From now on").fill(PASSWORD + "2")
        other.get_by_role("button", name="Change").click()
        expect(other.get_by_text("The password is changed")).to_be_visible()


def stays_when_logged_out(walk: Walk, page: Page) -> None:
    """A page with pictures that is not left at once, as on a slow machine: the last one stays, and all is quiet.

    One that is never left finds out by itself.
    """
    page.goto("/")
    expect(page.locator("#link")).to_have_text("live")
    until(page, "document.getElementById('view').naturalWidth > 0")
    page.evaluate(
        "fetch('/logout', {method: 'POST', redirect: 'manual', body: new URLSearchParams({csrf})}).then(() => true)"
    )
    expect(page.locator("#link")).to_have_text("no connection")
    page.wait_for_timeout(3000)  # a browser comes back to a stream of events after two seconds
    until(page, "document.getElementById('view').naturalWidth > 0")
    walk.expected = ("401",)
    page.evaluate("beat = 0")  # as if it had been silent for long
    page.wait_for_url("**/login?next=%2F")
    walk.expected = ()


def kiosk(walk: Walk, served: Served) -> None:
    """The kiosk shows a plate, speaks languages, and comes back by itself when the server does."""
    context = walk.context
    page = context.new_page()
    walk.watch(page)
    page.set_viewport_size({"width": 1080, "height": 1920})
    page.goto("/kiosk?lang=de")
    expect(page.locator("body")).to_have_class(re.compile("idle|note"))
    until(page, "document.body.classList.contains('note')")
    expect(page.locator("#said")).to_have_text("Bitte klingeln")
    walk.check("kiosk", page)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.get_by_role("button", name="Français").click()
    expect(page.locator("#said")).to_have_text(re.compile("Veuillez sonner|Bienvenue"))
    page.screenshot(path=OUT / "kiosk-wide.png")
    # In one look: it may be idle again, and then nobody is named.
    text = until(page, "document.body.classList.contains('note') && document.getElementById('plate').textContent")
    walk.page.goto("/lists")
    walk.page.evaluate("text => ask('PUT', `/api/lists/allow/${text}`, JSON.stringify({name: 'Ann'}))", text)
    until(page, "document.body.classList.contains('open')")
    expect(page.locator("#name")).to_have_text("Ann")
    page.wait_for_timeout(FADE)
    page.screenshot(path=OUT / "kiosk-open.png")
    walk.page.evaluate(
        "text => ask('DELETE', `/api/lists/allow/${text}`).then(() => "
        "ask('PUT', `/api/lists/deny/${text}`, JSON.stringify({})))",
        text,
    )
    until(page, "document.body.classList.contains('refuse')")
    page.wait_for_timeout(FADE)
    page.screenshot(path=OUT / "kiosk-refuse.png")
    walk.page.goto("about:blank")
    walk.expected = ("Failed to load resource", "ERR_CONNECTION", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE")
    served.stop()
    until(page, "document.body.classList.contains('offline')")
    page.wait_for_timeout(FADE)
    page.screenshot(path=OUT / "kiosk-offline.png")
    page.reload()  # a screen that is switched on while the server is away
    expect(page.locator("#said")).to_have_text("Außer Betrieb")
    time.sleep(1)
    served.start()
    until(page, "!document.body.classList.contains('offline')")
    walk.expected = ()
    page.close()


def main() -> None:
    """Walk, and tell what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--axe", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as stack:
        served = Served(Path(folder))
        stack.callback(served.stop)
        browser = playwright.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        walk = Walk(browser, served.address, args.axe.read_text("utf-8"))
        first_run(walk, served)
        for flow in (live_view, events, lists, zones, barrier_and_health, people):
            print(f"{time.monotonic() - begin:5.0f} s: {flow.__name__}", flush=True)
            flow(walk)
        print(f"{time.monotonic() - begin:5.0f} s: kiosk", flush=True)
        kiosk(walk, served)
        browser.close()
    for complaint in walk.complaints:
        print("wrong:", complaint)
    print(f"{len(walk.complaints)} things are wrong; screenshots are in out/web")
    raise SystemExit(bool(walk.complaints))


if __name__ == "__main__":
    main()
