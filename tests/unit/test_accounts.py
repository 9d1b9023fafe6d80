"""Lost and doubled rows by identity, on sets made by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from compose.accounts import (
    Balance,
    Identity,
    Sent,
    Stored,
    balance,
    frames_query,
    ledger_bytes,
    read_ledger,
    stored_frames,
)
from orbitwin.errors import OrbitwinError

T_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


def key(seq: int, row0: int = 0, chunk: int = 0) -> Identity:
    return ("f", "fast", chunk, seq, row0)


def sent(seq: int, rows: int = 10, row0: int = 0) -> Sent:
    return Sent(key(seq, row0), rows, T_US + seq)


def stored(seq: int, rows: int = 10, dead: int = 0, duplicate: int = 0, row0: int = 0) -> Stored:
    return Stored(key(seq, row0), rows, dead, duplicate)


def test_all_stored_in_any_order() -> None:
    frames = [stored(seq) for seq in range(100)]
    random.Random(1).shuffle(frames)
    found = balance((sent(seq) for seq in range(100)), frames)
    assert found == Balance(rows_sent=1000, rows_stored=1000, frames_sent=100)


def test_a_missing_frame_is_lost_and_named() -> None:
    found = balance([sent(1), sent(2), sent(3)], [stored(1), stored(3)])
    assert (found.rows_lost, found.rows_stored, found.lost) == (10, 20, (key(2),))


def test_a_loss_is_not_hidden_by_a_duplicate_of_the_same_size() -> None:
    found = balance([sent(1), sent(2)], [stored(1), stored(1)])
    assert found.rows_sent == found.rows_stored == 20
    assert (found.rows_lost, found.rows_duplicated) == (10, 10)


def test_dead_letters_are_not_lost() -> None:
    found = balance([sent(1)], [stored(1, rows=7, dead=3)])
    assert (found.rows_stored, found.dead_letters, found.rows_lost) == (7, 3, 0)


def test_a_duplicate_that_was_recognised_is_none() -> None:
    found = balance([sent(1)], [stored(1), stored(1, rows=0, duplicate=10)])
    assert (found.rows_stored, found.rows_lost, found.rows_duplicated) == (10, 0, 0)


def test_a_frame_acknowledged_twice_is_one_frame() -> None:
    found = balance([sent(1), sent(1)], [stored(1), stored(1, rows=0, duplicate=10)])
    assert (found.rows_sent, found.rows_lost, found.rows_duplicated) == (10, 0, 0)


def test_a_row_that_was_sent_twice_in_one_frame_is_not_lost() -> None:
    assert balance([sent(1)], [stored(1, rows=9, duplicate=1)]).rows_lost == 0


def test_half_a_frame_is_half_lost() -> None:
    assert balance([sent(1)], [stored(1, rows=4)]).rows_lost == 6


def test_the_parts_of_a_frame_are_told_apart_by_their_first_row() -> None:
    found = balance([sent(1), sent(1, row0=10)], [stored(1)])
    assert (found.rows_lost, found.lost) == (10, (key(1, row0=10),))


def test_frames_of_other_runs_are_passed_over() -> None:
    found = balance([sent(1)], [stored(1), stored(99)])
    assert (found.rows_stored, found.rows_duplicated) == (10, 0)


def test_nothing_sent_nothing_lost() -> None:
    assert balance([], [stored(1)]) == Balance()


def line(seq: int) -> str:
    entry = {"fleet": "f", "packet": "fast", "chunk": 0, "seq": seq, "row0": 0}
    return json.dumps(entry | {"rows": 10, "t_event_us": T_US + seq})


def test_ledgers_are_read_and_half_a_line_at_the_end_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line(1) + "\n" + line(2) + "\n")
    (tmp_path / "b.jsonl").write_text(line(3) + "\n" + line(4)[:20])
    assert list(read_ledger(tmp_path)) == [sent(1), sent(2), sent(3)]
    assert list(read_ledger(tmp_path, since_s=4e9)) == []
    (tmp_path / "c.jsonl").write_text(line(3)[:20] + "\n" + line(4))
    with pytest.raises(OrbitwinError, match=r"c\.jsonl:1: not a line of a ledger"):
        list(read_ledger(tmp_path))


def test_the_end_of_a_ledger_is_read_from_a_whole_line_on(tmp_path: Path) -> None:
    text = "".join(line(seq) + "\n" for seq in range(100))
    (tmp_path / "a.jsonl").write_text(text)
    assert ledger_bytes(tmp_path) == len(text)
    assert ledger_bytes(tmp_path, since_s=4e9) == 0
    assert list(read_ledger(tmp_path, tail_bytes=250)) == [sent(98), sent(99)]
    assert len(list(read_ledger(tmp_path, tail_bytes=10**6))) == 100


def test_the_query_covers_the_times_of_what_was_sent() -> None:
    text = frames_query([sent(5), sent(1), sent(3)])
    assert "'2026-01-01T00:00:00.000001+00:00' and '2026-01-01T00:00:00.000005+00:00'" in text
    rows = [("f", "fast", 0, 1, 0, 10, None, 0)]
    assert list(stored_frames(rows)) == [stored(1)]
