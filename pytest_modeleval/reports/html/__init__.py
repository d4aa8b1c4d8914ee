"""The HTML report: one file that works offline, with style, script and data inside."""
