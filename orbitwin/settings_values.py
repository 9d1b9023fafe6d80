"""What a setting's value can be: paths made absolute, lists in one variable, numbers in bounds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode


def _words(value: Any) -> Any:
    """A list in one environment variable: JSON, or words with commas between."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"a list is words with commas between, or JSON: {error}") from None
    return [word.strip() for word in text.split(",") if word.strip()]


def _texts(value: Any) -> Any:
    """A list in one environment variable whose texts have commas themselves: JSON, or blanks."""
    if not isinstance(value, str) or value.strip().startswith("["):
        return _words(value)
    return value.split()


def _full(value: Path) -> Path:
    return Path(os.path.abspath(value.expanduser()))


def _name_or_file(value: str) -> str:
    """A name stays as it is; a file's path is made absolute, for child processes."""
    return str(_full(Path(value))) if value.endswith(".toml") or os.sep in value else value


def _speed(value: Any) -> Any:
    return "inf" if isinstance(value, str) and value.strip().lower() == "max" else value


AbsolutePath = Annotated[Path, AfterValidator(_full)]
NameOrFile = Annotated[str, AfterValidator(_name_or_file)]
Paths = Annotated[tuple[AbsolutePath, ...], NoDecode, BeforeValidator(_words)]
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_texts)]

Positive = Annotated[float, Field(gt=0.0)]
Speed = Annotated[float, Field(gt=0.0), BeforeValidator(_speed)]
Port = Annotated[int, Field(ge=0, le=65535)]
