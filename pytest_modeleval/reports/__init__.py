"""Reports: a run and its verdict as text. No report computes a number or a verdict."""
