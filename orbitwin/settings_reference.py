"""docs/settings.md, from the settings themselves: `python -m orbitwin.settings_reference`."""

from __future__ import annotations

import sys
import types
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from orbitwin.settings import CONFIG_NAME, CONFIG_VARIABLE, Settings, variable
from orbitwin.settings_groups import Group

HEAD = f"""# Settings
<!-- written by: python -m orbitwin.settings_reference > docs/settings.md -->

A setting is taken from the command line, else from the environment, else from the settings file,
else it has its default. The file is TOML: `--config FILE`, else the one that `{CONFIG_VARIABLE}`
names, else `{CONFIG_NAME}` in the data directory. An unknown key in the file or in the
environment is an error that names the nearest known one; an empty variable counts as unset.
Secrets are best given by the environment or by a file with mode 0600; they are masked wherever
settings are shown, and never stand in a process's arguments.

```toml
[kafka]
bootstrap = "kafka-1:9093,kafka-2:9093"
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "twin"

[historian]
disk_budget_gb = 200
```
"""
WORDS = {int: "whole number", float: "number", bool: "true or false", str: "text"}
SIGNS = {"gt": "over", "ge": "at least", "lt": "under", "le": "at most"}


def markdown() -> str:
    """The page: a table for each group."""
    top, groups = [], []
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            about = (field.annotation.__doc__ or "").strip()
            rows = [(f"{name}.{key}", item) for key, item in field.annotation.model_fields.items()]
            groups.append(f"\n## {name}\n{about}\n\n{_table(rows)}")
        else:
            top.append((name, field))
    return f"{HEAD}\n## Top level\n\n{_table(top)}" + "".join(groups)


def _table(rows: list[tuple[str, FieldInfo]]) -> str:
    lines = ["| key | variable | value | default | what |", "|---|---|---|---|---|"]
    for name, field in rows:
        key = name.rpartition(".")[2]
        value = _value(field.annotation, field.metadata)
        lines.append(
            f"| `{key}` | `{variable(name)}` | {value} | {_default(field)} | {field.description} |"
        )
    return "\n".join(lines) + "\n"


def _value(kind: Any, metadata: list[Any]) -> str:
    """The type in words: "whole number, at least 1"."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *extra = get_args(kind)
        return _value(inner, [*extra, *metadata])
    if origin in (Union, types.UnionType):
        return _value(next(k for k in get_args(kind) if k is not type(None)), metadata)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if origin is tuple:
        return f"list of {_value(get_args(kind)[0], [])}s"
    named = {Path: "path", SecretStr: "secret", datetime: "time"}
    return ", ".join([WORDS.get(kind) or named[kind], *_bounds(metadata)])


def _bounds(metadata: list[Any]) -> list[str]:
    flat = [m for entry in metadata for m in (getattr(entry, "metadata", None) or [entry])]
    return [
        f"{word} {getattr(entry, sign):g}"
        for entry in flat
        for sign, word in SIGNS.items()
        if getattr(entry, sign, None) is not None
    ]


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the platform's directory for user data"
    default = field.default
    if default is None or default is PydanticUndefined or default == ():
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) and default < 1e5 else f"`{default}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())
