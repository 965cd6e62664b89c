"""
The format of the configuration as a JSON Schema, for editors and checkers; made
from the code that loads it.
"""

from __future__ import annotations

from typing import Any

from .file_schema import File

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: What may stand for any scalar.
_MACRO = {
    "type": "string",
    "pattern": r"\$\{[a-zA-Z0-9_.-]+\}",
    "description": "a macro in place of the value",
}
_MACRO_REF = {"$ref": "#/$defs/Macro"}

#: YAML 1.1's words, which are taken where a boolean is wanted.
_BOOLEAN_WORD = {
    "type": "string",
    "pattern": "^([yY]|[yY][eE][sS]|[nN]|[nN][oO]|[oO][nN]|[oO][fF][fF])$",
}

#: Names of pydantic's for what has names in JSON Schema.
_RENAMED = {"ge": "minimum", "le": "maximum"}


def schema() -> dict[str, Any]:
    """
    The JSON Schema of a configuration.  What loads fits it; it does not know the
    checks that need more than one key.  As for yaml.v3, null counts as absent and
    numbers are taken for text.
    """
    made = File.model_json_schema(by_alias=True)
    sections = {name: _section(part) for name, part in made.pop("$defs").items()}
    return {
        "$schema": _DIALECT,
        "title": "llamaswap-tw",
        **_section(made),
        "$defs": {**sections, "Macro": dict(_MACRO)},
    }


def _section(part: dict[str, Any]) -> dict[str, Any]:
    part = {key: value for key, value in part.items() if key != "title"}
    part["type"] = ["object", "null"]
    part["properties"] = {
        name: _field(value) for name, value in part["properties"].items()
    }
    return part


def _field(part: dict[str, Any]) -> dict[str, Any]:
    """
    A key's schema, with what is said about it.
    """
    about: dict[str, Any] = {
        key: part[key] for key in ("description", "default") if key in part
    }
    default = about.get("default")
    # What a section has by default, its own keys tell.
    if default is None or isinstance(default, dict):
        about.pop("default", None)
    elif isinstance(default, float) and not _is_number(part):
        about["default"] = f"{default:g}s"
    return {**about, **_value({k: part[k] for k in part.keys() - about.keys()})}


def _is_number(part: dict[str, Any]) -> bool:
    return part.get("type") == "number"


def _value(part: dict[str, Any]) -> dict[str, Any]:
    """
    What a value may be, macros and null included.
    """
    part = {
        _RENAMED.get(key, key): value
        for key, value in sorted(part.items())
        if key not in ("title", "default", "description")
    }
    if "anyOf" in part:
        choices = [choice for choice in part["anyOf"] if choice.get("type") != "null"]
        if len(choices) == 1:
            return _value(choices[0])
        flat = [_value(choice).get("anyOf") or [_value(choice)] for choice in choices]
        return {"anyOf": _unique([one for group in flat for one in group])}
    match part.get("type"):
        case "array":
            return {**part, "type": ["array", "null"], "items": _value(part["items"])}
        case "object":
            below = part.get("additionalProperties")
            if isinstance(below, dict):
                part["additionalProperties"] = _value(below)
            return {**part, "type": ["object", "null"]}
        case "string" if not {"enum", "pattern", "const"} & part.keys():
            return {**part, "type": ["string", "number", "boolean", "null"]}
        case "boolean":
            return _or_macro(part, _BOOLEAN_WORD)
        case None:
            return part
    return _or_macro(part)


def _or_macro(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [*parts, _MACRO_REF, {"type": "null"}]}


def _unique(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for number, part in enumerate(parts) if part not in parts[:number]]
