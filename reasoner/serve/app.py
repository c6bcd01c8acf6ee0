"""The application: routes to what answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from reasoner.errors import ReasonerError
from reasoner.guideline import Guideline
from reasoner.serve.api import QUESTIONS, Question, patient_record
from reasoner.serve.describe import describe
from reasoner.serve.problems import Problem, refusal
from reasoner.serve.settings import Settings

__all__ = ["application", "from_environment"]

PAGE = Path(str(files("reasoner.serve"))) / "page"


def from_environment() -> Starlette:
    """Make the application in a worker process."""
    return application(Settings.handed_on())


def application(settings: Settings) -> Starlette:
    """Make the application."""
    guideline = Guideline.load(settings.folder, settings.layer, settings.overlays)
    described = msgspec.json.encode(describe(guideline))

    async def guideline_form(_: Request) -> Response:
        return Response(described, media_type="application/json")

    async def health(_: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/page/{name}", page),
            Route("/health", health),
            Route("/api/guideline", guideline_form),
            *(Route(question.path, asked(question, guideline, settings), methods=["POST"]) for question in QUESTIONS),
        ],
        exception_handlers={Problem: refused, HTTPException: refused},
    )


def asked(question: Question, guideline: Guideline, settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """Make what answers a question."""
    decoder = msgspec.json.Decoder(question.body)

    def reply(body: bytes) -> Response:
        try:
            wanted = decoder.decode(body)
            record = patient_record(guideline, wanted.patient, settings.courses)
            content, media = question.reply(guideline, record, wanted)
        except ReasonerError as error:
            raise Problem.of(error) from None
        except msgspec.ValidationError as error:
            raise Problem(422, str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Problem(400, f"the body is no JSON: {error}") from None
        return Response(content, media_type=media)

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return reply(body) if question.quick else await run_in_threadpool(reply, body)

    return endpoint


async def page(request: Request) -> Response:
    """Give a file of the page."""
    name = request.path_params.get("name", "index.html")
    if not (PAGE / name).is_file():
        raise Problem(404, f"{name}: no such file of the page")
    return FileResponse(PAGE / name)


def refused(request: Request, error: Exception) -> Response:
    """Word why a request is not answered."""
    if isinstance(error, HTTPException):
        error = Problem(error.status_code, error.detail, headers=error.headers)
    assert isinstance(error, Problem)
    return refusal(error, request.url.path)
