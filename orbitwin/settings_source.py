"""Where settings are read from, and how a mistake in them is worded.

Each source becomes a flat {"group.key": value}, so that an unknown key or a wrong value can be
reported with the flag, variable or file it came from.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, SettingsError

from orbitwin.errors import UsageError
from orbitwin.settings import (
    CONFIG_NAME,
    CONFIG_VARIABLE,
    ENV_PREFIX,
    Settings,
    default_data_dir,
    flatten,
    variable,
)
from orbitwin.settings_groups import Group
from orbitwin.spelling import nearest

# What pydantic calls an error type, in words that say what to write instead.
EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "path_type": "a path",
    "tuple_type": "a list",
    "datetime_parsing": "a time such as 2026-01-31T12:00:00Z",
    "datetime_from_date_parsing": "a time such as 2026-01-31T12:00:00Z",
    "datetime_type": "a time such as 2026-01-31T12:00:00Z",
}


def load(
    flags: Mapping[str, Any] | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings from flags over environment over file over default.

    `flags` maps "group.key" to a value; None means that the flag was not given. Raises
    UsageError, in one line, for an unknown key, a wrong value or an unreadable file.
    """
    environ = os.environ if environ is None else environ
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    from_env = _environment(environ)
    data = Path(given.get("data") or from_env.get("data") or default_data_dir()).expanduser()
    file = _file_name(config, environ, data)
    from_file = _read(file) if file else {}
    merged = _nested(from_file | from_env | given)
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise _worded(error, given, from_env, file) from None


def setting_fields(
    model: type[BaseModel] = Settings, prefix: str = ""
) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as ("group.key", field), in the order of the file."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield from setting_fields(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def meant(key: str, known: list[str]) -> str:
    """A hint at the key that was probably meant."""
    last = key.rpartition(".")[2]
    close = nearest(key, known) or next(
        # the right key under the wrong group
        (name for name in known if name.rpartition(".")[2] == last),
        None,
    )
    return f"did you mean {close}?" if close else "docs/settings.md lists all of them"


def _known() -> list[str]:
    return [name for name, _ in setting_fields()]


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    variables = {variable(name): name for name in _known()}
    for name in environ:
        if name.startswith(ENV_PREFIX) and name not in variables and name != CONFIG_VARIABLE:
            raise UsageError(
                f"unknown setting {name} in the environment", meant(name, list(variables))
            )
    try:
        source = EnvSettingsSource(Settings)
        source.env_vars = {
            name.lower(): value
            for name, value in environ.items()
            if name in variables and value != ""
        }
        return flatten(source())
    except SettingsError as error:
        raise UsageError(f"the environment cannot be read: {error}") from None


def _file_name(config: Path | None, environ: Mapping[str, str], data: Path) -> Path | None:
    chosen = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if chosen is None:
        usual = data / CONFIG_NAME
        return usual if usual.is_file() else None
    if not chosen.exists():
        raise UsageError(f"no such settings file: {chosen}", "give --config FILE an existing file")
    return chosen


def _read(file: Path) -> dict[str, Any]:
    try:
        values = flatten(tomllib.loads(file.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}", "see docs/settings.md") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    known = _known()
    for key in values:
        if key not in known:
            raise UsageError(f"unknown setting {key} in {file}", meant(key, known))
    return values


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        group, _, key = name.rpartition(".")
        (nested.setdefault(group, {}) if group else nested)[key] = value
    return nested


def _worded(
    error: ValidationError,
    given: Mapping[str, Any],
    from_env: Mapping[str, Any],
    file: Path | None,
) -> UsageError:
    """One line for the first mistake: the setting, its source, the value and what is expected."""
    first = error.errors(include_url=False)[0]
    known = _known()
    path = [str(part) for part in first["loc"]]
    name = next((n for n in (".".join(path[:2]), path[0]) if n in known), ".".join(path[:2]))
    if name in given:
        origin = "on the command line"
    elif name in from_env:
        origin = f"in the environment ({variable(name)})"
    elif file is not None:
        origin = f"in {file}"
    else:
        origin = "by default"
    if first["type"] == "value_error":  # our own words
        where = f"setting {name} {origin}: " if name in known else ""  # else several together
        return UsageError(where + str(first["ctx"]["error"]), "docs/settings.md says more")
    message = first["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    expected = EXPECTED.get(first["type"], message)
    shown = "***" if _is_secret(name) else repr(first["input"])
    return UsageError(f"setting {name} {origin}: expected {expected}, got {shown}")


def _is_secret(name: str) -> bool:
    return any(n == name and SecretStr.__name__ in str(f.annotation) for n, f in setting_fields())
