"""Logs: structlog on stderr, a console line on a terminal and one JSON object a line elsewhere.

stdout belongs to data alone, so that every verb can be piped.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO, cast

if TYPE_CHECKING:
    import structlog

LogFormat = Literal["auto", "console", "json"]

# Libraries that log each connection attempt at warning level; ours say it once and clearly.
NOISY_LOGGERS = ("kafka", "aiokafka", "faust", "mode", "asyncio", "urllib3")


class Log(Protocol):
    """What is asked of a logger: structlog's and the standard library's both have it."""

    def info(self, event: str) -> Any: ...
    def warning(self, event: str) -> Any: ...


class _Stderr:
    """sys.stderr as it is at the moment: a live display puts itself in its place for a while.

    A log that cannot be written (its disk is full) must not end what it tells of.
    """

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(part: str, log_format: LogFormat = "auto", level: str = "info") -> None:
    """Send structlog and the standard library's loggers to stderr.

    `part` (producer, processor ...) is bound to every line. `log_format` auto means console on
    a terminal and JSON lines otherwise.
    """
    import structlog

    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Tracebacks are plain text: with local variables in them they would show secrets.
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(part=part)

    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(number, logging.ERROR))


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `of=name` (`logger` is a word of structlog's own)."""
    import structlog

    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(of=name)
    return logger
