"""
Text that comes from models, logs, clients and the configuration: in a real browser it
is text, whatever stands in it.
"""

from __future__ import annotations

import re

from .browser import BrowserTestCase, parrot
from .support import chat_body, simulator

#: Would say so, were it more than text.
EVIL = (
    "<img src=x onerror=\"window.hacked='img'\"><script>window.hacked='script'</script>"
)

#: As above, for where quotes would end something.
PLAIN_EVIL = "<img src=x onerror=window.hacked=1><b>bold</b>"

#: A model's answer, with all the ways into a page that Markdown has.
ANSWER = f"""
{EVIL}

<svg onload="window.hacked='svg'"><animate onbegin="window.hacked='animate'"></svg>
<iframe src="javascript:parent.hacked='iframe'"></iframe>
<style>* {{ display: none }}</style><base href="https://example.org/">
<form action="https://example.org/"><input name="key"><button>Send</button></form>
<a href="javascript:window.hacked='a'" id="main">anchor</a>

[a link](javascript:window.hacked='link) and ![a picture](https://example.org/pixel.png)
[another]( javascript&colon;window.hacked='colon')

$\\href{{javascript:window.hacked='katex'}}{{x}}$ $\\htmlClass{{x}}{{y}}$

```html"><img src=x onerror=window.hacked='language'>
{EVIL}
```

The end
"""

#: Colours, and what moves the cursor, names the window, rings, and clears the screen.
RUBBISH = (
    r"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H \x1b[999;1;31m "
    r"\x1b]8;;javascript:alert(1)\x1b\\\\link\x1b]8;;\x1b\\\\ "
    r"\x00\x08\x7f \u202eright\u202c"
)

CONFIG = f"""
groups: {{all: {{swap: false, members: [parrot, named, broken]}}}}
captureBuffer: 5
profiles:
  day: {{description: '{PLAIN_EVIL}', pins: {{work: parrot}}}}
models:
  parrot:
    {parrot(PLAIN_EVIL, RUBBISH, "the last line")}
  named:
    name: '{PLAIN_EVIL}'
    description: '{PLAIN_EVIL}'
    aliases: ['{PLAIN_EVIL}']
    cmd: {simulator("--model named --load-time 0.1")}
    env: ['COLOUR={PLAIN_EVIL}']
    metadata: {{about: '{PLAIN_EVIL}'}}
  broken:
    cmd: >-
      {simulator("--load-time 0 --fail-start", f"'{PLAIN_EVIL}'")}
"""


class UntrustedTests(BrowserTestCase):
    """
    Each test ends by looking whether anything has run; the console would tell it too,
    by what the page's policy forbids.
    """

    CONFIG = CONFIG

    def assert_harmless(self) -> None:
        """
        Nothing has run, and nothing of it has become a part of the page.
        """
        page = self.page
        self.assertIsNone(page.evaluate("window.hacked ?? null"))
        self.assertEqual(
            page.evaluate(
                "document.querySelectorAll("
                "'[onerror], [onload], [onbegin], iframe, base, script:not([src]), "
                "main style, main form input[name=key], "
                'a[href^="javascript:" i]\').length'
            ),
            0,
        )
        self.assertEqual(page.locator("#main").evaluate("(one) => one.tagName"), "MAIN")

    def test_answer(self) -> None:
        """
        A model's answer, its reasoning, and what was asked.
        """
        page = self.open("/ui/playground/chat?model=parrot")
        message = page.get_by_label("Message", exact=True)
        message.fill(f"{ANSWER}\n---\n{ANSWER}")
        message.press("Enter")
        answer = page.get_by_role("article", name="Answer of parrot")
        self.expect(answer).to_have_attribute("aria-busy", "false")
        self.expect(answer).to_contain_text("The end")
        answer.get_by_text(re.compile("^Reasoning")).click()
        self.expect(answer.get_by_text("The end")).to_have_count(2)
        self.expect(answer.get_by_text("anchor")).to_have_count(2)
        self.expect(page.get_by_role("article", name="Question")).to_contain_text(
            "<img src=x"
        )
        # Another host's picture is asked for by nobody but the user.
        self.expect(answer.locator("img")).to_have_count(0)
        self.assert_harmless()
        page.reload()
        self.expect(answer).to_contain_text("The end")
        self.assert_harmless()

    def test_logs(self) -> None:
        """
        What models write: colours are colours, all else is text or nothing.
        """
        self.running.chat("parrot")
        for path in ("/ui/logs/parrot", "/ui/logs/upstream", "/ui/models/parrot"):
            page = self.open(path)
            lines = page.get_by_role("log")
            self.expect(lines).to_contain_text("the last line")
            self.expect(lines).to_contain_text(PLAIN_EVIL)
            self.expect(lines).not_to_contain_text("\x1b")
            red = lines.locator("span").filter(has_text=re.compile("^red$"))
            self.expect(red.last).to_be_visible()
            self.expect(lines.get_by_role("link")).to_have_count(0)
            self.assert_harmless()

    def test_failure(self) -> None:
        """
        The last lines of a model that failed.
        """
        self.running.chat("broken")
        for path in ("/ui/", "/ui/models/broken"):
            page = self.open(path)
            self.expect(
                page.get_by_role("region", name="Last lines of broken")
            ).to_contain_text(PLAIN_EVIL)
            self.assert_harmless()

    def test_configuration(self) -> None:
        """
        Names, descriptions and aliases of the configuration.
        """
        page = self.open("/ui/")
        self.expect(self.model_row("named")).to_contain_text(PLAIN_EVIL)
        self.assert_harmless()
        self.open("/ui/models")
        self.expect(page.get_by_role("main")).to_contain_text(PLAIN_EVIL)
        self.assert_harmless()
        self.open("/ui/models/named")
        self.expect(page.get_by_role("region", name="Configuration")).to_contain_text(
            PLAIN_EVIL
        )
        self.assert_harmless()
        self.open("/ui/settings")
        self.assert_harmless()

    def test_paths(self) -> None:
        """
        What stands in the address.
        """
        self.provoked += ["400", "404"]
        page = self.page
        # With a dot it would be a file's name.
        evil = "%3Cimg%20src=x%20onerror=hacked=1%3E"
        for path in (
            f"/ui/{evil}",
            f"/ui/models/{evil}",
            f"/ui/logs/{evil}",
            f"/ui/?q={evil}",
            f"/ui/logs?q={evil}",
            f"/ui/activity?q={evil}&model={evil}&session={evil}",
            f"/ui/playground/chat?model={evil}&beside={evil}",
        ):
            page.goto(path)
            self.wait_until_live()
            self.expect(page.get_by_role("heading", level=1)).to_be_visible()
            self.assert_harmless()

    def test_requests(self) -> None:
        """
        What clients send: paths, headers, bodies; in the tables and as a capture.
        """
        self.running.ask(
            "POST",
            "/v1/chat/completions?q=<img>",
            {
                **chat_body("named", user=EVIL),
                "messages": [{"role": "user", "content": EVIL}],
            },
            {"X-Session-ID": PLAIN_EVIL, "User-Agent": PLAIN_EVIL},
        )
        page = self.open("/ui/activity")
        rows = page.get_by_role("table", name="Requests that ended").get_by_role("row")
        self.expect(rows.filter(has_text="named").first).to_be_visible()
        page.get_by_role("button", name=re.compile("^Capture of request")).first.click()
        asked = page.get_by_role("dialog").get_by_role(
            "region", name="Request", exact=True
        )
        self.expect(asked).to_contain_text("window.hacked='script'")
        asked.get_by_label("Raw").check()
        asked.get_by_text("Headers of the request").click()
        self.expect(asked).to_contain_text(PLAIN_EVIL)
        self.assert_harmless()
