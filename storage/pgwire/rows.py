"""DataRow messages for a whole batch at once: columns of bytes in, the bytes to send out.

Each row is `D`, its length, the number of columns, then per column a length and the value.
Arrow joins these pieces element by element in compiled code, and the joined column's data
buffer is the very stream of messages, so no row is ever touched by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_START = np.dtype([("kind", "S1"), ("size", ">i4"), ("columns", ">i2"), ("first", ">i4")])
_MOST_BYTES = 1 << 30  # an Arrow binary column ends at 2 GiB: larger batches are halved


def fixed(values: np.ndarray) -> pa.Array:
    """A NumPy array's items as a column of bytes, each of the item's width."""
    width = values.dtype.itemsize
    offsets = np.arange(0, (len(values) + 1) * width, width, dtype=np.int32)
    data = np.ascontiguousarray(values).view(np.uint8)
    return pa.Array.from_buffers(
        pa.binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def data_rows(columns: Sequence[pa.Array], count: int) -> list[memoryview | bytes]:
    """The DataRow messages of `count` rows; `columns` are binary arrays, null for NULL."""
    if not columns:
        return [b"D\x00\x00\x00\x06\x00\x00" * count]
    size = sum(column.nbytes for column in columns)
    if size > _MOST_BYTES and count > 1:
        half = count // 2
        return data_rows([column.slice(0, half) for column in columns], half) + data_rows(
            [column.slice(half) for column in columns], count - half
        )
    start = np.zeros(count, dtype=_START)
    start["kind"] = b"D"
    start["columns"] = len(columns)
    total = np.full(count, 6 + 4 * len(columns), dtype=np.int64)
    pieces: list[pa.Array] = []
    for column in columns:
        lengths = pc.binary_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
        total += np.maximum(lengths, 0)
        if pieces:
            pieces += [fixed(lengths.astype(">i4")), column]
        else:  # one piece less to join: the first column's length stands in the start
            start["first"] = lengths
            pieces = [column]
    start["size"] = total
    joined = pc.binary_join_element_wise(
        fixed(start), *pieces, b"", null_handling="replace", null_replacement=b""
    )
    return [memoryview(joined.buffers()[2])[: int(total.sum()) + count]]
