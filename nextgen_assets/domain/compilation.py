"""How kernels are compiled: without the interpreter's lock, kept on disk, and never with reordered sums.

Imported by kernel modules only, and those only where they run: start-up must not pay for a compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def compiled(function: _Kernel) -> _Kernel:
    """Compile ``function`` on its first call.

    Notes
    -----
    Strict floating point: no reassociation and no fused multiply-add, so a lane gives the same bits in every
    position. The machine code is kept beside the source, or in the user's cache folder where that cannot be
    written; where neither can, every process compiles for itself. It is keyed by the source file and the
    processor, so everything that a kernel calls must stand in its own module.
    """
    try:
        kept = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # "cannot cache function …: no locator available": nowhere to keep it
        kept = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(_Kernel, kept)


def inner(function: _Kernel) -> _Kernel:
    """Compile a part of a kernel: only other compiled code may call it."""
    part = numba.njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[call-overload]
    return cast(_Kernel, part)


def in_threads(tasks: Sequence[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
    """Run compiled functions with their arguments, on as many threads as numba may use.

    Notes
    -----
    The first runs alone: it may have to compile, or to read what was compiled, and only one thread should.
    """
    seen: set[Callable[..., None]] = set()
    rest = []
    for function, arguments in tasks:
        if function in seen:
            rest.append((function, arguments))
        else:
            seen.add(function)
            function(*arguments)
    workers = min(numba.config.NUMBA_NUM_THREADS, len(rest))  # type: ignore[attr-defined]
    if workers < 2:
        for function, arguments in rest:
            function(*arguments)
        return
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(function, *arguments) for function, arguments in rest]:
            future.result()
