"""
Peers' models, in a real browser: the peer is another daemon.
"""

from __future__ import annotations

import re

from .browser import BrowserTestCase
from .support import Daemon, simulator

FAR = f"""
models:
  one:
    cmd: {simulator("--model one --load-time 0.1 --tokens-per-second 20")}
"""

HERE = f"""
models:
  own:
    cmd: {simulator("--model own --load-time 0.1")}
"""


class PeersTests(BrowserTestCase):
    """
    What the page shows of models that run elsewhere.
    """

    def serve(self) -> Daemon:
        """
        A daemon of the test's own, with another one for its peer.
        """
        self.far = Daemon(self.folder(), FAR)
        self.addCleanup(self.far.end)
        self.far.wait_until_listening()
        daemon = Daemon(
            self.folder(),
            f"{HERE}peers: {{far: {{proxy: '{self.far.url}', models: [one, gone]}}}}\n",
        )
        self.addCleanup(daemon.end)
        daemon.wait_until_listening()
        return daemon

    def test_models(self) -> None:
        """
        They are among the models, also alone, with both their names; nothing is loaded
        or unloaded here.
        """
        page = self.open("/ui/models")
        shown = page.get_by_role("list", name="Models", exact=True)
        items = shown.get_by_role("listitem")
        self.expect(items).to_have_count(3)
        page.get_by_label("Which models").select_option("Peers'")
        self.expect(items).to_have_count(2)
        one = items.filter(has=page.get_by_role("link", name="far/one", exact=True))
        self.expect(one).to_contain_text("at far")
        self.expect(one.get_by_role("button")).to_have_count(0)
        self.expect(one).to_contain_text("Also one")
        page.get_by_label("Search models").fill("far/o")
        self.expect(items).to_have_count(1)
        one.get_by_role("link", name="far/one").click()
        self.expect(self.heading("far/one")).to_be_visible()
        self.expect(page.get_by_role("main")).to_contain_text("at far")
        self.expect(
            page.get_by_role("main").get_by_role("button", name="Load")
        ).to_have_count(0)

    def test_now(self) -> None:
        """
        One that was asked has a row at home, with what is in flight and how fast it
        answers; until then it has none.
        """
        page = self.open()
        main = page.get_by_role("main")
        row = self.model_row("far/one")
        self.expect(self.model_row("own")).to_be_visible()
        self.expect(row).to_have_count(0)
        self.running.chat("one", max_tokens=3)
        cells = row.get_by_role("cell")
        self.expect(cells.first).to_have_text("At far")
        self.expect(cells.nth(1)).to_have_text("0")
        self.expect(cells.nth(3)).to_contain_text(re.compile(r"\d\.\d"))
        self.expect(main).to_contain_text("0 of 1 models running")
        self.expect(self.model_row("far/gone")).to_have_count(0)
        self.ask_behind("one", max_tokens=20_000)
        self.expect(cells.nth(1)).to_have_text("1")
        self.expect(main).to_contain_text("1 in flight")
        page.get_by_label("Active only").check()
        self.expect(self.model_row("own")).to_have_count(0)
        self.expect(row).to_be_visible()
        page.get_by_role("link", name="Activity", exact=True).click()
        page.get_by_role("button", name="Cancel the request to one").click()
        self.expect(main).to_contain_text("Nothing is in flight")

    def test_activity(self) -> None:
        """
        What was asked of it, by its bare name or by the peer's and that, is told on its
        page, which its rows lead to.
        """
        self.running.chat("one", max_tokens=3)
        self.running.chat("far/one", max_tokens=3)
        page = self.open("/ui/activity")
        rows = page.get_by_role("table", name="Requests that ended").get_by_role("row")
        # The head is one.
        self.expect(rows).to_have_count(3)
        self.expect(rows.get_by_role("link", name="far/one")).to_be_visible()
        rows.get_by_role("link", name="one", exact=True).click()
        self.expect(self.heading("far/one")).to_be_visible()
        main = page.get_by_role("main")
        told = main.get_by_role("region", name="Activity of far/one")
        self.expect(told.get_by_role("row")).to_have_count(3)
        self.expect(main).to_contain_text("2 requests")
        self.running.chat("one", max_tokens=1)
        self.expect(told.get_by_role("row")).to_have_count(4)
        main.get_by_role("link", name="All its activity").click()
        for name in ("far/one", "one"):
            self.expect(
                page.get_by_role("button", name=f"Do not filter by {name}", exact=True)
            ).to_be_visible()
        self.expect(rows).to_have_count(4)

    def test_chat(self) -> None:
        """
        One talks with it, and is told what the peer has to say where that is nothing
        good, or that it is not there.
        """
        self.provoked += ["404", "502"]
        page = self.open("/ui/playground/chat?model=far%2Fone")
        choice = page.get_by_label("Model", exact=True)
        self.expect(choice).to_have_value("far/one")
        message = page.get_by_label("Message", exact=True)
        message.fill("Hello")
        message.press("Enter")
        answer = page.get_by_role("article", name="Answer of far/one")
        self.expect(answer).to_contain_text("one here:")
        self.expect(answer).to_have_attribute("aria-busy", "false")
        choice.select_option("far/gone")
        message.fill("Hello")
        message.press("Enter")
        self.expect(
            page.get_by_role("article", name="Answer of far/gone").get_by_role("alert")
        ).to_contain_text("gone")
        self.far.end()
        choice.select_option("far/one")
        message.fill("Are you there?")
        message.press("Enter")
        self.expect(answer.last.get_by_role("alert")).to_be_visible()
