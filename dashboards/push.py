"""Talks to a running Grafana: reads what is there, makes the changes of a plan.

By grafana-client, which stands in the extra `grafana`
(docs/decisions/0073-grafana-client.md). What goes wrong outside comes as one line and a hint.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from dashboards.dashboard import TAG
from dashboards.panels import DATASOURCE, Json
from dashboards.plan import FOLDER_UID, Change, Found, Wanted
from dashboards.provisioning import is_loopback
from orbitwin.errors import OrbitwinError, UsageError

if TYPE_CHECKING:
    from grafana_client import GrafanaApi

TIMEOUT_S = 20.0
LEAST_MAJOR = (
    12  # older ones do not take our uids in a group of rules (before 11.5.2), nor schema 42
)
MOST_FOUND = 5000  # what a search may give; ours are some ten
TOKEN_VARIABLE = "ORBITWIN_GRAFANA__TOKEN"
MAX_SAID = 200  # characters of what Grafana says of a mistake


class Grafana:
    """A running Grafana of version 12 or later, asked with a service account's token.

    Every method raises UsageError where the reader has to change something (address, token,
    rights), else OrbitwinError.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = checked_url(url)
        self._api = _client(self.url, token)
        self.version = self._version()

    def _version(self) -> str:
        with self._errors("asking for its version"):
            said = self._api.client.GET("/frontend/settings")
        build = said.get("buildInfo") if isinstance(said, dict) else None
        if not isinstance(build, dict):
            raise self._no_grafana()
        version = str(build.get("version") or "")
        major = re.match(r"\d+", version)
        if major and int(major[0]) < LEAST_MAJOR:
            raise UsageError(
                f"Grafana at {self.url} is version {version}, which is too old",
                f"push to Grafana {LEAST_MAJOR} or later; older ones read the files of "
                "`orbitwin dashboards write DIR`",
            )
        return version

    def read(self, should: Wanted) -> Found:
        """What is there of what should be, and all of ours."""
        api = self._api
        with self._errors("reading what is there"):
            folder = self._get(api.folder.get_folder, FOLDER_UID)
            source = self._get(api.datasource.get_datasource_by_uid, DATASOURCE["uid"])
            uids = dict.fromkeys(should.dashboards)
            if folder is not None:
                listed = api.search.search_dashboards(
                    tag=TAG, type_="dash-db", folder_uids=[FOLDER_UID], limit=MOST_FOUND
                )
                uids |= dict.fromkeys(entry["uid"] for entry in self._json(listed))
            pages = {uid: self._get(api.dashboard.get_dashboard, uid) for uid in uids}
            rules = self._json(api.alertingprovisioning.get_alertrules_all())
            names = dict.fromkeys(r["ruleGroup"] for r in rules if r["folderUID"] == FOLDER_UID)
            get_group = api.alertingprovisioning.get_rule_group
            groups = {name: self._get(get_group, FOLDER_UID, quote(name, "")) for name in names}
        return Found(
            folder,
            source,
            {uid: page for uid, page in pages.items() if page is not None},
            {name: group for name, group in groups.items() if group is not None},
            rules,
        )

    def make(self, change: Change, password: str | None = None) -> None:
        """Do what the change says; `password` is the door's, for the data source."""
        if change.action not in ("create", "update", "delete"):
            return
        with self._errors(f"{change.action} {change.kind} {change.title!r}"):
            self._make(change, password)

    def _make(self, change: Change, password: str | None) -> None:
        api, body, uid = self._api, change.body, change.uid
        if change.kind == "folder":
            api.folder.create_folder(body["title"], uid=uid)
        elif change.kind == "data source":
            if password is not None:
                body = body | {"secureJsonData": {"password": password}}
            if change.action == "create":
                api.datasource.create_datasource(body)
            else:
                api.datasource.update_datasource_by_uid(uid, body)
        elif change.kind == "dashboard":
            if change.action == "delete":
                api.dashboard.delete_dashboard(uid)
                return
            # Not overwritten blindly: where its version is no longer the one that was read,
            # somebody has changed it meanwhile, and Grafana refuses with 412.
            api.dashboard.update_dashboard(
                {"dashboard": body, "folderUid": FOLDER_UID, "overwrite": False}
            )
        elif change.action == "delete":
            for rule in body["uids"]:
                api.alertingprovisioning.delete_alertrule(rule)
        else:
            # Their provenance stays on: docs/decisions/0073 tells why.
            api.alertingprovisioning.update_rule_group(FOLDER_UID, quote(uid, ""), body)

    # --- what may go wrong --------------------------------------------------------------------

    def _get(self, get: Callable[..., Any], *uids: str) -> Json | None:
        """One object, None where there is none."""
        from grafana_client.client import GrafanaClientError

        try:
            return self._json(get(*uids))
        except GrafanaClientError as error:
            if error.status_code == 404 and "<" not in str(error.response):
                return None
            raise

    def _json(self, said: Any) -> Any:
        if isinstance(said, str):
            raise self._no_grafana()
        return said

    def _no_grafana(self) -> OrbitwinError:
        return UsageError(
            f"{self.url} answers, but not as Grafana does: with a page instead of JSON",
            "a proxy or its login stands before it, or the path of the URL is another",
        )

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """The client's errors as ours."""
        import niquests
        from grafana_client.client import GrafanaException, GrafanaTimeoutError

        where = f"Grafana at {self.url}"
        try:
            yield
        except GrafanaTimeoutError:
            raise OrbitwinError(
                f"{where} did not answer within {TIMEOUT_S:.0f} s, {doing}",
                "push again once it answers: what is done already is not done twice",
            ) from None
        except GrafanaException as error:
            raise self._of_status(error.status_code, error.response, doing) from None
        except niquests.exceptions.SSLError as error:
            raise UsageError(
                f"the TLS certificate of {self.url} is not trusted: {_brief(error)}",
                "name the PEM file of the authority that signed it in REQUESTS_CA_BUNDLE",
            ) from None
        except niquests.exceptions.TooManyRedirects as error:
            to = error.response.headers.get("Location") if error.response is not None else None
            raise UsageError(
                f"{self.url} sends the client elsewhere, {doing}: to {_brief(to)}",
                "say the --url at which Grafana itself answers (https, its path); a login page "
                "there means that a proxy stands before it",
            ) from None
        except niquests.exceptions.JSONDecodeError:
            raise self._no_grafana() from None
        except (niquests.exceptions.RequestException, OSError) as error:
            raise OrbitwinError(
                f"{where} cannot be reached: {_brief(error)}",
                "check that it runs, the address, and HTTPS_PROXY and NO_PROXY",
            ) from None

    def _of_status(self, status: int, response: Any, doing: str) -> OrbitwinError:
        where = f"Grafana at {self.url}"
        said = response.get("message", "") if isinstance(response, dict) else str(response or "")
        said = "a page instead of JSON" if "<" in said else _brief(said)
        if status == 401:
            return UsageError(
                f"{where} does not accept the token (401)",
                "it is wrong, deleted or past its end: make another one for the service account "
                f"in Grafana, and set {TOKEN_VARIABLE}",
            )
        if status == 403:
            return UsageError(
                f"the token may not do this at {where} (403), {doing}: {said}",
                "give its service account the role Admin: data sources need it",
            )
        if status == 409 or (status == 412 and doing.startswith("create")):
            return UsageError(
                f"{where} refused ({status}), {doing}: {said or 'it is there already'}",
                "something else there has this name: rename that one, and push again",
            )
        if status == 412:
            return OrbitwinError(
                f"{where} refused (412), {doing}: {said or 'it was changed meanwhile'}",
                "somebody has changed it since it was read: push again and look at the difference",
            )
        if status == 404 and said == "a page instead of JSON":
            return self._no_grafana()
        return OrbitwinError(
            f"{where} refused ({status}), {doing}: {said or 'no reason given'}",
            "Grafana's own log tells more; what is done already is not done twice",
        )


def checked_url(url: str) -> str:
    """Grafana's address with a slash at its end. UsageError where it is none."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UsageError(
            "the URL holds a user or password, which all users of this machine can read",
            f"leave it out of the URL; a token is read from {TOKEN_VARIABLE}",
        )
    try:
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is no address of a Grafana", "such as http://127.0.0.1:3000/")
    return url.rstrip("/") + "/"


def sends_in_clear(url: str) -> bool:
    """Whether the token crosses a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _client(url: str, token: str) -> GrafanaApi:
    try:
        from grafana_client import GrafanaApi
    except ImportError:
        raise UsageError(
            "pushing needs the package grafana-client, which is not installed",
            "pip install 'grafana-client>=5', or orbitwin with its extra: pip install "
            "'orbitwin[grafana]'",
        ) from None
    api = GrafanaApi.from_url(url, credential=token, timeout=TIMEOUT_S)
    api.client.url = f"{url}api"  # as it was given: the client loses the brackets of IPv6
    api.client.s.max_redirects = 0  # a POST that is sent elsewhere arrives as a GET, and is lost
    return api


def _brief(what: Any) -> str:
    """One line of it."""
    return " ".join(str(what).split())[:MAX_SAID]
