"""
The page with as much as a busy server has: rows of activity, models, lines of log.

How long a click takes is measured by ``python -m benchmarks page``, which holds it to a
bound; here it leads where it should, however long that takes.
"""

from __future__ import annotations

import re
from pathlib import Path

from .browser import PAGES, BrowserTestCase
from .crowd import (
    CONFIG,
    MODELS,
    title_of,
    write_log,
    write_rows,
)

#: What the tab may hold after whatever came, in bytes.
HEAP = 100_000_000


class LoadTests(BrowserTestCase):
    """
    A server with much of everything.
    """

    CONFIG = CONFIG

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """
        Rows of a day.
        """
        write_rows(folder)

    def test_clicks(self) -> None:
        """
        Clicks are answered while a model writes 2 MB of log a second.
        """
        write_log(self.running, 40_000_000, 2_000_000)
        page = self.open("/ui/logs/loud")
        self.expect(page.get_by_role("log")).to_contain_text("xxxx")
        names = page.get_by_role("navigation", name="Pages")
        # The first time, each page's module is fetched; the second time it is there.
        for name in (*PAGES, *reversed(PAGES)):
            names.get_by_role("link", name=name, exact=True).click()
            self.expect(self.heading(title_of(name))).to_be_visible()

    def test_activity(self) -> None:
        """
        Ten thousand rows are sorted and paged, and searched.
        """
        page = self.open("/ui/activity")
        pager = page.get_by_role("navigation", name="Pages of rows")
        self.expect(pager).to_contain_text("of 10,0")
        rows = page.get_by_role("table", name="Requests that ended").get_by_role("row")
        head = page.get_by_role("columnheader", name="Generated", exact=True)
        head.get_by_role("button").click()
        self.expect(head).to_have_attribute("aria-sort", "descending")
        # Below the head.  Of each number there are 14: of the highest, on this page.
        generated = rows.nth(1).locator(":scope > :nth-child(7)")
        self.expect(generated).to_have_text("699")
        pager.get_by_role("button", name="Next").click()
        self.expect(pager).to_contain_text("51\u2013100 of 10,0")
        self.expect(generated).to_have_text("696")
        page.get_by_role("searchbox", name="Search").fill("model-07")
        self.expect(rows.filter(has_text="model-07")).to_have_count(50)
        page.get_by_role("searchbox", name="Search").fill("")
        self.expect(pager).to_contain_text("of 10,0")

    def test_models(self) -> None:
        """
        Sixty models are all there, and found by their names.
        """
        page = self.open()
        rows = page.get_by_role("table", name="Models").get_by_role("rowheader")
        self.expect(rows).to_have_count(MODELS)
        page.get_by_label("Search models").fill("model-4")
        self.expect(rows).to_have_count(10)

    def test_log(self) -> None:
        """
        A minute's worth of log at 2 MB a second, come all at once, leaves the page
        usable and the tab small.
        """
        page = self.open("/ui/logs/loud")
        lines = page.get_by_role("log")
        write_log(self.running, 120_000_000, 0)
        self.expect(lines).to_contain_text("the log is over", timeout=60_000)
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        held = session.send("Runtime.getHeapUsage")["usedSize"]
        self.assertLess(held, HEAP)
        search = page.get_by_role("search", name="Search in the log")
        search.get_by_role("searchbox").fill("log is over")
        self.expect(search.get_by_role("status")).to_have_text(
            re.compile(r"^\d+ lines?$")
        )
