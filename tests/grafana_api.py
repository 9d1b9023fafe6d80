"""What push needs of Grafana's HTTP API, served from memory on loopback.

No Grafana server was to be had for these tests, so this is written after its documentation
(developer resources, HTTP API, of Grafana 12 and 13: folder, data source, dashboard, search and
alerting provisioning), and stands for it only as far as that is right: paths, bodies, status codes
200, 400, 401, 403, 404, 409 and 412, versions that count up, the password that is never told,
provenance, what a rule's query is filled up with, and groups of rules that are replaced whole.
Everything that changes something is kept in `writes`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "glsa_a-token-that-nobody-may-see"
Answer = tuple[int, Any]


@dataclass
class GrafanaApi:
    """Its state. `before` is called with method and path before an answer, to step in between."""

    version: str = "13.1.3"
    root: str = ""  # the path below which it is served, as `root_url` in its settings
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)  # {"dashboard", "meta"}
    rules: list[dict[str, Any]] = field(default_factory=list)
    intervals: dict[tuple[str, str], int] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    before: Callable[[str, str], Answer | None] = lambda method, path: None

    def answer(self, method: str, target: str, token: str, body: Any) -> Answer:
        parts = urlsplit(target)
        if not parts.path.startswith(f"{self.root}/api/"):
            return 404, "<html>nothing here</html>"
        path = parts.path.removeprefix(self.root)
        early = self.before(method, unquote(path))
        if early is not None:
            return early
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        if method != "GET":
            self.writes.append(f"{method} {unquote(path)}")
        words = [unquote(word) for word in path.removeprefix("/api/").split("/")]
        match method, words:
            case "GET", ["frontend", "settings"]:
                return 200, {"buildInfo": {"version": self.version, "edition": "Open Source"}}
            case "GET", ["folders", uid]:
                return _one(self.folders, uid)
            case "POST", ["folders"]:
                if body["uid"] in self.folders:
                    return 409, {"message": "a folder with the same uid exists"}
                if any(folder["title"] == body["title"] for folder in self.folders.values()):
                    return 409, {"message": "a folder with the same name already exists"}
                self.folders[body["uid"]] = {**body, "id": len(self.folders) + 1, "version": 1}
                return 200, self.folders[body["uid"]]
            case "GET", ["datasources", "uid", uid]:
                return _one(self.sources, uid)
            case "POST" | "PUT", ["datasources", *_]:
                return self._put_source(method, body)
            case "GET", ["dashboards", "uid", uid]:
                return _one(self.dashboards, uid)
            case "DELETE", ["dashboards", "uid", uid]:
                found = self.dashboards.pop(uid, None)
                return (200, {"message": "deleted"}) if found else (404, {"message": "not found"})
            case "POST", ["dashboards", "db"]:
                return self._put_dashboard(body)
            case "GET", ["search"]:
                return 200, self._search(parse_qs(parts.query))
            case "GET", ["v1", "provisioning", "alert-rules"]:
                return 200, self.rules
            case "DELETE", ["v1", "provisioning", "alert-rules", uid]:
                self.rules = [rule for rule in self.rules if rule["uid"] != uid]
                return 204, None
            case _, ["v1", "provisioning", "folder", folder, "rule-groups", group]:
                return self._group(method, folder, group, body)
        return 404, {"message": "Not found"}

    def _put_source(self, method: str, body: dict[str, Any]) -> Answer:
        uid = body["uid"]
        same = any(source["name"] == body["name"] for source in self.sources.values())
        if method == "POST" and (uid in self.sources or same):
            return 409, {"message": "data source with the same name already exists"}
        if method == "PUT" and self.sources[uid].get("readOnly"):
            return 403, {"message": "Cannot update read-only data source"}
        password = body.pop("secureJsonData", {}).get("password")
        if password is not None:
            self.passwords[uid] = password
        kept = self.sources.get(uid, {"id": 7, "isDefault": False, "readOnly": False, "version": 0})
        kept = (
            kept | body | {"secureJsonFields": {"password": True} if uid in self.passwords else {}}
        )
        self.sources[uid] = kept | {"version": kept["version"] + 1}
        return 200, {"message": "Datasource saved", "datasource": self.sources[uid]}

    def _put_dashboard(self, body: dict[str, Any]) -> Answer:
        made = body["dashboard"]
        there = self.dashboards.get(made["uid"])
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        if there and there["meta"].get("provisioned"):
            return 400, {"message": "Cannot save provisioned dashboard"}
        version = there["dashboard"]["version"] if there else 0
        if there and made["version"] != version and not body.get("overwrite"):
            text = "The dashboard has been changed by someone else"
            return 412, {"status": "version-mismatch", "message": text}
        self.dashboards[made["uid"]] = {
            "dashboard": {**made, "id": made["id"] or len(self.dashboards) + 1,
                          "version": version + 1},
            "meta": {"folderUid": body["folderUid"], "provisioned": False},
        }  # fmt: skip
        return 200, {"status": "success", "uid": made["uid"], "version": version + 1}

    def _search(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        return [
            {"uid": uid, "title": page["dashboard"]["title"], "type": "dash-db"}
            for uid, page in self.dashboards.items()
            if page["meta"]["folderUid"] in query.get("folderUIDs", [page["meta"]["folderUid"]])
            and set(query.get("tag", ())) <= set(page["dashboard"].get("tags", ()))
        ]

    def _group(self, method: str, folder: str, name: str, body: Any) -> Answer:
        mine = [r for r in self.rules if (r["folderUID"], r["ruleGroup"]) == (folder, name)]
        if method == "GET":
            if not mine:
                return 404, {"message": "rule group not found"}
            interval = self.intervals[folder, name]
            return 200, {"title": name, "folderUid": folder, "interval": interval, "rules": mine}
        if folder not in self.folders:
            return 400, {"message": "folder does not exist"}
        if any(rule["provenance"] == "file" for rule in mine):
            return 409, {"message": "cannot change provenance from 'file' to 'api'"}
        uids = {rule["uid"] for rule in body["rules"]}
        others = [r for r in self.rules if r not in mine and r["uid"] not in uids]
        made = []
        for number, rule in enumerate(body["rules"]):
            data = [
                {**q, "queryType": "",
                 "model": {"intervalMs": 1000, "maxDataPoints": 43200, **q["model"]}}
                for q in rule["data"]
            ]  # fmt: skip
            made.append({**rule, "id": number, "data": data, "provenance": "api",
                         "updated": "2026-11-25T00:00:00Z"})  # fmt: skip
        self.rules = others + made
        self.intervals[folder, name] = body["interval"]
        return 200, {**body, "rules": made}


def _one(found: dict[str, Any], uid: str) -> Answer:
    return (200, found[uid]) if uid in found else (404, {"message": "not found"})


class GrafanaServer(ThreadingHTTPServer):
    """`with GrafanaServer() as server:` serves `server.api` at `server.url`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = GrafanaApi()
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *error: Any) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: GrafanaServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes in one piece: in two, the second waits 40 ms for an ACK

    def _do(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        token = self.headers.get("Authorization", "")
        status, said = self.server.api.answer(self.command, self.path, token, body)
        page = isinstance(said, str)
        data = said.encode() if page else b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if page else "application/json")
        if status in (301, 302, 307, 308):
            self.send_header("Location", str(said))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _do

    def log_message(self, format: str, *args: object) -> None:
        pass
