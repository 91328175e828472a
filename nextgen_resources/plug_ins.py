"""Plug-ins of a package, found by module name: providers of bars and news, scorers of sentiment."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

from nextgen_resources.errors import SettingsError


def plug_in_names(package: str, export: str) -> list[str]:
    """Names of the modules of ``package`` that define ``export``, ascending."""
    path = importlib.import_module(package).__path__
    names = (module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))
    return sorted(name for name in names if hasattr(_module(package, name), export))


def load_plug_in(
    package: str,
    export: str,
    kind: str,
    name: str,
    options: dict[str, Any],
    offered: dict[str, Any] | None = None,
) -> Any:
    """``export`` of the module ``name`` of ``package``, constructed with ``options``.

    Parameters
    ----------
    kind : str
        What it is called in messages, for example ``news provider``.
    offered : dict, optional
        Resources by parameter name; those that the constructor names are passed, and no option may set them.

    Raises
    ------
    SettingsError
        No such module, or an option that it does not take; the message lists the valid ones.
    """
    known = plug_in_names(package, export)
    if name not in known:
        raise SettingsError(
            f"{kind} {name!r} does not exist; choose one of {', '.join(known)}, "
            f"or add the module {package.replace('.', '/')}/{name}.py exporting {export}"
        )
    factory = getattr(_module(package, name), export)
    taken = inspect.signature(factory).parameters
    if reserved := sorted(set(offered or {}) & set(options)):
        raise SettingsError(f"{kind} {name!r}: {', '.join(reserved)} is no option, it is provided")
    options = options | {key: value for key, value in (offered or {}).items() if key in taken}
    try:
        inspect.signature(factory).bind(**options)
    except TypeError as error:
        raise SettingsError(f"{kind} {name!r}: {error}; it takes {inspect.signature(factory)}") from error
    return factory(**options)


def _module(package: str, name: str) -> Any:
    return importlib.import_module(f"{package}.{name}")
