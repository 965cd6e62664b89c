"""
Makes the pictures of the web page, in ``docs/images``.

``python docs/make_screenshots.py`` takes three minutes, a checkout whose page was
built, ``pip install ".[tests,docs]"`` and Debian's chromium.  The models are
simulated, and so are the clients; what they did in the hour before is written into the
activity.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT))

from PIL import Image  # noqa: E402  # after the path, as what follows

from llamaswap_tw.activity.database import File  # noqa: E402  # by the path above
from llamaswap_tw.activity.row import Row, Tokens  # noqa: E402
from tests.live.browser import CHROMIUM, FLAGS, parrot  # noqa: E402
from tests.live.support import Daemon, chat_body, simulator  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

FOLDER = Path(__file__).parent / "images"

_WIDE: ViewportSize = {"width": 1280, "height": 800}

#: For the first page, which has the most to show.
_TALL: ViewportSize = {"width": 1280, "height": 1230}

#: No picture is larger, in bytes.
LIMIT = 60_000

#: For how long clients ask before the pictures are made, in seconds.
_BUSY = 150.0

_BIG = ("qwen3-32b", "llama-3.3-70b", "gemma-3-27b")


def _big(name: str, load: float, speed: float) -> str:
    cmd = simulator(
        f"--model {name} --load-time {load} --tokens-per-second {speed} --quiet"
    )
    return f"  {name}:\n    cmd: {cmd}\n    ttl: 600\n"


CONFIG = f"""
captureBuffer: 5
store: {{path: activity.db}}
matrix:
  vars: {{q: qwen3-32b, l: llama-3.3-70b, g: gemma-3-27b, e: bge-m3,
         w: whisper-large-v3, f: flux-schnell, p: assistant}}
  sets:
    small: "(q | g) & e & w & p"
    large: l & e & p
    images: f & e & p
profiles:
  day: {{description: Small models, pins: {{default: qwen3-32b}}}}
  night: {{description: The large one, pins: {{default: llama-3.3-70b}}}}
models:
{_big("qwen3-32b", 6, 38)}
{_big("llama-3.3-70b", 11, 14)}
{_big("gemma-3-27b", 5, 44)}
  bge-m3:
    aliases: [text-embedding-3-small]
    cmd: {simulator("--model bge-m3 --load-time 0.5 --quiet")}
    description: Embeddings
  whisper-large-v3:
    cmd: {simulator("--model whisper-large-v3 --load-time 1 --quiet")}
    description: Transcription
    capabilities: {{in: [audio], out: [text]}}
  flux-schnell:
    cmd: '{simulator('--load-time 2 --fail-start "CUDA error: out of memory"')}'
    description: Images
    capabilities: {{in: [text], out: [image]}}
  assistant:
    {parrot().replace('["PYTHON', '["PARROT_PACE=0.03", "PYTHON')}
"""

_ANSWER = """\
A swap costs what the next model takes to load. Three ways to pay it less often:

1. **Group** what fits together, so that nothing has to go.
2. Give the models that are asked most a longer `ttl`.
3. Let those who wait for one model be served *together*.

```yaml
matrix:
  vars: {q: qwen3-32b, e: bge-m3}
  sets: {day: q & e}
```

With $n$ models of equal demand and room for $k$, a request finds its model loaded with

$$P = \\frac{k}{n}$$
"""


def _write_hour(folder: Path, random: random.Random) -> None:
    """
    Write what clients asked in the hour before.
    """
    database = File(str(folder / "activity.db"))
    database.open()
    now = time.time()
    rows = []
    for at in sorted(random.uniform(200, 3500) for _ in range(420)):
        model = random.choices([*_BIG, "bge-m3"], [6, 2, 3, 4])[0]
        speed = {"qwen3-32b": 38, "llama-3.3-70b": 14, "gemma-3-27b": 44}.get(model, 0)
        prompt, output = random.randint(40, 6000), random.randint(30, 900)
        tokens = (
            Tokens(
                cache_tokens=prompt // 2,
                input_tokens=prompt,
                output_tokens=output,
                prompt_per_second=random.gauss(speed * 30, speed * 4),
                tokens_per_second=random.gauss(speed, speed / 14),
            )
            if speed
            else Tokens(input_tokens=prompt)
        )
        rows.append(
            Row(
                timestamp=now - 3700 + at,
                model=model,
                req_path="/v1/chat/completions" if speed else "/v1/embeddings",
                resp_content_type="text/event-stream" if speed else "application/json",
                resp_status_code=200,
                tokens=tokens,
                duration_ms=int(1000 * output / speed) if speed else 35,
                error_msg="",
                metadata={"ttft_ms": str(random.randint(90, 900))},
            )
        )
    database.write(rows)
    database.close()


class _Clients:
    """
    Clients that ask one model, then another.

    :param daemon: whom they ask.
    """

    def __init__(self, daemon: Daemon, random: random.Random) -> None:
        self._daemon = daemon
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(seed,), daemon=True)
            for seed in [random.random() for _ in range(3)]
        ]

    def _ask(self, seed: float) -> None:
        mine = random.Random(seed)
        while not self._over.is_set():
            model = mine.choices(_BIG, [5, 1, 3])[0]
            for _ in range(mine.randint(1, 4)):
                body = chat_body(model, max_tokens=mine.randint(40, 240), stream=True)
                self._daemon.ask("POST", "/v1/chat/completions", body)
                if self._over.wait(mine.uniform(0, 3)):
                    return

    def work(self, seconds: float) -> None:
        """
        Ask for so long; what is being asked then goes on.
        """
        for thread in self._threads:
            thread.start()
        time.sleep(seconds)
        self._over.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def _asking(daemon: Daemon, *models: str) -> Iterator[None]:
    """
    Long requests, one after another, for the time of a ``with``.
    """
    threads = []
    for model in models:
        body = chat_body(model, max_tokens=4000)
        thread = threading.Thread(
            target=daemon.ask, args=("POST", "/v1/chat/completions", body), daemon=True
        )
        thread.start()
        threads.append(thread)
        time.sleep(1.5)
    try:
        yield
    finally:
        daemon.ask("POST", "/api/models/unload")
        for thread in threads:
            thread.join()


class _Camera:
    """
    Takes pictures.

    :param page: a tab.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, path: str, text: str) -> None:
        """
        Open a view and wait until a text is on it.
        """
        from playwright.sync_api import expect

        self.page.goto(path)
        expect(self.page.get_by_role("main")).to_contain_text(text)
        expect(self.page.locator(".connection.live")).to_be_attached()

    def take(self, name: str) -> None:
        """
        Write a picture of what is seen.
        """
        path = FOLDER / f"{name}.png"
        self.page.mouse.move(0, 0)
        whole = self.page.screenshot(animations="disabled", caret="hide")
        # So many colours are hardly told from all of them.
        Image.open(io.BytesIO(whole)).convert("RGB").quantize(256).save(
            path, optimize=True
        )
        size = path.stat().st_size
        print(f"{path.relative_to(_ROOT)}: {size:,} bytes")
        if size > LIMIT:
            raise SystemExit(f"{path} is too large")


def _take_all(daemon: Daemon, camera: _Camera) -> None:
    page = camera.page
    with _asking(daemon, "qwen3-32b", "qwen3-32b", "llama-3.3-70b", "gemma-3-27b"):
        page.set_viewport_size(_TALL)
        camera.open("/ui/?span=5", "behind")
        page.wait_for_timeout(2000)
        camera.take("now")
        page.emulate_media(color_scheme="dark")
        camera.take("now-dark")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(_WIDE)
        camera.open("/ui/activity", "/v1/chat/completions")
        page.wait_for_timeout(500)
        camera.take("activity")
        camera.open("/ui/models", "flux-schnell")
        camera.take("models")
        camera.open("/ui/models/qwen3-32b", "50 % below")
        page.wait_for_timeout(500)
        camera.take("model")
    camera.open("/ui/playground/chat?model=assistant", "Ask something")
    message = page.get_by_label("Message", exact=True)
    message.fill(f"Swaps take time here; what can be done about it?\n---\n{_ANSWER}")
    message.press("Enter")
    page.locator(
        'article[aria-label="Answer of assistant"][aria-busy=false]'
    ).wait_for()
    # As if the question had been short.
    page.evaluate(
        "document.querySelector('article[aria-label=Question] .text').textContent = "
        "'What do swaps cost, and how do I pay less?'"
    )
    page.evaluate("scrollTo(0, 0)")
    camera.take("playground")
    camera.open("/ui/logs", "GET /ui/")
    page.get_by_role("checkbox", name="Wrap lines").uncheck()
    page.get_by_label("Regular expression").check()
    page.get_by_role("searchbox").fill("(ready after|stopp)")
    page.get_by_label("Only lines that match").check()
    page.wait_for_timeout(500)
    camera.take("logs")
    camera.open("/ui/machine", "Load average")
    page.wait_for_timeout(500)
    camera.take("machine")
    camera.open("/ui/settings", "Rows of activity")
    camera.take("settings")
    page.set_viewport_size({"width": 360, "height": 740})
    camera.open("/ui/", "gemma-3-27b")
    camera.take("now-narrow")


def main() -> None:
    """
    Make all of them.
    """
    from playwright.sync_api import sync_playwright

    chance = random.Random(7)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        _write_hour(Path(name), chance)
        daemon = Daemon(Path(name), CONFIG)
        try:
            daemon.wait_until_listening()
            daemon.ask("POST", "/v1/embeddings", {"model": "bge-m3", "input": "Hello"})
            daemon.ask("POST", "/api/models/load/flux-schnell")
            _Clients(daemon, chance).work(_BUSY)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context(
                base_url=daemon.url,
                viewport=_WIDE,
                reduced_motion="reduce",
                color_scheme="light",
            )
            _take_all(daemon, _Camera(context.new_page()))
            browser.close()
        finally:
            daemon.end()


if __name__ == "__main__":
    main()
