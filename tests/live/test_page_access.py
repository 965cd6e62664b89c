"""
Every page for those who see it in other ways: by axe-core, and on a narrow screen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from .browser import (
    NARROW,
    WIDE,
    BrowserTestCase,
    parrot,
    why_no_axe,
)
from .support import simulator

LONG = "a-model-with-a-name-that-is-as-long-as-the-names-of-models-are-Q4_K_M"

COLOURS = r"\x1b[31mred\x1b[0m \x1b[33;44myellow on blue\x1b[0m"

CONFIG = f"""
captureBuffer: 5
matrix:
  vars: {{a: alpha, s: {LONG}, p: parrot, f: broken}}
  sets: {{first: a & p & f, third: s & p & f}}
profiles:
  day: {{description: Work, pins: {{work: alpha}}}}
models:
  alpha:
    cmd: {simulator("--model alpha --load-time 0.1 --tokens-per-second 20")}
    ttl: 300
    env: ["API_TOKEN=hush-hush"]
    description: The first of all models, which is described in a sentence that is long
  {LONG}:
    cmd: {simulator("--load-time 0.1")}
  parrot:
    {parrot("a line", COLOURS, "x" * 300)}
  broken:
    cmd: {simulator("--load-time 0.1 --fail-start no-memory-left")}
"""

ANSWER = (
    """\
# A title

A [link](https://example.org/), `code` and $a^2$, and a word that is long: """
    + ("x" * 200)
    + """

| a | b | c | d | e | f | g | h |
| - | - | - | - | - | - | - | - |
| column | column | column | column | column | column | column | column |

```python
def function_with_a_long_name(argument_one, argument_two):  # and a comment
    return "a string", 1
```

$$\\sum_{i=0}^{n} \\frac{a_i + b_i + c_i + d_i + e_i}{f_i + g_i + h_i + j_i + k_i}$$
"""
)

#: All views: title, path, and what stands there when all of it does.
VIEWS = [
    ("Now", "/ui/", "no-memory-left"),
    ("Models", "/ui/models", LONG),
    ("Activity", "/ui/activity", "/v1/chat/completions"),
    ("Logs", "/ui/logs", "GET /ui/"),
    ("Machine", "/ui/machine", "Cores"),
    ("Settings", "/ui/settings", "Listens on"),
    ("alpha", "/ui/models/alpha", "API_TOKEN"),
    (LONG, f"/ui/models/{LONG}", "50 % below"),
    ("parrot", "/ui/models/parrot", "yellow on blue"),
    ("broken", "/ui/models/broken", "Command"),
    ("Chat", "/ui/playground/chat", "Ask something"),
    ("Images", "/ui/playground/images", "Make images"),
    ("Speech", "/ui/playground/speech", "Speak"),
    ("Transcription", "/ui/playground/transcription", "Transcribe"),
    ("Rerank", "/ui/playground/rerank", "Rank"),
    ("Embeddings", "/ui/playground/embeddings", "Compare"),
    ("Load test", "/ui/playground/loadtest", "Start"),
    ("Not found", "/ui/elsewhere", "elsewhere"),
]

_FITS = "document.scrollingElement.scrollWidth <= innerWidth"

#: How wide a page is, and what makes it so: what is out of the window, and not in
#: something that is clipped or scrolls by itself.
_WIDE = """
    () => {
        const clips = (one) => getComputedStyle(one).overflowX !== 'visible';
        const within = (one) =>
            one && one !== document.body && (clips(one) || within(one.parentElement));
        const wide = [...document.querySelectorAll('body *')]
            .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
            .filter((one) => !within(one.parentElement))
            .map((one) => one.outerHTML.slice(0, 120));
        return [document.scrollingElement.scrollWidth, innerWidth, wide];
    }
"""


class ViewsTestCase(BrowserTestCase):
    """
    A daemon of which there is something to be seen on every page.
    """

    CONFIG = CONFIG

    def setUp(self) -> None:
        super().setUp()
        if not self.running.ask("GET", "/api/metrics/activity?limit=1").json["total"]:
            for model in ("broken", "parrot", LONG, "alpha"):
                self.running.chat(model)

    def somebody_waits(self) -> None:
        """
        See to it that a request is in flight, and another waits behind it.
        """
        for model in ("alpha", LONG):
            self.ask_behind(model, max_tokens=20_000)
            # The first is there before the second: it is what the second waits for.
            self.expect(self.model_row(model)).to_contain_text(
                re.compile(r"Ready\s*1|Stopped\s*0\s*1")
            )

    def views(self) -> Iterator[str]:
        """
        Open one view after another, with all that is in it.

        :returns: their titles.
        """
        for title, path, text in VIEWS:
            self.open(path)
            self.expect(self.heading(title)).to_be_visible()
            self.expect(self.page.get_by_role("main")).to_contain_text(text)
            yield title

    def goes_on(self, title: str, path: str, region: str) -> None:
        """
        Open a view that shows what goes on, in a table.
        """
        self.open(path)
        self.expect(self.heading(title)).to_be_visible()
        self.expect(
            self.page.get_by_role("region", name=region).get_by_role("table").first
        ).to_be_visible()

    def talk(self) -> None:
        """
        Have an answer in the chat that has all that answers have.
        """
        self.open("/ui/playground/chat?model=parrot&beside=alpha")
        message = self.page.get_by_label("Message", exact=True)
        message.fill(f"I think.\n---\n{ANSWER}")
        message.press("Enter")
        answers = self.page.get_by_role("article", name=re.compile("^Answer"))
        self.expect(answers).to_have_count(2)
        for answer in answers.all():
            self.expect(answer).to_have_attribute("aria-busy", "false")
            self.expect(answer.get_by_role("group", name="Speed")).to_be_visible()


class AxeTests(ViewsTestCase):
    """
    axe-core finds nothing on any page, in either theme.
    """

    CONFIG = CONFIG

    skip = BrowserTestCase.skip or why_no_axe()

    def check(self, what: str) -> None:
        self.settle()
        found = self.violations(self.page)
        self.assertEqual(found, [], f"{what}, {self.scheme}")

    def schemes(self) -> Iterator[None]:
        """
        Have the page in one theme after the other; it is opened anew in each.
        """
        schemes: Sequence[Literal["light", "dark"]] = ("light", "dark")
        for self.scheme in schemes:
            self.page.emulate_media(color_scheme=self.scheme, reduced_motion="reduce")
            yield

    def test_views(self) -> None:
        """
        Every page, with something in it.
        """
        for _ in self.schemes():
            for title in self.views():
                self.check(title)

    def test_queue(self) -> None:
        """
        The pages of what goes on, while something does.
        """
        self.open()
        self.somebody_waits()
        for _ in self.schemes():
            self.goes_on("Now", "/ui/", "Queue")
            self.check("Now")
            self.goes_on("Activity", "/ui/activity", "Requests in flight")
            self.check("Activity")

    def test_chat(self) -> None:
        """
        A conversation, side by side, with its settings.
        """
        self.talk()
        self.page.get_by_role("button", name="Settings").click()
        for _ in self.schemes():
            self.page.reload()
            reasoning = self.page.get_by_text(re.compile("^Reasoning"))
            self.expect(reasoning.first).to_be_visible()
            for one in reasoning.all():
                one.click()
            self.check("a conversation")

    def test_dialogs(self) -> None:
        """
        What opens above a page.
        """
        page = self.page
        for _ in self.schemes():
            self.open("/ui/activity")
            page.get_by_role("button", name="Keyboard help").click()
            self.expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
            self.check("help")
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Columns").click()
            self.expect(page.get_by_role("dialog", name="Columns")).to_be_visible()
            self.check("columns")
            page.keyboard.press("Escape")
            page.get_by_role("button", name=re.compile("^Capture")).first.click()
            self.expect(page.get_by_role("region", name="Response")).to_be_visible()
            self.check("a capture")
            self.open("/ui/settings")
            page.get_by_role("button", name="Give a key").click()
            self.expect(page.get_by_role("dialog", name="API key")).to_be_visible()
            self.check("the key")


class SizeTests(ViewsTestCase):
    """
    No page is wider than its window.
    """

    CONFIG = CONFIG

    def check(self, what: str) -> None:
        for size in (WIDE, NARROW):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]  # a typed dict
            self.expect_script(
                _FITS, why=lambda: f"{what}: {self.page.evaluate(_WIDE)}"
            )

    def test_views(self) -> None:
        """
        Every page, with something in it.
        """
        for title in self.views():
            self.check(title)

    def test_queue(self) -> None:
        """
        The first page, while somebody waits, and what is in flight.
        """
        self.open()
        self.somebody_waits()
        self.goes_on("Now", "/ui/", "Queue")
        self.check("Now")
        self.goes_on("Activity", "/ui/activity", "Requests in flight")
        self.check("Activity")

    def test_chat(self) -> None:
        """
        A conversation with two models, with all that answers have.
        """
        self.talk()
        self.check("a conversation")

    def test_dialogs(self) -> None:
        """
        A capture.
        """
        page = self.open("/ui/activity")
        page.get_by_role("button", name=re.compile("^Capture")).first.click()
        self.expect(page.get_by_role("region", name="Response")).to_be_visible()
        self.check("a capture")
