"""Refused requests: problem details (RFC 9457), or an OperationOutcome for CDS clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Self

import msgspec
from starlette.responses import Response

from reasoner.errors import ReasonerError
from reasoner.records.shapes import Shape
from reasoner.serve.shapes import Details, Issue, IssueText, OperationOutcome

__all__ = ["HOOKS", "RefusedError", "refusal"]

HOOKS = "/cds-services"
FIELD = re.compile(r"([^\s:]{1,200}): ")
CODES = {400: "structure", 401: "login", 404: "not-found", 408: "timeout", 413: "too-long", 422: "invalid", 503: "transient"}


class RefusedError(Exception):
    """A request that is not answered: the HTTP status, what is wrong, the field if it is in one, further headers."""

    def __init__(self, status: int, detail: str, field: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers or {}

    @classmethod
    def of(cls, error: ReasonerError) -> Self:
        """Take what the reasoner refused; its messages begin with the field where they are about one."""
        found = FIELD.match(str(error))
        return cls(422, str(error), found[1] if found else "")


def refusal(problem: RefusedError, path: str) -> Response:
    """Give the response to a refused request for `path`."""
    title = HTTPStatus(problem.status).phrase
    if path.startswith(HOOKS):
        code = CODES.get(problem.status, "processing")
        body: Shape = OperationOutcome((Issue("error", code, IssueText(title), problem.detail),))
        media = "application/json"
    else:
        body = Details(title, problem.status, problem.detail, problem.field)
        media = "application/problem+json"
    return Response(msgspec.json.encode(body), problem.status, problem.headers, media)
