"""The function that everybody writes first: ask every case of a CSV, compare, print the accuracy.

It is what the plugin is measured against: the official client, a semaphore, nothing else; or the
same over bare aiohttp, which is what the calls cost at least. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Say = Callable[[str], Awaitable[str]]


async def ask_all(cases: list[dict[str, str]], say: Say, *, concurrency: int) -> list[bool]:
    """Whether each case was answered as expected."""
    semaphore = asyncio.Semaphore(concurrency)

    async def ask(case: dict[str, str]) -> bool:
        async with semaphore:
            return await say(case["input"]) == case["expected"]

    return await asyncio.gather(*map(ask, cases))


async def over_sdk(cases: list[dict[str, str]], *, base_url: str, concurrency: int) -> list[bool]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

        async def say(text: str) -> str:
            completion = await client.chat.completions.create(
                model="fake", messages=[{"role": "user", "content": text}]
            )
            return completion.choices[0].message.content

        return await ask_all(cases, say, concurrency=concurrency)


async def over_aiohttp(
    cases: list[dict[str, str]], *, base_url: str, concurrency: int
) -> list[bool]:
    import aiohttp

    url, headers = f"{base_url}/chat/completions", {"Authorization": "Bearer none"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def say(text: str) -> str:
            body = {"model": "fake", "messages": [{"role": "user", "content": text}]}
            async with session.post(url, json=body, headers=headers) as response:
                completion = await response.json()
            return completion["choices"][0]["message"]["content"]

        return await ask_all(cases, say, concurrency=concurrency)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="CSV with the columns input and expected")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--client", choices=("sdk", "aiohttp"), default="sdk")
    given = parser.parse_args()
    with given.file.open(newline="", encoding="utf-8") as lines:
        cases = list(csv.DictReader(lines))
    loop = over_sdk if given.client == "sdk" else over_aiohttp
    right = asyncio.run(loop(cases, base_url=given.base_url, concurrency=given.concurrency))
    print(json.dumps({"accuracy": sum(right) / len(right)}))


if __name__ == "__main__":
    main()
