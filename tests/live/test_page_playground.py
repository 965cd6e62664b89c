"""
The playground, in a real browser.
"""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import wave
import zlib
from typing import TYPE_CHECKING

from .browser import BrowserTestCase, gated, parrot
from .support import simulator

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Locator

CONFIG = f"""
groups: {{all: {{swap: false, members: [parrot, slow, other, broken, sleepy]}}}}
models:
  parrot:
    {parrot()}
  slow:
    cmd: {simulator("--model slow --load-time 0.1 --tokens-per-second 4")}
  other:
    cmd: {simulator("--model other --load-time 0.1 --tokens-per-second 100")}
  sleepy:
    cmd: {gated("sleepy")}
  broken:
    cmd: {simulator("--load-time 0.1 --fail-start no-memory-left")}
"""

MARKDOWN = """\
# A title

A **bold** word, a [link](https://example.org/), and $a^2+b^2$ in a line.

| a | b |
| - | - |
| 1 | 2 |

```python
print("hello")
```

$$\\int_0^1 x\\,dx$$
"""


def png() -> bytes:
    """
    A picture of one pixel.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0\xff\0\0")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


def sound() -> bytes:
    """
    A tenth of a second of silence.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(bytes(1600))
    return file.getvalue()


class ChatTests(BrowserTestCase):
    """
    The chat.
    """

    CONFIG = CONFIG

    def chat(self, model: str, beside: str = "") -> None:
        """
        Open it, with a model chosen, or two.
        """
        more = f"&beside={beside}" if beside else ""
        self.open(f"/ui/playground/chat?model={model}{more}")
        self.expect(
            self.page.get_by_label("Model 1" if beside else "Model", exact=True)
        ).to_have_value(model)

    def ask(self, text: str) -> None:
        """
        Type a message and send it.
        """
        message = self.page.get_by_label("Message", exact=True)
        message.fill(text)
        message.press("Enter")

    def answer(self, model: str) -> Locator:
        """
        The last answer of a model.
        """
        return self.page.get_by_role("article", name=f"Answer of {model}").last

    def expect_answer(self, model: str, text: str | re.Pattern[str]) -> None:
        """
        Wait for a whole answer.
        """
        self.expect(self.answer(model)).to_contain_text(text)
        self.expect(self.answer(model)).to_have_attribute("aria-busy", "false")

    def test_stream(self) -> None:
        """
        An answer grows as it comes, with its speed in the end.
        """
        self.chat("parrot")
        self.ask("to begin with\n+++\n and to end with")
        answer = self.answer("parrot")
        self.expect(answer).to_contain_text("to begin with")
        self.expect(answer).to_have_attribute("aria-busy", "true")
        self.expect(answer).not_to_contain_text("to end with")
        self.running.ask("GET", "/upstream/parrot/go")
        self.expect_answer("parrot", "to begin with and to end with")
        self.chat("other")
        self.ask("Hello")
        self.expect_answer("other", "stream is real.")
        speed = self.answer("other").get_by_role("group", name="Speed of the answer")
        self.expect(speed).to_contain_text(re.compile(r"\d tokens/s"))
        self.expect(speed).to_contain_text(re.compile(r"first token \d+"))

    def test_stop(self) -> None:
        """
        An answer is stopped where it stands, for the model too.
        """
        self.chat("parrot")
        self.ask("to begin with\n+++\n and to end with")
        self.expect(self.answer("parrot")).to_contain_text("to begin with")
        other = self.page.context.new_page()
        other.goto("/ui/activity")
        flight = other.get_by_role("table", name="Requests in flight")
        self.expect(flight).to_contain_text("parrot")
        self.page.get_by_role("button", name="Stop", exact=True).click()
        self.expect(self.answer("parrot")).to_contain_text("Stopped.")
        self.expect(self.answer("parrot")).not_to_contain_text("to end with")
        self.expect(other.get_by_role("main")).to_contain_text("Nothing is in flight")

    def test_edit_and_again(self) -> None:
        """
        A question is changed and asked again, an answer is had again, and changed.
        """
        self.chat("parrot")
        self.ask("one")
        self.expect_answer("parrot", "one")
        page = self.page
        page.get_by_role("button", name="Edit the question").click()
        page.get_by_label("The question", exact=True).fill("two")
        page.get_by_role("button", name="Ask again").click()
        self.expect_answer("parrot", "two")
        self.expect(page.get_by_role("article", name="Question")).to_have_count(1)
        self.answer("parrot").get_by_role("button", name="Edit the answer").click()
        page.get_by_label("The answer", exact=True).fill("three")
        page.get_by_role("button", name="Save").click()
        self.expect_answer("parrot", "three")
        self.answer("parrot").get_by_role("button", name="Answer again").click()
        self.expect_answer("parrot", "two")
        page.get_by_role("button", name="Remove this exchange").click()
        self.expect(page.get_by_role("article")).to_have_count(0)

    def test_settings(self) -> None:
        """
        The system prompt and the sampling go with the request.
        """
        self.chat("parrot")
        page = self.page
        page.get_by_role("button", name="Settings").click()
        panel = page.get_by_role("region", name="Settings of the chat")
        panel.get_by_label("System prompt").fill("Behave.")
        panel.get_by_label("Temperature").fill("0.25")
        panel.get_by_label("Temperature").press("Tab")
        panel.get_by_label("More fields of the request").fill('{"mirostat": 2}')
        self.ask("settings")
        self.expect_answer("parrot", "Behave.")
        self.expect_answer("parrot", '"temperature": 0.25')
        self.expect_answer("parrot", '"mirostat": 2')
        panel.get_by_label("More fields of the request").fill("{")
        self.expect(panel).to_contain_text("Not sent")

    def test_markdown(self) -> None:
        """
        An answer is shown as Markdown: code with its colours and a button to copy it,
        tables, formulas; a link leads elsewhere in a tab of its own.
        """
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.chat("parrot")
        self.ask(MARKDOWN)
        answer = self.answer("parrot")
        self.expect(answer).to_have_attribute("aria-busy", "false")
        self.expect(answer.get_by_role("heading", name="A title")).to_be_visible()
        self.expect(answer.get_by_role("cell", name="2")).to_be_visible()
        self.expect(answer.locator("strong")).to_have_text("bold")
        self.expect(answer.locator("math")).to_have_count(2)
        self.expect(answer.locator("code .hljs-built_in")).to_have_text("print")
        link = answer.get_by_role("link", name="link")
        self.expect(link).to_have_attribute("target", "_blank")
        self.expect(link).to_have_attribute("rel", re.compile("noopener"))
        answer.get_by_role("button", name=re.compile("Copy the code")).click()
        self.expect_copied('print("hello")')
        self.assertNotIn("```", self.page.evaluate("navigator.clipboard.readText()"))
        answer.get_by_role("button", name="Copy the answer").click()
        self.expect_copied("# A title")

    def test_reasoning(self) -> None:
        """
        What a model thinks is folded, until somebody opens it.
        """
        self.chat("parrot")
        self.ask("Let me think.\n---\nThe answer")
        self.expect_answer("parrot", "The answer")
        thought = self.answer("parrot").get_by_text("Let me think.")
        self.expect(thought).to_have_count(0)
        self.answer("parrot").get_by_text(re.compile("^Reasoning")).click()
        self.expect(thought).to_be_visible()

    def test_images(self) -> None:
        """
        Pictures come from files, from the clipboard and by being dropped, and go with
        the message.
        """
        self.chat("parrot")
        page = self.page
        payload: FilePayload = {
            "name": "dot.png",
            "mimeType": "image/png",
            "buffer": png(),
        }
        page.get_by_label("Image files").set_input_files(payload)
        strip = page.get_by_role("list", name="Images")
        self.expect(strip.get_by_role("img")).to_have_count(1)
        put = """(target, [encoded, kind]) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
            data.items.add(new File([bytes], 'dot.png', {type: 'image/png'}));
            const how = {bubbles: true, cancelable: true};
            const event = kind === 'paste'
                ? new ClipboardEvent(kind, {clipboardData: data, ...how})
                : new DragEvent(kind, {dataTransfer: data, ...how});
            target.dispatchEvent(event);
        }"""
        encoded = base64.b64encode(png()).decode()
        message = page.get_by_label("Message", exact=True)
        message.evaluate(put, [encoded, "paste"])
        self.expect(strip.get_by_role("img")).to_have_count(2)
        message.evaluate(put, [encoded, "drop"])
        self.expect(strip.get_by_role("img")).to_have_count(3)
        page.get_by_role("button", name="Remove image 3").click()
        self.ask("What is it?")
        self.expect_answer(
            "parrot", re.compile("a picture: image/.*a picture: image/", re.S)
        )
        self.expect(
            page.get_by_role("article", name="Question").get_by_role("img")
        ).to_have_count(2)

    def test_side_by_side(self) -> None:
        """
        Two models answer one prompt side by side.
        """
        self.chat("parrot", beside="other")
        self.ask("Hello, both")
        self.expect_answer("parrot", "Hello, both")
        self.expect_answer("other", "other here:")
        left, right = (self.answer(name).bounding_box() for name in ("parrot", "other"))
        assert left is not None
        assert right is not None
        self.assertLess(left["x"] + left["width"], right["x"] + 1)
        self.page.get_by_role("button", name="Compare").click()
        self.expect(self.page.get_by_label("Model 2")).to_have_count(0)

    def test_kept(self) -> None:
        """
        A conversation is there when the page is loaded again; it goes to a file and
        comes back from one.
        """
        self.chat("parrot")
        self.ask("remember me")
        self.expect_answer("parrot", "remember me")
        page = self.page
        # Kept a moment after it has changed; leaving the page does it at the latest.
        page.reload()
        self.expect_answer("parrot", "remember me")
        page.get_by_role("button", name="Conversations").click()
        dialog = page.get_by_role("dialog", name="Conversations")
        with page.expect_download() as caught:
            dialog.get_by_role("button", name="Export all").click()
        exported = caught.value.path().read_text()
        self.assertIn("remember me", exported)
        with page.expect_download() as caught:
            dialog.get_by_role("button", name="Export this one").click()
        self.assertIn("remember me", caught.value.path().read_text())
        dialog.get_by_role("button", name=re.compile("^Remove ")).click()
        self.expect(dialog).to_contain_text("None is kept yet")
        dialog.get_by_label("File to import").set_input_files(
            {
                "name": "all.json",
                "mimeType": "application/json",
                "buffer": exported.encode(),
            }
        )
        self.expect(dialog).to_be_hidden()
        self.expect_answer("parrot", "remember me")
        page.get_by_role("button", name="New").click()
        self.expect(page.get_by_role("article")).to_have_count(0)
        self.ask("another one")
        self.expect_answer("parrot", "another one")
        page.get_by_role("button", name="Conversations").click()
        kept = dialog.get_by_role("list", name="Kept conversations")
        self.expect(kept.get_by_role("listitem")).to_have_count(2)
        dialog.get_by_label("Search titles").fill("REMEMBER")
        self.expect(kept.get_by_role("listitem")).to_have_count(1)
        kept.get_by_role("button", name=re.compile("^remember me")).click()
        self.expect(dialog).to_be_hidden()
        self.expect_answer("parrot", "remember me")
        page.get_by_role("button", name="Conversations").click()
        dialog.get_by_label("File to import").set_input_files(
            {"name": "bad.json", "mimeType": "application/json", "buffer": b"{}"}
        )
        self.expect(page.get_by_role("region", name="Messages")).to_contain_text(
            "bad.json"
        )

    def test_left(self) -> None:
        """
        What was changed last is kept, however soon the page is left after that.
        """
        self.chat("parrot")
        self.ask("one")
        self.expect_answer("parrot", "one")
        page = self.page
        for text in ("two", "three", "four"):
            page.get_by_role("button", name="Edit the answer").click()
            page.get_by_label("The answer", exact=True).fill(text)
            page.get_by_role("button", name="Save").click()
            page.reload()
            self.expect_answer("parrot", text)

    def test_loading(self) -> None:
        """
        While the model loads, one sees that it does, and for how long.
        """
        self.hold_loads("sleepy")
        self.chat("sleepy")
        self.ask("Hello")
        bar = self.answer("sleepy").get_by_role("progressbar", name="Loading sleepy")
        self.expect(bar).to_be_visible()
        self.let_load("sleepy")
        self.expect_answer("sleepy", "is real.")
        self.expect(
            self.answer("sleepy").get_by_role("group", name="Speed of the answer")
        ).to_contain_text("loading")

    def test_failure(self) -> None:
        """
        A model that cannot be loaded is told in the place of the answer, with its
        lines.
        """
        self.provoked += ["502"]
        self.chat("broken")
        self.ask("Hello")
        answer = self.answer("broken")
        self.expect(answer.get_by_role("alert")).to_be_visible()
        self.expect(answer).to_contain_text("no-memory-left")
        self.expect(answer.get_by_role("button", name="Try again")).to_be_visible()


class TaskTests(BrowserTestCase):
    """
    What is not a chat.
    """

    CONFIG = CONFIG

    def task(self, name: str) -> None:
        """
        Open a view of the playground, for a model that can do all of it.
        """
        self.open(f"/ui/playground/{name}")
        self.page.get_by_label("Model", exact=True).select_option("other")

    def test_images(self) -> None:
        """
        Images are made, shown and saved; a picture is changed.
        """
        self.task("images")
        page = self.page
        page.get_by_label("Prompt", exact=True).fill("A red square")
        page.get_by_label("How many").fill("2")
        page.get_by_role("button", name="Make images").click()
        images = page.get_by_role("region", name="Images")
        self.expect(images.get_by_role("img")).to_have_count(2)
        shown = images.get_by_role("img").first.evaluate(
            "(image) => image.decode().then(() => image.naturalWidth)"
        )
        self.assertGreater(shown, 0)
        with page.expect_download() as caught:
            images.get_by_role("link", name="Download image 1").click()
        self.assertGreater(caught.value.path().stat().st_size, 0)
        page.get_by_label("Choose an image, file").set_input_files(
            {"name": "dot.png", "mimeType": "image/png", "buffer": png()}
        )
        page.get_by_label("How many").fill("1")
        page.get_by_role("button", name="Change the image").click()
        self.expect(images.get_by_role("img")).to_have_count(1)

    def test_speech(self) -> None:
        """
        A text is spoken, and can be heard.
        """
        self.task("speech")
        page = self.page
        page.get_by_role("button", name="Which are there?").click()
        self.expect(page.get_by_role("main")).to_contain_text(
            re.compile(r"\d+ voices: \w+|One voice: \w+")
        )
        page.get_by_label("Text").fill("Hello there")
        page.get_by_role("button", name="Speak").click()
        spoken = page.get_by_label("Speech", exact=True).locator("audio")
        self.expect(spoken).to_be_attached()
        self.expect_script(
            "document.querySelector('audio[aria-label=Speech]').duration > 0"
        )
        self.expect_script(
            "document.querySelector('audio[aria-label=Speech]').played.length > 0"
        )
        with page.expect_download() as caught:
            page.get_by_role("region", name="Speech").get_by_role(
                "button", name="Download"
            ).click()
        self.assertEqual(caught.value.path().read_bytes()[:4], b"RIFF")

    def test_transcription(self) -> None:
        """
        A file is written down.
        """
        self.task("transcription")
        page = self.page
        page.get_by_label("Choose a sound file, file").set_input_files(
            {"name": "said.wav", "mimeType": "audio/wav", "buffer": sound()}
        )
        page.get_by_role("button", name="Transcribe").click()
        text = page.get_by_role("region", name="Transcription")
        self.expect(text).to_contain_text(re.compile(r"\w{3}"))
        self.expect(text.get_by_role("button", name="Copy the text")).to_be_visible()

    def test_recording(self) -> None:
        """
        What is said into the microphone is written down.
        """
        self.page.context.grant_permissions(["microphone"])
        self.task("transcription")
        page = self.page
        page.get_by_role("button", name="Record").click()
        # Until something was heard: a busy machine is slow to begin.
        self.expect(
            page.get_by_role("status").filter(has_text=re.compile("Recording, [1-9]"))
        ).to_be_visible()
        page.get_by_role("button", name="Stop recording").click()
        self.expect(page.get_by_label("What is to be written down")).to_be_attached()
        page.get_by_role("button", name="Transcribe").click()
        self.expect(page.get_by_role("region", name="Transcription")).to_be_visible()

    def test_rerank(self) -> None:
        """
        Documents are put into an order.
        """
        self.task("rerank")
        page = self.page
        page.get_by_label("Question").fill("fruit")
        page.get_by_label("Documents, one a line").fill("a stone\nan apple\n\na pear")
        self.expect(page.get_by_text("3 documents")).to_be_visible()
        page.get_by_role("button", name="Rank").click()
        rows = page.get_by_role("region", name="Ranking").get_by_role("row")
        self.expect(rows).to_have_count(4)
        self.expect(rows.nth(1).get_by_role("progressbar")).to_be_visible()

    def test_embeddings(self) -> None:
        """
        Texts are compared with each other.
        """
        self.task("embeddings")
        page = self.page
        page.get_by_label("Texts, one a line").fill("one\ntwo\none")
        page.get_by_role("main").get_by_role("button", name="Compare").click()
        table = page.get_by_role("region", name="Cosine similarities")
        self.expect(table.get_by_role("row")).to_have_count(4)
        self.expect(
            table.get_by_role("row").nth(1).get_by_role("cell").last
        ).to_have_text("1.00")
        with page.expect_download() as caught:
            page.get_by_role("button", name="Download the vectors").click()
        self.assertEqual(len(json.loads(caught.value.path().read_text())["vectors"]), 3)

    def test_loading(self) -> None:
        """
        While the model loads, one sees that it does, whatever it was asked for; one can
        stop waiting.
        """
        self.hold_loads("sleepy")
        self.task("embeddings")
        page = self.page
        page.get_by_label("Model", exact=True).select_option("sleepy")
        page.get_by_label("Texts, one a line").fill("one\ntwo")
        main = page.get_by_role("main")
        main.get_by_role("button", name="Compare").click()
        bar = main.get_by_role("progressbar", name="Loading sleepy")
        self.expect(bar).to_be_visible()
        self.expect(main).to_contain_text("sleepy is loading")
        main.get_by_role("button", name="Stop", exact=True).click()
        self.expect(bar).to_have_count(0)
        main.get_by_role("button", name="Compare").click()
        self.expect(bar).to_be_visible()
        self.let_load("sleepy")
        table = page.get_by_role("region", name="Cosine similarities")
        self.expect(table.get_by_role("row")).to_have_count(3)

    def test_failure(self) -> None:
        """
        What went wrong is told in the place of the result, with the model's lines.
        """
        self.provoked += ["502"]
        self.task("rerank")
        page = self.page
        page.get_by_label("Model", exact=True).select_option("broken")
        page.get_by_label("Question").fill("fruit")
        page.get_by_label("Documents, one a line").fill("a stone\nan apple")
        page.get_by_role("button", name="Rank").click()
        main = page.get_by_role("main")
        self.expect(main.get_by_role("alert")).to_be_visible()
        self.expect(main).to_contain_text("no-memory-left")

    def test_load_test(self) -> None:
        """
        Many ask at once, and one sees how long each took.
        """
        self.task("loadtest")
        page = self.page
        page.get_by_label("Requests").fill("12")
        page.get_by_label("At once").fill("4")
        page.get_by_label("Most tokens each").fill("5")
        page.get_by_role("button", name="Start").click()
        results = page.get_by_role("region", name="Results")
        ended = results.get_by_role("status").filter(has_text="have ended")
        self.expect(ended).to_have_text("12 of 12 have ended")
        self.expect(results).to_have_attribute("aria-busy", "false")
        self.expect(results.get_by_role("img")).to_have_attribute(
            "aria-label", re.compile("each of 12 requests")
        )
        self.expect(
            results.get_by_role("region", name="Latencies").get_by_role("row").nth(1)
        ).to_contain_text(re.compile(r"\d+ (ms|s)"))

    def test_load_test_stopped(self) -> None:
        """
        A load test is stopped by its button.
        """
        self.task("loadtest")
        page = self.page
        page.get_by_label("Model", exact=True).select_option("slow")
        page.get_by_label("Requests").fill("500")
        page.get_by_role("button", name="Start").click()
        results = page.get_by_role("region", name="Results")
        status = results.get_by_role("status").filter(has_text="of 500")
        self.expect(status).to_contain_text("have ended")
        page.get_by_role("button", name="Stop", exact=True).click()
        self.expect(status).to_contain_text("stopped")
