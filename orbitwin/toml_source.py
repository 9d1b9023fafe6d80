"""Read TOML so that a mistake can be reported with its file and line.

``tomllib`` gives values without positions, so the text is read twice: once by ``tomllib`` for the
values, once here for the line on which every key stands.  The second reading only runs on text
that ``tomllib`` accepted, hence it may assume well-formed TOML.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from orbitwin.errors import UsageError
from orbitwin.spelling import did_you_mean

KeyPath = tuple[str | int, ...]
Lines = dict[KeyPath, int]
Model = TypeVar("Model", bound=BaseModel)

_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_TOML_POSITION = re.compile(r"\s*\(at line (\d+), column \d+\)$")


class SourceError(UsageError):
    """A mistake in a text that a user wrote: ``file``, ``line`` (1-based; 0 is the whole file)."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line


def load(source: Path | str) -> tuple[dict[str, Any], Lines]:
    """Values and line numbers of a TOML file (a ``Path``) or of TOML text (a ``str``).

    Raises ``SourceError`` when the file cannot be read or is not TOML.
    """
    if isinstance(source, str):
        return parse(source)
    return parse(read_text(source), str(source))


def parse(text: str, file: str = "<text>") -> tuple[dict[str, Any], Lines]:
    """Values and line numbers of TOML text; ``file`` names it in errors.

    The second result maps a key path, such as ``("shell", 0, "altitude_km")``, to its 1-based
    line; tables and elements of arrays have one too.  Raises ``SourceError``.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _TOML_POSITION.search(message)
        line = int(position[1]) if position else text.count("\n") + 1
        raise SourceError(file, line, f"not TOML: {_TOML_POSITION.sub('', message)}") from None
    return values, _Scanner(text).lines()


def read_text(path: Path) -> str:
    """The text of a file; raises ``SourceError`` when it cannot be read as UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SourceError(str(path), 0, f"cannot read the file: {reason}") from None


def line_of(lines: Lines, path: KeyPath) -> int:
    """The line of ``path``, or of its nearest enclosing table when the key itself is missing."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def load_model(model: type[Model], source: Path | str) -> Model:
    """Read TOML into a pydantic ``model``; the first mistake is raised as ``SourceError``."""
    file = str(source) if isinstance(source, Path) else "<text>"
    return validate(model, *load(source), file)


def validate(model: type[Model], values: dict[str, Any], lines: Lines, file: str) -> Model:
    """Values into a pydantic ``model``; the first mistake is raised as ``SourceError``."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise validation_error(error, file, lines, model) from None


def validation_error(
    error: ValidationError, file: str, lines: Lines, model: type[BaseModel] | None = None
) -> SourceError:
    """The first problem of a pydantic ``ValidationError`` as a ``SourceError`` with its line.

    With ``model`` an unknown key is answered with the nearest key that exists.
    """
    # A key that is misspelt is also missing: name the misspelling, it is what has to be mended.
    errors = error.errors()
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    path: KeyPath = first["loc"]
    where = dotted(path) or "file"
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = "unknown key" + (_suggestion(model, path) if model else "")
    elif first["type"] == "missing":
        reason = "this key is required"
    elif first["type"] == "tuple_type":
        reason = f"expected tables, [[{where}]], or a list"
    elif not isinstance(first["input"], dict | list | tuple):
        got = first["input"]
        reason = f"{_lower(reason)}, got {got if isinstance(got, date) else repr(got)}"
    return SourceError(file, line_of(lines, path), f"{where}: {_lower(reason)}")


def dotted(path: KeyPath) -> str:
    """``("shell", 0, "name")`` as ``shell[0].name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _suggestion(model: type[BaseModel], path: KeyPath) -> str:
    """What exists in the model in which the last key of ``path`` stands."""
    inner: Any = model
    for part in path[:-1]:
        if isinstance(part, str) and part in inner.model_fields:
            inner = _model_within(inner.model_fields[part].annotation)
            if inner is None:
                return ""
    known = [field.alias or name for name, field in inner.model_fields.items()]
    return did_you_mean(str(path[-1]), known) or f" (known keys: {', '.join(known)})"


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _model_within(inner)) is not None:
            return found
    return None


class _Scanner:
    """Walks well-formed TOML once and notes the line of every key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: Lines = {}
        self.array_lengths: dict[KeyPath, int] = {}
        self.newlines = [match.start() for match in re.finditer("\n", text)]

    def lines(self) -> Lines:
        table: KeyPath = ()
        while self._skip(_FILLER) and self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._key_value(table)
        return self.found

    def _header(self) -> KeyPath:
        start, is_array = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        keys = self._keys()
        self.at += 2 if is_array else 1
        path: KeyPath = ()
        for key in keys[:-1]:
            path = self._enter((*path, key))
        path = (*path, keys[-1])
        if is_array:
            self._note(path, start)
            index = self.array_lengths.get(path, 0)
            self.array_lengths[path] = index + 1
            path = (*path, index)
        self._note(path, start)
        return path

    def _enter(self, path: KeyPath) -> KeyPath:
        """A path through an array of tables means its last element."""
        length = self.array_lengths.get(path)
        return path if length is None else (*path, length - 1)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            quoted = self.text[self.at] in "\"'"
            match = (_STRING if quoted else _BARE_KEY).match(self.text, self.at)
            assert match is not None, "tomllib accepted a key that the scanner does not know"
            keys.append(tomllib.loads(f"k={match[0]}")["k"] if quoted else match[0])
            self.at = match.end()
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _key_value(self, table: KeyPath) -> None:
        start = self.at
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path, start)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_FILLER)
        opener = self.text[self.at]
        if opener == "[":
            self.at += 1
            index = 0
            while self._skip(_FILLER) and self.text[self.at] != "]":
                self._note((*path, index), self.at)
                self._value((*path, index))
                index += 1
                self._skip(_FILLER)
                self.at += self.text[self.at] == ","
            self.at += 1
        elif opener == "{":
            self.at += 1
            while self._skip(_FILLER) and self.text[self.at] != "}":
                self._key_value(path)
                self._skip(_FILLER)
                self.at += self.text[self.at] == ","
            self.at += 1
        else:
            match = (_STRING if opener in "\"'" else _SCALAR).match(self.text, self.at)
            assert match is not None, "tomllib accepted a value that the scanner does not know"
            self.at = match.end()

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return True

    def _note(self, path: KeyPath, offset: int) -> None:
        self.found.setdefault(path, bisect_right(self.newlines, offset - 1) + 1)
