"""
What the page keeps of what was written, asked and answered, in a real browser: whatever
the user does next.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from .browser import PAGES, BrowserTestCase, parrot
from .crowd import title_of
from .support import simulator

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request, Route

CONFIG = f"""
groups: {{all: {{swap: false, members: [parrot, other]}}}}
models:
  parrot:
    {parrot()}
  other:
    cmd: {simulator("--model other --load-time 0 --tokens-per-second 1000")}
"""

#: The playground's views.
TABS = [
    "Chat",
    "Images",
    "Speech",
    "Transcription",
    "Rerank",
    "Embeddings",
    "Load test",
]


class ChatTestCase(BrowserTestCase):
    """
    Talks with the model that says what it is told.
    """

    CONFIG = CONFIG

    def ask(self, text: str, page: Page | None = None) -> None:
        """
        Send a message, and wait for its answer: the same text.
        """
        page = page or self.page
        message = page.get_by_label("Message", exact=True)
        message.fill(text)
        message.press("Enter")
        self.expect(self.answers(page).last).to_contain_text(text)
        self.expect(self.answers(page).last).to_have_attribute("aria-busy", "false")

    def answers(self, page: Page | None = None) -> Locator:
        """
        All of the conversation.
        """
        return (page or self.page).get_by_role("article", name="Answer of parrot")


class ConversationTests(ChatTestCase):
    """
    Conversations that are left, removed, and open twice.
    """

    def chat(self) -> Page:
        """
        Open it.
        """
        return self.open("/ui/playground/chat?model=parrot")

    def conversations(self) -> Locator:
        """
        Those that are kept, in their dialog, which is opened.
        """
        self.page.get_by_role("button", name="Conversations").click()
        return self.page.get_by_role("list", name="Kept conversations").get_by_role(
            "listitem"
        )

    def take(self, name: str) -> None:
        """
        Open a conversation that is kept.
        """
        kept = self.conversations()
        kept.get_by_role("button", name=re.compile(f"^{name}")).click()
        self.expect(self.page.get_by_role("dialog")).to_be_hidden()

    def test_emptied(self) -> None:
        """
        A conversation of which the only exchange was removed is kept no longer.
        """
        page = self.chat()
        self.ask("only one")
        page.get_by_role("button", name="Remove this exchange").click()
        self.expect(self.answers()).to_have_count(0)
        page.reload()
        self.expect(page.get_by_label("Message", exact=True)).to_be_visible()
        kept = self.conversations()
        self.expect(page.get_by_role("dialog")).to_contain_text("None is kept yet")
        self.expect(kept).to_have_count(0)
        self.expect(self.answers()).to_have_count(0)

    def test_edited_and_left(self) -> None:
        """
        What was changed in a conversation is kept, however soon another one is opened.
        """
        page = self.chat()
        self.ask("first")
        page.get_by_role("button", name="New").click()
        self.ask("second")
        for text in ("once", "twice"):
            page.get_by_role("button", name="Edit the answer").click()
            page.get_by_label("The answer", exact=True).fill(text)
            page.get_by_role("button", name="Save").click()
            self.take("first")
            self.expect(self.answers()).to_contain_text("first")
            self.take("second")
            self.expect(self.answers()).to_contain_text(text)

    def test_removed_while_answered(self) -> None:
        """
        A conversation that is removed while its answer comes does not come back with
        it.
        """
        page = self.chat()
        self.ask("first")
        message = page.get_by_label("Message", exact=True)
        message.fill("to begin with\n+++\n and to end with")
        message.press("Enter")
        self.expect(self.answers().last).to_contain_text("to begin with")
        kept = self.conversations()
        kept.get_by_role("button", name=re.compile("^Remove ")).click()
        self.expect(kept).to_have_count(0)
        page.keyboard.press("Escape")
        self.expect(self.answers()).to_have_count(0)
        # What is written now comes after whatever the answer still had to write.
        self.ask("another")
        kept = self.conversations()
        self.expect(kept).to_have_count(1)
        self.expect(kept).to_contain_text("another")

    def test_two_tabs(self) -> None:
        """
        Of two tabs with one conversation each shows what the other has asked, and goes
        on from there.
        """
        page = self.chat()
        self.ask("first")
        second = page.context.new_page()
        second.goto("/ui/playground/chat")
        self.expect(self.answers(second)).to_have_count(1)
        self.ask("second", second)
        self.expect(self.answers()).to_have_count(2)
        self.ask("third")
        self.expect(self.answers(second)).to_have_count(3)
        for one in (page, second):
            one.reload()
            self.expect(self.answers(one)).to_have_count(3)
            self.expect(self.answers(one).nth(1)).to_contain_text("second")

    def test_removed_in_another_tab(self) -> None:
        """
        A conversation that was removed in another tab is shown no longer, and does not
        come back.
        """
        page = self.chat()
        self.ask("first")
        second = page.context.new_page()
        second.goto("/ui/playground/chat")
        self.expect(self.answers(second)).to_have_count(1)
        self.conversations().get_by_role("button", name=re.compile("^Remove ")).click()
        self.expect(self.answers(second)).to_have_count(0)
        second.reload()
        self.expect(second.get_by_label("Message", exact=True)).to_be_visible()
        second.get_by_role("button", name="Conversations").click()
        self.expect(second.get_by_role("dialog")).to_contain_text("None is kept yet")

    def test_two_tabs_at_once(self) -> None:
        """
        Where two tabs go on with one conversation at once, nothing of either is lost.
        """
        page = self.chat()
        self.ask("first")
        second = page.context.new_page()
        second.goto("/ui/playground/chat")
        self.expect(self.answers(second)).to_have_count(1)
        message = page.get_by_label("Message", exact=True)
        message.fill("to begin with\n+++\n and to end with")
        message.press("Enter")
        self.expect(self.answers().last).to_contain_text("to begin with")
        # What came so far is kept there and here.
        self.expect(self.answers(second)).to_have_count(2)
        self.ask("meanwhile", second)
        self.expect(page.get_by_role("region", name="Messages")).to_contain_text(
            "Another tab goes on with this conversation"
        )
        self.running.ask("GET", "/upstream/parrot/go")
        self.expect(self.answers().last).to_contain_text("and to end with")
        self.expect(self.answers().last).to_have_attribute("aria-busy", "false")
        page.reload()
        self.expect(self.answers()).to_have_count(2)
        self.expect(self.answers().last).to_contain_text("and to end with")
        second.reload()
        self.expect(self.answers(second)).to_have_count(3)
        self.expect(self.answers(second).last).to_contain_text("meanwhile")


class WrittenTests(ChatTestCase):
    """
    What is being written, and what came of it, while other pages are looked at.
    """

    def away_and_back(self) -> None:
        """
        Look at another page, and come back.
        """
        page = self.page
        page.get_by_role("navigation", name="Pages").get_by_role(
            "link", name="Machine"
        ).click()
        self.expect(self.heading("Machine")).to_be_visible()
        page.go_back()

    def test_message(self) -> None:
        """
        A message that is being written is there again when the user comes back, and
        after the page was loaded anew; once it is sent, no longer.
        """
        page = self.open("/ui/playground/chat?model=parrot")
        message = page.get_by_label("Message", exact=True)
        message.fill("a long thought")
        self.away_and_back()
        self.expect(message).to_have_value("a long thought")
        page.reload()
        self.expect(message).to_have_value("a long thought")
        message.press("Enter")
        answer = page.get_by_role("article", name="Answer of parrot")
        self.expect(answer).to_contain_text("a long thought")
        self.expect(message).to_have_value("")
        page.reload()
        self.expect(answer).to_contain_text("a long thought")
        self.expect(message).to_have_value("")

    def test_edited(self) -> None:
        """
        What a question is being changed to is there again when the user comes back, and
        after it was left by Escape; once it was cancelled, no longer.
        """
        page = self.open("/ui/playground/chat?model=parrot")
        self.ask("at first")
        edit = page.get_by_role("button", name="Edit the question")
        question = page.get_by_label("The question", exact=True)
        edit.click()
        question.fill("in the end")
        self.away_and_back()
        self.expect(question).to_have_value("in the end")
        question.press("Escape")
        self.expect(question).to_have_count(0)
        edit.click()
        self.expect(question).to_have_value("in the end")
        page.get_by_role("button", name="Cancel").click()
        edit.click()
        self.expect(question).to_have_value("at first")

    def test_answered_again(self) -> None:
        """
        An answer that is to be had again stays where there comes no other, also where
        the page is left meanwhile.
        """
        page = self.open("/ui/playground/chat?model=parrot")
        self.ask("all of it")
        answer = page.get_by_role("article", name="Answer of parrot")
        again = answer.get_by_role("button", name="Answer again")
        asked = "**/v1/chat/completions"
        held: list[Route] = []
        page.route(asked, lambda route: held.append(route))
        again.click()
        self.expect(answer).to_have_attribute("aria-busy", "true")
        self.expect(answer).not_to_contain_text("all of it")
        page.get_by_role("button", name="Stop").click()
        self.expect(answer).to_have_attribute("aria-busy", "false")
        self.expect(answer).to_contain_text("all of it")
        again.click()
        self.expect(answer).to_have_attribute("aria-busy", "true")
        page.reload()
        self.expect(answer).to_contain_text("all of it")
        for route in held:
            route.abort()
        page.unroute(asked)
        self.provoked.append("/v1/chat/completions")
        page.route(asked, lambda route: route.abort())
        again.click()
        self.expect(answer).to_contain_text("It could not be had again")
        self.expect(answer).to_contain_text("all of it")

    def test_ranking(self) -> None:
        """
        What was asked in another view of the playground, and its answer, are there
        again when the user comes back.
        """
        page = self.open("/ui/playground/rerank")
        page.get_by_label("Model", exact=True).select_option("other")
        page.get_by_label("Question").fill("fruit")
        page.get_by_label("Documents, one a line").fill("a stone\nan apple")
        page.get_by_role("button", name="Rank").click()
        rows = page.get_by_role("region", name="Ranking").get_by_role("row")
        self.expect(rows).to_have_count(3)
        self.away_and_back()
        self.expect(page.get_by_label("Question")).to_have_value("fruit")
        self.expect(rows).to_have_count(3)

    def test_load_by_keys(self) -> None:
        """
        A model is loaded and unloaded by keys, without the focus going elsewhere.
        """
        page = self.open("/ui/models")
        main = page.get_by_role("main")
        main.get_by_role("button", name="Load parrot").focus()
        page.keyboard.press("Enter")
        unload = main.get_by_role("button", name="Unload parrot")
        self.expect(unload).to_be_visible()
        self.expect(unload).to_be_focused()
        self.expect(main.get_by_text("Ready")).to_have_count(1)
        page.keyboard.press("Enter")
        load = main.get_by_role("button", name="Load parrot", exact=True)
        self.expect(load).to_be_enabled()
        self.expect(load).to_be_focused()


#: A browser that keeps nothing, and says so to whoever asks.
FORBIDDEN = """
for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
    const get = () => { throw new DOMException('no ' + name, 'SecurityError'); };
    Object.defineProperty(window, name, {get});
}
"""

#: Puts into the page's store what the page would never have put there.
SPOIL = """
() => new Promise((done, fail) => {
    for (const [name, text] of Object.entries({
        'theme': '"plaid"', 'logs.wrap': '7', 'activity.columns': '{"a": 1}',
        'activity.size': '"x"', 'playground.chat': '[',
        'playground.models': '{"chat": 5}', 'playground.settings': 'null',
    })) localStorage.setItem(`llamaswap.${name}`, text);
    const opening = indexedDB.open('llamaswap', 1);
    opening.onerror = fail;
    opening.onupgradeneeded = () => {
        for (const name of ['conversations', 'summaries']) {
            opening.result.createObjectStore(name, {keyPath: 'id'});
        }
    };
    opening.onsuccess = () => {
        const stores = ['conversations', 'summaries'];
        const writing = opening.result.transaction(stores, 'readwrite');
        writing.objectStore('conversations').put({id: 'x', turns: [null, 5]});
        writing.objectStore('summaries').put({id: 'x'});
        const odd = {id: 'y', title: 5, updated: 'z', turns: {}};
        writing.objectStore('summaries').put(odd);
        writing.onerror = fail;
        writing.oncomplete = () => {
            opening.result.close();
            done();
        };
    };
})
"""


class StoreTests(BrowserTestCase):
    """
    A browser that keeps nothing, or something else than the page has given it.
    """

    CONFIG = CONFIG

    def open_all(self) -> None:
        """
        Open every page, one after the other.
        """
        for name, path in PAGES.items():
            self.open(path)
            self.expect(self.heading(title_of(name))).to_be_visible()

    def test_forbidden(self) -> None:
        """
        All of the page works where the browser keeps nothing.
        """
        self.page.add_init_script(FORBIDDEN)
        page = self.page
        self.open_all()
        self.open("/ui/playground/chat?model=parrot")
        message = page.get_by_label("Message", exact=True)
        message.fill("hello")
        message.press("Enter")
        answer = page.get_by_role("article", name="Answer of parrot")
        self.expect(answer).to_contain_text("hello")
        self.expect(page.get_by_role("main")).to_contain_text(
            re.compile("This browser (does not keep|keeps no) ")
        )
        self.open("/ui/settings")
        page.get_by_label("Dark").check()
        self.expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        forget = page.get_by_role("button", name="Forget everything")
        forget.click()
        page.get_by_role("dialog").get_by_role(
            "button", name="Forget everything"
        ).click()
        # The page is loaded anew.
        self.expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")

    def test_spoilt(self) -> None:
        """
        What the page has not written hurts no page.
        """
        page = self.open("/ui/settings")
        page.evaluate(SPOIL)
        self.open_all()
        self.open("/ui/playground/chat")
        page.get_by_role("button", name="Conversations").click()
        kept = page.get_by_role("list", name="Kept conversations").get_by_role(
            "listitem"
        )
        self.expect(kept).to_have_count(2)
        for left in (1, 0):
            kept.first.get_by_role("button", name="Remove Without a title").click()
            self.expect(kept).to_have_count(left)
        self.expect(page.get_by_role("dialog")).to_contain_text("None is kept yet")


class LongTests(BrowserTestCase):
    """
    A page that is kept open for long.
    """

    CONFIG = CONFIG

    #: How often each view is looked at, once all were.
    ROUNDS = 12

    def test_back_and_forth(self) -> None:
        """
        Views that are left leave nothing behind that listens, however often they are
        looked at.
        """
        page = self.open()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")

        def listeners() -> int:
            session.send("HeapProfiler.collectGarbage")
            metrics = session.send("Performance.getMetrics")["metrics"]
            [found] = [
                one["value"] for one in metrics if one["name"] == "JSEventListeners"
            ]
            return int(found)

        def visit_all() -> None:
            for name in PAGES:
                pages = page.get_by_role("navigation", name="Pages")
                pages.get_by_role("link", name=name, exact=True).click()
                if name != "Playground":
                    self.expect(self.heading(name)).to_be_visible()
                    continue
                for tab in TABS:
                    tabs = page.get_by_role("navigation", name="Playground")
                    tabs.get_by_role("link", name=tab, exact=True).click()
                    self.expect(page.get_by_label("Model", exact=True)).to_be_visible()

        visit_all()
        before = listeners()
        for _ in range(self.ROUNDS):
            visit_all()
        # One a round would be so many.
        self.assertLess(listeners() - before, self.ROUNDS)

    def test_at_rest(self) -> None:
        """
        A view at which nothing happens leaves the daemon in peace.
        """
        self.running.chat("parrot")
        for path in (*PAGES.values(), "/ui/models/parrot"):
            page = self.open(path)
            # What it begins with.
            page.wait_for_timeout(500)
            asked: Counter[str] = Counter()

            def hear(request: Request, asked: Counter[str] = asked) -> None:
                asked[request.url.partition("?")[0]] += 1

            page.on("request", hear)
            page.wait_for_timeout(1500)
            page.remove_listener("request", hear)
            often = {url: count for url, count in asked.items() if count > 5}
            self.assertEqual(often, {}, path)
