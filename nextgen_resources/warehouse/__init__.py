"""The DuckDB warehouse: one opener, one writer at a time, slices replaced in one transaction."""
