"""The page on 127.0.0.1: what is met and what is not, and whether every record arrived."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from collector.config import Config
from collector.targets import load, select
from collector.web import view
from collector.web.board import Board
from collector.web.words import LANGUAGES, WORDS

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_HERE = Path(__file__).parent
_encoder = msgspec.json.Encoder()

Handler = Callable[[Request], Awaitable[Response]]


def create(config: Config, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """The application for one collector; `now` tells the time in UTC."""
    board = Board(config, now)
    titles = {target.id: target for target in load(config.targets.folder)}
    templates = Environment(
        loader=PackageLoader("collector.web"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await board.close()

    def page(name: str, request: Request, status: int = 200, **values: Any) -> Response:
        lang = _language(request)
        html = templates.get_template(name).render(
            lang=lang, words=WORDS[lang], see=view.View(lang), now=now(), **values
        )
        return HTMLResponse(html, status_code=status)

    async def overview(request: Request) -> Response:
        judged, books = await board.judged(), await board.books()
        return page(
            "board.html",
            request,
            here="/",
            judged=judged,
            books=books,
            chapters=view.chapters(judged.verdicts, titles),
        )

    async def one_verdict(request: Request) -> Response:
        judged = await board.judged()
        asked = {
            key: request.query_params.get(key) for key in ("target", "level", "code", "operator")
        }
        for verdict in judged.verdicts:
            if all(getattr(verdict, key) == value for key, value in asked.items()):
                headline = next(one for one in judged.verdicts if one.target == verdict.target)
                return page(
                    "verdict.html",
                    request,
                    here=f"/verdict?{view.query(verdict)}",
                    verdict=verdict,
                    target=titles[verdict.target],
                    sql=headline.evidence.query,
                )
        return page("missing.html", request, 404, here="/")

    async def api_verdicts(request: Request) -> Response:
        judged = await board.judged()
        asked = request.query_params
        return _json(
            {
                "computed_utc": judged.at,
                "problem": judged.problem,
                "verdicts": select(
                    judged.verdicts, target=asked.get("target"), level=asked.get("level")
                ),
            },
            503 if judged.at is None else 200,
        )

    async def api_ledger(_request: Request) -> Response:
        books = await board.books()
        return _json(
            {
                "ledger": books.ledger,
                "quarantined": books.quarantined,
                "quarantine_given_up": books.given_up,
                "problem": books.problem,
            },
            503 if books.problem else 200,
        )

    async def api_probes(_request: Request) -> Response:
        books = await board.books()
        return _json(
            {"probes": books.probes, "problem": books.problem}, 503 if books.problem else 200
        )

    return Starlette(
        routes=[
            Route("/", overview),
            Route("/verdict", one_verdict),
            Route("/api/verdicts", api_verdicts),
            Route("/api/ledger", api_ledger),
            Route("/api/probes", api_probes),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(_Guarded)],
        lifespan=lifespan,
    )


class _Guarded(BaseHTTPMiddleware):
    """Every answer carries the headers that keep browsers from doing more than showing it."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        if not request.url.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _json(content: Any, status: int) -> Response:
    return Response(_encoder.encode(content), status_code=status, media_type="application/json")
