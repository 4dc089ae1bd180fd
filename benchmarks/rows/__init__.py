"""One thing measured in each module, by `async def measure(bench) -> list[Row]`."""
