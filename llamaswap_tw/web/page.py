"""
The plain page for people: the models, and what can be done to them.  It has no
script, so that it works wherever HTML does.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from urllib.parse import quote

from ..config.schema import Config, Model
from ..interfaces import ProcessState

_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem;
        padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .4rem .6rem; text-align: left;
          vertical-align: top }
td form { display: inline }
small { display: block; opacity: .7 }
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>llamaswap-tw</title>
<style>{style}</style>
<h1>llamaswap-tw</h1>{profile}
<table>
<thead><tr><th>Model<th>State<th><th>Log</tr></thead>
<tbody>
{rows}
</tbody>
</table>
<form method="post" action="/api/models/unload"><button>Unload all</button></form>
<p>Logs: <a href="/logs/stream/proxy">the daemon's</a>,
<a href="/logs/stream/upstream">all models'</a>.
<a href="/metrics">Metrics</a>.
<a href="/ui/plain">Look again</a>.</p>
</html>
"""

_ROW = """\
<tr><td>{name}<td>{state}<td>\
<form method="post" action="/api/models/load/{path}"><button>Load</button></form>
<form method="post" action="/api/models/unload/{path}"><button>Unload</button></form>\
<td><a href="/logs/stream/{path}">log</a></tr>"""

#: What a browser may do with it: show it, with its own style, and send its forms.
POLICY = b"; ".join(
    [
        b"default-src 'none'",
        b"style-src 'sha256-%b'" % b64encode(sha256(_STYLE.encode()).digest()),
        b"form-action 'self'",
        b"base-uri 'none'",
        b"frame-ancestors 'none'",
    ]
)


def page(
    config: Config, states: Mapping[str, ProcessState], profile: str | None
) -> bytes:
    """
    The page.

    :param config: what is configured.
    :param states: where each model's process stands.
    :param profile: the id of the active profile, or `None`.
    :returns: HTML, encoded.
    """
    rows = "\n".join(
        _row(model, states[model.id])
        for model in config.models.values()
        if not model.unlisted
    )
    active = "" if profile is None else f"\n<p>Profile: {escape(profile)}</p>"
    return _PAGE.format(style=_STYLE, rows=rows, profile=active).encode(
        "utf-8", "replace"
    )


def _row(model: Model, state: ProcessState) -> str:
    name = escape(model.id)
    for more in (model.name, model.description):
        if more:
            name += f"<small>{escape(more)}</small>"
    # A slash in an id is a part of it, not of the path.
    path = escape(quote(model.id, safe=""))
    return _ROW.format(name=name, state=escape(state.value), path=path)
