"""
Ports of loopback, and single requests where their speed is not what is measured.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import time

_LOOPBACK = "127.0.0.1"

#: Below the ports that systems give to outgoing connections.
_FIRST_PORT, _LAST_PORT = 20000, 30000


class NotListening(Exception):
    """
    Nobody listened in time.
    """


def free_ports(count: int) -> int:
    """
    :param count: how many are wanted in a row.
    :returns: the first of them.
    """
    while True:
        first = random.randrange(_FIRST_PORT, _LAST_PORT - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """
    Whether a connection is taken at this moment.
    """
    try:
        socket.create_connection((_LOOPBACK, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def wait_until_listening(port: int, timeout: float) -> None:
    """
    Return as soon as a connection is taken, within 2 ms.

    :param timeout: in seconds.
    :raises NotListening: after that.
    """
    give_up = time.monotonic() + timeout
    while not is_listening(port):
        if time.monotonic() > give_up:
            raise NotListening(f"nobody listens on port {port} after {timeout:g} s")
        time.sleep(0.002)


def ask(
    port: int,
    body: dict[str, object],
    path: str = "/v1/chat/completions",
    timeout: float = 60.0,
) -> tuple[int, bytes]:
    """
    POST JSON over a connection of its own and wait for the answer.

    :returns: the status and the body.
    """
    connection = http.client.HTTPConnection(_LOOPBACK, port, timeout=timeout)
    try:
        connection.request(
            "POST", path, json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def send(port: int, body: dict[str, object]) -> socket.socket:
    """
    Send a request and leave it there.

    :returns: the connection, to read from or to close.
    """
    content = json.dumps(body).encode()
    connection = socket.create_connection((_LOOPBACK, port), timeout=10.0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
    )
    return connection
