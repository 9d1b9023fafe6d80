"""Keywords and values of a Conjunction Data Message, in KVN or XML, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from orbitwin.toml_source import SourceError

SAID = 60  # characters of a broken line that an error repeats
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Entry:
    """A keyword (upper case) and its value, or a comment (keyword COMMENT), on a line."""

    line: int
    keyword: str
    value: str
    unit: str = ""


def from_kvn(text: str, file: str) -> Iterator[Entry]:
    """The entries of KVN text; raises SourceError for a line that is none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        keyword, equals, value = (part.strip() for part in line.partition("="))
        if line[:7].upper() == "COMMENT":
            yield Entry(number, "COMMENT", line[7:].strip())
        elif equals and _KEYWORD.fullmatch(keyword):
            unit = ""
            if value.endswith("]") and "[" in value:
                value, _, unit = value[:-1].rpartition("[")
            yield Entry(number, keyword.upper(), value.strip(), unit)
        elif line:
            raise SourceError(file, number, f"expected KEYWORD = value, got {said(line)}")


def from_xml(data: bytes, file: str) -> list[Entry]:
    """Elements without children, in their order; document types and entities are refused."""
    entries: list[Entry] = []
    open_elements: list[list[str]] = []  # tag, unit, text
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2].upper()
        if tag == "CDM":
            line = parser.CurrentLineNumber
            entries.append(Entry(line, "CCSDS_CDM_VERS", attributes.get("version", "")))
        open_elements.append([tag, attributes.get("units", ""), ""])

    def text(part: str) -> None:
        if open_elements:
            open_elements[-1][2] += part

    def end(_: str) -> None:
        tag, unit, value = open_elements.pop()
        if value.strip():
            entries.append(Entry(parser.CurrentLineNumber, tag, value.strip(), unit))

    def doctype(*_: object) -> None:
        raise SourceError(file, parser.CurrentLineNumber, "a CDM has no document type: refused")

    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # also an unknown encoding
        line = getattr(error, "lineno", parser.CurrentLineNumber)
        raise SourceError(file, line, f"not XML: {error}") from None
    return entries


def said(text: str) -> str:
    """A broken text as an error repeats it."""
    short = text.strip()
    return repr(short if len(short) <= SAID else short[:SAID] + "…")
