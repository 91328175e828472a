"""The house rules that tools can check: who imports whom, and what start-up costs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "torch",
    "pandas",
    "sklearn",
    "matplotlib",
    "yfinance",
    "openai",
    "joblib",
    "exchange_calendars",
    "numba",
)
PLANTED = {
    "domain imports the database": ("nextgen_assets/domain/planted.py", "import duckdb\n"),
    "domain imports resources": (
        "nextgen_assets/domain/planted.py",
        "from nextgen_resources.errors import NextGenError\n",
    ),
    "resources import the graph": (
        "nextgen_resources/planted.py",
        "from nextgen_assets.domain.sessions import xnys\n",
    ),
    "assets import each other": (
        "nextgen_assets/trades.py",
        "from nextgen_assets.market_prices import of_members\n",
    ),
    "an asset imports the definitions": (
        "nextgen_assets/trades.py",
        "from nextgen_assets.definitions import defs\n",
    ),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code in a folder where a rule can be broken."""
    folder = tmp_path_factory.mktemp("house")
    for package in ("nextgen_assets", "nextgen_resources"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_import_contracts_hold(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout
    assert "3 kept, 0 broken" in result.stdout


@pytest.mark.parametrize("breach", PLANTED)
def test_planted_breach_breaks_a_contract(copy: Path, breach: str) -> None:
    name, code = PLANTED[breach]
    path = copy / name
    before = path.read_text() if path.exists() else None
    path.write_text(code + (before or ""))
    try:
        result = lint_imports(copy)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert result.returncode == 1, result.stdout
    assert "1 broken" in result.stdout


def test_loading_the_code_location_imports_nothing_heavy() -> None:
    code = f"import sys, nextgen_assets.definitions; print([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip().splitlines()[-1] == "[]"


def test_top_level_is_the_fixed_one() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if files.returncode:
        pytest.skip("not a git checkout, so nothing says which files belong to it")
    allowed = {
        "pyproject.toml", "workspace.yaml", "nextgen_assets", "nextgen_resources", "sql", "tests", "dagster_home",
        "README.md", "Makefile", "constraints.txt", "LICENSE", "docs",
    }  # fmt: skip
    top = {line.split("/")[0] for line in files.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= allowed


def test_every_asset_module_has_a_migration_and_a_check() -> None:
    from nextgen_assets.definitions import ASSET_MODULES
    from nextgen_resources.warehouse.schema import tables_of_record

    names = [module.__name__.rpartition(".")[2] for module in ASSET_MODULES]
    assert len(names) == 26
    assert set(names) <= set(tables_of_record())
    assert all(list((ROOT / "sql" / "checks" / name).glob("*.sql")) for name in names)
