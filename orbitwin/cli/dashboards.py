"""orbitwin dashboards: Grafana's files into a directory, or the same into a running Grafana."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orbitwin.cli import options
from orbitwin.errors import OrbitwinError, UsageError

if TYPE_CHECKING:
    from dashboards.plan import Change
    from dashboards.push import Grafana
    from orbitwin.settings import Settings
    from orbitwin.vehicle import Vehicle

EXAMPLES = """
orbitwin dashboards write ./grafana                      files to mount or copy
orbitwin dashboards push --url https://grafana.example/ --dry-run
"""
WRITE_EXAMPLES = """
orbitwin dashboards write ./grafana
orbitwin dashboards write ./grafana --vehicle odc --vehicle mine.toml --door-host 10.0.0.7
"""
PUSH_EXAMPLES = """
export ORBITWIN_GRAFANA__TOKEN=...                       of a service account, role Admin
export ORBITWIN_DOOR__PASSWORD="$(cat ./twin-data/door.password)"
orbitwin dashboards push --url http://127.0.0.1:3000/ --dry-run
orbitwin dashboards push --url http://127.0.0.1:3000/
"""

DONE = {"create": "created", "update": "updated", "delete": "deleted"}
SAID = {"keep": "unchanged", "leave": "left", "refuse": "REFUSED"}

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")]
Vehicles = Annotated[
    list[str] | None,
    typer.Option(
        "--vehicle",
        metavar="NAME|FILE",
        help="Vehicle type that flies in the twin; repeatable (else that of the settings).",
    ),
]
DoorHost = Annotated[
    str | None,
    typer.Option("--door-host", metavar="HOST", help="The twin's SQL door as Grafana reaches it."),
]
DoorPort = Annotated[
    int | None, typer.Option("--door-port", metavar="N", min=1, max=65535, help="Its port.")
]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Address of the Grafana (else grafana.url)."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be changed; change nothing.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Delete dashboards and rules of ours no longer made.")
]
RenewPassword = Annotated[
    bool, typer.Option("--renew-password", help="Send the door's password again: it has changed.")
]


def write(
    directory: Directory,
    vehicle: Vehicles = None,
    door_host: DoorHost = None,
    door_port: DoorPort = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Write dashboards, data source, provider and alert rules for a Grafana of your own.

    The files hold no password: Grafana reads it from its variable ORBITWIN_DOOR__PASSWORD.
    """
    from dashboards import files, provisioning
    from orbitwin.cli.output import print_json, print_table

    settings = options.load_settings(data, config)
    source = provisioning.datasource(*_door(settings, door_host, door_port))
    wanted = files.contents(_vehicles(settings, vehicle), source)
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file", "name a directory; it is made if absent")
    try:
        states = {name: _written(directory / name, text) for name, text in wanted.items()}
        others = {f"dashboards/{p.name}" for p in (directory / "dashboards").glob("*.json")}
    except OSError as error:
        raise UsageError(
            f"cannot write to {error.filename or directory}: {error.strerror or error}",
            "choose a directory that can be written",
        ) from None
    states |= dict.fromkeys(sorted(others - wanted.keys()), "not ours, or no longer made")
    mounts = _mounts(directory)
    if json:
        files_ = [{"file": str(directory / name), "state": state} for name, state in states.items()]
        print_json({"files": files_, "mounts": mounts})
        return
    print_table(("file", "state"), [(directory / name, state) for name, state in states.items()])
    print("Mount or copy them for Grafana:")
    for here, there in mounts.items():
        print(f"  {here} -> {there}")
    print(f"and give Grafana the door's password as {provisioning.PASSWORD_VARIABLE}.")


def push(
    url: Url = None,
    vehicle: Vehicles = None,
    door_host: DoorHost = None,
    door_port: DoorPort = None,
    dry_run: DryRun = False,
    prune: Prune = False,
    renew_password: RenewPassword = False,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Push dashboards, data source and alert rules to a running Grafana, 12 or later.

    Shows each difference, changes nothing that is as it should be, and touches only what is the
    twin's own. Token and door password come from ORBITWIN_GRAFANA__TOKEN and
    ORBITWIN_DOOR__PASSWORD.
    """
    import sys
    from urllib.parse import urlsplit

    from dashboards.plan import needs_password, plan, wanted
    from dashboards.provisioning import is_loopback
    from dashboards.push import TOKEN_VARIABLE, Grafana, sends_in_clear

    settings = options.load_settings(data, config, grafana__url=url)
    target = settings.grafana
    if target.url is None:
        raise UsageError("no Grafana is given", "say --url http://127.0.0.1:3000/")
    if target.token is None:
        raise UsageError(
            "no token for Grafana is given",
            f"make a service account of role Admin there, and set {TOKEN_VARIABLE} to its token",
        )
    door = _door(settings, door_host, door_port)
    should = wanted(_vehicles(settings, vehicle), *door)
    if sends_in_clear(target.url):
        print(f"orbitwin: {target.url} is not https: the token crosses in clear", file=sys.stderr)
    if is_loopback(door[0]) and not is_loopback(urlsplit(target.url).hostname or ""):
        print(
            f"orbitwin: Grafana will look for the door at {door[0]}, which is its own machine: "
            "say --door-host if it is not the twin's",
            file=sys.stderr,
        )
    grafana = Grafana(target.url, target.token.get_secret_value())
    changes = plan(should, grafana.read(should), prune, renew_password)
    secret = settings.door.password
    password = secret.get_secret_value() if secret else None
    refused = [change for change in changes if change.action == "refuse"]
    if not json:
        _print_differences(changes)
    done: list[Change] = []
    failure: OrbitwinError | None = None
    if refused:
        failure = UsageError(
            f"nothing is changed: {refused[0].kind} {refused[0].title!r}: {refused[0].why}"
            + (f", and {len(refused) - 1} more" if len(refused) > 1 else ""),
            refused[0].hint,
        )
    elif not dry_run and needs_password(changes) and password is None:
        failure = UsageError(
            "the data source needs the door's password, and none is given",
            f'set ORBITWIN_DOOR__PASSWORD="$(cat {settings.door_password_file})"',
        )
    elif not dry_run:
        failure = _make(grafana, changes, password, done)
    _report(grafana, changes, done, dry_run, failure, json)
    if failure is not None:
        raise failure


def _make(
    grafana: Grafana, changes: Sequence[Change], password: str | None, done: list[Change]
) -> OrbitwinError | None:
    """Make the changes in turn, with a line each on stderr; the failure that ended it, if one."""
    import sys

    for change in changes:
        try:
            grafana.make(change, password)
        except OrbitwinError as error:
            return error
        done.append(change)
        said = (DONE | SAID)[change.action]
        why = f" ({change.why})" if change.why else ""
        print(f"{said:<9} {change.kind} {change.title}{why}", file=sys.stderr, flush=True)
    return None


def _report(
    grafana: Grafana,
    changes: Sequence[Change],
    done: Sequence[Change],
    dry_run: bool,
    failure: OrbitwinError | None,
    json: bool,
) -> None:
    from orbitwin.cli.output import print_json, print_table

    if json:
        keys = ("kind", "uid", "title", "action", "why", "hint", "diff")
        print_json(
            {
                "url": grafana.url,
                "version": grafana.version,
                "dry_run": dry_run,
                "changes": [
                    {key: getattr(change, key) for key in keys} | {"done": change in done}
                    for change in changes
                ],
                "error": failure.message if failure else None,
            }
        )
        return
    made = [change for change in done if change.action in DONE]
    to_make = [change for change in changes if change.action in DONE]
    if not done:  # a dry run, or nothing was begun: what there would be to do
        said = {action: action for action in DONE} | SAID
        rows = [(c.kind, c.title, c.uid, said[c.action], c.why) for c in changes]
        print_table(("kind", "title", "uid", "what", ""), rows)
    counts = ", ".join(
        f"{sum(c.action == action for c in made)} {word}" for action, word in DONE.items()
    )
    if not to_make:
        print(f"nothing to change in Grafana {grafana.version} at {grafana.url}")
    elif dry_run:
        print(f"{len(to_make)} to change in Grafana {grafana.version} at {grafana.url}")
    else:
        left = f", {len(to_make) - len(made)} not done" if failure else ""
        print(f"{counts}{left} in Grafana {grafana.version} at {grafana.url}")


def _print_differences(changes: Sequence[Change]) -> None:
    for change in changes:
        if change.diff:
            print(f"{change.kind} {change.title} ({change.uid})\n{change.diff}\n")


def _vehicles(settings: Settings, names: list[str] | None) -> list[Vehicle]:
    from orbitwin import catalogue

    return [catalogue.load(name) for name in dict.fromkeys(names or [settings.vehicle])]


def _door(settings: Settings, host: str | None, port: int | None) -> tuple[str, int, str, str]:
    """Host, port, user and sslmode of the door as Grafana reaches it: as the flags say, else
    where the twin of these settings has it open, else as they ask for it."""
    from dashboards.provisioning import callable_host, is_loopback
    from orbitwin.parts import doors, living_parts

    running = [d for d in doors(living_parts(settings.run_dir)) if d["name"] == "sql"]
    asked = {"host": settings.door.host, "port": settings.door.port, "user": settings.door.user}
    door: dict[str, Any] = running[0] if running else asked
    own = str(door["host"])
    # Beyond loopback the door itself insists on TLS.
    clear = settings.door.tls_certfile is None and is_loopback(own) and is_loopback(host or own)
    tls = "disable" if clear else "require"
    return host or callable_host(own), port or int(door["port"]), str(door["user"]), tls


def _written(path: Path, text: str) -> str:
    """Write it where that changes something: new, changed or unchanged."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    if before == text:
        return "unchanged"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return "new" if before is None else "changed"


def _mounts(directory: Path) -> dict[str, str]:
    """Where each directory belongs in a Grafana of the usual layout."""
    from dashboards.provisioning import DASHBOARD_DIR

    here = directory.absolute()
    kinds = ("datasources", "dashboards", "alerting")
    within = "/etc/grafana/provisioning"
    return {str(here / "dashboards"): DASHBOARD_DIR} | {
        str(here / "provisioning" / kind): f"{within}/{kind}" for kind in kinds
    }
