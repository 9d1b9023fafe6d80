"""The verbs put together, and how a failure ends the command: one line, a hint, an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from orbitwin.cli import check as check_verb
from orbitwin.cli import conjunction as conjunction_verb
from orbitwin.cli import dashboards as dashboards_verb
from orbitwin.cli import doctor as doctor_verb
from orbitwin.cli import evaluate as evaluate_verb
from orbitwin.cli import process as process_verb
from orbitwin.cli import produce as produce_verb
from orbitwin.cli import profiles as profiles_verb
from orbitwin.cli import serve as serve_verb
from orbitwin.cli import sql as sql_verb
from orbitwin.cli import status as status_verb
from orbitwin.cli import store as store_verb
from orbitwin.cli import topics as topics_verb
from orbitwin.cli import up as up_verb
from orbitwin.errors import EXIT_FAILURE, EXIT_INTERRUPTED, OrbitwinError

ABOUT = "A streaming digital twin for space-based AI data centres, on Kafka, Faust and DuckDB."
EXAMPLES = """
orbitwin up                                       a live twin of 81 satellites, until Ctrl-C
orbitwin sql "select * from latest limit 5"       query it
orbitwin status                                   its parts, and a ready psql line
"""
DEBUG = "--debug"  # works wherever it stands in the line


def examples(lines: str) -> str:
    """Examples as the end of a help text, line by line as they are."""
    body = "\n".join(f"  {line}".rstrip() for line in lines.strip().splitlines())
    return f"\b\nExamples:\n{body}"


def _new(about: str, lines: str) -> typer.Typer:
    return typer.Typer(
        help=about,
        epilog=examples(lines),
        no_args_is_help=True,
        rich_markup_mode=None,  # plain text: Rich's help takes 0.3 s to import
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


app = _new(ABOUT, EXAMPLES)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"orbitwin {version('orbitwin')}")
        except PackageNotFoundError:
            print("orbitwin, from a checkout that is not installed")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show the traceback of an error. Works in any place.")
    ] = False,
) -> None:
    """Options of all verbs."""


def _add(to: typer.Typer, name: str, verb: Callable[..., None], lines: str) -> None:
    to.command(name, epilog=examples(lines))(verb)


_add(app, "up", up_verb.up, up_verb.EXAMPLES)
_add(app, "status", status_verb.status, status_verb.EXAMPLES)
_add(app, "sql", sql_verb.sql, sql_verb.EXAMPLES)
_add(app, "serve", serve_verb.serve, serve_verb.EXAMPLES)
_add(app, "check", check_verb.check, check_verb.EXAMPLES)
_add(app, "doctor", doctor_verb.doctor, doctor_verb.EXAMPLES)
_add(app, "profiles", profiles_verb.profiles, profiles_verb.EXAMPLES)
_add(app, "evaluate", evaluate_verb.evaluate, evaluate_verb.EXAMPLES)
_add(app, "conjunction", conjunction_verb.conjunction, conjunction_verb.EXAMPLES)

_dashboards = _new("Grafana's dashboards: as files, or into a Grafana.", dashboards_verb.EXAMPLES)
_add(_dashboards, "write", dashboards_verb.write, dashboards_verb.WRITE_EXAMPLES)
_add(_dashboards, "push", dashboards_verb.push, dashboards_verb.PUSH_EXAMPLES)
app.add_typer(_dashboards, name="dashboards")

_topics = _new("The Kafka topics: list them, create those that are missing.", topics_verb.EXAMPLES)
_add(_topics, "list", topics_verb.list_, topics_verb.LIST_EXAMPLES)
_add(_topics, "create", topics_verb.create, topics_verb.CREATE_EXAMPLES)
app.add_typer(_topics, name="topics")

_produce = _new("Run one producer: telemetry into Kafka.", produce_verb.EXAMPLES)
_add(_produce, "synthetic", produce_verb.synthetic, produce_verb.SYNTHETIC_EXAMPLES)
_add(_produce, "ephemeris", produce_verb.ephemeris, produce_verb.EPHEMERIS_EXAMPLES)
_add(_produce, "replay", produce_verb.replay, produce_verb.REPLAY_EXAMPLES)
app.add_typer(_produce, name="produce")

_add(app, "process", process_verb.process, process_verb.EXAMPLES)
_add(app, "store", store_verb.store, store_verb.EXAMPLES)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Shows no traceback but under --debug."""
    debug = DEBUG in arguments
    words = [word for word in arguments if word != DEBUG]
    try:
        app(args=words, prog_name="orbitwin")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILURE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OrbitwinError as error:
        if debug:
            raise
        _say(error.message, error.hint)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        _say(
            f"unexpected {type(error).__name__}: {_one_line(error)}",
            f"this is a mistake of orbitwin's; {DEBUG} shows where",
        )
        return EXIT_FAILURE
    return 0


def _say(message: str, hint: str) -> None:
    print(f"orbitwin: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or "no message"
