"""Every setting, where it came from, and the secrets; read once, frozen, passed around.

A value is looked for in this order, the later place wins:

1. ``defaults.yaml``: every setting has its value here, none has a second default in code;
2. ``profiles/<profile>.yaml``: ``development`` (the default), ``ci`` or ``production``;
3. environment: ``NEXTGEN__PREDICTION__CONCURRENCY=4``, two underscores between the levels;
4. ``.env`` in the project root, the same keys; it is read last, so a local file has the last word.

`loader.load_settings` reads them, `schema.Settings` is the result, `report` prints it with origins.
An unknown key or a value outside its range is refused, never ignored. Secrets come from the environment
or ``.env`` only, and no representation shows them. Nothing outside this package reads the environment.
"""
