"""Orbit elements as OMM files (CCSDS 502.0-B-3): JSON, CSV, XML and KVN, each also gzipped.

A file's broken entries are reported and left out; a file without a good one is an error. Numbers
of any size pass: catalogues grow beyond what SGP4's own record can hold.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson

from orbitwin import log as logs
from orbitwin.errors import UsageError
from orbitwin.physics.sgp4_batch import ElementError, Sgp4Orbit
from orbitwin.source_text import text_of, unpacked
from producers.sources import read_bytes

MAX_UNPACKED_BYTES = 1024**3
MAX_NAMED = 5  # faults that the log names, of a file
NEEDED = "NORAD_CAT_ID"

_log = logs.get("omm")

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """Element sets, one a satellite, and what was wrong with the others."""

    elements: list[Fields]
    broken: list[str]
    duplicates: list[str]


def read_catalogue(paths: Sequence[Path]) -> Catalogue:
    """The element sets of these files; of several for one satellite the newest counts.

    Faults are logged and counted. UsageError where a file cannot be read or has no good entry.
    """
    newest: dict[int, tuple[int, Fields]] = {}
    broken: list[str] = []
    duplicates: list[str] = []
    for path in paths:
        found = 0
        for where, fields in entries(path):
            try:
                if isinstance(fields, str):
                    raise ElementError(fields)
                orbit = Sgp4Orbit([fields])
            except ElementError as error:
                broken.append(f"{path.name}, {where}: {error}")
                continue
            found += 1
            sat_id, epoch_us = int(orbit.sat_id[0]), int(orbit.epoch_us[0])
            if sat_id in newest:
                duplicates.append(f"{path.name}, {where}: another of {sat_id}")
            if sat_id not in newest or epoch_us > newest[sat_id][0]:
                newest[sat_id] = (epoch_us, fields)
        if not found:
            first = f": {broken[-1]}" if broken else ""
            raise UsageError(
                f"{path} holds no usable orbit elements{first}",
                "OMM files are expected, as JSON, CSV, XML or KVN",
            )
    _say("left out", broken)
    _say("kept once, the newest", duplicates)
    return Catalogue([fields for _, fields in newest.values()], broken, duplicates)


def entries(path: Path) -> Iterator[tuple[str, Fields | str]]:
    """Each entry of a file: where it stands, and its fields or, as text, what is wrong with it."""
    text = _text(path)
    start = text.lstrip()[:200]
    if start.startswith(("[", "{")):
        return _json(path, text)
    if start.startswith("<"):
        return _xml(path, text)
    if re.match(r"(COMMENT.*\s+)*CCSDS_OMM_VERS", start):
        return _kvn(text)
    if NEEDED in start.partition("\n")[0].upper() or "OBJECT_NAME" in start.upper():
        return _csv(text)
    if re.search(r"^1 [ 0-9A-Z]{5}[A-Z ] ", text[:400], re.MULTILINE):
        raise UsageError(
            f"{path} holds two-line elements", "get the same satellites as OMM: JSON, CSV or XML"
        )
    raise UsageError(
        f"{path} is no OMM file", "expected JSON, CSV with a header, XML or KVN, or one gzipped"
    )


def _text(path: Path) -> str:
    try:
        return text_of(unpacked(read_bytes(path), MAX_UNPACKED_BYTES))
    except ValueError as error:
        raise UsageError(f"{path} cannot be read: {error}", "get it again, or split it") from None


def _json(path: Path, text: str) -> Iterator[tuple[str, Fields | str]]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if text.lstrip().startswith("[") or len(lines) < 2:
            raise UsageError(f"{path} is not JSON: {error}", "is it whole?") from None
        yield from _json_lines(text)
        return
    for number, fields in enumerate(found if isinstance(found, list) else [found]):
        where = f"entry {number}"
        yield where, _upper(fields) if isinstance(fields, dict) else "expected an object"


def _json_lines(text: str) -> Iterator[tuple[str, Fields | str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield f"line {number}", f"not JSON: {error}"
            continue
        good = isinstance(fields, dict)
        yield f"line {number}", _upper(fields) if good else "expected an object"


def _csv(text: str) -> Iterator[tuple[str, Fields | str]]:
    text = text.lstrip()
    separator = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    for row in rows:
        where = f"line {rows.line_num}"
        if None in row:
            yield where, "more fields than the header has"
        else:
            yield where, _upper({k: v for k, v in row.items() if v is not None})


def _xml(path: Path, text: str) -> Iterator[tuple[str, Fields | str]]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UsageError(f"{path} declares entities, which no OMM needs", "is it an OMM file?")
    number = 0
    # It is text by now, of whatever encoding its declaration tells.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(text.encode()), ("end",)):
            if _plain_tag(element) == "omm":
                fields = {
                    _plain_tag(leaf): (leaf.text or "").strip()
                    for leaf in element.iter()
                    if len(leaf) == 0
                }
                yield f"entry {number}", _upper(fields)
                number += 1
                element.clear()
    except ElementTree.ParseError as error:
        yield f"entry {number}", f"not XML: {error}"


def _kvn(text: str) -> Iterator[tuple[str, Fields | str]]:
    fields: dict[str, str] = {}
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = line.partition("=")
        key = key.strip()
        if key == "CCSDS_OMM_VERS" and fields:
            yield f"line {start}", _upper(fields)
            fields, start = {}, number
        if equals and not key.startswith("COMMENT"):
            # A unit may follow the value: 53.05 [deg]
            fields[key] = re.sub(r"\s*\[[^\]]*\]\s*$", "", value).strip()
    if fields:
        yield f"line {start}", _upper(fields)


def _plain_tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _upper(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).strip().upper(): value for key, value in fields.items()}


def _say(what: str, faults: list[str]) -> None:
    if faults:
        more = f" and {len(faults) - MAX_NAMED} more" if len(faults) > MAX_NAMED else ""
        shown = "; ".join(faults[:MAX_NAMED])
        _log.warning(f"of the element sets, {len(faults)} {what}: {shown}{more}")
