"""
The pages of what was: activity, logs, the machine; and the settings, in a real browser.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import re
from typing import TYPE_CHECKING

from .browser import BrowserTestCase, parrot
from .support import chat_body, simulator, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Locator

CONFIG = f"""
captureBuffer: 5
groups: {{all: {{swap: false, members: [alpha, beta, slow, parrot, broken]}}}}
models:
  alpha:
    cmd: {simulator("--model alpha --load-time 0.1")}
  beta:
    cmd: {simulator("--model beta --load-time 0.1")}
  slow:
    cmd: {simulator("--model slow --load-time 0.1 --tokens-per-second 5")}
  parrot:
    {parrot(*(f"line {number} of the parrot" for number in range(40)))}
  broken:
    cmd: {simulator("--load-time 0.1 --fail-start no-memory-left")}
"""


#: Has the parrot write so many bytes to its log at once.
LOG = "log 40000 0"


class ActivityTests(BrowserTestCase):
    """
    What was asked, and is being asked.
    """

    CONFIG = CONFIG

    def setUp(self) -> None:
        super().setUp()
        if not self.total():
            self.running.chat("broken")
            for number in range(30):
                self.running.ask(
                    "POST",
                    "/v1/chat/completions",
                    chat_body("alpha" if number % 3 else "beta", max_tokens=number + 1),
                    {"X-Session-ID": f"session-{number % 2}"},
                )
            # A daemon does not wait for a row that takes long to be written.
            wait_for(lambda: self.total() == 31, "all rows")

    def rows(self) -> Locator:
        """
        The rows of the table.
        """
        table = self.page.get_by_role("table", name="Requests that ended")
        return table.get_by_role("rowgroup").nth(1).get_by_role("row")

    def column(self, name: str) -> Locator:
        """
        The cells of a column.  The table is there.
        """
        heads = self.page.get_by_role("table", name="Requests that ended").get_by_role(
            "columnheader"
        )
        place = [text.strip() for text in heads.all_inner_texts()].index(name)
        return self.rows().locator(f":scope > :nth-child({place + 1})")

    def total(self) -> int:
        """
        How many rows there are.
        """
        known = self.running.ask("GET", "/api/metrics/activity?limit=1").json
        total: int = known["total"]
        return total

    def button(self, name: str) -> Locator:
        """
        A button of that name, and no other.
        """
        return self.page.get_by_role("button", name=name, exact=True)

    def test_filters(self) -> None:
        """
        Rows are filtered by model, text, status, session and time; the link says so.
        """
        page = self.open("/ui/activity")
        self.expect(self.rows()).to_have_count(31)
        page.get_by_label("Model", exact=True).select_option("beta")
        self.expect(self.rows()).to_have_count(10)
        self.expect(self.column("Model")).to_have_text(["beta"] * 10)
        self.expect(page).to_have_url(re.compile("model=beta"))
        page.reload()
        self.expect(self.rows()).to_have_count(10)
        self.button("Do not filter by beta").click()
        self.expect(self.rows()).to_have_count(31)
        page.get_by_role("combobox", name="Status").select_option("Failed (5xx)")
        self.expect(self.rows()).to_have_count(1)
        self.expect(self.column("Model")).to_have_text(["broken"])
        self.button("Clear filters").click()
        page.get_by_label("Session", exact=True).fill("session-1")
        page.get_by_label("Session", exact=True).press("Enter")
        self.expect(self.rows()).to_have_count(15)
        self.button("Clear filters").click()
        page.get_by_role("searchbox", name="Search").fill("no-memory-left")
        self.expect(self.rows()).to_have_count(1)
        page.get_by_role("searchbox", name="Search").fill("")
        self.expect(self.rows()).to_have_count(31)
        page.get_by_label("Time", exact=True).select_option("Last hour")
        self.expect(page).to_have_url(re.compile("span=1h"))
        self.expect(self.rows()).to_have_count(31)
        page.get_by_label("Time", exact=True).select_option("From … to …")
        page.get_by_label("To", exact=True).fill("2020-01-01T00:00:00")
        page.get_by_label("To", exact=True).press("Enter")
        page.get_by_label("To", exact=True).blur()
        self.expect(self.rows()).to_have_count(0)

    def test_sort(self) -> None:
        """
        A column's head sorts by it, over all rows and not those of the page alone.
        """
        page = self.open("/ui/activity")
        self.expect(self.rows()).to_have_count(31)
        page.get_by_label("Rows a page").select_option("25")
        self.expect(self.rows()).to_have_count(25)
        head = page.get_by_role("columnheader", name="Generated")
        head.get_by_role("button").click()
        self.expect(head).to_have_attribute("aria-sort", "descending")
        numbers = [str(number) for number in range(30, 5, -1)]
        self.expect(self.column("Generated")).to_have_text(numbers)
        head.get_by_role("button").click()
        self.expect(head).to_have_attribute("aria-sort", "ascending")
        self.expect(page).to_have_url(re.compile("order=asc"))
        # The one that failed.
        self.expect(self.column("Generated").first).to_have_text("0")

    def test_columns(self) -> None:
        """
        Columns are chosen, and stay so.
        """
        page = self.open("/ui/activity")
        head = page.get_by_role("columnheader", name="Path")
        self.expect(head).to_be_visible()
        self.button("Columns").click()
        dialog = page.get_by_role("dialog", name="Columns")
        dialog.get_by_role("checkbox", name="Path").uncheck()
        dialog.get_by_role("button", name="Done").click()
        self.expect(head).to_have_count(0)
        page.reload()
        self.expect(self.rows()).to_have_count(31)
        self.expect(head).to_have_count(0)
        self.button("Columns").click()
        dialog.get_by_role("button", name="As it was at first").click()
        dialog.get_by_role("button", name="Close").click()
        self.expect(head).to_be_visible()

    def test_pages(self) -> None:
        """
        The rows come a page at a time.
        """
        page = self.open("/ui/activity")
        page.get_by_label("Rows a page").select_option("25")
        pager = page.get_by_role("navigation", name="Pages of rows")
        self.expect(pager).to_contain_text("1\u201325 of 31")
        pager.get_by_role("button", name="Next").click()
        self.expect(pager).to_contain_text("26\u201331 of 31")
        self.expect(self.rows()).to_have_count(6)
        self.expect(pager.get_by_role("button", name="Next")).to_be_disabled()
        page.reload()
        self.expect(pager).to_contain_text("26\u201331 of 31")
        pager.get_by_role("button", name="Previous").click()
        self.expect(pager).to_contain_text("1\u201325 of 31")
        number = pager.get_by_role("spinbutton", name="Page")
        number.fill("2")
        number.press("Enter")
        self.expect(pager).to_contain_text("26\u201331 of 31")
        pager.get_by_role("button", name="First").click()
        self.expect(self.rows()).to_have_count(25)
        pager.get_by_role("button", name="Last").click()
        self.expect(self.rows()).to_have_count(6)

    def test_newer(self) -> None:
        """
        Whoever looks at an older page is not disturbed by newer rows, but told of them.
        """
        self.spend()
        page = self.open("/ui/activity")
        page.get_by_label("Rows a page").select_option("25")
        page.get_by_role("button", name="Next").click()
        self.expect(self.rows()).to_have_count(6)
        ids = self.column("#").all_inner_texts()
        self.running.chat("alpha")
        self.expect(page.get_by_role("main")).to_contain_text("There are newer rows.")
        self.expect(self.column("#")).to_have_text(ids)
        self.button("Show them").click()
        self.expect(self.rows()).to_have_count(25)
        self.expect(self.column("#").first).to_have_text(str(self.total()))

    def test_export(self) -> None:
        """
        What matches is exported as CSV and as JSON: all of it, whatever page is shown.
        """
        page = self.open("/ui/activity?model=beta")
        self.expect(self.rows()).to_have_count(10)
        with page.expect_download() as caught:
            self.button("Export as CSV").click()
        lines = list(
            csv.DictReader(io.StringIO(caught.value.path().read_text("utf-8-sig")))
        )
        self.assertEqual(len(lines), 10)
        self.assertEqual({line["model"] for line in lines}, {"beta"})
        with page.expect_download() as caught:
            self.button("Export as JSON").click()
        rows = json.loads(caught.value.path().read_text())
        self.assertEqual({row["model"] for row in rows}, {"beta"})
        self.assertEqual(len(rows), 10)

    def test_capture(self) -> None:
        """
        A captured stream is put together to what was said, beside how it was sent.
        """
        # Its row would be one too many for the others.
        self.spend()
        before = self.total()
        with self.running.asking(
            "POST",
            "/v1/chat/completions",
            chat_body("alpha", stream=True, temperature=0.5, user="capture"),
        ) as response:
            response.read()
        page = self.open("/ui/activity")
        self.expect(self.rows()).to_have_count(before + 1)
        self.rows().first.get_by_role("button", name=re.compile("^Capture")).click()
        dialog = page.get_by_role("dialog", name=re.compile("^Request"))
        answer = dialog.get_by_role("region", name="Response")
        self.expect(answer).to_contain_text("alpha here: I only pretend to be a model")
        answer.get_by_label("Raw").check()
        self.expect(answer).to_contain_text("data: ")
        asked = dialog.get_by_role("region", name="Request", exact=True)
        self.expect(asked).to_contain_text("Hello")
        asked.get_by_label("Indented").check()
        self.expect(asked).to_contain_text('"temperature": 0.5')
        asked.get_by_text("Headers of the request").click()
        self.expect(asked).to_contain_text(re.compile("content-type", re.I))
        with page.expect_download() as caught:
            answer.get_by_role("button", name="Download").click()
        self.assertIn("data: ", caught.value.path().read_text())
        page.keyboard.press("Escape")
        self.expect(dialog).to_be_hidden()

    def test_in_flight(self) -> None:
        """
        What is in flight is shown as it goes on, and is cancelled by its button; what
        has ended shows by itself.
        """
        self.spend()
        page = self.open("/ui/activity")
        flight = page.get_by_role("table", name="Requests in flight")
        self.expect(page.get_by_role("main")).to_contain_text("Nothing is in flight")
        before = self.total()
        self.expect(self.rows()).to_have_count(before)
        self.ask_behind("slow", max_tokens=4000)
        self.expect(flight).to_contain_text("/v1/chat/completions")
        flight.get_by_role("button", name="Cancel the request to slow").click()
        self.expect(page.get_by_role("main")).to_contain_text("Nothing is in flight")
        self.expect(self.rows()).to_have_count(before + 1)
        self.expect(self.rows().first).to_contain_text("slow")


class LogsTests(BrowserTestCase):
    """
    The logs, and the pages that stand beside them.
    """

    CONFIG = CONFIG

    def logs(self, log: str = "") -> Locator:
        """
        Open the logs.

        :returns: their lines.
        """
        self.open(f"/ui/logs/{log}" if log else "/ui/logs")
        return self.page.get_by_role("log", name="Lines of the log")

    def test_follow(self) -> None:
        """
        New lines show by themselves; a pause holds them back, and counts them.
        """
        lines = self.logs("alpha")
        page = self.page

        def ask(name: str) -> None:
            # A line of a name of its own: it comes after the answer, and those of the
            # tests before are there.
            path = f"/v1/chat/completions?ask={name}"
            self.running.ask("POST", path, chat_body("alpha"))

        posts = lines.get_by_text("POST /v1/chat/completions")
        ask("first")
        self.expect(posts.filter(has_text="ask=first")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
        self.expect(posts).to_have_count(0)
        ask("second")
        self.expect(posts).to_have_count(1)
        page.get_by_role("button", name="Pause").click()
        status = (
            page.get_by_role("main").get_by_role("status").filter(has_text="Paused")
        )
        self.expect(status).to_be_visible()
        ask("third")
        self.expect(status).to_contain_text(re.compile(r"[1-9]\d* newer lines?"))
        self.expect(posts).to_have_count(1)
        page.get_by_role("button", name="Go on").click()
        self.expect(status).to_have_count(0)
        self.expect(posts).to_have_count(2)
        page.get_by_role("button", name="Clear").click()
        self.expect(lines).not_to_contain_text("POST")

    def test_scroll(self) -> None:
        """
        Whoever scrolls back stays there, until the log is followed again; long lines
        wrap, or not.
        """
        # The others count the lines.
        self.spend()
        self.running.chat("parrot")
        lines = self.logs("parrot")
        page = self.page
        self.expect(lines).to_contain_text("line 39 of the parrot")
        said = {"model": "parrot", "messages": [{"role": "user", "content": LOG}]}
        self.running.ask("POST", "/v1/chat/completions", said)
        self.expect(lines).to_contain_text("the log is over")
        follow = page.get_by_label("Follow")
        self.expect(follow).to_be_checked()
        lines.hover()
        page.mouse.wheel(0, -100_000)
        self.expect(follow).not_to_be_checked()
        self.expect(lines).to_contain_text("line 0 of the parrot")
        self.expect(page.get_by_role("main")).to_contain_text("Standing still")
        self.expect(lines).not_to_contain_text("the log is over")
        follow.check()
        self.expect(lines).to_contain_text("the log is over")
        page.set_viewport_size({"width": 360, "height": 740})
        log = lines.element_handle()
        for wrap, comparison in ((True, "<="), (False, ">")):
            page.get_by_label("Wrap lines").set_checked(wrap)
            self.expect_script(
                f"(log) => log.scrollWidth {comparison} log.clientWidth", log
            )

    def test_choice(self) -> None:
        """
        Ours, all models' and one model's log are chosen, and have links.
        """
        self.running.chat("alpha")
        lines = self.logs()
        page = self.page
        choice = page.get_by_label("Log", exact=True)
        self.expect(lines).to_contain_text("GET /ui/")
        choice.select_option("All models'")
        self.expect(lines).to_contain_text("loading model 'alpha'")
        self.expect(lines).not_to_contain_text("GET /ui/")
        self.assertTrue(page.url.endswith("/ui/logs/upstream"))
        choice.select_option("The server's own")
        self.expect(lines).to_contain_text("GET /ui/")
        self.expect(lines).not_to_contain_text("loading model 'alpha'")
        choice.select_option("alpha")
        self.expect(lines).to_contain_text("loading model 'alpha'")
        self.assertTrue(page.url.endswith("/ui/logs/alpha"))

    def test_search(self) -> None:
        """
        What is looked for is marked and counted, keys go from one to the next, and the
        other lines can be left out.
        """
        self.running.chat("parrot")
        lines = self.logs("parrot")
        page = self.page
        self.expect(lines).to_contain_text("line 39 of the parrot")
        search = page.get_by_role("searchbox", name="Search in the log")
        page.keyboard.press("/")
        self.expect(search).to_be_focused()
        search.fill("LINE 1")
        told = page.get_by_role("search").get_by_role("status")
        # 1, and 10 to 19.
        self.expect(told).to_have_text("11 lines")
        search.press("Enter")
        self.expect(told).to_have_text("11 of 11 lines")
        search.press("Enter")
        self.expect(told).to_have_text("1 of 11 lines")
        page.get_by_role("button", name="Next match").click()
        self.expect(told).to_have_text("2 of 11 lines")
        page.get_by_role("button", name="Match before").click()
        self.expect(told).to_have_text("1 of 11 lines")
        page.get_by_role("button", name="Match before").click()
        self.expect(told).to_have_text("11 of 11 lines")
        page.get_by_label("Only lines that match").check()
        self.expect(lines).not_to_contain_text("line 2 of the parrot")
        self.expect(lines).to_contain_text("line 1 of the parrot")
        page.get_by_label("Match case").check()
        self.expect(told).to_have_text("No line matches")
        page.get_by_label("Match case").uncheck()
        page.get_by_label("Regular expression").check()
        search.fill("line 3[0-4]")
        self.expect(told).to_contain_text("5 lines")
        with page.expect_download() as caught:
            page.get_by_role("button", name="Download").click()
        self.assertEqual(
            caught.value.path().read_text(),
            "".join(f"line {number} of the parrot\n" for number in range(30, 35)),
        )
        page.reload()
        self.expect(told).to_contain_text("5 lines")
        search.fill("line (")
        self.expect(page.get_by_role("search")).to_contain_text(
            re.compile("regular", re.I)
        )

    def test_machine(self) -> None:
        """
        The machine's charts and hardware are shown.
        """
        page = self.open("/ui/machine")
        for name in ("CPU", "Memory", "Network", "Load average"):
            chart = page.get_by_role("region", name=name, exact=True).get_by_role("img")
            self.expect(chart).to_have_attribute("aria-label", re.compile(r"Now: .*\d"))
        self.expect(
            page.get_by_role("region", name="CPU").locator("canvas").first
        ).to_be_visible()
        hardware = page.get_by_role("table", name="Hardware")
        self.expect(hardware).to_contain_text(platform.machine())
        self.expect(
            hardware.get_by_role("row", name=re.compile("^Memory"))
        ).to_contain_text("GiB")

    def test_settings(self) -> None:
        """
        The settings tell how the server is configured, and what this browser keeps.
        """
        page = self.open("/ui/settings")
        self.expect(page.get_by_role("region", name="Server")).to_contain_text(
            f"127.0.0.1:{self.running.port}"
        )
        self.expect(page.get_by_role("region", name="Server")).to_contain_text(
            str(self.running.config)
        )
        self.expect(page.get_by_role("region", name="Models")).to_contain_text(
            re.compile(r"Models\s*5")
        )
        self.expect(page.get_by_role("region", name="Records")).to_contain_text(
            re.compile(r"Captures take at most\s*5 MB")
        )
        page.get_by_label("Dark", exact=True).check()
        self.expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.get_by_role("button", name="Give a key").click()
        dialog = page.get_by_role("dialog", name="API key")
        dialog.get_by_label("Key", exact=True).fill("some-key")
        dialog.get_by_role("button", name="Use this key").click()
        page.get_by_role("button", name="Forget the key").click()
        self.assertIsNone(page.evaluate("sessionStorage.getItem('llamaswap.key')"))
        page.get_by_role("button", name="Forget everything").click()
        confirm = page.get_by_role("dialog")
        confirm.get_by_role("button", name="Keep").click()
        self.expect(confirm).to_be_hidden()
        self.expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.get_by_role("button", name="Forget everything").click()
        with page.expect_event("load"):
            confirm.get_by_role("button", name="Forget everything").click()
        self.expect(page.get_by_role("heading", level=1)).to_be_visible()
        self.expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
        self.assertEqual(page.evaluate("localStorage.length"), 0)

    def test_forget(self) -> None:
        """
        Whoever has the browser forget everything finds no conversation any more.
        """
        page = self.open("/ui/playground/chat?model=alpha")
        page.get_by_label("Message", exact=True).fill("remember me")
        page.get_by_label("Message", exact=True).press("Enter")
        self.expect(
            page.get_by_role("article", name="Answer of alpha")
        ).to_have_attribute("aria-busy", "false")
        page.reload()
        question = page.get_by_role("article", name="Question")
        self.expect(question).to_contain_text("remember me")
        page.get_by_role("link", name="Settings", exact=True).click()
        page.get_by_role("button", name="Forget everything").click()
        confirm = page.get_by_role("dialog").get_by_role(
            "button", name="Forget everything"
        )
        with page.expect_event("load"):
            confirm.click()
        page.goto("/ui/playground/chat")
        self.expect(page.get_by_text("Ask something", exact=True)).to_be_visible()
        self.expect(question).to_have_count(0)
