"""The text of a file that somebody else wrote: gzipped or not, in whatever encoding is in use."""

from __future__ import annotations

import zlib

_GZIP_MARK = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say: with gzip's header
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def unpacked(data: bytes, most: int) -> bytes:
    """The bytes, or what they are when they are gzip's, of which at most `most` are unpacked.

    Raises ValueError, which says what is wrong, for a gzip file that is larger or not whole.
    """
    if data[:2] != _GZIP_MARK:
        return data
    unpack = zlib.decompressobj(_GZIP)
    try:
        plain = unpack.decompress(data, most)
    except zlib.error as error:
        raise ValueError(f"no whole gzip file: {error}") from None
    if unpack.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    if not unpack.eof:
        raise ValueError("no whole gzip file: it ends too early")
    return plain


def text_of(data: bytes) -> str:
    """Text in UTF-8, with or without mark, in UTF-16 with one, else in Windows-1252."""
    if data[:2] in _UTF16_MARKS:
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
