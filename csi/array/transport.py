"""The wire under HPE's client: pooled, timed, verified, and honest about what was sent.

It takes the place of the library's own transport and cures these of its faults (wsapi.md 6, by number): retries that
are used up for good (1), changes sent twice (2, 6), no timeouts (3), no certificate check (4), no pool (5), logins on
refusals that have nothing to do with the session (6), lost and leaked sessions (7-9), secrets in logs (10), a list that
grows for ever (11), answers that are not JSON or have an unlisted status (12), and no thread safety (13).
"""

import json
import logging
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy

import requests
import requests.adapters
import urllib3

from csi.array.codes import INVALID_SESSION_KEY, NoAnswer, OddAnswer, Untrusted
from csi.array.hpe3par import HTTPJSONRESTClient, exceptions
from csi.clock import Clock
from csi.errors import BadSettings, BugError
from csi.settings.model import ArraySettings

log = logging.getLogger(__name__)

#: Pauses between the tries of a GET; nothing else is ever sent twice.
GET_PAUSES_SECONDS = (0.2, 0.6)
#: How often one call may find that its session key has expired meanwhile.
_RENEWALS = 3
#: For how long a refused user name or password is not tried again, so that nobody locks the user out.
REFUSED_LOGIN_PAUSE_SECONDS = 10.0
_UNTRUSTED_WORDS = ("certificate_verify_failed", "fingerprints did not match", "doesn't match")
_SHA256_HEX_DIGITS = 64
#: Headers, whatever the case of their names, and what was in the body.
_Answer = tuple[Mapping[str, str], object]
_REASONS = {
    "RemoteDisconnected": "connection closed without an answer",
    "IncompleteRead": "connection closed in the middle of the answer",
    "ReadTimeoutError": "the answer stopped coming",
    "InvalidURL": "the url makes no sense",
    "SSLEOFError": "connection closed during the TLS handshake",
}


class UnlistedStatus(exceptions.ClientException):  # type: ignore[misc]  # the library has no types
    """A status for which the library has no class of its own, and whose base class cannot print itself."""

    message = "Refused"

    def __init__(self, status: int, error: object) -> None:
        super().__init__(error)
        self.http_status = status


class LoginFailed(Exception):
    """There is no session, so the call was not sent. `cause` is what went wrong, of the kinds `Transport` raises."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("login failed")
        self.cause = cause


class _HideSessionKeys(logging.Filter):
    """urllib3 logs every path at DEBUG; the one of a logout ends in the session key."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/credentials/" not in record.getMessage()


_hide_session_keys = _HideSessionKeys()


class _PinnedAdapter(requests.adapters.HTTPAdapter):
    """Trusts exactly one certificate, by its SHA-256, whoever signed it and whatever name it bears."""

    def __init__(self, pin: str, connections: int) -> None:
        self._pin = pin
        super().__init__(pool_connections=1, pool_maxsize=connections, pool_block=True)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: object) -> None:
        super().init_poolmanager(connections, maxsize, block, assert_fingerprint=self._pin, **more)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no answer; `passing` if asking again right away makes sense."""

    error: Exception
    passing: bool


class Transport(HTTPJSONRESTClient):  # type: ignore[misc]  # the library has no types
    """One array's HTTPS, shared by all threads: one session on the array, `connections` connections.

    Nothing is sent before the first call. `get`, `post`, `put` and `delete` are the library's and end in `_cs_request`.
    They raise the library's ClientException for refusals, NoAnswer, Untrusted or OddAnswer from csi.array.codes for the
    rest, LoginFailed around any of these, and nothing from requests or urllib3.
    """

    def __init__(self, settings: ArraySettings, clock: Clock, connections: int) -> None:
        self._verify, pin = _trust(settings)
        super().__init__(settings.url, secure=self._verify)
        self.session_key: str | None = None
        self._settings = settings
        self._clock = clock
        self._timeout = (settings.connect_timeout_seconds, settings.read_timeout_seconds)
        self._closing = threading.Event()
        # one for each connection: a key is looked up when it can be sent, not before a long wait
        self._slots = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()  # guards the session key and the outcome of the last login
        self._logins = 0
        self._login_failure: Exception | None = None
        self._no_login_before = 0.0
        self._wire = requests.Session()
        self._wire.trust_env = False  # no proxy, netrc or CA bundle of the environment comes between
        self._wire.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        plain = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
        self._wire.mount("http://", plain)
        self._wire.mount("https://", _PinnedAdapter(pin, connections) if pin else plain)
        logging.getLogger("urllib3.connectionpool").addFilter(_hide_session_keys)

    @property
    def logins(self) -> int:
        """How often a login was tried; what was learned under an older number may be stale."""
        return self._logins

    def set_debug_flag(self, flag: bool) -> None:
        """The library's debugging prints secrets; it stays off."""

    def authenticate(self, *_: object) -> None:
        """The library's way to log in, of no use here."""
        raise BugError("the transport logs in by itself")

    def unauthenticate(self) -> None:
        """Give the session back, once, and end all waiting. Later calls get NoAnswer. Raises nothing."""
        self._closing.set()
        with self._lock:
            key, self.session_key = self.session_key, None
        if key is not None:
            gone = self._send("DELETE", f"{self.api_url}/credentials/{key}", None, key)
            if isinstance(gone, _Failure) or gone.status_code >= HTTPStatus.BAD_REQUEST:
                log.info("%s: the session could not be given back; the array ends it by itself", self._settings.label)
        self._wire.close()

    def _cs_request(self, url: str, method: str, **kwargs: object) -> _Answer:
        """One call with a session key; a call refused for its key was not carried out, so it is sent again."""
        full = self._build_full_url(url)
        for _ in range(_RENEWALS):
            with self._slots:
                key = self._key()
                try:
                    return self._exchange(method, full, kwargs.get("body"), key)
                except (exceptions.HTTPUnauthorized, exceptions.HTTPForbidden) as refusal:
                    if isinstance(refusal, exceptions.HTTPForbidden) and refusal.get_code() != INVALID_SESSION_KEY:
                        raise  # a refusal of the call itself: 215, 120, 13 and the like
                    last = refusal
            with self._lock:
                if self.session_key == key:
                    self.session_key = None
        raise last

    def _key(self) -> str:
        """The session key. One thread logs in, those that wait meanwhile share its outcome, good or bad."""
        seen = self._logins
        with self._lock:
            if self._closing.is_set():
                raise NoAnswer("the driver has closed its session with this array")
            if self.session_key is not None:
                return self.session_key
            waited = self._logins != seen or self._clock.monotonic() < self._no_login_before
            if waited and self._login_failure is not None:
                raise LoginFailed(self._login_failure)
            self._logins += 1
            self._login_failure = None
            try:
                self.session_key = self._log_in()
            except (NoAnswer, Untrusted, OddAnswer, exceptions.ClientException) as failure:
                self._login_failure = failure
                if isinstance(failure, exceptions.HTTPForbidden | exceptions.HTTPUnauthorized):
                    self._no_login_before = self._clock.monotonic() + REFUSED_LOGIN_PAUSE_SECONDS
                raise LoginFailed(failure) from None
            return self.session_key

    def _log_in(self) -> str:
        wish = {"user": self._settings.username, "password": self._settings.password.reveal()}
        _, body = self._exchange("POST", f"{self.api_url}/credentials", wish, None)
        key = body.get("key") if isinstance(body, Mapping) else None
        if not isinstance(key, str) or not key.isascii() or not key.isprintable() or not key:
            raise OddAnswer("field 'key' of the login is missing in the array's answer")
        return key

    def _exchange(self, method: str, url: str, body: object, key: str | None) -> _Answer:
        """Send until there is an answer or no reason to hope; only GETs are sent more than once."""
        pauses = GET_PAUSES_SECONDS if method == "GET" else ()
        for pause in pauses:
            outcome = self._send(method, url, body, key)
            if isinstance(outcome, _Failure):
                passing = outcome.passing
            else:
                passing = outcome.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            if not passing or self._clock.wait(self._closing, pause):
                break
        else:
            outcome = self._send(method, url, body, key)
        if isinstance(outcome, _Failure):
            raise outcome.error
        return _read(outcome)

    def _send(self, method: str, url: str, body: object, key: str | None) -> requests.Response | _Failure:
        """One request. What goes wrong is told, not raised, so that no exception drags the request's secrets along."""
        headers = {"Accept": "application/json", "User-Agent": "csi-3par"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if key is not None:
            headers[self.SESSION_COOKIE_NAME] = key
        try:
            return self._wire.request(
                method,
                url,
                data=data,
                headers=headers,
                verify=self._verify,
                timeout=self._timeout,
                allow_redirects=False,  # the session key goes to the array and nowhere else
            )
        except requests.exceptions.SSLError as exc:
            return self._tls_failure(exc)
        except requests.exceptions.ConnectTimeout:
            return _Failure(NoAnswer(f"no connection within {self._timeout[0]:g} s"), passing=False)
        except requests.exceptions.ReadTimeout:
            return _Failure(NoAnswer(f"nothing came within {self._timeout[1]:g} s"), passing=False)
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as exc:
            return _Failure(NoAnswer(_reason(exc)), passing=True)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            return _Failure(NoAnswer(_reason(exc)), passing=False)

    def _tls_failure(self, exc: BaseException) -> _Failure:
        """A certificate that does not fit, a bundle that cannot be read, or a handshake that broke off."""
        text = str(exc).lower()
        if any(words in text for words in _UNTRUSTED_WORDS):
            return _Failure(Untrusted("the array's certificate is not trusted"), passing=False)
        return _Failure(NoAnswer(f"TLS failed, {_reason(exc)}"), passing=False)


def _trust(settings: ArraySettings) -> tuple[bool | str, str]:
    """What `requests` takes for `verify`, and the fingerprint to pin; BadSettings where they make no sense."""
    if not settings.url.startswith("https://") and (settings.verify_tls or settings.pin or settings.ca_bundle):
        raise BadSettings(
            "the url is not https, so nothing could vouch for the array",
            where=settings.label,
            hint="Use https, or say in the settings that TLS is not to be verified",
        )
    pin = settings.pin.replace(":", "").lower()
    if pin:
        # a shorter one would be taken for MD5 or SHA-1
        if len(pin) != _SHA256_HEX_DIGITS or not set(pin) <= set("0123456789abcdef"):
            raise BadSettings("the certificate's pin is not a SHA-256 in hex", where=settings.label)
        return False, pin  # the pin alone decides; urllib3 compares it before anything is sent
    if not settings.verify_tls:
        # said once when the settings are read, not at each connection
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return False, ""
    if settings.ca_bundle:
        try:
            ssl.create_default_context(cafile=settings.ca_bundle)
        except (OSError, ssl.SSLError):
            raise BadSettings(
                f"the CA bundle {settings.ca_bundle} is missing or has no certificate in it",
                where=settings.label,
                hint="Mount a PEM file with the authorities of this array's certificate",
            ) from None
        return settings.ca_bundle, ""
    return True, ""


def _read(reply: requests.Response) -> _Answer:
    """Headers and decoded body of a success; the library's exception for any other status."""
    body: object = None
    if reply.content:
        try:
            body = json.loads(reply.content)
        except (ValueError, RecursionError):
            body = reply.content[:1000].decode("utf-8", "replace")
    status = reply.status_code
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return reply.headers, body
    error = dict(body) if isinstance(body, Mapping) else body if isinstance(body, str) else None
    if isinstance(error, dict) and "message" in error:
        error["desc"] = error["message"]  # the bodies of the newer API
    kind = exceptions._code_map.get(status)  # from_response() gives a class that cannot print itself
    raise kind(error) if kind else UnlistedStatus(status, error)


def _reason(exc: BaseException) -> str:
    """The innermost cause in a few words, without the URL: that of a logout has the session key in it."""
    seen: list[BaseException] = []
    todo: list[object] = [exc]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            todo += [getattr(item, "reason", None), item.__cause__, item.__context__, *item.args]
    system = next((item for item in seen if isinstance(item, OSError) and item.strerror and item.errno), None)
    if system is not None:
        return str(system.strerror).lower()
    known = (words for item in seen if (words := _REASONS.get(type(item).__name__)))
    return next(known, type(seen[-1]).__name__)
