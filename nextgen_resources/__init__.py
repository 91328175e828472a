"""Every byte in or out: settings, warehouse, providers, model artifacts. No arithmetic on prices."""
