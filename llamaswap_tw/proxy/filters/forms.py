"""
The model's name in urlencoded forms and in queries.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes


def rewrite_urlencoded(data: bytes, name: str) -> bytes:
    """
    Replace the model's name in an urlencoded form; all else keeps its bytes.

    :param name: in place of the value of each field ``model``.
    :returns: the very same object where nothing changes.
    """
    quoted = quote_from_bytes(name.encode("utf-8", "surrogatepass"), "").encode()
    fields = data.split(b"&")
    changed = False
    for number, field in enumerate(fields):
        key, _, value = field.partition(b"=")
        if value != quoted and unquote_to_bytes(key.replace(b"+", b" ")) == b"model":
            fields[number] = key + b"=" + quoted
            changed = True
    return b"&".join(fields) if changed else data


#: The same in a query, without its question mark.
rewrite_query = rewrite_urlencoded
