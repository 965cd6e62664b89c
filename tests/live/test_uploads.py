"""
Large bodies on their way up, between real sockets.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from .support import PATIENCE, Daemon, LiveTestCase, simulator

MEGABYTE = 1024 * 1024

#: Bodies that announce no more than this may be in memory, in MB.
_IN_MEMORY = 32

CONFIG = f"""
matrix:
  vars: {{a: m, b: filtered}}
  sets: {{all: a & b}}
models:
  m:
    cmd: {simulator("--load-time 0")}
    concurrencyLimit: 100
  filtered:
    cmd: {simulator("--load-time 0")}
    concurrencyLimit: 100
    useModelName: m
    filters: {{stripParams: top_k, setParams: {{temperature: 0.5}}}}
"""

_ECHO = json.dumps({"echo": True})


def held_megabytes(pid: int) -> float:
    """
    The memory that a process holds, in MB: without the pages of files, which the
    kernel takes back when it likes.
    """
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return psutil.Process(pid).memory_info().rss / MEGABYTE


class Memory:
    """
    Looks at a process again and again, while the block lasts.

    :ivar grown: by how much it has grown at most, in MB.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = held_megabytes(pid)
        self.grown = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self.grown = max(self.grown, held_megabytes(self._pid) - self._before)


class Upload:
    """
    A request with a large body.

    :param model: asked for.
    :param megabytes: of picture or sound in it.
    """

    path = "/v1/chat/completions"
    content_type = "application/json"
    chunked = False

    def __init__(self, model: str = "m", megabytes: int = 40) -> None:
        self.before, self.after = self.around(model)
        # No two pieces are the same: one that is lost or moved is noticed.
        self._pieces = megabytes * 16

    def around(self, model: str) -> tuple[bytes, bytes]:
        """
        What stands before and behind.
        """
        before = (
            b'{"top_k": 1, "messages": [{"role": "user", "content": [{"type": '
            b'"image_url", "image_url": {"url": "data:image/png;base64,'
        )
        return before, b'"}}]}], "model": "%b"}' % model.encode()

    def __iter__(self) -> Iterator[bytes]:
        yield self.before
        for number in range(self._pieces):
            yield b"%08d" % number * 8192
        yield self.after

    def expected(self) -> tuple[int, str]:
        """
        Size and digest of what the model gets.
        """
        digest, size = hashlib.sha256(), 0
        for piece in self:
            digest.update(piece)
            size += len(piece)
        return size, digest.hexdigest()

    def send(self, daemon: Daemon) -> Any:
        """
        :returns: what the model says has come.
        """
        headers = {"Content-Type": self.content_type, "X-Simulator": _ECHO}
        if not self.chunked:
            headers["Content-Length"] = str(sum(map(len, self)))
        connection = http.client.HTTPConnection(
            "127.0.0.1", daemon.port, timeout=PATIENCE
        )
        try:
            connection.request(
                "POST", self.path, iter(self), headers, encode_chunked=self.chunked
            )
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise AssertionError(body[:500])
            return json.loads(body)["body"]
        finally:
            connection.close()


class ChunkedUpload(Upload):
    """
    One whose length is not known before.
    """

    chunked = True


class FilteredUpload(Upload):
    """
    One that is changed on its way.
    """

    def __init__(self) -> None:
        super().__init__("filtered")

    def expected(self) -> tuple[int, str]:
        self.before = self.before.replace(b'"top_k": 1,', b"")
        self.after = self.after.replace(b'"filtered"}', b'"m","temperature":0.5}')
        return super().expected()


class FormUpload(Upload):
    """
    Sound to transcribe.
    """

    path = "/v1/audio/transcriptions"
    content_type = "multipart/form-data; boundary=xYz"

    def around(self, model: str) -> tuple[bytes, bytes]:
        file = b'--xYz\r\nContent-Disposition: form-data; name="file"; filename="a.wav"'
        field = b'--xYz\r\nContent-Disposition: form-data; name="model"'
        return (
            file + b"\r\nContent-Type: audio/wav\r\n\r\n",
            b"\r\n%b\r\n\r\n%b\r\n--xYz--\r\n" % (field, model.encode()),
        )


class ChunkedFormUpload(FormUpload):
    """
    The same without a length.
    """

    chunked = True


class UploadTests(LiveTestCase):
    """
    Bodies of 40 MB reach the model byte for byte, and the daemon does not hold them.
    """

    def setUp(self) -> None:
        self.running = self.daemon(CONFIG)
        for model in ("m", "filtered"):
            self.assertEqual(self.running.chat(model, max_tokens=1).status, 200)

    def check(self, upload: Upload) -> None:
        """
        Send it, and compare.
        """
        seen = upload.send(self.running)
        size, digest = upload.expected()
        self.assertEqual((seen["length"], seen["sha256"]), (size, digest))

    def check_alone(self, make: Callable[[], Upload], most: float) -> None:
        """
        Send one, and see how much memory that takes.
        """
        with Memory(self.running.pid) as memory:
            self.check(make())
        self.assertLess(memory.grown, most)

    def test_json(self) -> None:
        """
        A chat with a picture.
        """
        self.check_alone(Upload, 15)

    def test_filtered(self) -> None:
        """
        One that filters change.
        """
        self.check_alone(FilteredUpload, 15)

    def test_form(self) -> None:
        """
        Sound in a form.
        """
        self.check_alone(FormUpload, 15)

    def test_chunked(self) -> None:
        """
        One that does not tell its length is in memory until it is too large for it.
        """
        self.check_alone(ChunkedUpload, _IN_MEMORY + 15)

    def test_eight_at_once(self) -> None:
        """
        Eight of all kinds at once, while others are answered.
        """
        uploads = (
            *(Upload(), Upload(), FilteredUpload(), FilteredUpload()),
            *(FormUpload(), FormUpload(), ChunkedUpload(), ChunkedFormUpload()),
        )
        failures: list[Exception] = []

        def check(upload: Upload) -> None:
            try:
                self.check(upload)
            except Exception as e:
                failures.append(e)

        threads = [threading.Thread(target=check, args=[one]) for one in uploads]
        took: list[float] = []
        with Memory(self.running.pid) as memory:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                began = time.monotonic()
                self.assertEqual(self.running.ask("GET", "/health").body, b"OK")
                took.append(time.monotonic() - began)
                time.sleep(0.02)
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        # Two of them are in chunks.
        self.assertLess(memory.grown, 2 * _IN_MEMORY + 40)
        # All but two, in which a machine may have stalled.
        self.assertLess(max(sorted(took)[:-2], default=0.0), 5)
