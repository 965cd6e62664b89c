"""
Forms in a request's body.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from .exchange import Exchange


@dataclass(frozen=True)
class Upload:
    """
    A file of a form.
    """

    name: str
    content: bytes


def form_of(exchange: Exchange) -> tuple[dict[str, str], dict[str, Upload]]:
    """
    Read a form, multipart or urlencoded.

    :returns: the fields and the files, by name.
    :raises ValueError: if it is no form, or a broken one.
    """
    content_type = exchange.getHeader(b"Content-Type") or b""
    if content_type.lower().startswith(b"application/x-www-form-urlencoded"):
        return dict(parse_qsl(exchange.body().decode("utf-8", "replace"), True)), {}
    if not content_type.lower().startswith(b"multipart/form-data"):
        raise ValueError("the body is no form")
    return _multipart(exchange, content_type)


def _multipart(
    exchange: Exchange, content_type: bytes
) -> tuple[dict[str, str], dict[str, Upload]]:
    # Only here: it would make every start longer.
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import Field, File, create_form_parser

    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}

    def on_field(field: Field) -> None:
        name = (field.field_name or b"").decode("utf-8", "replace")
        fields[name] = (field.value or b"").decode("utf-8", "replace")

    def on_file(file: File) -> None:
        name = (file.field_name or b"").decode("utf-8", "replace")
        file_name = (file.file_name or b"").decode("utf-8", "replace")
        file.file_object.seek(0)
        files[name] = Upload(file_name, file.file_object.read())
        file.close()

    try:
        parser = create_form_parser(
            {"Content-Type": content_type}, on_field=on_field, on_file=on_file
        )
        parser.write(exchange.body())
        parser.finalize()
    except FormParserError as error:
        raise ValueError(f"the form is broken: {error}")
    return fields, files
