"""HTTP requests to model servers: https only, few redirections, the token to its own host only."""

from __future__ import annotations

import http.client
import ipaddress
import json
import urllib.error
import urllib.request
from contextlib import closing
from http.client import HTTPMessage
from typing import IO, Any
from urllib.parse import urlsplit

import whetstone
from whetstone.errors import ModelError

_TIMEOUT_S = 30.0  # without a byte
_MAX_REDIRECTS = 5
_MAX_JSON = 8 << 20


def fetch_json(url: str, token: str | None) -> Any:
    """The JSON document at `url`. Raises ModelError."""
    check_url(url)
    try:
        with closing(open_url(url, token, {"Accept": "application/json"})) as response:
            body = response.read(_MAX_JSON + 1)
        if len(body) > _MAX_JSON:
            raise ModelError(f"{shown(url)}: the answer is too long.")
        return json.loads(body)
    except urllib.error.HTTPError as error:
        with closing(error):
            raise ModelError(refusal(url, error.code)) from error
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(
            f"{shown(url)}: {reason(error)}. Check the network and try again; HF_ENDPOINT names "
            "a mirror, HTTPS_PROXY a proxy."
        ) from error
    except ValueError as error:
        raise ModelError(f"{shown(url)}: the answer is not JSON. Try again later.") from error


def check_url(url: str) -> None:
    """Raises ModelError unless `url` is https, or http to this very machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # no number, or none that a port can have: ValueError
    except ValueError as error:
        raise ModelError(f"{url!r}: not an address ({error}).") from error
    if not parts.hostname or parts.username or parts.password:
        raise ModelError(f"{shown(url)}: not an address that can be fetched.")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return
    raise ModelError(f"{shown(url)}: refused, because only https is fetched from other machines.")


def shown(url: str) -> str:
    """An address for messages: no user, no query, where signatures and keys stand."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return "".join(char for char in f"{parts.scheme}://{host}{parts.path}" if char.isprintable())


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _MAX_REDIRECTS

    def __init__(self, token: str | None) -> None:
        self._token = token
        self.revision: str | None = None

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        check_url(newurl)
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if _is_loopback(new.hostname or "") and not _is_loopback(old.hostname or ""):
            raise ModelError(f"{shown(req.full_url)}: refused a redirection to this machine.")
        self.revision = headers.get("X-Repo-Commit") or self.revision
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        same_host = (old.scheme, old.netloc) == (new.scheme, new.netloc)
        if request is not None and self._token and same_host:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return request


def open_url(url: str, token: str | None, headers: dict[str, str]) -> Any:
    """The response, after redirections. Raises HTTPError and OSError as urllib does."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  check_url was called
    request.add_header("User-Agent", f"whetstone/{whetstone.__version__}")
    if token:
        # Unredirected: a redirection to a storage host must not carry the hub's token along.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    redirects = _Redirects(token)
    handlers: list[urllib.request.BaseHandler] = [redirects]
    if _is_loopback(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    response = urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_S)
    if redirects.revision and "X-Repo-Commit" not in response.headers:
        response.headers["X-Repo-Commit"] = redirects.revision
    return response


def refusal(url: str, status: int) -> str:
    """What to say about an HTTP status that is no success."""
    if status in (401, 403):
        advice = "It is private or gated: accept its licence in the browser, then set HF_TOKEN."
    elif status == 404:
        advice = "There is no such file. Check the name."
    elif 300 <= status < 400:
        advice = "It redirects too often, or nowhere. Check the address."
    else:
        advice = "Try again later."
    return f"{shown(url)}: the server answered {status}. {advice}"


def reason(error: BaseException) -> str:
    """The cause of a connection error, in words."""
    cause = getattr(error, "reason", None) or error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
