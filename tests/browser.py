"""A browser without a window or a network, which says what a page became and what it complained of."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
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
