"""The asset graph: one module per asset; module = asset = table = migration = test."""
