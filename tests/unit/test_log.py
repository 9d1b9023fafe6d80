"""Logs go to stderr, as JSON lines where that is no terminal; stdout stays for data."""

from __future__ import annotations

import json
import logging

import pytest

from orbitwin import log


def test_json_lines_on_stderr_from_both_kinds_of_logger(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("producer")
    log.get("publisher").warning("late", ticks=3)
    logging.getLogger("somewhere").warning("other")
    logging.getLogger("kafka.conn").warning("tries again")
    shown = capsys.readouterr()
    assert shown.out == ""
    ours, other = (json.loads(line) for line in shown.err.splitlines())
    assert (ours["part"], ours["of"], ours["event"]) == ("producer", "publisher", "late")
    assert (ours["level"], ours["ticks"]) == ("warning", 3)
    assert other["event"] == "other"


def test_console_lines_when_asked_and_no_line_under_the_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("producer", "console", "warning")
    log.get("publisher").info("quiet")
    log.get("publisher").error("loud")
    shown = capsys.readouterr()
    assert "quiet" not in shown.err
    assert "loud" in shown.err
    assert not shown.err.startswith("{")


@pytest.mark.parametrize("form", ["json", "console"])
def test_s05_a_traceback_shows_no_local_variable(
    form: log.LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("producer", form)
    try:
        password = "correct-" + "horse"
        raise ValueError(f"{len(password)} characters")
    except ValueError:
        log.get("publisher").exception("failed")
    shown = capsys.readouterr().err
    assert "ValueError: 13 characters" in shown
    assert "test_log.py" in shown
    assert "correct-horse" not in shown
