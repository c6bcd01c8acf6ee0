"""A guideline, loaded once and asked many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reasoner.compiler.compiled import Compiled
from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.program import Program, Space
from reasoner.compiler.selection import ANY, LAYERS, Selection, default_folder, shared_folder
from reasoner.compiler.sources import place_name
from reasoner.engine.answer import Answer, GuidelineInfo, build_answer
from reasoner.engine.completions import Completions
from reasoner.engine.derivation import Derivation
from reasoner.engine.evaluator import Evaluated, Evaluator
from reasoner.engine.memory import OutgrownError, capacities, on_larger_diagrams
from reasoner.engine.opened import consistent, evaluate, open_record
from reasoner.engine.opened_record import Asked
from reasoner.errors import RecordError
from reasoner.records.record import OPEN, Record, Told, parse_record

if TYPE_CHECKING:
    from reasoner.engine.conclusions import Derived
    from reasoner.fhir import ChartFacts, Tables
    from reasoner.records.case import Case

__all__ = ["LAYERS", "Guideline", "Selection", "default_folder", "shared_folder"]


class Guideline:
    """A guideline in one layer, under overlays, with its readings taken in one way, ready to answer records.

    Load it with `Guideline.load`; it never changes after that and can be used from many threads.

    Attributes: `selection`, its folder, layer, overlays and readings; `model`, its data; `digest`, "sha256:" and the
    digest of all that its answers depend on; `overlays`, the ids of the overlays laid on top; `alternatives`, of the
    readings that are not taken by their defaults the alternative, or "any" where the choice is left open; `files`, its
    files by the names that places give them; `sources`, their texts by the same names, without what they include;
    `warnings`, what loading found without refusing.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._compiled = Compiled(selection)
        self._evaluators: dict[tuple[int, bool], Evaluator] = {}
        read = self._compiled.files
        files = (*read.overlays, *read.own, *read.core)
        self.files = {place_name(file.path): file.path for file in files}
        self.sources = {place_name(file.path): file.text for file in files}
        self.model: GuidelineModel = self._compiled.model
        self.overlays = self.model.overlays
        self.take_readings()

    def take_readings(self) -> None:
        """Take the readings as they are selected: the digest and all that answers say of the guideline follow from that."""
        about, known = self.model, self.model.alternatives
        self.alternatives = self.selection.alternatives(known)
        readings = tuple(f"{reading}={name}" for reading, name in sorted(self.alternatives.items()))
        self.digest = f"sha256:{self._compiled.files.digest_with(readings)}"
        self.adopted = tuple(
            OPEN if (chosen := self.alternatives.get(reading, names[0])) == ANY else names.index(chosen)
            for reading, names in known.items()
        )
        self.info = GuidelineInfo(about.id, self.digest, self.layer, self.overlays, readings, about.title, about.disclaimer)

    def with_readings(self, readings: Sequence[str]) -> Guideline:
        """Give the same guideline with its readings taken in another way; all that is compiled is shared.

        Raises GuidelineError, with what is allowed, for a reading or an alternative that is not there.
        """
        other = copy(self)
        other.selection = self.selection.with_readings(tuple(readings))
        other.take_readings()
        return other

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        layer: str = "curated",
        overlays: str | Path | Sequence[str | Path] = (),
        readings: str | Sequence[str] = (),
        no_record_means_none: bool = False,
    ) -> Guideline:
        """Load the guideline in `folder`, by default the one that ships with the package.

        `layer` is "literal" (each statement as it reads) or "curated" (with the readings); `overlays` are files of local
        rules; `readings` take readings otherwise than by default, as in "R5=b", "R5=any" or "any". With
        `no_record_means_none`, therapy and metastases that a FHIR chart does not record are read as not there. Raises
        GuidelineError with file and line for a guideline that cannot be used.
        """
        files = [overlays] if isinstance(overlays, str | Path) else list(overlays)
        chosen = (readings,) if isinstance(readings, str) else tuple(readings)
        where = Path(folder) if folder is not None else default_folder()
        return cls(Selection(where, layer, tuple(map(Path, files)), chosen, no_record_means_none))

    @property
    def folder(self) -> Path:
        """The folder that holds the guideline's files."""
        return self.selection.folder

    @property
    def layer(self) -> str:
        """The layer: "literal" or "curated"."""
        return self.selection.layer

    def evaluator(self, courses: int, fewer: bool = False) -> Evaluator:
        """Give the evaluator of the program for records with `courses` courses of therapy; with `fewer`, or fewer."""
        evaluator = self._evaluators.get((courses, fewer))
        if evaluator is None:
            evaluator = self._evaluators[courses, fewer] = Evaluator(self._compiled.program(courses, fewer))
        return evaluator

    def program(self, courses: int) -> Program:
        """Give the ground program for records with `courses` courses of therapy."""
        return self.evaluator(courses).program

    def space(self, courses: int) -> Space:
        """Give the guideline ground for all patients with at most `courses` courses of therapy."""
        return self._compiled.space(courses)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unusual about the guideline: recursion, with file and line."""
        found = self.model.recursive
        return () if found is None else (f"{found}; answered by clingo's own solving, which is slower",)

    def read_fhir(self, data: Mapping[str, object] | bytes) -> ChartFacts:
        """Read the record of a patient from FHIR R4: a bundle or a resource, as parsed from JSON or as its bytes.

        Raises RecordError for what is not a FHIR resource or holds several patients, GuidelineError where the guideline has
        no tables to read FHIR by.
        """
        from reasoner import fhir

        parsed = fhir.parse(data) if isinstance(data, bytes) else fhir.convert(data)
        return fhir.read_facts(parsed, self.model, self.tables, self.selection.no_record_means_none)

    @cached_property
    def tables(self) -> Tables:
        """The tables by which the guideline reads FHIR."""
        from reasoner.fhir import Tables

        return Tables(self.folder / "fhir", self.model)

    def parsed(self, data: object) -> Record:
        """Take a record as parsed from JSON, or read one from a FHIR resource."""
        if not isinstance(data, Mapping) or "resourceType" not in data:
            return parse_record(data, self.model)
        return self.record_from(self.read_fhir(data))

    def record_from(self, facts: ChartFacts) -> Record:
        """Take what was read from FHIR as a record.

        Raises RecordError, with what the resources say of it, where it cannot be used as it is.
        """
        try:
            record = parse_record(facts.record, self.model)
        except RecordError as error:
            raise RecordError(facts.explain(str(error))) from None
        return record._replace(
            sources=facts.source_words(), remarks=tuple(facts.remarks()), warning=facts.warning(), known=facts.known
        )

    def record(self, data: object) -> Record:
        """Validate a record, as parsed from JSON; or read one from a FHIR R4 resource or bundle.

        Raises RecordError, naming the field, where it is malformed or contradicts itself.
        """
        return self.checked(self.parsed(data))

    def checked(self, record: Record) -> Record:
        """Give a record back that has a completion.

        Raises RecordError, naming the field, where it contradicts itself.
        """
        consistent(record, self.evaluator(record.courses, record.fewer), self.adopted)
        return record

    @on_larger_diagrams
    def answer(self, record: Record | Mapping[str, object]) -> Answer:
        """Answer one record; a FHIR R4 resource or bundle is read first.

        Raises RecordError, naming the field, where it is malformed or contradicts itself.
        """
        if not isinstance(record, Record):
            record = self.parsed(record)
        answer = build_answer(self.derive(record), record, self.info, self.warnings)
        return answer.carrying(asked=Asked(record, self.evaluator, self.adopted, self.answer))

    def derive(self, record: Record, compared: bool = True) -> Derivation:
        """Derive all that follows from a record; where not `compared`, without what other readings or values would change.

        Raises RecordError, naming the field, where it contradicts itself.
        """
        evaluator = self.evaluator(record.courses, record.fewer)
        completions, evaluated = self._evaluate(record, evaluator, compared)
        known = frozenset.intersection(*(told.known for told in record.told))
        return Derivation(evaluator.program, self.model, completions, evaluated, known, record.sources, self.alternatives)

    def derive_together(self, told: Sequence[Told], courses: int, predicates: Collection[str]) -> Sequence[Derived | None]:
        """Derive what follows from each of many records at once, of which some `predicates` are read.

        Each is what a record of so many courses tells. None stands for one that has to be derived by itself: it contradicts
        itself, or diagrams cannot hold it.
        """
        evaluator = self.evaluator(courses)
        for capacity in capacities()[:1] if evaluator.program.recursive is None else ():
            from reasoner.engine.together import Together

            about = evaluator, self.adopted, self.model, self.alternatives
            with suppress(MemoryError):
                return list(Together(told, *about, predicates, capacity).derived())
            if len(told) > 1:
                half = len(told) // 2
                first, second = (self.derive_together(part, courses, predicates) for part in (told[:half], told[half:]))
                return [*first, *second]
        return [None] * len(told)

    def _evaluate(self, record: Record, evaluator: Evaluator, compared: bool) -> tuple[Completions, Evaluated]:
        earlier: OutgrownError | None = None
        for capacity in capacities() if evaluator.program.recursive is None else ():
            try:
                opened = open_record(record, evaluator, self.adopted, capacity, compared)
                return opened.completions, evaluate(opened, evaluator)
            except OutgrownError as outgrown:
                if outgrown.hopeless_after(earlier):
                    break
                earlier = outgrown
            except MemoryError:
                continue
        from reasoner.engine.stable_models import solve

        return solve(record, evaluator, self.adopted, self._compiled.text, self.alternatives)

    def cases(self) -> dict[str, Case]:
        """Read the guideline's own cases: records with the answers expected, in its folder `cases`.

        Raises RecordError, naming file and key, for a file that is no case.
        """
        from reasoner.records.case import read_case

        return {path.stem: read_case(path) for path in sorted((self.folder / "cases").glob("*.json"))}
