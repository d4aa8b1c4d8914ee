"""The engine: cases times models become predictions, concurrently and each asked once."""
