"""Resources with the fields that are read of their kind alone, so that a bundle is decoded in less time.

They stand for `Resource`: a field that is not read of a kind is None. What is of no kind here, or has another shape than
FHIR gives it, is decoded as any resource.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, cast

import msgspec

from reasoner.fhir.elsewhere import TELLING_FIELDS
from reasoner.fhir.resources import ABATEMENTS, DAYS, OTHER_TIMES, PERIODS, Component, Entry, Resource

__all__ = ["BUNDLE", "TOLD"]

ALL = {field.name: field.type for field in msgspec.structs.fields(Resource)}
HEADER = ("id", "meta", "extension", "modifierExtension", "status", "subject", "patient", "focus")
RESULT = tuple(field.name for field in msgspec.structs.fields(Component))
TELLING = (
    *sorted(TELLING_FIELDS), *DAYS, *PERIODS, *OTHER_TIMES, "valueString", "component", "contained", "intent", "use",
    "actuality",
)  # fmt: skip
EVENT = (
    "medicationCodeableConcept", "medicationReference", "medication", "contained", "intent", "doNotPerform",
    "effectiveDateTime", "effectivePeriod", "occurrenceDateTime", "occurrencePeriod", "occurenceDateTime",
    "occurencePeriod", "authoredOn", "whenHandedOver", "statusReason", "reasonCode", "reasonReference", "reason",
    "taken", "notGiven", "wasNotGiven", "wasNotTaken", "adherence",
)  # fmt: skip
DIAGNOSIS = (
    "code", "category", "clinicalStatus", "verificationStatus", "bodySite", "stage", "note", "onsetDateTime",
    "onsetPeriod", "onsetAge", "onsetRange", "onsetString", *ABATEMENTS, *DAYS, *PERIODS,
)  # fmt: skip
TOLD = (
    "AdverseEvent", "CarePlan", "ChargeItem", "Claim", "ClinicalImpression", "Communication", "Composition",
    "DiagnosticReport", "DocumentReference", "Encounter", "EpisodeOfCare", "ExplanationOfBenefit", "List",
    "Procedure", "QuestionnaireResponse", "RequestGroup", "ServiceRequest",
)  # fmt: skip
"""Kinds that can tell of therapy without being a medication event, and are read for nothing else, or not without words."""
READ = {
    "Patient": ("name", "birthDate", "gender", "deceasedBoolean", "deceasedDateTime", "identifier", "link"),
    "Observation": (*RESULT, "component", "note", "effectivePeriod", "effectiveInstant", "issued", *DAYS),
    "Condition": DIAGNOSIS,
    "AllergyIntolerance": DIAGNOSIS,
    "Medication": ("code", "ingredient", "contained"),
    **dict.fromkeys(("MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"), EVENT),
    **dict.fromkeys(TOLD, TELLING),
    "OperationOutcome": ("issue",),
    **dict.fromkeys(("Bundle", "Parameters"), ("type", "entry", "parameter", "total", "link", "issue", "identifier")),
}
"""The fields that are read of each kind, beside those of its header."""
COUNTED = (
    "Account", "ActivityDefinition", "Appointment", "AppointmentResponse", "AuditEvent",
    "Basic", "Binary", "BiologicallyDerivedProduct", "BodySite", "BodyStructure", "CareTeam", "ClaimResponse",
    "CodeSystem", "CommunicationRequest", "ConceptMap", "Consent", "Contract", "Coverage",
    "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceDispense",
    "DeviceMetric", "DeviceRequest", "DeviceUsage", "DeviceUseStatement", "DocumentManifest", "Endpoint",
    "EnrollmentRequest", "FamilyMemberHistory", "Flag", "GenomicStudy", "Goal", "Group", "GuidanceResponse",
    "HealthcareService", "ImagingSelection", "ImagingStudy", "Immunization", "ImmunizationEvaluation",
    "ImmunizationRecommendation", "InsurancePlan", "InventoryItem", "Invoice", "Library", "Location", "Measure",
    "MeasureReport", "Media", "MedicationKnowledge", "MedicationOrder", "MedicationPrescription", "MedicationUsage",
    "MessageHeader", "MolecularSequence", "NutritionIntake", "NutritionOrder", "Organization",
    "OrganizationAffiliation", "PaymentNotice", "PaymentReconciliation", "Person", "PlanDefinition", "Practitioner",
    "PractitionerRole", "ProcedureRequest", "ProcessRequest", "Provenance", "Questionnaire", "ReferralRequest",
    "RelatedPerson", "RequestOrchestration", "ResearchStudy", "ResearchSubject", "RiskAssessment", "Schedule", "Slot",
    "Specimen", "Subscription", "Substance", "SupplyDelivery", "SupplyRequest", "Task", "Transport", "ValueSet",
    "VisionPrescription",
)  # fmt: skip
"""Kinds that are only counted, or named."""

UNREAD = msgspec.defstruct("UNREAD", [], namespace={**dict.fromkeys(ALL), "state": Resource.state}, gc=False)
"""A resource of which nothing is read."""


def of_its_kind(kind: str, fields: tuple[str, ...]) -> Any:  # noqa: ANN401 (a class that is made here)
    """Make the resource of a kind with some fields, which come in the order in which charts have them."""
    names = [name for name in dict.fromkeys((*HEADER, *ALL)) if name in {*HEADER, *fields}]
    own = [(name, ALL[name], None) for name in names]
    return msgspec.defstruct(
        kind, own, bases=(UNREAD,), namespace={"resourceType": kind}, tag_field="resourceType", tag=kind, gc=False
    )


ANY = reduce(or_, [of_its_kind(kind, fields) for kind, fields in {**dict.fromkeys(COUNTED, ()), **READ}.items()])
ENTRY = msgspec.defstruct("ENTRY", [("resource", ANY | None, None)], bases=(Entry,), gc=False)
BUNDLE = cast(
    "type[Resource]",
    msgspec.defstruct("BUNDLE", [("entry", list[ENTRY | None] | None, None)], bases=(Resource,), gc=False),  # type: ignore[valid-type]
)
"""A bundle with resources of known kinds."""
