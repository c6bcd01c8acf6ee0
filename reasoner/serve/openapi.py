"""The OpenAPI document, from the same declarations that requests are read and answered by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from graphs.formats import FORMATS
from reasoner import __version__
from reasoner.compiler.model import CourseFact, Fact, GuidelineModel
from reasoner.compiler.selection import ANY
from reasoner.guideline import Guideline
from reasoner.queries.questions import Choice, Leaf, Open, See
from reasoner.records.record import ONE_OF
from reasoner.serve.api import QUESTIONS, Question
from reasoner.serve.describe import GuidelineForm
from reasoner.serve.hooks import FeedbackCall, HookCall, services_of
from reasoner.serve.prefetch import LISTS
from reasoner.serve.problems import HOOKS
from reasoner.serve.settings import Settings
from reasoner.serve.shapes import Cards, Details, OperationOutcome, Services, Status
from reasoner.verification.reports import FindingsReport

__all__ = ["document"]

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{name}"
REASONS = {
    400: "The body is not JSON, or is incomplete.",
    401: "The CDS client's token is missing or refused.",
    408: "The body did not arrive in time.",
    412: "The prefetch lacks something needed, or holds only a part of it.",
    413: "The body is too large.",
    422: "The patient or the question cannot be used; `field` names the place.",
    500: "The service failed.",
    501: "The program that draws this format is not installed on the server.",
    503: "The service is too busy, or did not answer in time; Retry-After says when to try again.",
}
BODY = (400, 408, 413, 422, 500, 503)
SHAPES = (
    *(question.shape for question in QUESTIONS if question.shape),
    Choice, Leaf, Open, See, FindingsReport, GuidelineForm, Services, Cards, Details, OperationOutcome, Status,
)  # fmt: skip


def document(guideline: Guideline, settings: Settings) -> Schema:
    """Give the OpenAPI document of a service with this guideline."""
    bodies = [*(question.body for question in QUESTIONS), HookCall, FeedbackCall]
    _, components = msgspec.json.schema_components([*bodies, *SHAPES], ref_template=REFERENCE)
    model = guideline.model
    components |= {"Record": record_schema(model), "Resource": RESOURCE}
    conclusions = [*model.regimens, *model.actions, *model.settings]
    components["AskedWhy"]["properties"]["conclusion"]["enum"] = conclusions
    components["AskedWhyNot"]["properties"]["regimen"]["enum"] = list(model.regimens)
    components["AskedGraph"]["properties"]["focus"]["anyOf"] = either_null({"enum": conclusions})["anyOf"]
    for question in QUESTIONS:
        asked = components[question.body.__name__]["properties"]
        if "readings" in asked:
            asked["readings"] = {**either_null(readings_schema(model)), "default": None}
    components["HookCall"]["properties"]["prefetch"] = PREFETCHED
    trusted: Schema = {"security": [{"client": []}]} if settings.keys else {}
    paths: Schema = {question.path: {"post": asking(question)} for question in QUESTIONS}
    paths["/api/guideline"] = {"get": getting("Describe the guideline: facts, vocabulary, examples.", "GuidelineForm")}
    paths["/api/check"] = {"get": getting("Find the guideline's defects.", "FindingsReport", (500, 503))}
    paths[HOOKS] = {"get": {**getting("List the CDS services.", "Services", (401,) if trusted else ()), **trusted}}
    for service in services_of(guideline):
        errors = (400, 408, 412, 413, 422, 500, 503, *((401,) if trusted else ()))
        call = posting(service.description, "HookCall", json_of("Cards"), errors, "OperationOutcome")
        paths[f"{HOOKS}/{service.id}"] = {"post": {**call, **trusted}}
        errors = (400, 408, 413, 500, *((401,) if trusted else ()))
        noted = posting("Report what was done with cards.", "FeedbackCall", {}, errors, "OperationOutcome")
        paths[f"{HOOKS}/{service.id}/feedback"] = {"post": {**noted, **trusted}}
    paths["/health"] = {"get": getting("Report that the process is alive.", "Status")}
    paths["/ready"] = {"get": getting("Report whether the guideline is loaded.", "Status", (503,))}
    metrics = {
        "200": {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }
    paths["/metrics"] = {"get": {"summary": "Count requests and feedback.", "responses": metrics}}
    paths["/openapi.json"] = {"get": {"summary": "This document.", "responses": {"200": answered({"application/json": {}})}}}
    for path, methods in paths.items():
        for method, operation in methods.items():
            operation["operationId"] = f"{method}{path}".replace("/", "_").replace("-", "_").replace(".", "_")
    security = (
        {"securitySchemes": {"client": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}} if trusted else {}
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.title,
            "version": __version__,
            "description": f"{model.disclaimer} Patients are records of the form below, or FHIR R4.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components, **security},
    }


def asking(question: Question) -> Schema:
    """Describe a question of the API."""
    body = question.body.__name__
    if question.shape is not None:
        return posting(question.summary, body, json_of(question.shape.__name__), BODY, "Details")
    media = dict.fromkeys(known.media_type for known in FORMATS)
    forms = {name: {"schema": {} if "json" in name else {"type": "string"}} for name in media}
    return posting(question.summary, body, forms, (*BODY, 501), "Details")


def json_of(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": REFERENCE.format(name=name)}}}


def answered(content: Schema) -> Schema:
    return {"description": "The answer.", **({"content": content} if content else {})}


def posting(summary: str, body: str, content: Schema, errors: Iterable[int], error: str) -> Schema:
    """Describe a request with a body."""
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": json_of(body)},
        "responses": {"200": answered(content), **failures(errors, error)},
    }


def getting(summary: str, shape: str, errors: Iterable[int] = ()) -> Schema:
    """Describe a request without a body."""
    error = "OperationOutcome" if shape == "Services" else "Details"
    return {"summary": summary, "responses": {"200": answered(json_of(shape)), **failures(errors, error)}}


def failures(errors: Iterable[int], error: str) -> Schema:
    """Describe the responses to requests that are refused."""
    media = "application/json" if error == "OperationOutcome" else "application/problem+json"
    return {
        str(status): {
            "description": REASONS[status],
            "content": {media: {"schema": {"$ref": REFERENCE.format(name=error)}}},
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status == 503 else {}),
        }
        for status in sorted(errors)
    }


RESOURCE = {
    "type": "object",
    "description": "A FHIR R4 resource or a bundle of any type.",
    "properties": {"resourceType": {"type": "string"}},
    "required": ["resourceType"],
}


PREFETCHED = {
    "type": "object",
    "properties": {key: {"anyOf": [{"$ref": REFERENCE.format(name="Resource")}, {"type": "null"}]} for key in LISTS},
}


def readings_schema(model: GuidelineModel) -> Schema:
    """Describe how readings are taken otherwise than by default."""
    ways = [f"{reading}={name}" for reading, names in model.alternatives.items() for name in (*names, ANY)]
    if not ways:
        return {"type": "array", "maxItems": 0}
    return {"type": "array", "items": {"enum": [*ways, ANY]}, "maxItems": 100}


def record_schema(model: GuidelineModel) -> Schema:
    """Describe a patient's record as the guideline declares its facts; null is unknown, and so is what is absent."""
    course: Schema = {
        "drugs": {"type": "array", "items": {"enum": list(model.drugs)}, "minItems": 1},
        "outcome": either_null({"enum": list(model.outcomes)}),
    }
    for noted in model.course_facts.values():
        course[noted.name] = either_null(value_schema(noted, model))
    courses = {"type": "array", "items": closed(course, ["drugs"])}
    facts: Schema = {}
    for fact in model.facts:
        schema = courses if fact.kind == "courses" else value_schema(fact, model)
        facts[fact.name] = either_null({**schema, "title": fact.label, "description": model.question(fact)})
    label = {"type": "string", "pattern": "[^ ]"}
    sets = {
        "type": "array",
        "items": closed({"label": label, **facts}, ["label"]),
        "minItems": 1,
        "description": "Sets of facts of which exactly one is true, in addition to the facts beside them.",
    }
    return closed({"id": {"type": "string"}, **facts, ONE_OF: either_null(sets)}, ["id"])


def closed(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def either_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def value_schema(fact: Fact | CourseFact, model: GuidelineModel) -> Schema:
    """Describe the values of a fact."""
    if fact.kind == "boolean":
        return {"type": "boolean"}
    if isinstance(fact, Fact) and fact.kind in ("choice", "list"):
        allowed = {"enum": list(fact.values)}
        return allowed if fact.kind == "choice" else {"type": "array", "items": allowed}
    own = model.range_of(fact.name)
    limits = {"exclusiveMinimum" if own.above else "minimum": own.minimum, "maximum": own.maximum}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {"type": "integer" if fact.kind == "integer" else "number", **given}
