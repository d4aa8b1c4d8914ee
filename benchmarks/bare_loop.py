"""The function that everybody writes first: ask every case of a CSV, compare, print the accuracy.

It is what the plugin is measured against: the official client, a semaphore, nothing else. Prints
one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import time
from pathlib import Path

from openai import AsyncOpenAI


async def ask_all(cases: list[dict[str, str]], *, base_url: str, concurrency: int) -> list[bool]:
    """Whether each case was answered as expected."""
    semaphore = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

        async def ask(case: dict[str, str]) -> bool:
            async with semaphore:
                completion = await client.chat.completions.create(
                    model="fake", messages=[{"role": "user", "content": case["input"]}]
                )
            return completion.choices[0].message.content == case["expected"]

        return await asyncio.gather(*map(ask, cases))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="CSV with the columns input and expected")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    given = parser.parse_args()
    with given.file.open(newline="", encoding="utf-8") as lines:
        cases = list(csv.DictReader(lines))
    start_s = time.perf_counter()
    right = asyncio.run(ask_all(cases, base_url=given.base_url, concurrency=given.concurrency))
    asked_s = time.perf_counter() - start_s
    print(json.dumps({"accuracy": sum(right) / len(right), "asked_s": asked_s}))


if __name__ == "__main__":
    main()
