"""Secrets in the operating system's store, through keyring: read in production, written by the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import ModuleType

from nextgen_resources.errors import SettingsError

SERVICE = "nextgen"
"""The name under which the store keeps our entries."""
ORIGIN = "keyring"


@dataclass(frozen=True)
class Dates:
    """When a stored secret was set and when it expires, as far as we were told."""

    set_on: date | None = None
    expires_on: date | None = None


def read_secrets(names: Sequence[str]) -> dict[str, str]:
    """The secrets that the store holds, by name; nothing without keyring or without a store.

    Raises
    ------
    SettingsError
        The store exists and refuses (locked, denied): unlock it, since running without is not what was meant.
    """
    keyring = _keyring()
    if keyring is None:
        return {}
    from keyring.errors import KeyringError, NoKeyringError

    try:
        found = {name: keyring.get_password(SERVICE, name) for name in names}
    except NoKeyringError:
        return {}
    except KeyringError as error:
        raise SettingsError(
            f"the operating system's store of secrets refuses ({type(error).__name__}); unlock it, or set the "
            "secrets in the environment"
        ) from None  # the error of a backend may quote what it was asked
    return {name: secret for name, secret in found.items() if secret}


def read_dates(name: str) -> Dates:
    """When the stored secret ``name`` was set and expires; unknown where nothing was noted."""
    keyring = _keyring()
    if keyring is None:
        return Dates()
    from keyring.errors import KeyringError

    try:
        text = keyring.get_password(SERVICE, f"{name}.dates")
        noted = json.loads(text) if text else {}
        return Dates(*(_day(noted.get(key)) for key in ("set_on", "expires_on")))
    except (KeyringError, ValueError):
        return Dates()


def store_secret(name: str, secret: str, dates: Dates) -> None:
    """Keep a secret and its dates.

    Raises
    ------
    SettingsError
        There is no keyring or no store here, or it refuses.
    """
    keyring = _required()
    from keyring.errors import KeyringError

    noted = {"set_on": _iso(dates.set_on), "expires_on": _iso(dates.expires_on)}
    try:
        keyring.set_password(SERVICE, name, secret)
        keyring.set_password(SERVICE, f"{name}.dates", json.dumps(noted))
    except KeyringError as error:
        raise _refused(error) from None


def delete_secret(name: str) -> bool:
    """Remove a secret and its dates; False when the store holds none."""
    keyring = _required()
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, name)
    except PasswordDeleteError:
        return False
    except KeyringError as error:
        raise _refused(error) from None
    try:
        keyring.delete_password(SERVICE, f"{name}.dates")
    except KeyringError:  # it had none
        return True
    return True


def _keyring() -> ModuleType | None:
    try:
        import keyring
    except ImportError:
        return None
    return keyring


def _required() -> ModuleType:
    keyring = _keyring()
    if keyring is None:
        raise SettingsError("the package keyring is not installed; run `pip install 'nextgen[keyring]'`")
    return keyring


def _refused(error: Exception) -> SettingsError:
    return SettingsError(
        f"the operating system's store of secrets refuses ({type(error).__name__}); on a server without one, set "
        "the secrets in the environment of the services"
    )


def _day(text: object) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
