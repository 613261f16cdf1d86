"""HTTP: the application, its routes, what comes in within limits, metrics, logs."""
