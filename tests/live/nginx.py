"""
nginx before the daemon, as people run it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.certificates import Chain

from .support import Server, free_ports

#: Where it is installed, or `None`.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

#: What the documentation shows.
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "nginx" / "llamaswap.conf"

_CONFIG = """\
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""

_BUFFERING = """\
server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_buffering on;
            proxy_read_timeout 300;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}"""


class _Nginx(Server):
    """
    A running nginx.

    :param folder: an empty one.
    :param servers: what its ``http`` block has.
    """

    def __init__(self, folder: Path, servers: str) -> None:
        assert NGINX is not None
        config = folder / "nginx.conf"
        # Started by root, its workers would be somebody who may not look into our
        # folders.
        user = "user root root;" if os.getuid() == 0 else ""
        config.write_text(_CONFIG.format(folder=folder, user=user, servers=servers))
        super().__init__([NGINX, "-p", str(folder), "-c", str(config)], folder)


class Nginx(_Nginx):
    """
    A running nginx, with ``proxy_buffering on`` and little else.

    :param folder: an empty one.
    :param upstream: the daemon's port.
    """

    def __init__(self, folder: Path, upstream: int) -> None:
        self.port = free_ports(1)
        super().__init__(folder, _BUFFERING.format(port=self.port, upstream=upstream))


class ExampleNginx(_Nginx):
    """
    A running nginx with the documentation's own file, of which nothing but ports and
    paths is changed.

    :param folder: an empty one.
    :param upstream: the daemon's port, or the path of its UNIX socket.
    :ivar files: its certificate.
    """

    def __init__(self, folder: Path, upstream: int | str) -> None:
        self.port = free_ports(1)
        self.files = Chain(folder)
        text = EXAMPLE.read_text()
        if isinstance(upstream, int):
            server = f"server 127.0.0.1:{upstream};"
            changes = {"server 127.0.0.1:8080;": server}
        else:
            changes = {
                "server 127.0.0.1:8080;": "",
                "#server unix:/run/llamaswap.sock;": f"server unix:{upstream};",
            }
        changes |= {
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            # Not every machine of tests has IPv6.
            "listen [::]:443 ssl http2;": "",
            "/etc/ssl/certs/models.example.org.pem": str(self.files.chain),
            "/etc/ssl/private/models.example.org.key": str(self.files.key),
        }
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / EXAMPLE.name).write_text(text)
        super().__init__(folder, f"include {folder / EXAMPLE.name};")
