"""A browser without a window or a network, which says what a page became and what it complained of."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--v=0",
    "--window-size=1280,900",
    "--dump-dom",
]

def visit(path, profile, *flags: str) -> tuple[str, list[str]]:
    """Return the page after its script ran, and what the browser's console said."""
    command = [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, re.findall(r"CONSOLE.*", done.stderr)


def axe() -> str:
    """Return the script of axe-core, which looks for what people cannot read, reach or hear."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None and found.origin is not None, "axe-core is a need of the tests: make install"
    return Path(found.origin).with_name("axe.min.js").read_text("utf-8").replace("</script", "<\\/script")


class Window:
    """One tab of one browser, which shows page after page: as wide, as dark, or as printed as asked."""

    def __init__(self, tab):
        self.tab, self.console, self.paper = tab, [], False
        tab.on("console", lambda said: self.console.append(said.text))
        tab.on("pageerror", lambda error: self.console.append(str(error)))

    def show(self, path: Path) -> None:
        """Load a page; what its console says is heard from here on."""
        self.console.clear()
        self.paper = False
        self.tab.emulate_media(media="screen", color_scheme="light")
        self.tab.goto(path.as_uri())

    def look(self, width: int, *, dark: bool = False, paper: bool = False) -> None:
        """Make the page so wide, dark, or as it is printed from there."""
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.emulate_media(media="print" if paper else "screen", color_scheme="dark" if dark else "light")
        if paper != self.paper:
            self.tab.evaluate("(paper) => dispatchEvent(new Event(paper ? 'beforeprint' : 'afterprint'))", paper)
        self.paper = paper
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def ask(self, script: str) -> dict:
        """Return what a function of JavaScript says of the page."""
        found: dict = self.tab.evaluate(script)
        return found


@contextmanager
def window() -> Iterator[Window]:
    """Open a browser without a network, for many pages: a process for each costs a second.

    Playwright runs an event loop in the thread that starts it, so close it before other loops are run.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as machine:
        browser = machine.chromium.launch(executable_path=CHROMIUM, args=[f for f in FLAGS if f != "--dump-dom"])
        yield Window(browser.new_page(bypass_csp=True))
        browser.close()
