"""Session keys of one array (wsapi.md 1.2)."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from arraysim.core.clock import VirtualClock
from arraysim.core.faults import Refusal
from arraysim.wsapi.message import Json

#: Unused keys die after this long (WSAPI guide 1.2).
IDLE_SECONDS = 15 * 60.0
#: Sessions at one time; the vendor gives no number (wsapi.md 1.2, [inferred]).
SESSION_CAP = 32


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in. The password never prints."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Account(user={self.user!r}, password=***)"

    def opens_for(self, user: str, password: str) -> bool:
        """Whether both are right."""
        return hmac.compare_digest(user.encode(), self.user.encode()) and hmac.compare_digest(
            password.encode(), self.password.encode()
        )


class Sessions:
    """The open sessions of one array. Not safe for threads: the owner holds the lab's lock.

    `random_hex` turns a number of bytes into that many random bytes in hexadecimal; `clock` is the simulated one.
    """

    def __init__(
        self,
        clock: VirtualClock,
        account: Account,
        *,
        random_hex: Callable[[int], str],
        cap: int = SESSION_CAP,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._clock = clock
        self._account = account
        self._random_hex = random_hex
        self._cap = cap
        self._idle_seconds = idle_seconds
        self._last_used: dict[str, float] = {}
        self._opened = 0

    def __len__(self) -> int:
        """Sessions open now."""
        self._drop_idle()
        return len(self._last_used)

    @property
    def opened(self) -> int:
        """Logins that succeeded since the start: leaked sessions and needless logins show here."""
        return self._opened

    def login(self, body: Json | None) -> str:
        """The key of a new session for the JSON `body` of POST /credentials. Other fields than these two do not matter.

        ArrayFault 400 40 or 39 for a field missing or no string, 403 5 for a wrong user or password, 503 68 at the cap.
        """
        user, password = self._credentials(body)
        if not self._account.opens_for(user, password):
            raise Refusal.INV_USER_PASS.fault()
        self._drop_idle()
        if len(self._last_used) >= self._cap:
            raise Refusal.NOT_READY.fault(detail=": the maximum number of sessions is in use")
        self._opened += 1
        key = f"{self._opened}-{self._random_hex(8)}-{self._random_hex(4)}"
        self._last_used[key] = self._clock.now
        return key

    def use(self, key: str | None) -> None:
        """Accept a call with this key, which restarts its idle time. ArrayFault 403 6 unless it is open."""
        self._drop_idle()
        if key is None or key not in self._last_used:
            raise Refusal.INV_SESS_KEY.fault()
        # Kept in order of use, so that the idle ones are found at the front.
        del self._last_used[key]
        self._last_used[key] = self._clock.now

    def logout(self, key: str) -> None:
        """Close the session. ArrayFault 403 6 unless it is open."""
        self._drop_idle()
        if self._last_used.pop(key, None) is None:
            raise Refusal.INV_SESS_KEY.fault()

    def expire_all(self) -> int:
        """Forget every session; how many there were."""
        count = len(self)
        self._last_used.clear()
        return count

    def _drop_idle(self) -> None:
        oldest = self._clock.now - self._idle_seconds
        for key, used_at in list(self._last_used.items()):
            if used_at > oldest:
                return
            del self._last_used[key]

    @staticmethod
    def _credentials(body: Json | None) -> tuple[str, str]:
        for field in ("user", "password"):
            if body is None or field not in body:
                raise Refusal.MISSING_REQUIRED.fault(field)
            if not isinstance(body[field], str):
                raise Refusal.WRONG_TYPE.fault(field)
        assert body is not None
        return body["user"], body["password"]
