"""Where Dagster keeps its history: one home per scenario."""

import os
import shutil
from pathlib import Path

from nextgen_resources.settings.schema import Settings


def enter_home(settings: Settings) -> Path:
    """Point ``DAGSTER_HOME`` at the home of the scenario, made if absent.

    Notes
    -----
    The baseline keeps its history in ``dagster_home`` (or where ``DAGSTER_HOME`` says); any other
    scenario has a folder of its own beside its warehouse, so that neither sees the other's runs.
    """
    shipped = settings.project_root / "dagster_home"
    if settings.scenario_id == "baseline":
        home = Path(os.environ.get("DAGSTER_HOME") or shipped)
    else:
        home = settings.scenario_dir / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(shipped / "dagster.yaml", home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    return home
