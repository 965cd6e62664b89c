"""
One model: from what the file says to what is effective.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from .commands import split_command
from .file_schema import File, ModelSection
from .file_schema import Filters as FiltersSection
from .nodes import ScalarNode
from .reporter import Reporter
from .schema import Capabilities, Compat, Filters, Model, Timeouts

_DEFAULT_CONCURRENCY = 10
_DEFAULT_UNLOAD_TIMEOUT = 10

#: The model behind ``/comfyui``: its page holds many requests and a WebSocket.
_COMFYUI = "comfyui_auto"
_COMFYUI_CONCURRENCY = 50


class _Maker:
    def __init__(
        self, model_id: str, section: ModelSection, reporter: Reporter
    ) -> None:
        self._id = model_id
        self._section = section
        self._reporter = reporter

    def error(self, message: str, *keys: str | int) -> None:
        self._reporter.error(message, "models", self._id, *keys)

    def _complained(self, key: str) -> bool:
        """
        Whether what is given for a key was of no use.
        """
        keys = ("models", self._id, key)
        node = self._reporter.node(*keys)
        if not self._reporter.given(*keys):
            return False
        return not isinstance(node, ScalarNode) or node.broken

    def proxy(self, command: tuple[str, ...], port: int | None) -> str:
        """
        The URL where its server listens.
        """
        proxy = self._section.proxy
        if proxy is None:
            if self._complained("proxy"):
                return ""
            if port is None and command:
                self.error(
                    "cmd holds no ${PORT}, so it must be given: the URL where the "
                    "model listens, like http://localhost:8000",
                    "proxy",
                )
            return f"http://localhost:{port}" if port is not None else ""
        if not is_url(proxy):
            self.error(
                "must be a URL of http or https with a host, like "
                "http://localhost:8000",
                "proxy",
            )
        return proxy

    def command(self) -> tuple[str, ...]:
        """
        The program and its arguments.
        """
        section = self._section
        command = split_command(section.cmd)
        if not command and not self._complained("cmd"):
            if section.proxy is None and not self._complained("proxy"):
                self.error(
                    "is missing or empty; give the command that starts it", "cmd"
                )
            else:
                self._reporter.warn(
                    "is missing or empty; requests for this model will be refused",
                    *("models", self._id, "cmd"),
                )
        return command

    def environment(self) -> dict[str, str]:
        """
        What is added to the daemon's own.
        """
        found: dict[str, str] = {}
        for number, item in enumerate(self._section.env):
            name, equals, value = item.partition("=")
            if not name.strip() or not equals or "\0" in item:
                self.error("must be NAME=value", "env", number)
            else:
                found[name] = value
        return found


def make_filters(section: FiltersSection) -> Filters:
    """
    How a request's body is changed.
    """
    strip = section.strip_params
    if strip is None:
        strip = section.strip_params_before or ""
    names = (name.strip() for name in strip.split(","))
    return Filters(
        strip_params=tuple(dict.fromkeys(name for name in names if name)),
        set_params=section.set_params,
        set_params_by_id=section.set_params_by_id,
    )


def is_url(text: str) -> bool:
    """
    Whether this is where a server can be: http or https, with a host.
    """
    if not text.isprintable() or " " in text or "#" in text:
        return False
    try:
        parts = urlsplit(text)
        # Reading the port raises where it is none.
        return parts.scheme in ("http", "https") and bool(
            parts.hostname and parts.port != 0
        )
    except ValueError:
        return False


def make_model(
    model_id: str,
    section: ModelSection,
    aliases: tuple[str, ...],
    file: File,
    port: int | None,
    reporter: Reporter,
) -> Model:
    """
    Make a model.

    :param section: what the file says of it.
    :param aliases: its other names.
    :param file: the rest of the file, for what is global.
    :param port: the port that was assigned to it.
    :param reporter: takes what is wrong.
    """
    maker = _Maker(model_id, section, reporter)
    command = maker.command()
    limit = section.concurrency_limit
    limit = limit if limit > 0 else _DEFAULT_CONCURRENCY
    ignore_websockets = section.compat.ignore_websockets
    if model_id == _COMFYUI:
        limit = max(limit, _COMFYUI_CONCURRENCY)
        ignore_websockets = True
    check = section.check_endpoint.strip()
    if check != "none" and not check.startswith("/"):
        check = f"/{check}"
    loading = section.send_loading_state
    capabilities = section.capabilities
    return Model(
        id=model_id,
        command=command,
        command_text=section.cmd,
        stop_command=split_command(section.cmd_stop),
        env=maker.environment(),
        proxy=maker.proxy(command, port),
        check_endpoint=check,
        port=port,
        name=section.name,
        description=section.description,
        aliases=aliases,
        ttl=section.ttl if section.ttl >= 0 else file.global_ttl,
        unload_timeout=section.unload_timeout
        or file.unload_timeout
        or _DEFAULT_UNLOAD_TIMEOUT,
        unlisted=section.unlisted,
        use_model_name=section.use_model_name,
        metadata=section.metadata,
        concurrency_limit=limit,
        queue_limit=section.queue_limit,
        queue_timeout=section.queue_timeout or None,
        send_loading_state=file.send_loading_state if loading is None else loading,
        filters=make_filters(section.filters),
        timeouts=Timeouts(**dict(section.timeouts)),
        compat=Compat(ignore_websockets),
        capabilities=None
        if capabilities is None
        else Capabilities(**dict(capabilities)),
    )
