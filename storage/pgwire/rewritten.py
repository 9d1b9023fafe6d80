"""Rewritten catalogue queries, kept: drivers ask the same at each connect, and sqlglot is slow."""

from __future__ import annotations

import threading
from collections import OrderedDict

from storage.pgwire.rewrite import Context, rewrite

_MOST = 512  # answers kept, for all sessions of the process: those used last
_MOST_CHARS = 20_000  # of a statement whose answer is kept
# What names one of these depends on the session, or changes it.
_OF_SESSION = ("current_setting", "set_config", "pg_settings", "pg_backend_pid")

_kept: OrderedDict[tuple[str, str, str, str], str | None] = OrderedDict()
_lock = threading.Lock()


def rewritten(sql: str, context: Context) -> str | None:
    """What `rewrite` gives, at once where the same was asked before."""
    folded = sql.lower()
    if len(sql) > _MOST_CHARS or any(word in folded for word in _OF_SESSION):
        return rewrite(sql, context)
    key = (sql, context.user, context.database, context.version)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = rewrite(sql, context)
    with _lock:
        _kept[key] = made
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return made
