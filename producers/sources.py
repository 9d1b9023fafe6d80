"""Files of telemetry (CSV, Parquet, XLSX, JSON lines) as tables of whatever columns they have.

Text stays text here: what a column means and what of it is a number is for others to say.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from orbitwin.errors import UsageError
from orbitwin.source_text import text_of
from producers.times import day_us

MAX_FILE_BYTES = 1024**3  # of one file; it is read whole
MAX_UNPACKED_BYTES = 1024**3  # of an XLSX, which is a zip: a small one can hold any amount
MAX_LINE_BYTES = 1024**2  # of one JSON record
SPLIT = "split it into smaller files"


@dataclass(frozen=True)
class BadRow:
    """A row that could not even be read."""

    row: int
    reason: str
    message: str
    text: str


@dataclass(frozen=True)
class Table:
    """One table of a file: `frame` with its columns; row r of it is row `first_row` + r there.

    `sheet` is empty where a file has but one table; `day_us` is the day (UTC us) that the
    sheet's or the file's name tells.
    """

    path: Path
    sheet: str
    frame: pl.DataFrame
    first_row: int
    day_us: int | None = None
    row_numbers: list[int] | None = None
    bad: list[BadRow] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.path.name}, sheet {self.sheet!r}" if self.sheet else self.path.name

    def row_number(self, row: int) -> int:
        """The number of a row in the file, as an editor or a spreadsheet shows it."""
        return self.first_row + row if self.row_numbers is None else self.row_numbers[row]


def read_tables(path: Path) -> list[Table]:
    """The tables of a file, in order. UsageError, one line, for whatever is wrong with it."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"{path}: cannot tell its format from the name {path.name!r}",
            f"expected one of {', '.join(_READERS)}",
        )
    data = read_bytes(path)
    try:
        return list(reader(path, data))
    except UsageError:
        raise
    except Exception as error:  # the readers raise whatever their libraries do
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"{path}: cannot be read as {path.suffix[1:].upper()}: {first[:200]}",
            "is it whole, and of the format that its name says?",
        ) from None


def read_bytes(path: Path) -> bytes:
    """A file's bytes; UsageError where it is absent, no file, empty, unreadable or too large."""
    if not path.exists():
        raise UsageError(f"{path}: no such file", "check the path")
    if not path.is_file():
        raise UsageError(f"{path} is not a file", "give the files themselves, not their directory")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UsageError(
                f"{path} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read", SPLIT
            )
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "mend its rights") from None
    if not data.strip():
        raise UsageError(f"{path} is empty", "nothing to play")
    return data


def _csv(path: Path, data: bytes) -> Iterator[Table]:
    if b"\0" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise UsageError(f"{path} is not text", "is it of another format than its name says?")
    text = text_of(data)
    header = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=header.count)
    frame = pl.read_csv(
        io.BytesIO(text.encode()),
        separator=separator,
        infer_schema=False,
        truncate_ragged_lines=True,
        null_values=[""],
    )
    yield Table(path, "", frame, 2, day_us(path.stem))


def _parquet(path: Path, data: bytes) -> Iterator[Table]:
    yield Table(path, "", pl.read_parquet(io.BytesIO(data)), 1, day_us(path.stem))


def _xlsx(path: Path, data: bytes) -> Iterator[Table]:
    import fastexcel

    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise UsageError(
            f"{path} is not an XLSX workbook", "is it whole, and of the format its name says?"
        )
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise UsageError(f"{path} unpacks to {size:,} bytes, more than are read", SPLIT)
    book = fastexcel.read_excel(data)
    for name in book.sheet_names:
        # As text, like CSV: guessing a type from the first rows would drop what differs below.
        frame = pl.DataFrame(book.load_sheet(name, dtypes="string"))
        yield Table(path, name, frame, 2, day_us(name) or day_us(path.stem))


def _json_lines(path: Path, data: bytes) -> Iterator[Table]:
    rows: list[dict[str, Any]] = []
    row_numbers: list[int] = []
    bad: list[BadRow] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        record: Any = None
        message = f"longer than {MAX_LINE_BYTES:,} bytes"
        if len(line) <= MAX_LINE_BYTES:
            try:
                record = orjson.loads(line)
                message = "expected one JSON object a line"
            except orjson.JSONDecodeError as error:
                message = f"not JSON: {error}"
        if isinstance(record, dict):
            rows.append(record)
            row_numbers.append(number)
        else:
            shown = line[:1000].decode(errors="replace")
            bad.append(BadRow(number, "malformed", message, shown))
    if not rows:
        raise UsageError(
            f"{path}: no line is a JSON object (line {bad[0].row}: {bad[0].message})",
            "JSON lines are expected: one object a line",
        )
    yield Table(path, "", _columns(rows), 1, day_us(path.stem), row_numbers, bad)


def _json(path: Path, data: bytes) -> Iterator[Table]:
    if not data.lstrip().startswith(b"["):
        yield from _json_lines(path, data)
        return
    records = orjson.loads(data)
    rows = [(n, r) for n, r in enumerate(records, 1) if isinstance(r, dict)]
    bad = [
        BadRow(n, "malformed", "expected an object", str(r)[:1000])
        for n, r in enumerate(records, 1)
        if not isinstance(r, dict)
    ]
    if not rows:
        raise UsageError(f"{path}: its list holds no object", "expected a list of objects")
    frame = _columns([r for _, r in rows])
    yield Table(path, "", frame, 1, day_us(path.stem), [n for n, _ in rows], bad)


def _columns(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Objects as columns: of numbers where all are, else of text; nested values are left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pl.Series:
    values = [int(v) if isinstance(v, bool) else v for v in values]
    kinds = {type(v) for v in values} - {type(None)}
    if kinds <= {int}:
        fits = all(v is None or -(2**63) <= v < 2**63 for v in values)
        return pl.Series(values, dtype=pl.Int64 if fits else pl.Float64, strict=False)
    if kinds <= {int, float}:
        return pl.Series([None if v is None else float(v) for v in values], dtype=pl.Float64)
    return pl.Series([_text(v) for v in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    return value if isinstance(value, str) else repr(value)


_READERS: dict[str, Callable[[Path, bytes], Iterator[Table]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".xlsx": _xlsx,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
}
