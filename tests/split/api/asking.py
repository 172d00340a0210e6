"""Asking the API: what was answered, as JSON, rows of CSV, or a refusal. A name of a parameter may end in `_`."""

import csv
import io
from typing import Any

import httpx


async def got(api: httpx.AsyncClient, path: str, **query: object) -> dict[str, Any]:
    answer = await api.get(path, params={name.rstrip("_"): str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def rows(api: httpx.AsyncClient, path: str, *, accept: str = "*/*", **query: object) -> list[dict[str, str]]:
    params = {name.rstrip("_"): str(value) for name, value in query.items()}
    answer = await api.get(path, params=params, headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), answer.text
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


async def refused(api: httpx.AsyncClient, path: str, **query: object) -> tuple[int, str]:
    answer = await api.get(path, params={name.rstrip("_"): str(value) for name, value in query.items()})
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["reason"]


async def pages(api: httpx.AsyncClient, path: str, **query: object) -> list[dict[str, Any]]:
    found = [await got(api, path, **query)]
    while cursor := found[-1]["next_cursor"]:
        found.append(await got(api, path, **query, cursor=cursor))
    return found
