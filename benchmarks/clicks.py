"""
How soon the web page answers clicks, in Debian's chromium: prints milliseconds as JSON.

Run by ``python -m benchmarks page``, in a process of its own, from a checkout whose
page was built.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.live.browser import CHROMIUM, FLAGS, PAGES
from tests.live.crowd import (
    CONFIG,
    go_everywhere,
    sort_and_turn,
    title_of,
    write_log,
    write_rows,
)
from tests.live.support import Daemon

#: How often each click is made.
_TIMES = 7


def main() -> None:
    """
    Measure, with 10,000 rows of activity, 60 models and a log of 2 MB a second.
    """
    from playwright.sync_api import expect, sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_rows(folder)
        daemon = Daemon(folder, CONFIG)
        try:
            daemon.wait_until_listening()
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_context(
                base_url=daemon.url, viewport={"width": 1440, "height": 900}
            ).new_page()
            write_log(daemon, 200_000_000, 2_000_000)
            page.goto("/ui/logs/loud")
            for name in PAGES:
                page.get_by_role("link", name=name, exact=True).click()
                heading = page.get_by_role("heading", name=title_of(name), level=1)
                expect(heading).to_be_visible()
            taken: dict[str, list[float]] = {}
            for _ in range(_TIMES):
                found = go_everywhere(page)
                page.goto("/ui/activity")
                pager = page.get_by_role("navigation", name="Pages of rows")
                expect(pager).to_contain_text("of 10,0")
                for what, took in {**found, **sort_and_turn(page)}.items():
                    taken.setdefault(what, []).append(took)
            browser.close()
        finally:
            daemon.end()
    json.dump(taken, sys.stdout)


if __name__ == "__main__":
    main()
