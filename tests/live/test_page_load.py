"""
The page with as much as a busy server has: rows of activity, models, lines of log.

How long a click takes is measured by ``python -m benchmarks page``; here it is held to
a bound that it keeps on any machine.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import ClassVar

from llamaswap_tw.activity.database import File
from llamaswap_tw.activity.row import Row, Tokens

from .browser import PAGES, BrowserTestCase, parrot
from .support import simulator, wait_for

ROWS = 10_000
MODELS = 60

#: In milliseconds: a click is answered in less, on a machine that does much else.
BOUND = 500

#: What the tab may hold after whatever came, in bytes.
HEAP = 100_000_000

_OTHERS = ", ".join(f"model-{number:02}" for number in range(MODELS - 1))

CONFIG = f"""
store: {{path: activity.db}}
groups: {{all: {{swap: false, members: [loud, {_OTHERS}]}}}}
models:
  loud:
    {parrot()}
""" + "".join(
    f"""
  model-{number:02}:
    cmd: {simulator(f"--model model-{number:02} --load-time 0")}
    description: One of very many
"""
    for number in range(MODELS - 1)
)

#: Clicks on what a selector finds, and tells after how many milliseconds what it leads
#: to has been drawn.
CLICK = """
([selector, ready]) => new Promise((told) => {
    const target = document.querySelector(selector);
    const there = new Function(`return ${ready}`);
    const began = performance.now();
    target.click();
    const look = () => requestAnimationFrame(() => {
        if (there()) requestAnimationFrame(() => told(performance.now() - began));
        else look();
    });
    look();
})
"""


def write_rows(path: Path, count: int) -> None:
    """
    Write activity of the last day, as a daemon that has run for so long has it.
    """
    database = File(str(path))
    database.open()
    now = time.time()
    rows = [
        Row(
            timestamp=now - 86400 * (count - number) / count,
            model=f"model-{number % (MODELS - 1):02}",
            req_path="/v1/chat/completions",
            resp_content_type="text/event-stream",
            resp_status_code=502 if number % 50 == 0 else 200,
            tokens=Tokens(
                0, 0, 0, number % 4000, number % 700, 800.0, 20 + number % 90
            ),
            duration_ms=number % 30_000,
            error_msg="the process exited" if number % 50 == 0 else "",
            metadata={"ttft_ms": "120", "session": f"session-{number % 7}"},
        )
        for number in range(count)
    ]
    for start in range(0, count, 500):
        database.write(rows[start : start + 500])
    database.close()


class LoadTests(BrowserTestCase):
    """
    A server with much of everything.
    """

    CONFIG: ClassVar[str] = CONFIG

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """
        Rows of a day.
        """
        write_rows(folder / "activity.db", ROWS)

    def click(self, selector: str, ready: str) -> float:
        """
        Click, and wait for what it leads to.

        :param ready: an expression that is true when it is there.
        :returns: how long that took, in milliseconds.
        """
        took: float = self.page.evaluate(CLICK, [selector, ready])
        return took

    def loud(self, size: int, rate: int) -> None:
        """
        Have a model write to its log.
        """
        self.running.ask(
            "POST",
            "/v1/chat/completions",
            {
                "model": "loud",
                "messages": [{"role": "user", "content": f"log {size} {rate}"}],
            },
        )

    def visit(self) -> None:
        """
        Open every page once, so that its module is there.
        """
        self.open()
        names = self.page.get_by_role("navigation", name="Pages")
        for name in (*PAGES, "Now"):
            names.get_by_role("link", name=name, exact=True).click()
            title = "Chat" if name == "Playground" else name
            self.expect(self.heading(title)).to_be_visible()

    def go_everywhere(self) -> dict[str, float]:
        """
        Click on the link of every page.

        :returns: how long each took, in milliseconds.
        """
        return {
            name: self.click(
                f"nav[aria-label=Pages] a[href='{path.removesuffix('/chat')}']",
                "document.querySelector('h1')?.textContent === "
                f"'{'Chat' if name == 'Playground' else name}'",
            )
            for name, path in (*reversed(PAGES.items()), ("Now", "/ui/"))
        }

    def test_clicks(self) -> None:
        """
        Clicks are answered at once, also while a model writes 2 MB of log a second.
        """
        self.visit()
        self.loud(40_000_000, 2_000_000)
        self.page.goto("/ui/logs/loud")
        self.expect(self.page.get_by_role("log")).to_contain_text("xxxx")
        self.visit()
        for name, took in self.go_everywhere().items():
            self.assertLess(took, BOUND, name)
        self.running.ask("POST", "/api/models/unload/loud")

    def test_activity(self) -> None:
        """
        Ten thousand rows are filtered, sorted and paged at once.
        """
        page = self.open("/ui/activity")
        pager = page.get_by_role("navigation", name="Pages of rows")
        self.expect(pager).to_contain_text("of 10,0")
        took = self.click(
            "thead th:nth-child(7) button",
            "document.querySelector('[aria-sort=descending]')?.textContent"
            ".includes('Generated') && "
            "!document.querySelector('[aria-busy=true]')",
        )
        self.assertLess(took, BOUND)
        took = self.click(
            "nav[aria-label='Pages of rows'] button:nth-of-type(3)",
            "document.querySelector(\"nav[aria-label='Pages of rows']\").textContent"
            ".includes('51\\u2013100')",
        )
        self.assertLess(took, BOUND)
        page.get_by_role("searchbox", name="Search").fill("model-07")
        rows = page.get_by_role("table", name="Requests that ended").get_by_role("row")
        self.expect(rows.filter(has_text="model-07")).to_have_count(50)
        page.get_by_role("searchbox", name="Search").fill("")
        self.expect(pager).to_contain_text("of 10,0")

    def test_models(self) -> None:
        """
        Sixty models are all there, and found by their names at once.
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
        self.loud(120_000_000, 0)
        self.expect(lines).to_contain_text("the log is over", timeout=60_000)
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        held = session.send("Runtime.getHeapUsage")["usedSize"]
        self.assertLess(held, HEAP)
        page.get_by_role("searchbox", name="Search in the log").fill("log is over")
        self.expect(page.get_by_role("search").get_by_role("status")).to_have_text(
            re.compile(r"^\d+ lines?$")
        )
        wait_for(lambda: self.running.running().get("loud") == "ready", "the model")
