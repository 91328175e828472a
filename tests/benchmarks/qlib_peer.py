"""Alpha158 by Qlib, run by an interpreter that has it: ``python qlib_peer.py FOLDER KERNELS``.

Reads the folder that ``bench_features`` wrote in Qlib's format, computes the full set once, prints the seconds, and
leaves the values of the last sessions in ``values.npy`` with their names in ``names.txt``.
"""

import sys
import time
from pathlib import Path

import numpy as np


def main(folder: str, kernels: str) -> None:
    """Compute once and say how long it took."""
    import qlib
    from qlib.contrib.data.loader import Alpha158DL
    from qlib.data.dataset.loader import QlibDataLoader

    qlib.init(
        provider_uri=folder,
        region="us",
        kernels=int(kernels),
        logging_level=40,
        joblib_backend="multiprocessing",
    )
    days = Path(folder, "calendars", "day.txt").read_text().split()
    fields, names = Alpha158DL.get_feature_config()
    loader = QlibDataLoader(config={"feature": (fields, names)})
    started = time.perf_counter()
    frame = loader.load("all", days[0], days[-1])
    seconds = time.perf_counter() - started
    values = frame["feature"].sort_index()
    last = sorted({moment for moment, _ in values.index})[-3:]
    kept = np.stack([values.loc[moment].sort_index()[names].to_numpy() for moment in last])
    np.save(Path(folder, "values.npy"), kept)
    Path(folder, "names.txt").write_text("\n".join(names))
    print(f"seconds {seconds}")


if __name__ == "__main__":
    main(*sys.argv[1:])
