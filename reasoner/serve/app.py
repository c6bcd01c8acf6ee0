"""The application: routes to what answers them."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from typing import TypeVar, get_args

import msgspec
from msgspec.structs import fields
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphs.viewer.document import inline_sources
from reasoner.errors import ReasonerError, nearest
from reasoner.guideline import Guideline
from reasoner.serve.api import QUESTIONS, Asked, Asker, Question, findings
from reasoner.serve.describe import describe
from reasoner.serve.hooks import FeedbackCall, HookCall, Hooks, Service, discovery, note_feedback, services_of
from reasoner.serve.limits import Threads, body_of
from reasoner.serve.openapi import document
from reasoner.serve.problems import HOOKS, RefusedError, refusal
from reasoner.serve.settings import Settings
from reasoner.serve.trust import Trust
from reasoner.serve.watch import Watch, metrics

__all__ = ["application", "from_environment"]

PAGE = Path(str(files("reasoner.serve"))) / "page"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' {}; style-src 'self' {}; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SMALL = 256 * 1024
FIRST_COURSES = 4
LONGEST_PATH = 100
HOOK_CALL = msgspec.json.Decoder(HookCall)
FEEDBACK_CALL = msgspec.json.Decoder(FeedbackCall)
STRANGE_FIELD = re.compile(r"unknown field `([^`]+)`$")
STRANGE_VALUE = re.compile(r"Invalid enum value '(.*)' - at `\$\.(\w+)`$")
FIELD = re.compile(r"`\$\.?([^`]+)`$|(?:required|unknown) field `([^`]+)`")

Handler = Callable[[Request], Awaitable[Response]]
Body = TypeVar("Body")
Result = TypeVar("Result")


def from_environment() -> Watch:
    """Make the application in a worker process."""
    return application(Settings.handed_on())


def application(settings: Settings) -> Watch:
    """Make the application.

    Raises ReasonerError where the guideline or the clients' keys cannot be used.
    """
    service = Application(settings)
    middleware = [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["X-Request-Id", "Retry-After"],
        )
    ]
    return Watch(
        Starlette(
            routes=list(service.routes()),
            middleware=middleware if settings.origins else [],
            exception_handlers=dict.fromkeys((RefusedError, ReasonerError, HTTPException, Exception), refused),
            lifespan=service.lifespan,
        )
    )


class Application:
    """What all requests share: the guideline, the threads for long questions, the clients' keys."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.guideline = Guideline.load(settings.folder, settings.layer, settings.overlays)
        self.threads = Threads(settings.waiting, settings.answer_seconds)
        self.asker = Asker(self.guideline, settings.courses)
        self.hooks = Hooks(self.guideline, settings.courses)
        self.trust = Trust(Path(settings.keys), settings.issuers, settings.scratch) if settings.keys else None
        self.ready = False
        self.checked: Future[bytes] | None = None

    def routes(self) -> Iterator[Route]:
        """List the routes, the busiest first."""
        for service in services_of(self.guideline):
            yield route("POST", f"{HOOKS}/{service.id}", partial(self.call, service))
            yield route("POST", f"{HOOKS}/{service.id}/feedback", partial(self.feedback, service))
        yield route("GET", HOOKS, self.trusted(fixed(discovery(self.guideline))))
        for question in QUESTIONS:
            yield route("POST", question.path, partial(self.ask, question, msgspec.json.Decoder(question.body)))
        yield route("GET", "/api/guideline", fixed(msgspec.json.encode(describe(self.guideline))))
        yield route("GET", "/api/check", self.check)
        yield route("GET", "/openapi.json", fixed(msgspec.json.encode(document(self.guideline, self.settings))))
        yield route("GET", "/health", fixed(b'{"status":"alive"}'))
        yield route("GET", "/ready", self.readiness)
        yield route("GET", "/metrics", counts)
        headers = {"Content-Security-Policy": PAGE_POLICY.format(*inline_sources()), "Cache-Control": "no-cache"}
        for file in sorted(PAGE.glob("*.*")):
            media = guess_type(file.name)[0] or "application/octet-stream"
            yield route("GET", f"/page/{file.name}", fixed(file.read_bytes(), media, headers))
            if file.name == "index.html":
                yield route("GET", "/", fixed(file.read_bytes(), media, headers))

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Ground the guideline for the usual histories in the background, then be ready; end with the last answer."""
        warming = asyncio.get_running_loop().run_in_executor(None, self.warm)
        yield
        await warming
        self.threads.pool.shutdown()

    def warm(self) -> None:
        for courses in range(min(FIRST_COURSES, self.settings.courses) + 1):
            self.guideline.evaluator(courses).compile()
        gc.collect()
        gc.freeze()  # what is loaded stays: no collection has to look through it again
        self.ready = True

    async def body(self, request: Request) -> bytes:
        return await body_of(request, self.settings.largest_body, self.settings.body_seconds)

    async def run(self, answer: Callable[[], Result], quick: bool) -> Result:
        """Answer at once what is quick, beside the event loop what is not."""
        return answer() if quick else await self.threads.run(answer)

    async def ask(self, question: Question, decoder: msgspec.json.Decoder[Asked], request: Request) -> Response:
        """Answer a question of the JSON API."""
        body = await self.body(request)

        def answer() -> Response:
            return question.reply(self.asker, decoded(decoder, body, 422))

        return await self.run(answer, question.quick and len(body) <= SMALL)

    async def check(self, _: Request) -> Response:
        """Give the guideline's defects, looked for once."""
        if self.checked is None:
            self.checked = self.threads.start(partial(findings, self.guideline))
        return Response(await self.threads.result(self.checked), media_type="application/json")

    async def call(self, service: Service, request: Request) -> Response:
        """Answer a call of a CDS service."""
        base = self.authorized(request)
        body = await self.body(request)

        def answer() -> bytes:
            return self.hooks.reply(service, decoded(HOOK_CALL, body, 400), base)

        return Response(await self.run(answer, len(body) <= SMALL), media_type="application/json")

    async def feedback(self, service: Service, request: Request) -> Response:
        """Take a CDS client's feedback."""
        self.authorized(request)
        note_feedback(service, decoded(FEEDBACK_CALL, await self.body(request), 400))
        return Response(status_code=200)

    def trusted(self, handler: Handler) -> Handler:
        """Let only CDS clients that are trusted reach a handler."""

        async def guarded(request: Request) -> Response:
            self.authorized(request)
            return await handler(request)

        return guarded

    def authorized(self, request: Request) -> str:
        """Give the URL of the service as the client knows it; raises RefusedError 401 where the client is not trusted."""
        base = self.settings.public_url or f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
        if self.trust is not None:
            self.trust.check(request.headers.get("authorization", ""), base + request.url.path)
        return base

    async def readiness(self, _: Request) -> Response:
        if not self.ready:
            raise RefusedError(503, "the guideline is being loaded", headers={"Retry-After": "1"})
        return Response(b'{"status":"ready"}', media_type="application/json")


def route(method: str, path: str, handler: Handler) -> Route:
    """Make a route that says in its requests which one it is."""

    async def endpoint(request: Request) -> Response:
        request.scope["template"] = path
        return await handler(request)

    return Route(path, endpoint, methods=[method])


def fixed(content: bytes, media: str = "application/json", headers: Mapping[str, str] | None = None) -> Handler:
    """Make a handler that always gives the same."""

    async def give(_: Request) -> Response:
        return Response(content, headers=headers, media_type=media)

    return give


async def counts(_: Request) -> Response:
    content, media = metrics()
    return Response(content, media_type=media)


def decoded(decoder: msgspec.json.Decoder[Body], body: bytes, status: int) -> Body:
    """Read a body; one of a form that was not asked for is refused with `status`."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        where = FIELD.search(str(error))
        detail = f"{error}{offered(decoder.type, str(error))}"
        raise RefusedError(status, detail, (where[1] or where[2]) if where else "") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, f"the body is no JSON that can be read: {error}") from None


def offered(body: type, error: str) -> str:
    """Name what a body may hold where it holds something else: its fields, or the values of a field."""
    known = {field.encode_name: get_args(field.type) for field in fields(body)}
    if found := STRANGE_FIELD.search(error):
        word, names = found[1], tuple(known)
    elif found := STRANGE_VALUE.search(error):
        word, names = found[1], known[found[2]]
    else:
        return ""
    return f"{nearest(word, names)}; allowed: {', '.join(names)}"


async def refused(request: Request, error: Exception) -> Response:
    """Word why a request is not answered."""
    if isinstance(error, ReasonerError):
        error = RefusedError.of(error)
    elif isinstance(error, HTTPException):
        error = RefusedError(error.status_code, unrouted(request, error), headers=error.headers)
    elif not isinstance(error, RefusedError):
        error = RefusedError(500, "an error of the service; its log has more under the number in X-Request-Id")
    return refusal(error, request.url.path)


def unrouted(request: Request, error: HTTPException) -> str:
    """Word why no route takes a request."""
    if error.status_code == 405:
        return f"{request.method} is not taken here; allowed: {(error.headers or {})['Allow']}"
    path = request.url.path[:LONGEST_PATH]
    hint = nearest(path, [route.path for route in request.app.routes]) or ";"
    return f'nothing is at "{path}"{hint} /openapi.json lists all there is'
