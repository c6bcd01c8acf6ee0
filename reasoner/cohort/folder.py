"""The folder of a run: kept from other runs, with a manifest of what the run is about and a copy of the guideline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reasoner.cohort.courses import index_courses
from reasoner.cohort.part import Job
from reasoner.errors import ReasonerError
from reasoner.files import UNFINISHED, write_whole
from reasoner.guideline import Guideline, default_folder

__all__ = ["SCHEMA", "SCRATCH", "about", "guideline_copy", "locked", "prepare"]

SCHEMA = "reasoner.cohort/1"
SCRATCH = ("fired", "courses")
ASPECTS_OF_RUN = {
    "guideline": "the guideline, its layer or its overlays",
    "folder": "the folder of the guideline",
    "overlay_files": "the files of overlays",
    "format": "--to",
    "courses": "--courses",
    "files": "the input (its path, size or time of change)",
    "parts": "how it is divided into parts (--rows)",
}


def about(job: Job) -> dict[str, object]:
    """Describe a run: the guideline, and the input."""
    guideline = Guideline.load(job.folder, job.layer, job.overlays)
    files = dict.fromkeys([part.file for part in job.parts] + ([job.courses] if job.courses else []))
    return {
        "guideline": guideline.info.to_dict(),
        "folder": job.folder,
        "overlay_files": list(job.overlays),
        "format": job.form,
        "courses": job.courses,
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
    output = Path(job.output)
    file = output / "run.json"
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
        elif not all(path.match(file.name + UNFINISHED) for path in output.iterdir()):
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
        index_courses(Path(job.courses), job.course_index)


def copy_guideline(job: Job) -> None:
    """Copy the guideline into the output folder, unless it is there."""
    own, overlays = default_folder() if job.folder is None else Path(job.folder), [Path(path) for path in job.overlays]
    folder, copies = guideline_copy(Path(job.output), own, overlays)
    files = {path: folder / path.relative_to(own) for path in sorted(own.rglob("*.lp"))}
    for path, copy in (*files.items(), *zip(overlays, copies, strict=True)):
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_whole(copy, path.read_bytes())


def guideline_copy(output: Path, folder: Path, overlays: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Give where an output folder keeps a guideline's folder and its overlays, so that answers can be explained later."""
    own = output / "guideline"
    return own / folder.name, [own / f"overlay-{n}" / path.parent.name / path.name for n, path in enumerate(overlays)]


def difference(file: Path, manifest: Mapping[str, object]) -> str:
    """Name the aspects in which a run differs from a manifest."""
    with suppress(ValueError):
        was = json.loads(file.read_bytes())
        if isinstance(was, dict) and was.get("schema") == SCHEMA:
            return ", ".join(words for name, words in ASPECTS_OF_RUN.items() if was.get(name) != manifest[name])
    return "everything (run.json cannot be read)"
