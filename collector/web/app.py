"""The page on 127.0.0.1: what is met and what is not, and whether every record arrived."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
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
from collector.evidence.signing import as_json
from collector.kpi import Period
from collector.targets import HEADLINE, UnknownPeriodError, parse
from collector.targets.periods import recent_months
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

MONTHS_OFFERED = 4
"""Links to the running month and those before it; any other can be asked for by its name."""

_HERE = Path(__file__).parent
_encoder = msgspec.json.Encoder()

Handler = Callable[[Request], Awaitable[Response]]


def create(config: Config, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """The application for one collector; `now` tells the time in UTC."""
    board = Board(config, now)
    pages = _Pages(board, now)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await board.close()

    return Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/verdict", pages.one_verdict),
            Route("/ledger", pages.ledger),
            Route("/api/verdicts", pages.api_verdicts),
            Route("/api/ledger", pages.api_ledger),
            Route("/api/probes", pages.api_probes),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(_Guarded)],
        exception_handlers={UnknownPeriodError: pages.no_such_period},
        lifespan=lifespan,
    )


class _Pages:
    """One answer for each address."""

    def __init__(self, board: Board, now: Callable[[], datetime]) -> None:
        self._board = board
        self._now = now
        self._templates = Environment(
            loader=PackageLoader("collector.web"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def overview(self, request: Request) -> Response:
        """Every target, the ledger and the probes."""
        period = _period(request)
        judged, books = await self._board.judged(period), await self._board.books()
        chapters = view.chapters(judged.verdicts, judged.targets)
        return self._page(
            "board.html",
            request,
            period=period,
            months=recent_months(self._now(), MONTHS_OFFERED),
            judged=judged,
            books=books,
            chapters=chapters,
            groups=view.by_basis(chapters),
        )

    async def one_verdict(self, request: Request) -> Response:
        """One verdict with its evidence."""
        period = _period(request)
        judged = await self._board.judged(period)
        asked = request.query_params
        for verdict in judged.verdicts:
            if view.is_meant(verdict, asked):
                headline = next(
                    one
                    for one in judged.verdicts
                    if (one.target, one.boundary_set) == (verdict.target, verdict.boundary_set)
                )
                return self._page(
                    "verdict.html",
                    request,
                    period=period,
                    query=view.names(verdict),
                    verdict=verdict,
                    target=judged.targets[verdict.target],
                    sql=headline.evidence.query,
                )
        return self._page("missing.html", request, status=404)

    async def ledger(self, request: Request) -> Response:
        """Every epoch with all its counts, and each hole with its age."""
        books = await self._board.books()
        return self._page("ledger.html", request, period=_period(request), books=books)

    async def no_such_period(self, request: Request, _error: Exception) -> Response:
        """Nothing was ever judged over such a period."""
        return self._page("missing.html", request, status=404)

    async def api_verdicts(self, request: Request) -> Response:
        """The verdicts, for a program."""
        judged = await self._board.judged(_period(request))
        asked = request.query_params
        target, level = asked.get("target"), asked.get("level")
        return _json(
            {
                "computed_utc": judged.at,
                "problem": judged.problem,
                "verdicts": [
                    as_json(one)
                    for one in judged.said
                    if target in {None, one.verdict.target}
                    and (level is None or one.verdict.level in {level, HEADLINE})
                ],
            },
            503 if judged.at is None else 200,
        )

    async def api_ledger(self, _request: Request) -> Response:
        """The ledger as JSON."""
        books = await self._board.books()
        return _json(
            {
                "ledger": books.ledger,
                "quarantined": books.quarantined,
                "quarantine_given_up": books.given_up,
                "problem": books.problem,
            },
            503 if books.problem else 200,
        )

    async def api_probes(self, _request: Request) -> Response:
        """The presence of the probes as JSON."""
        books = await self._board.books()
        return _json(
            {"probes": books.probes, "problem": books.problem}, 503 if books.problem else 200
        )

    def _page(
        self,
        name: str,
        request: Request,
        *,
        status: int = 200,
        period: Period | None = None,
        query: Mapping[str, str] = MappingProxyType({}),
        **values: Any,
    ) -> Response:
        lang = _language(request)
        html = self._templates.get_template(name).render(
            lang=lang,
            words=WORDS[lang],
            see=view.View(lang, period),
            now=self._now(),
            period=period,
            path=request.url.path,
            query=query,
            **values,
        )
        return HTMLResponse(html, status_code=status)


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


def _period(request: Request) -> Period | None:
    """The period asked for; raises `UnknownPeriodError`."""
    asked = request.query_params.get("period")
    return None if asked is None else parse(asked)


def _json(content: Any, status: int) -> Response:
    return Response(_encoder.encode(content), status_code=status, media_type="application/json")
