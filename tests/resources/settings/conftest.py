"""A project of its own for each test: no variable and no .env of this machine is read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    return tmp_path


@pytest.fixture
def load(project: Path) -> Callable[..., Settings]:
    """``load(profile=None, env=None, dotenv=None, overrides=None)``: settings of the empty project."""

    def _load(
        profile: str | None = None,
        env: Mapping[str, str] | None = None,
        dotenv: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Settings:
        if dotenv is not None:
            (project / ".env").write_text(dotenv, encoding="utf-8")
        return load_settings(profile, {"NEXTGEN_ROOT": str(project), **(env or {})}, overrides=overrides)

    return _load
