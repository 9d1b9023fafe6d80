"""The command line: `orbitwin VERB`, a file a verb.

Verbs import what they need when they run, so that `orbitwin --help` answers at once. Data goes
to stdout, everything else to stderr.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the `orbitwin` command."""
    import sys

    from orbitwin.cli.app import run

    sys.exit(run(sys.argv[1:]))
