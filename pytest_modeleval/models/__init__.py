"""Models: the things that are asked. ``names`` turns a spec such as ``openai:gpt-5-mini`` into one."""
