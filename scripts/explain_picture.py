"""Take the picture of docs/explain.md: a page of `lmcourse explain` in headless Chromium.

    lmcourse explain runs/lstm_tiny_shakespeare page.html
    python scripts/explain_picture.py page.html docs/images/explain.png

Needs playwright, and Debian's chromium.
"""

import argparse
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

TEXT = "ROMEO:\nWhat say you to the king? I love the world,\nAnd zebras in the night shall "
SIZE = {"width": 1280, "height": 1500}
COLOURS = 160
"""So few keep the file small."""


def main() -> None:
    """Type a text, wait until it is read, and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(options.page.resolve().as_uri())
        page.fill("textarea", TEXT)
        page.wait_for_timeout(3_000)
        page.screenshot(path=options.picture)
        browser.close()
    Image.open(options.picture).convert("RGB").quantize(COLOURS).save(
        options.picture, optimize=True
    )


if __name__ == "__main__":
    main()
