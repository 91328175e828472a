"""Options of plug-ins inside a plug-in: each carries the name of its owner and an underscore in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nextgen_resources.errors import SettingsError


def options_by_member(
    who: str, kind: str, members: Sequence[str], options: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Options of each of ``members``, without the name in front; the longest name that fits owns one.

    Parameters
    ----------
    who, kind : str
        The plug-in that holds the members, and what a member is called, for messages.

    Raises
    ------
    SettingsError
        An option that belongs to none of them.
    """
    own: dict[str, dict[str, Any]] = {name: {} for name in members}
    for option, value in options.items():
        owner = max((name for name in members if option.startswith(f"{name}_")), key=len, default=None)
        if owner is None:
            raise SettingsError(
                f"{who}: the option {option!r} belongs to none of {', '.join(members)}; put the name of its {kind} "
                f"in front, such as {members[0]}_{option}"
            )
        own[owner][option.removeprefix(f"{owner}_")] = value
    return own


def options_of_recorded(record: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the live plug-in ``record`` of a recording, without its name in front.

    Raises
    ------
    SettingsError
        An option without a live plug-in to take it.
    """
    prefix = f"{record}_"
    if strange := sorted(name for name in options if not record or not name.startswith(prefix)):
        raise SettingsError(
            f"recorded: unknown option(s) {', '.join(strange)}; it takes path, record"
            + (f" and options that begin with {prefix}" if record else "")
        )
    return {name.removeprefix(prefix): value for name, value in options.items()}
