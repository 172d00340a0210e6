"""Every error is problem+json with a reason; every body is bounded; nothing a client sends becomes a 500."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from shared import http
from shared.commits import ConflictError, OutageError
from shared.http import BODY_BYTES_MAX, Cursor, Limit, Problem, cursor_of, key_of


class Body(BaseModel):
    """What the app of these tests takes."""

    number: Annotated[int, Field(ge=0, le=10)]


def app() -> FastAPI:
    found = FastAPI(responses=http.PROBLEMS)
    http.install(found)

    @found.post("/orders")
    async def post(body: Body) -> dict[str, int]:
        return {"number": body.number}

    @found.get("/orders")
    async def page(cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
        return {"key": key_of(cursor, str, int), "limit": limit}

    @found.get("/refused")
    async def refused() -> None:
        raise Problem(409, "already_paid", "order 1 is paid")

    @found.get("/busy")
    async def busy() -> None:
        message = "two writers"
        raise ConflictError(message)

    @found.get("/away")
    async def away() -> None:
        message = "mongodb://user:secret@host"
        raise OutageError(message)

    @found.get("/bug")
    async def bug() -> None:
        message = "secret detail"
        raise RuntimeError(message)

    return found


async def ask(method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
    transport = httpx.ASGITransport(app=app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://weir") as client:
        return await client.request(method, path, **options)


def is_problem(answer: httpx.Response, status: int, reason: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["reason"], body["type"]) == (status, reason, "about:blank")
    assert body["title"] == reason.replace("_", " ")


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "reason"),
    [
        ("GET", "/nowhere", {}, 404, "route_unknown"),
        ("GET", "/orders/../../etc/passwd", {}, 404, "route_unknown"),
        ("GET", "/%00%ff", {}, 404, "route_unknown"),
        ("DELETE", "/orders", {}, 405, "method_not_allowed"),
        ("BREW", "/orders", {}, 405, "method_not_allowed"),
        ("POST", "/orders", {"content": b"{"}, 400, "not_json"),
        ("POST", "/orders", {"content": b'{"number": NaN'}, 400, "not_json"),
        ("POST", "/orders", {"content": b""}, 422, "contract"),
        ("POST", "/orders", {"content": b"\xff\xfe"}, 400, None),
        ("POST", "/orders", {"content": b"[" * 200_000}, 400, None),
        ("POST", "/orders", {"json": {"number": "ten"}}, 422, "contract"),
        ("POST", "/orders", {"json": {"number": 1.5}}, 422, "contract"),
        ("POST", "/orders", {"json": {"number": 11}}, 422, "contract"),
        ("POST", "/orders", {"json": {"number": 10**400}}, None, None),
        ("POST", "/orders", {"json": [1]}, 422, "contract"),
        ("POST", "/orders", {"json": None}, 422, "contract"),
        ("GET", "/orders?limit=0", {}, 422, "contract"),
        ("GET", "/orders?limit=501", {}, 422, "contract"),
        ("GET", "/orders?limit=x", {}, 422, "contract"),
        ("GET", "/orders?cursor=" + "x" * 601, {}, 422, "contract"),
        ("GET", "/refused", {}, 409, "already_paid"),
        ("GET", "/busy", {}, 503, "busy"),
        ("GET", "/away", {}, 503, "outage"),
        ("GET", "/bug", {}, 500, "internal"),
    ],
)
async def test_an_error_says_its_reason_in_one_form(
    method: str, path: str, options: dict[str, Any], status: int | None, reason: str | None
) -> None:
    headers = {"content-type": "application/json"} if "content" in options else {}
    answer = await ask(method, path, headers=headers, **options)
    is_problem(answer, status or answer.status_code, reason or answer.json()["reason"])
    assert answer.status_code < 500 or path in {"/busy", "/away", "/bug"}
    assert "secret" not in answer.text


async def test_a_wrong_field_is_named() -> None:
    answer = await ask("POST", "/orders", json={"number": "ten"})
    assert answer.json()["errors"][0]["field"] == "body.number"


async def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert set((await ask("DELETE", "/orders")).headers["allow"].split(", ")) <= {"GET", "POST", "HEAD"}


async def test_a_body_that_announces_too_much_is_refused_unread() -> None:
    answer = await ask("POST", "/orders", content=b" " * (BODY_BYTES_MAX + 1))
    is_problem(answer, 413, "body_too_large")


async def test_a_body_that_announces_nothing_is_refused_once_it_is_too_long() -> None:
    """Chunked: fails when only the announced length is checked, and with 400 when FastAPI takes it for bad JSON."""
    answer = await ask("POST", "/orders", content=chunks(100_000, 11), headers={"content-type": "application/json"})
    is_problem(answer, 413, "body_too_large")


async def test_a_chunked_body_within_the_limit_is_read() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"num'
        yield b'ber": 7}'

    answer = await ask("POST", "/orders", content=parts(), headers={"content-type": "application/json"})
    assert answer.json() == {"number": 7}


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "99999999999999999999999", " "])
async def test_an_odd_content_length_is_refused(length: str) -> None:
    answer = await ask("POST", "/orders", content=chunks(1, 1), headers={"content-length": length})
    assert 400 <= answer.status_code < 500


async def test_a_cursor_continues_after_its_key() -> None:
    answer = await ask("GET", "/orders", params={"cursor": cursor_of("demo-1/x", 7)})
    assert answer.json() == {"key": ["demo-1/x", 7], "limit": 100}
    assert (await ask("GET", "/orders")).json()["key"] is None


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "%%%",
        "abc",
        "é",
        encoded("text"),
        encoded(["x"]),
        encoded(["x", "7"]),
        encoded(["x", True]),
        encoded(["x", 7, 8]),
        encoded(["x", 2**63]),
        encoded(["x", -(2**63) - 1]),
        encoded(["\ud800", 7]),
        encoded([{"$gt": ""}, 7]),
        base64.urlsafe_b64encode(b"[" * 400).decode(),
        base64.urlsafe_b64encode(b"\xff").decode(),
    ],
)
async def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    """Fails when a number beyond 64 bits or a lone surrogate gets to MongoDB, which cannot store either."""
    is_problem(await ask("GET", "/orders", params={"cursor": cursor}), 422, "cursor_invalid")


@given(st.text(max_size=600))
def test_no_text_makes_reading_a_cursor_raise_anything_else(cursor: str) -> None:
    with contextlib.suppress(Problem):
        assert key_of(cursor, str, int) is not None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=64), st.integers(-(2**63), 2**63 - 1))
def test_every_cursor_that_is_given_is_taken(name: str, number: int) -> None:
    assert key_of(cursor_of(name, number), str, int) == (name, number)


def test_errors_are_documented_as_they_are_answered() -> None:
    responses = app().openapi()["paths"]["/orders"]["post"]["responses"]
    for status in ("400", "404", "405", "409", "413", "422", "503"):
        assert list(responses[status]["content"]) == ["application/problem+json"]
        fields = responses[status]["content"]["application/problem+json"]["schema"]["properties"]
        assert {"title", "status", "reason", "detail"} <= fields.keys()
