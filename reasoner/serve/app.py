"""The application: routes to what answers them."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from html import escape
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from string import Template
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
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.memory import on_larger_diagrams
from reasoner.errors import ReasonerError, nearest
from reasoner.fhir.systems import SYSTEMS
from reasoner.guideline import Guideline
from reasoner.records.record import MOST_UNKNOWN_COURSES
from reasoner.render.html.document import LOOK, asset
from reasoner.serve.api import QUESTIONS, Askers, Question, findings
from reasoner.serve.describe import describe
from reasoner.serve.ehr import FhirServers
from reasoner.serve.hooks import FeedbackCall, HookCall, Hooks, Service, discovery, note_feedback, services_of
from reasoner.serve.limits import QuestionPool, body_of
from reasoner.serve.monitoring import Monitor, metrics
from reasoner.serve.openapi import document
from reasoner.serve.prefetch import LISTS, Prefetched
from reasoner.serve.problems import HOOKS, RefusedError, refusal
from reasoner.serve.settings import Settings
from reasoner.serve.tokens import TokenVerifier

__all__ = ["application", "worker"]

PAGE = Path(str(files("reasoner.serve"))) / "page"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' {}; style-src 'self' {}; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
QUICK_BODY = 256 * 1024
USUAL_COURSES = 4
FETCHES = 16
SHOWN_PATH = 100
UNKNOWN_FIELD = re.compile(r"unknown field `([^`]+)`$")
INVALID_VALUE = re.compile(r"Invalid enum value '(.*)' - at `\$\.(\w+)`$")
FIELD = re.compile(r"`\$\.?([^`]+)`$|(?:required|unknown) field `([^`]+)`")

Handler = Callable[[Request], Awaitable[Response]]
Body = TypeVar("Body", bound=msgspec.Struct)


def worker() -> Monitor:
    """Make the application of a worker process."""
    return application(Settings.from_environment())


def application(settings: Settings) -> Monitor:
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
    return Monitor(
        Starlette(
            routes=list(service.routes()),
            middleware=middleware if settings.origins else [],
            exception_handlers=dict.fromkeys((RefusedError, ReasonerError, HTTPException, Exception), refused),
            lifespan=service.lifespan,
        )
    )


class Application:
    """What all requests share: the guideline, the pool for long questions, the verifier of tokens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.guideline = Guideline(settings.selection)
        self.pool = QuestionPool(settings.waiting, settings.answer_seconds)
        self.askers = Askers(self.guideline, settings.courses)
        self.hooks = Hooks(self.guideline, settings.courses)
        self.tokens = TokenVerifier(Path(settings.keys), settings.issuers, settings.scratch) if settings.keys else None
        self.servers = FhirServers(settings.fhir_servers, settings.fhir_networks, settings.fetch_seconds)
        self.fetches = QuestionPool(settings.waiting * len(LISTS), settings.fetch_seconds + 1, FETCHES)
        self.ready = False
        self.checked: Future[bytes] | None = None

    def routes(self) -> Iterator[Route]:
        """List the routes, the busiest first."""
        for service in services_of(self.guideline):
            yield route("POST", f"{HOOKS}/{service.id}", partial(self.call, service))
            yield route("POST", f"{HOOKS}/{service.id}/feedback", partial(self.feedback, service))
        yield route("GET", HOOKS, self.trusted(fixed(discovery(self.guideline))))
        for question in QUESTIONS:
            yield route("POST", question.path, partial(self.ask, question))
        yield route("GET", "/api/guideline", fixed(msgspec.json.encode(describe(self.guideline))))
        yield route("GET", "/api/check", self.check)
        yield route("GET", "/openapi.json", fixed(msgspec.json.encode(document(self.guideline, self.settings))))
        yield route("GET", "/health", fixed(b'{"status":"alive"}'))
        yield route("GET", "/ready", self.readiness)
        yield route("GET", "/metrics", counts)
        headers = {"Content-Security-Policy": PAGE_POLICY.format(*inline_sources()), "Cache-Control": "no-cache"}
        yield route("GET", "/", fixed(page(self.guideline.model), "text/html", headers))
        for file in sorted(path for path in PAGE.glob("*.*") if path.name != "index.html"):
            media = guess_type(file.name)[0] or "application/octet-stream"
            yield route("GET", f"/page/{file.name}", fixed(file.read_bytes(), media, headers))
        yield route("GET", f"/page/{LOOK}", fixed(asset(LOOK).encode(), "text/css", headers))

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Compile the guideline for the usual histories in the background; end with the last answer."""
        warming = asyncio.get_running_loop().run_in_executor(None, self.warm)
        yield
        await warming
        self.pool.threads.shutdown()
        self.fetches.threads.shutdown()

    def warm(self) -> None:
        for courses in range(min(USUAL_COURSES, self.settings.courses) + 1):
            self.guideline.evaluator(courses).compile()
        for courses in (MOST_UNKNOWN_COURSES, USUAL_COURSES):
            self.guideline.evaluator(courses, fewer=True).compile()
        gc.collect()
        gc.freeze()  # what is loaded stays: no later collection looks through it
        self.ready = True

    async def body(self, request: Request) -> bytes:
        return await body_of(request, self.settings.largest_body, self.settings.body_seconds)

    async def ask(self, question: Question, request: Request) -> Response:
        """Answer a question of the JSON API."""
        body = await self.body(request)
        if question.at_once is not None and len(body) <= QUICK_BODY:
            asked = decoded(question.body, body, 422)
            found = question.at_once(self.askers.asker(asked), asked)
            if found is not None:
                return found

        def answer() -> Response:
            asked = decoded(question.body, body, 422)
            return on_larger_diagrams(question.reply)(self.askers.asker(asked), asked)

        return await self.pool.run(answer)

    async def check(self, _: Request) -> Response:
        """Give the guideline's defects, which are searched for once."""
        if self.checked is None:
            self.checked = self.pool.start(partial(findings, self.guideline))
        return Response(await self.pool.result(self.checked), media_type="application/json")

    async def call(self, service: Service, request: Request) -> Response:
        """Answer a call of a CDS service."""
        base = self.authorized(request)
        body = await self.body(request)
        quick = len(body) <= QUICK_BODY

        def taken() -> tuple[HookCall, Prefetched]:
            call = decoded(HookCall, body, 400)
            return call, self.hooks.given(service, call)

        call, had = taken() if quick else await self.pool.run(taken)
        if (wanted := had.wanted()) and self.servers.servers:
            had, quick = await self.completed(call, had, wanted), False
        answer = partial(self.hooks.reply, call, base, had)
        return Response(answer() if quick else await self.pool.run(answer), media_type="application/json")

    async def completed(self, call: HookCall, had: Prefetched, wanted: Sequence[str]) -> Prefetched:
        """Fetch the lists that a call lacks, if it gives leave to."""
        trusted = self.tokens is not None
        access = self.servers.access(call.fhir_server, call.fhir_authorization, call.context.patient_id, trusted)
        if access is None:
            if call.fhir_server and not self.servers.allows(call.fhir_server):
                logging.getLogger(__name__).warning(
                    "the FHIR server of a call is not an allowed server (--fhir-server), so nothing is fetched"
                )
                return had.not_allowed()
            return had
        most = self.settings.largest_body // len(wanted)
        under_way = {
            key: self.fetches.start(partial(self.servers.obtain, access, self.hooks.queries[key], most)) for key in wanted
        }
        return had.completed({key: await self.fetches.result(own) for key, own in under_way.items()})

    async def feedback(self, service: Service, request: Request) -> Response:
        """Take a CDS client's feedback."""
        self.authorized(request)
        note_feedback(service, decoded(FeedbackCall, await self.body(request), 400))
        return Response(status_code=200)

    def trusted(self, handler: Handler) -> Handler:
        """Let only authorised CDS clients reach a handler."""

        async def guarded(request: Request) -> Response:
            self.authorized(request)
            return await handler(request)

        return guarded

    def authorized(self, request: Request) -> str:
        """Give the URL of the service as the client knows it.

        Raises RefusedError 401 where the client is not authorised.
        """
        base = self.settings.public_url or f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
        if self.tokens is not None:
            self.tokens.verify(request.headers.get("authorization", ""), base + request.url.path)
        return base

    async def readiness(self, _: Request) -> Response:
        if not self.ready:
            raise RefusedError(503, "the guideline is being loaded", headers={"Retry-After": "1"})
        return Response(b'{"status":"ready"}', media_type="application/json")


def page(model: GuidelineModel) -> bytes:
    """Fill the wording into the page, and add for its scripts all of it and the names of code systems."""
    data = {"wording": model.wording, "systems": SYSTEMS}
    scripts = {key: msgspec.json.encode(held).decode().replace("<", "\\u003c") for key, held in data.items()}
    words = {**scripts, **{key: escape(text) for key, text in model.wording.items()}}
    return Template((PAGE / "index.html").read_text("utf-8")).substitute(words).encode()


def route(method: str, path: str, handler: Handler) -> Route:
    """Make a route that leaves its path, as declared, in the request's scope."""

    async def endpoint(request: Request) -> Response:
        request.scope["template"] = path
        return await handler(request)

    return Route(path, endpoint, methods=[method])


def fixed(content: bytes, media: str = "application/json", headers: Mapping[str, str] | None = None) -> Handler:
    """Make a handler that always gives the same content."""

    async def give(_: Request) -> Response:
        return Response(content, headers=headers, media_type=media)

    return give


async def counts(_: Request) -> Response:
    content, media = metrics()
    return Response(content, media_type=media)


def decoded(kind: type[Body], body: bytes, status: int) -> Body:
    """Decode a body.

    Raises RefusedError: 400 where it is not JSON, `status` where it does not have the form of `kind`.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        where = FIELD.search(str(error))
        detail = f"{error}{offered(kind, str(error))}"
        raise RefusedError(status, detail, (where[1] or where[2]) if where else "") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, f"the body is not valid JSON: {error}") from None


def offered(body: type[msgspec.Struct], error: str) -> str:
    """List what is allowed where a body has an unknown field, or a field an invalid value."""
    known = {field.encode_name: get_args(field.type) for field in fields(body)}
    if found := UNKNOWN_FIELD.search(error):
        word, names = found[1], tuple(known)
    elif found := INVALID_VALUE.search(error):
        word, names = found[1], known[found[2]]
    else:
        return ""
    return f"{nearest(word, names)}; allowed: {', '.join(names)}"


async def refused(request: Request, error: Exception) -> Response:
    """Answer a request that failed or was refused."""
    if isinstance(error, ReasonerError):
        error = RefusedError.of(error)
    elif isinstance(error, HTTPException):
        error = RefusedError(error.status_code, unrouted(request, error), headers=error.headers)
    elif not isinstance(error, RefusedError):
        error = RefusedError(500, "internal error; find it in the service's log by the X-Request-Id of this answer")
    return refusal(error, request.url.path)


def unrouted(request: Request, error: HTTPException) -> str:
    """Say why no route takes a request."""
    if error.status_code == 405:
        return f"{request.method} is not allowed here; allowed: {(error.headers or {})['Allow']}"
    path = request.url.path[:SHOWN_PATH]
    hint = nearest(path, [route.path for route in request.app.routes])
    return f'nothing is at "{path}"{hint}; /openapi.json lists all paths'
