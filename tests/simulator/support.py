"""
What the simulator's tests share: a client without a socket.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from llamaswap_tw.simulator.server import Simulator

#: What the wall clock of the simulators under test says.
WALL_TIME = 1_700_000_000.5


@dataclass(frozen=True)
class Answer:
    """
    A response, taken apart.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    #: Whether its end was seen.
    whole: bool

    @property
    def json(self) -> Any:
        """
        The body as JSON.
        """
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """
        The body as an event stream: names, ``""`` for none, and data.
        """
        result = []
        for block in self.body.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            data = fields["data"]
            value = data if data == "[DONE]" else json.loads(data)
            result.append((fields.get("event", ""), value))
        return result


def parse_answer(data: bytes) -> Answer:
    """
    Take a response apart, be it whole or not.
    """
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    whole = True
    if headers.get("Transfer-Encoding") == "chunked":
        body = b""
        whole = False
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body += rest[:length]
            rest = rest[length + 2 :]
            if length == 0:
                whole = True
    else:
        body = rest
        if "Content-Length" in headers:
            whole = len(body) == int(headers["Content-Length"])
    return Answer(int(first.split()[1]), headers, body, whole)


class Client:
    """
    One connection to a simulator.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.transport = StringTransport()
        protocol = simulator.buildProtocol(None)
        assert protocol is not None
        self.protocol: Any = protocol
        self.protocol.makeConnection(self.transport)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        version: str = "HTTP/1.1",
    ) -> None:
        """
        Send a request.
        """
        lines = [f"{method} {path} {version}", "Host: model"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.protocol.dataReceived(head.encode("latin-1") + body)

    def received(self) -> bytes:
        """
        What has come since it was last asked.
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def answer(self) -> Answer:
        """
        What has come, as a response.
        """
        return parse_answer(self.received())

    def pause_at(self, number: int) -> None:
        """
        Have the transport full with this many more writes.
        """
        write = self.transport.write
        written: list[bytes] = []

        def pausing(data: bytes) -> None:
            written.append(data)
            write(data)
            if len(written) == number:
                self.protocol.pauseProducing()

        self.transport.write = pausing  # type: ignore[method-assign]  # a fake's

    def leave(self) -> None:
        """
        Close the connection.
        """
        self.protocol.connectionLost(Failure(ConnectionDone()))


class SimulatorTestCase(SynchronousTestCase):
    """
    Has a simulator called alice, which is ready and answers at once.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.log: list[str] = []
        self.simulator = self.make()
        self.simulator.load()

    def make(self, rate: float = 0.0, hang_health: bool = False) -> Simulator:
        """
        A simulator that has not loaded yet.
        """
        return Simulator(
            self.clock,
            "alice",
            rate,
            hang_health=hang_health,
            log=self.log.append,
            wall_clock=lambda: WALL_TIME,
        )

    def client(self) -> Client:
        """
        A new connection.
        """
        return Client(self.simulator)

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        """
        What a GET is answered with.
        """
        client = self.client()
        client.send("GET", path, headers=headers)
        return client.answer()

    def post(self, path: str, *headers: tuple[str, str], **fields: Any) -> Answer:
        """
        What JSON is answered with.
        """
        client = self.client()
        client.send("POST", path, json.dumps(fields).encode(), headers)
        return client.answer()

    def post_form(
        self, path: str, fields: dict[str, str], file: tuple[str, str, bytes] | None
    ) -> Answer:
        """
        What a multipart form is answered with.

        :param file: its field's name, its own name and its content.
        """
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
            f"{value}\r\n".encode()
            for name, value in fields.items()
        ]
        if file is not None:
            field, name, content = file
            disposition = f'form-data; name="{field}"; filename="{name}"'
            head = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
            parts.append(head + content + b"\r\n")
        client = self.client()
        content_type = ("Content-Type", "multipart/form-data; boundary=b")
        client.send("POST", path, b"".join(parts) + b"--b--\r\n", (content_type,))
        return client.answer()
