"""Pure computation: frames, arrays, tensors and Decimals in, the same out; no I/O, no clock."""
