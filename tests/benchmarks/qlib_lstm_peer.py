"""Qlib's own LSTM, run by an interpreter that has Qlib: ``python qlib_lstm_peer.py FOLDER TORCH_FOLDER BATCH THREADS``.

Trains and predicts once on the windows in the folder whenever a line comes in, and prints the CPU and wall seconds of
both; torch comes from ``TORCH_FOLDER`` where the interpreter has none, so that both sides use the same one.
"""

import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np


def main(folder: str, torch_folder: str, batch: str, threads: str) -> None:
    """Answer until the input ends."""
    try:
        import torch
    except ImportError:
        sys.path.append(torch_folder)
        import torch
    import pandas as pd
    from qlib.contrib.model.pytorch_lstm import LSTM

    torch.set_num_threads(int(threads))
    windows = np.load(Path(folder, "windows.npy"))
    n_windows, _, n_features = windows.shape
    flat = pd.DataFrame(
        windows.transpose(0, 2, 1).reshape(n_windows, -1)
    )  # features by step, as Qlib's handlers lay them
    labels = pd.DataFrame(np.load(Path(folder, "labels.npy")))
    model = LSTM(d_feat=n_features, hidden_size=64, num_layers=2, batch_size=int(batch), GPU=-1, seed=1)
    model.fitted = True

    class Segment:
        """As much of a data set as ``predict`` asks for."""

        def prepare(self, *_: object, **__: object) -> pd.DataFrame:
            return flat

    for _ in sys.stdin:
        marks = [(time.process_time(), time.perf_counter())]
        model.train_epoch(flat, labels)
        marks.append((time.process_time(), time.perf_counter()))
        model.predict(Segment())
        marks.append((time.process_time(), time.perf_counter()))
        took = [
            after - before for start, end in pairwise(marks) for before, after in zip(start, end, strict=True)
        ]
        print("seconds", *took, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
