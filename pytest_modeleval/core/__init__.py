"""Values and arithmetic: no input or output, no clock, no async, no pytest."""
