"""What the UI shows of an asset comes from its docstring and its migrated tables."""

import pytest

from nextgen_assets.definitions import ASSET_MODULES
from nextgen_assets.policies import described
from nextgen_resources.warehouse.schema import tables_of_record


def test_docstring_becomes_a_sentence_a_list_and_a_paragraph() -> None:
    def asset() -> None:
        """One row per session.

        Key: ticker, session_date. Source: the closes,
        nothing else. Cadence: each session. A re-run replaces its sessions.
        """

    assert described(asset) == (
        "One row per session.\n\n"
        "- **Key**: ticker, session_date.\n"
        "- **Source**: the closes, nothing else.\n"
        "- **Cadence**: each session.\n\n"
        "A re-run replaces its sessions."
    )


@pytest.mark.parametrize("module", ASSET_MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_asset_says_what_it_is_and_explains_every_column(module) -> None:
    name = module.__name__.rpartition(".")[2]
    spec = next(iter(getattr(module, name).specs))
    assert spec.description is not None
    for word in ("One row per", "**Key**", "**Source**", "**Cadence**", "re-run"):
        assert word in spec.description
    columns = spec.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns] == tables_of_record()[name].names
    assert [column.name for column in columns if not column.description] == []
