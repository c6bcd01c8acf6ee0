"""Read records from strict JSON, one in a file or one a line (NDJSON)."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, NoReturn, TypeGuard

from reasoner.errors import RecordError

__all__ = ["LIMIT", "is_resource", "parse_json", "read_records"]

LIMIT = 64 * 2**20


def object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RecordError(f"{twice}: the key stands twice in one object; keep one")
    return data


def refuse_constant(name: str) -> NoReturn:
    raise RecordError(f"{name} is not a JSON number; write null where the value is unknown")


STRICT = json.JSONDecoder(object_pairs_hook=object_without_duplicates, parse_constant=refuse_constant)


def is_resource(data: object) -> TypeGuard[Mapping[str, object]]:
    """Tell whether what was read is one FHIR resource, as bulk exports hold them one a line, and no bundle."""
    return isinstance(data, Mapping) and data.get("resourceType") not in (None, "Bundle")


def parse_json(text: str) -> object:
    """Parse strict JSON: no duplicate keys, no NaN or infinity, no nesting beyond what a record needs."""
    try:
        return STRICT.decode(text)
    except RecursionError:
        raise RecordError("nested too deeply for a record") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise RecordError(f"a number that cannot be read: {str(error).partition(';')[0]}") from None


def read_records(stream: IO[bytes], name: str) -> Iterator[tuple[str, object]]:
    """Read one record, or one a line (NDJSON), from `stream`; yield each with its place for messages.

    Raises RecordError, naming `name` and the line, for what is not JSON or larger than 64 MiB.
    """
    try:
        raw = stream.read(LIMIT + 1).removeprefix(codecs.BOM_UTF8)
        if len(raw) <= LIMIT:
            text = raw.decode("utf-8")
            try:
                yield name, parse_json(text)
                return
            except json.JSONDecodeError as error:
                lines = text.splitlines()
                if error.msg != "Extra data" or not is_object(lines):
                    raise RecordError(
                        f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
                        if text.strip()
                        else "empty; a record is a JSON object"
                    ) from None
            except RecordError as error:
                if not is_object(text.splitlines()):
                    raise error from None
    except UnicodeDecodeError as error:
        raise RecordError(f"{name}: not UTF-8 text (byte {error.start})") from None
    except RecordError as error:
        raise RecordError(f"{name}: {error}") from None
    yield from read_lines(chain_lines(raw, stream), name)


def is_object(lines: Sequence[str]) -> bool:
    """Tell whether the first line that is not blank is a JSON object by itself, so that the file is NDJSON."""
    first = next((line for line in lines if line.strip()), "")
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def chain_lines(start: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of what was read and of what is left."""
    *whole, rest = start.split(b"\n")
    yield from whole
    while chunk := stream.read(LIMIT):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LIMIT:
            break
    yield rest


def read_lines(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, object]]:
    for count, line in enumerate(lines, start=1):
        where = f"{name}:{count}"
        if len(line) > LIMIT:
            raise RecordError(f"{where}: larger than a record can be ({LIMIT // 2**20} MiB)")
        if not line.strip():
            continue
        try:
            yield where, parse_json(line.decode("utf-8"))
        except json.JSONDecodeError as error:
            raise RecordError(f"{where}: column {error.colno}: not JSON: {error.msg}") from None
        except UnicodeDecodeError as error:
            raise RecordError(f"{where}: not UTF-8 text (byte {error.start})") from None
        except RecordError as error:
            raise RecordError(f"{where}: {error}") from None
