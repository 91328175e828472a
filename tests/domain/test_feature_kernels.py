"""Kernels are compiled only where they run, are kept where that is possible, and do not depend on threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nextgen_assets.domain.features import select
from nextgen_assets.domain.windows import feature_vectors
from tests.contracts.synthetic_market import synthetic_market

ROOT = Path(__file__).parents[2]
CORE_ONLY = """
import sys
from nextgen_assets.domain.features import known_features, select
from nextgen_assets.domain.windows import feature_vectors
from tests.contracts.synthetic_market import synthetic_market
assert len(known_features()) > 200
feature_vectors(synthetic_market().panel(), select(["core", "calendar", "cross_section"]))
print("numba" in sys.modules)
"""


def test_features_without_a_kernel_run_without_the_compiler() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CORE_ONLY], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_kernel_is_compiled_without_a_cache_where_none_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numba

    from nextgen_assets.domain import compilation

    compile_ = numba.njit

    def nowhere(*arguments: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function 'add': no locator available")
        return compile_(*arguments, **options)

    monkeypatch.setattr(numba, "njit", nowhere)

    def add(first: float, second: float) -> float:
        return first + second

    assert compilation.compiled(add)(1.5, 2.0) == 3.5


@pytest.mark.parametrize("n_threads", [1, 3])
def test_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch, n_threads: int) -> None:
    import numba

    chosen, names = select(["alpha_ma5", "alpha_corr60"]), tuple(f"T{number}" for number in range(100))
    panel = synthetic_market().panel(tickers=("WAVE", *names))
    wide = {name: np.repeat(values[:, :1], 101, axis=1) for name, values in panel.fields.items()}
    many = type(panel)(panel.sessions, panel.tickers, wide)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", n_threads)
    vectors = feature_vectors(many, chosen)
    assert np.isfinite(vectors[-1]).all()
    assert vectors.tobytes() == np.repeat(vectors[:, :1], 101, axis=1).tobytes()
