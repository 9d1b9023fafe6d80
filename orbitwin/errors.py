"""Errors that a user sees: one line that says what is wrong, one line that says what to do.

Whatever the user can cause or mend is raised as an OrbitwinError; the command line prints
`message` and `hint` and ends with `exit_code`. A traceback is shown only under --debug.
"""

from __future__ import annotations

EXIT_FAILURE = 1  # something went wrong that is neither of the below
EXIT_USAGE = 2  # wrong flag, setting, file or permission: the user has to change something
EXIT_BUSY = 3  # locked or taken by another process: try again once that has ended
EXIT_INTERRUPTED = 130  # Ctrl-C during an interactive command (128 + SIGINT)


class OrbitwinError(Exception):
    """A mistake or fault with a clear message. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "", exit_code: int = EXIT_FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(OrbitwinError):
    """A flag, setting, file or permission that the user has to change."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, EXIT_USAGE)


class BusyError(OrbitwinError):
    """Something is locked or taken by another process."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, EXIT_BUSY)
