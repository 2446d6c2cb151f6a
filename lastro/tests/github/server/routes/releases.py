"""Releases and their assets. A draft is seen with `contents: write` only."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.github.server import views
from tests.github.server.pulls import now
from tests.github.server.routing import Refused, Request, route
from tests.github.server.tokens import allows

BASE = "/repos/{owner}/{repo}"
FIELDS = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease")


def view(request: Request, of: dict[str, Any]) -> dict[str, Any]:
    api, host = request.repository.api, request.github.storage_url
    assets = [asset_view(request, asset) for asset in of["assets"]]
    upload = f"{host}/repos/{request.repository.full_name}/releases/{of['id']}/assets{{?name,label}}"
    known = {name: of[name] for name in (*FIELDS, "id", "created_at", "published_at")}
    known["immutable"] = sealed(request, of)
    page = f"{request.repository.url}/releases/{'tag' if not of['draft'] else 'untagged'}/{of['tag_name']}"
    known |= {"url": f"{api}/releases/{of['id']}", "html_url": page, "upload_url": upload, "assets": assets}
    return views.fill("release", **known, author=views.user(of["author"]))


def asset_view(request: Request, of: dict[str, Any]) -> dict[str, Any]:
    known = {k: v for k, v in of.items() if k not in ("file", "uploader")}
    page = f"{request.repository.url}/releases/download/{of['id']}/{of['name']}"
    known |= {"state": "uploaded", "browser_download_url": page, "uploader": views.user(of["uploader"])}
    return views.fill("release-asset", **known, url=f"{request.repository.api}/releases/assets/{of['id']}")


def sealed(request: Request, of: dict[str, Any]) -> bool:
    """Whether the release is published where the repository's releases are immutable: title and text alone may change."""
    return request.repository.immutable_releases and not of["draft"]


def visible(request: Request) -> list[dict[str, Any]]:
    may = request.token and allows(request.repository.permissions(request.token), "contents:write")
    return [r for r in reversed(request.repository.releases.values()) if may or not r["draft"]]


def release_of(request: Request) -> dict[str, Any]:
    for found in visible(request):
        if found["id"] == request.number("release_id"):
            return found
    raise Refused(404, "Not Found")


@route("GET", f"{BASE}/releases", "contents:read")
def listing(request: Request) -> list[dict[str, Any]]:
    return [view(request, r) for r in visible(request)]


@route("GET", f"{BASE}/releases/latest", "contents:read")
def latest(request: Request) -> dict[str, Any]:
    """The one that was last published as the latest."""
    known = [r for r in visible(request) if not r["draft"] and not r["prerelease"]]
    for found in sorted(known, key=lambda r: r.get("latest", 0), reverse=True):
        return view(request, found)
    raise Refused(404, "Not Found")


@route("GET", f"{BASE}/releases/tags/{{tag}}", "contents:read")
def by_tag(request: Request) -> dict[str, Any]:
    """A published release; a draft is not found by its tag."""
    for found in visible(request):
        if found["tag_name"] == request.parameters["tag"] and not found["draft"]:
            return view(request, found)
    raise Refused(404, "Not Found")


@route("GET", f"{BASE}/releases/{{release_id}}", "contents:read")
def one(request: Request) -> dict[str, Any]:
    return view(request, release_of(request))


def publish(request: Request, release: dict[str, Any]) -> None:
    """A published release has a tag; where there is none yet GitHub makes one."""
    ref = f"refs/tags/{release['tag_name']}"
    if ref not in request.repository.git.refs():
        sha = request.repository.git.sha(release["target_commitish"] or request.repository.default_branch)
        if sha is None:
            raise Refused(422, "Validation Failed", errors=[{"field": "target_commitish", "code": "invalid"}])
        request.repository.moved({ref: sha}, request.actor)
    newly = release["published_at"] is None
    if request.body.get("make_latest", "true" if newly else "false") == "true":
        release["latest"] = next(request.github.ids)
    release["published_at"] = release["published_at"] or now()


@route("POST", f"{BASE}/releases", "contents:write", 201)
def create(request: Request) -> dict[str, Any]:
    made: dict[str, Any] = {"target_commitish": request.repository.default_branch, "name": None, "body": None}
    made |= {"draft": False, "prerelease": False}
    made |= {name: request.body[name] for name in FIELDS if name in request.body}
    taken = [r for r in request.repository.releases.values() if not r["draft"]]
    if any(r["tag_name"] == made["tag_name"] for r in taken):
        errors = [{"resource": "Release", "code": "already_exists", "field": "tag_name"}]
        raise Refused(422, "Validation Failed", errors=errors)
    made |= {"id": next(request.github.ids), "author": request.actor, "assets": [], "created_at": now()}
    made["published_at"] = None
    if not made["draft"]:
        publish(request, made)
    request.repository.releases[made["id"]] = made
    return view(request, made)


@route("PATCH", f"{BASE}/releases/{{release_id}}", "contents:write")
def update(request: Request) -> dict[str, Any]:
    found = release_of(request)
    found |= {name: request.body[name] for name in FIELDS if name in request.body}
    if not found["draft"]:
        publish(request, found)
    return view(request, found)


@route("DELETE", f"{BASE}/releases/{{release_id}}", "contents:write", 204)
def delete(request: Request) -> None:
    del request.repository.releases[release_of(request)["id"]]


@route("GET", f"{BASE}/releases/{{release_id}}/assets", "contents:read")
def assets(request: Request) -> list[dict[str, Any]]:
    return [asset_view(request, asset) for asset in release_of(request)["assets"]]


@route("POST", f"{BASE}/releases/{{release_id}}/assets", "contents:write", 201)
def upload(request: Request) -> dict[str, Any]:
    """On the uploads host only: `upload_url` of the release."""
    release, name = release_of(request), request.query["name"]
    if sealed(request, release):
        raise Refused(422, "Cannot upload assets to an immutable release.")
    if any(asset["name"] == name for asset in release["assets"]):
        errors = [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]
        raise Refused(422, "Validation Failed", errors=errors)
    file = request.repository.folder("assets", str(release["id"])) / name
    file.write_bytes(request.raw)
    made = {"id": next(request.github.ids), "name": name, "label": request.query.get("label"), "file": file}
    made |= {
        "size": len(request.raw),
        "content_type": request.headers.get("Content-Type", ""),
        "download_count": 0,
    }
    made |= {"created_at": now(), "updated_at": now(), "uploader": request.actor}
    made["digest"] = f"sha256:{hashlib.sha256(request.raw).hexdigest()}"
    release["assets"].append(made)
    return asset_view(request, made)


@route("DELETE", f"{BASE}/releases/assets/{{asset_id}}", "contents:write", 204)
def delete_asset(request: Request) -> None:
    for release in request.repository.releases.values():
        for asset in release["assets"]:
            if asset["id"] == request.number("asset_id"):
                if sealed(request, release):
                    raise Refused(422, "Cannot delete asset from an immutable release")
                release["assets"].remove(asset)
                return
    raise Refused(404, "Not Found")
