"""
A page as the build leaves it, for tests.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

#: The one script of it.
SCRIPT = "assets/app-Ab12.js"


def build(folder: Path, index: bytes = b"index") -> None:
    """
    Fill a folder.

    :param folder: it need not be there.
    :param index: what the index says.
    """
    lines = {}
    for name, content_type, data in (
        ("index.html", "text/html", index),
        (SCRIPT, "text/javascript", b"script"),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        # Bytes that tell which file was sent.
        path.with_name(path.name + ".br").write_bytes(data + b" by brotli")
        path.with_name(path.name + ".gz").write_bytes(data + b" by gzip")
        lines[name] = {
            "type": content_type,
            "etag": sha256(data).hexdigest(),
            "encodings": ["br", "gzip"],
        }
    (folder / "manifest.json").write_text(json.dumps({"files": lines}))
