"""Record batches as bytes and back: one Arrow IPC stream of one batch, with JSON metadata.

What comes from a topic is checked through before it is used: whatever the bytes are, the result
is a batch that can be read safely or a FrameError.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

SCHEMA_VERSION = 1
"""Version of all that travels in the topics; it stands in the metadata as `v`."""

MAX_ROWS = 131_072

_META = b"orbitwin"


class FrameError(ValueError):
    """Bytes that are no record of the contract. `reason` is a short code for counters."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


def pack(batch: pa.RecordBatch, meta: Mapping[str, Any]) -> bytes:
    """A batch and its metadata (plain JSON values) as bytes."""
    text = orjson.dumps({"v": SCHEMA_VERSION, **meta})
    batch = batch.replace_schema_metadata({_META: text})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def unpack(value: bytes) -> tuple[pa.RecordBatch, dict[str, Any]]:
    """Bytes to a batch and its metadata; raises FrameError. The arrays are views into `value`."""
    batch = _batch(value)
    raw = (batch.schema.metadata or {}).get(_META)
    if raw is None:
        raise FrameError("wrong_schema", "the schema has no orbitwin metadata")
    try:
        meta = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise FrameError("wrong_schema", f"metadata is not JSON: {error}") from None
    version = meta.get("v") if isinstance(meta, dict) else meta
    if version != SCHEMA_VERSION:
        raise FrameError("wrong_version", f"version {version!r}, expected {SCHEMA_VERSION}")
    return batch, meta


def _batch(value: bytes) -> pa.RecordBatch:
    try:
        messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(value))
        schema_message = messages.read_next_message()
        batch_message = messages.read_next_message()
        # pyarrow 26 crashes when told to read a schema from a message of another type.
        types = (schema_message.type, batch_message.type)
        if types != ("schema", "record batch"):
            raise FrameError("malformed", f"expected a schema and a record batch, not {types}")
        # A compressed body could unpack to any size: nothing here writes one, so none is read.
        if _is_compressed(bytes(batch_message.metadata)):
            raise FrameError("compressed", "expected an uncompressed record batch")
        batch = pa.ipc.read_record_batch(batch_message, pa.ipc.read_schema(schema_message))
        if batch.num_rows > MAX_ROWS:
            raise FrameError("oversize", f"{batch.num_rows} rows, at most {MAX_ROWS}")
        batch.validate(full=True)
        return batch
    except FrameError:
        raise
    except (
        pa.ArrowException,
        OSError,
        EOFError,
        StopIteration,
        struct.error,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        NotImplementedError,
    ) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FrameError("malformed", f"not an Arrow IPC stream of one batch: {text}") from None


def _is_compressed(message: bytes) -> bool:
    """Whether a RecordBatch message names a body compression.

    Reads the flatbuffer's two tables (Arrow columnar format, Message.fbs): Message.header is
    slot 2, RecordBatch.compression is slot 3.
    """

    def slot(table: int, index: int) -> int:
        vtable = table - int(struct.unpack_from("<i", message, table)[0])
        size = struct.unpack_from("<H", message, vtable)[0]
        at = 4 + 2 * index
        return int(struct.unpack_from("<H", message, vtable + at)[0]) if at < size else 0

    root = int(struct.unpack_from("<I", message, 0)[0])
    header = slot(root, 2)
    if not header:
        return False
    at = root + header
    batch = at + int(struct.unpack_from("<I", message, at)[0])
    return slot(batch, 3) != 0
