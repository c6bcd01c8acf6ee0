"""The folder of a run: kept from other runs, with a manifest of what the run is about and a copy of the guideline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from reasoner.cohort.courses import index_courses
from reasoner.cohort.origins import CHARTS, ORIGINS
from reasoner.cohort.part import Job
from reasoner.cohort.summary import SCHEMA
from reasoner.compiler.sources import read_files
from reasoner.engine.answer import GuidelineInfo
from reasoner.errors import ReasonerError
from reasoner.files import UNFINISHED, write_whole
from reasoner.guideline import Selection, default_folder
from reasoner.records.shapes import to_plain

__all__ = ["SCRATCH", "about", "guideline_copy", "locked", "prepare"]

SCRATCH = ("fired", "courses")
ASPECTS_OF_RUN = {
    "guideline": "the guideline, its layer, its overlays or its readings",
    "folder": "the folder of the guideline",
    "overlay_files": "the files of overlays",
    "no_record_means_none": "--no-record-means-none",
    "format": "--to",
    "courses": "--courses",
    "untreated": "--no-course-means-untreated",
    "empty_is_unknown": "--empty-is-unknown",
    "files": "the input (its path, size or time of change)",
    "parts": "how it is divided into parts (--rows)",
}


def about(job: Job, info: GuidelineInfo) -> dict[str, object]:
    """Describe a run: the guideline, and the input."""
    folder, courses = job.selection.folder, None if job.courses is None else str(job.courses)
    files = dict.fromkeys([part.file for part in job.parts] + ([courses] if courses else []))
    return {
        "guideline": to_plain(info),
        "folder": None if folder == default_folder() else str(folder),
        "overlay_files": [str(path) for path in job.selection.overlays],
        "no_record_means_none": job.selection.no_record_means_none,
        "format": job.form,
        "courses": courses,
        "untreated": job.untreated,
        "empty_is_unknown": job.empty_is_unknown,
        "files": [[name, (found := os.stat(name)).st_size, found.st_mtime_ns] for name in files],
        "parts": [list(part) for part in job.parts],
    }


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keep other runs away from an output folder, on systems that lock."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ReasonerError(f"{output}: is a file; give a folder") from None
    except OSError as error:
        raise ReasonerError(f"{output}: cannot be written: {error.strerror}") from None
    handle = os.open(output, os.O_RDONLY)
    try:
        lock(handle, output)
        yield
    finally:
        os.close(handle)


def lock(handle: int, output: Path) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ReasonerError(f"{output}: another run is writing to it; wait for it to end, or give another folder") from None


def prepare(job: Job, manifest: Mapping[str, object], resume: bool) -> None:
    """Prepare the output folder, or check that it holds the same run."""
    output, file = job.output, job.output / "run.json"
    content = (json.dumps({"schema": SCHEMA, **manifest}, indent=1) + "\n").encode()
    try:
        if file.exists():
            if not resume:
                raise ReasonerError(f"{output}: already holds a run; continue it with --resume, or give another folder")
            if file.read_bytes() != content:
                raise ReasonerError(
                    f"{output}: holds a run that differs in {difference(file, manifest)}; repeat the options it was "
                    "started with, or give another folder"
                )
        elif not all(path.match(file.name + UNFINISHED) or path.name in (CHARTS, ORIGINS) for path in output.iterdir()):
            raise ReasonerError(f"{output}: is neither empty nor holds a run; give another folder")
        for path in output.rglob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)
        if not file.exists():
            write_whole(file, content)
        for kind in ("answers", "explanations", "rejects", "counts", *SCRATCH):
            (output / kind).mkdir(exist_ok=True)
        copy_guideline(job)
    except OSError as error:
        raise ReasonerError(f"{output}: cannot be written: {error.strerror}") from None
    if job.courses is not None and not job.course_index.exists():
        index_courses(job.courses, job.course_index)


def copy_guideline(job: Job) -> None:
    """Copy the guideline into the output folder, unless it is there."""
    own, overlays = job.selection.folder.resolve(), job.selection.overlays
    copy = guideline_copy(job.output, job.selection)
    included = (file.path for file in read_files(job.selection).own)
    files = {path: copy.folder / path.relative_to(own) for path in sorted({*own.rglob("*.lp"), *included})}
    for path, target in (*files.items(), *zip(overlays, copy.overlays, strict=True)):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, path.read_bytes())


def guideline_copy(output: Path, selection: Selection) -> Selection:
    """Select the copy of a guideline that an output folder keeps, so that answers can be explained later."""
    own = output / "guideline"
    overlays = [own / f"overlay-{n}" / path.parent.name / path.name for n, path in enumerate(selection.overlays)]
    return Selection(
        own / selection.folder.name, selection.layer, tuple(overlays), selection.readings, selection.no_record_means_none
    )


def difference(file: Path, manifest: Mapping[str, object]) -> str:
    """Name the aspects in which a run differs from a manifest."""
    with suppress(ValueError):
        was = json.loads(file.read_bytes())
        if isinstance(was, dict) and was.get("schema") == SCHEMA:
            return ", ".join(words for name, words in ASPECTS_OF_RUN.items() if was.get(name) != manifest[name])
    return "everything (run.json cannot be read)"
