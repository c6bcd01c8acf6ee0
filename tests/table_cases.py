"""Charts of fen pox, an invented disease without drugs: what its tables read, and why the rest stays open."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
EXAMPLE, SNOMED, LOINC = "https://example.org/", "http://snomed.info/sct", "http://loinc.org"
BORN = {"birthDate": "1960-05-02", "gender": "female"}


def about(kind: str, name: str, **more: Any) -> Json:
    subject = "patient" if kind == "AllergyIntolerance" else "subject"
    return {"resourceType": kind, "id": name, subject: {"reference": "Patient/p"}, **more}


def coded(system: str, *codes: str, text: str | None = None) -> Json:
    found: Json = {"coding": [{"system": system, "code": code} for code in codes]}
    return found if text is None else {**found, "text": text}


def status(code: str) -> Json:
    return {"coding": [{"code": code}]}


def diagnosis(name: str, code: Json, clinical: str | None = "active", verified: str = "confirmed", **more: Any) -> Json:
    own = {} if clinical is None else {"clinicalStatus": status(clinical)}
    return about("Condition", name, code=code, verificationStatus=status(verified), **own, **more)


def result(name: str, code: Json, day: str | None, **more: Any) -> Json:
    own = {} if day is None else {"effectiveDateTime": day}
    return about("Observation", name, status="final", code=code, **own, **more)


def amount(name: str, code: str, day: str | None, value: float, unit: str | None, comparator: str | None = None) -> Json:
    told = {"value": value, "code": unit, "comparator": comparator}
    quantity = {key: own for key, own in told.items() if own is not None}
    return result(name, coded(LOINC, code), day, valueQuantity=quantity)


def clearance(name: str, day: str | None, value: float, unit: str | None = "mL/min", comparator: str | None = None) -> Json:
    return amount(name, "2164-2", day, value, unit, comparator)


def pregnancy(name: str, day: str | None, code: str) -> Json:
    return result(name, coded(LOINC, "82810-3"), day, valueCodeableConcept=coded(LOINC, code))


def pregnant(name: str = "w", clinical: str | None = "active", **more: Any) -> Json:
    return diagnosis(name, coded(SNOMED, "77386006"), clinical, **more)


def allergy(name: str, code: Json, **more: Any) -> Json:
    return about("AllergyIntolerance", name, code=code, **more)


def mallow(name: str = "a", code: str = "mallow", **more: Any) -> Json:
    return allergy(name, coded(f"{EXAMPLE}substances", code), **more)


def sign(name: str, code: str, told: bool) -> Json:
    return result(name, coded(f"{EXAMPLE}tests", code), "2024-03-02", valueBoolean=told)


YES, NO, UNKNOWN = "LA15173-0", "LA26683-5", "LA4489-6"
VISIT = diagnosis("pox", coded(f"{EXAMPLE}diagnoses", "fen-pox"), onsetDateTime="2024-03-01")
DOUBT = "told, but not for certain"
NO_ALLERGY = allergy("none", coded(SNOMED, "716186003"), recordedDate="2024-01-01")
UNREAD = allergy("odd", {"text": "see letter"})
PEANUT = allergy("nut", coded(f"{EXAMPLE}substances", "peanut"), category=["food"])
REMOVED = coded(SNOMED, "234319005")

Case = tuple[dict[str, Any], list[Json], dict[str, Any], str]
CASES: dict[str, Case] = {
    "an age is counted at the latest day in the chart": (BORN, [VISIT], {"age": 63}, "age: 63 on 2024-03-01"),
    "a birthday on the day counts": ({"birthDate": "1960-03-01"}, [VISIT], {"age": 64}, ""),
    "what is only planned for a later day is not the latest day": (
        BORN,
        [VISIT, about("Procedure", "later", status="preparation", performedDateTime="2030-01-01", code=REMOVED)],
        {"age": 63, "spleen_removed": None},
        "",
    ),
    "an order tells the day on which it was written": (
        BORN,
        [VISIT, about("MedicationRequest", "r", status="active", intent="order", authoredOn="2024-06-01",
                      occurrenceDateTime="2040-01-01")],
        {"age": 64},
        "2024-06-01",
    ),
    "a year of birth between two thresholds is known": (
        {"birthDate": "1960"}, [VISIT], {"age": 63}, "63 or 64 on 2024-03-01",
    ),
    "a year of birth across a threshold stays open": (
        {"birthDate": "1959"}, [VISIT], {"age": None}, "age: stays unknown: 64 or 65, as the date of birth is 1959",
    ),
    "a month of birth across a threshold stays open": ({"birthDate": "2006-03"}, [VISIT], {"age": None}, "17 or 18"),
    "a month of birth before the month of the day is known": ({"birthDate": "2006-02"}, [VISIT], {"age": 18}, "18 on"),
    "a day told by its year alone leaves a birthday in it open": (
        {"birthDate": "2006-07-01"}, [{**VISIT, "onsetDateTime": "2024"}], {"age": None}, "17 or 18",
    ),
    "without a date of birth the age is open": ({}, [VISIT], {"age": None}, "no date of birth is told"),
    "without any day the age is open": (BORN, [], {"age": None}, "the chart tells of no day"),
    "a date of birth that cannot be read is none": ({"birthDate": "02.05.1960"}, [VISIT], {"age": None}, "no date of birth"),
    "a date of birth after the chart is none": ({"birthDate": "2030-01-01"}, [VISIT], {"age": None}, "is after the latest"),
    "the dead do not grow older": ({**BORN, "deceasedDateTime": "2020-01-01"}, [VISIT], {"age": 59}, ""),
    "a day of death that cannot be read leaves the age open": (
        {**BORN, "deceasedDateTime": 7}, [VISIT], {"age": None}, "",
    ),
    "a gender is a sex by the table": ({"gender": "male"}, [VISIT], {"sex": "male"}, ""),
    "another gender leaves the sex open": ({"gender": "other"}, [VISIT], {"sex": None}, "does not decide it: other"),
    "an unknown gender leaves the sex open": ({"gender": "unknown"}, [VISIT], {"sex": None}, "does not decide it: unknown"),
    "no gender leaves the sex open": ({}, [VISIT], {"sex": None}, "no gender is told"),
    "an active diagnosis is current": (BORN, [VISIT], {"fen_pox": True}, ""),
    "a diagnosis that ended is not current": (
        BORN, [{**VISIT, "clinicalStatus": status("resolved")}], {"fen_pox": False}, "",
    ),
    "a diagnosis with an end and no status is not current": (
        BORN, [pregnant(clinical=None, abatementDateTime="2024-01-01"), VISIT], {"pregnant": False}, "",
    ),
    "an active diagnosis with an end is in doubt": (
        BORN, [pregnant(abatementDateTime="2024-01-01", onsetDateTime="2023-09-01"), VISIT], {"pregnant": None}, "told, but",
    ),
    "an active diagnosis whose end has the wrong shape is in doubt": (
        BORN, [pregnant(abatementPeriod=7, onsetDateTime="2023-09-01"), VISIT], {"pregnant": None}, "told, but",
    ),
    "a diagnosis without a status is in doubt": (
        BORN, [pregnant(clinical=None, onsetDateTime="2024-01-01"), VISIT], {"pregnant": None}, DOUBT,
    ),
    "a diagnosis that is not confirmed is in doubt": (
        BORN, [pregnant(verified="provisional", onsetDateTime="2024-01-01")], {"pregnant": None}, DOUBT,
    ),
    "a refuted diagnosis of the whole finding tells that it is absent": (
        BORN, [{**VISIT, "verificationStatus": status("refuted")}], {"fen_pox": False}, "",
    ),
    "a refuted diagnosis of a part says nothing": (
        BORN,
        [diagnosis("pox", coded(f"{EXAMPLE}diagnoses", "fen-pox-late"), verified="refuted")],
        {"fen_pox": None, "stage": None},
        "",
    ),
    "a diagnosis entered in error says nothing": (
        BORN, [{**VISIT, "verificationStatus": status("entered-in-error")}], {"fen_pox": None}, "",
    ),
    "a diagnosis in words is in doubt": (BORN, [diagnosis("t", {"text": "Fen pox"})], {"fen_pox": None}, "told, but not"),
    "a code also says the value of a choice": (
        BORN, [diagnosis("pox", coded(f"{EXAMPLE}diagnoses", "fen-pox-late"))], {"fen_pox": True, "stage": "late"}, "",
    ),
    "the latest result tells of a pregnancy": (
        BORN, [pregnancy("1", "2024-01-01", YES), pregnancy("2", "2024-02-01", NO)], {"pregnant": False}, "",
    ),
    "a result of unknown leaves it open": (
        BORN, [pregnancy("1", "2024-01-01", NO), pregnancy("2", "2024-02-01", UNKNOWN)], {"pregnant": None}, "",
    ),
    "an earlier result says no more than its period": (
        BORN, [VISIT, pregnancy("1", "2023-02-01", YES)], {"pregnant": None}, "may be older than 300 days",
    ),
    "a result without a date says nothing of now": (BORN, [VISIT, pregnancy("1", None, YES)], {"pregnant": None}, "300"),
    "an old diagnosis that was never closed says nothing of now": (
        BORN, [VISIT, pregnant(onsetDateTime="2019-01-01")], {"pregnant": None}, "may be older than 300 days",
    ),
    "a result before a diagnosis gives way to it": (
        BORN, [pregnancy("1", "2024-01-01", NO), pregnant(onsetDateTime="2024-02-01")], {"pregnant": True}, "",
    ),
    "a result after a diagnosis contradicts it": (
        BORN,
        [pregnancy("1", "2024-02-01", NO), pregnant(onsetDateTime="2024-01-01")],
        {"pregnant": None},
        "pregnant: the record contradicts itself",
    ),
    "an earlier episode that ended does not contradict an active one": (
        BORN,
        [pregnant("first", "resolved", onsetDateTime="2015-01-01"), pregnant("second", onsetDateTime="2024-01-01")],
        {"pregnant": True},
        "",
    ),
    "a number is converted to the unit of its set": (BORN, [clearance("1", "2024-03-01", 1, "mL/s")], {"clearance": 60}, ""),
    "a unit with an offset is converted": (
        BORN, [amount("t", "8310-5", "2024-03-01", 100.4, "[degF]")], {"temperature": 38}, "",
    ),
    "rounding never passes a threshold": (
        BORN, [clearance("1", "2024-03-01", 29.99996)], {"clearance": 29.99996}, "",
    ),
    "a unit of no table is not read": (
        BORN,
        [clearance("1", "2024-03-01", 45, "mL/min/{1.73_m2}")],
        {"clearance": None},
        "clearance: stays unknown: the latest result of clearance is in a unit that is not in the tables: 45 mL/min/",
    ),
    "a number without a unit is not read": (BORN, [clearance("1", "2024-03-01", 45, None)], {"clearance": None}, "a unit"),
    "an older number does not stand for a later one that is not read": (
        BORN, [clearance("1", "2024-01-01", 45), clearance("2", "2024-03-01", 45, "ml")], {"clearance": None}, "in a unit",
    ),
    "a number beyond what a device measures counts between thresholds": (
        BORN, [clearance("1", "2024-03-01", 90, comparator=">")], {"clearance": 90}, "90 stands for > 90",
    ),
    "less than a threshold is below it": (
        BORN, [clearance("1", "2024-03-01", 30, comparator="<")], {"clearance": 29}, "29 stands for < 30",
    ),
    "at most a threshold may be the threshold": (
        BORN, [clearance("1", "2024-03-01", 30, comparator="<=")], {"clearance": None}, "is not one number: <= 30",
    ),
    "more than a number below a threshold stays open": (
        BORN, [clearance("1", "2024-03-01", 59, comparator=">")], {"clearance": None}, "is not one number",
    ),
    "a comparison that is not known is none": (
        BORN, [clearance("1", "2024-03-01", 90, comparator="~")], {"clearance": None}, "is not one number",
    ),
    "a range between two thresholds counts": (
        BORN,
        [result("r", coded(LOINC, "2164-2"), "2024-03-01", valueRange={"low": {"value": 40, "code": "mL/min"},
                                                                     "high": {"value": 50, "code": "mL/min"}})],
        {"clearance": 45},
        "",
    ),
    "a range across a threshold stays open": (
        BORN,
        [result("r", coded(LOINC, "2164-2"), "2024-03-01", valueRange={"low": {"value": 20, "code": "mL/min"},
                                                                     "high": {"value": 50, "code": "mL/min"}})],
        {"clearance": None},
        "is not one number",
    ),
    "a weight that is not one number is none to multiply by": (
        BORN, [amount("w", "29463-7", "2024-03-01", 100, "kg", ">")], {"weight": None}, "is not one number",
    ),
    "the later time of one day counts": (
        BORN,
        [clearance("1", "2024-03-01T08:00:00Z", 45), clearance("2", "2024-03-01T20:00:00+02:00", 55)],
        {"clearance": 55},
        "",
    ),
    "two numbers of one day contradict each other": (
        BORN, [clearance("1", "2024-03-01", 45), clearance("2", "2024-03-01", 25)], {"clearance": None}, "contradicts",
    ),
    "two units of one number agree": (
        BORN, [clearance("1", "2024-03-01", 45), clearance("2", "2024-03-01", 2.7, "L/h")], {"clearance": 45}, "",
    ),
    "a score stands for a value by ranges": (
        BORN,
        [result("s", coded(f"{EXAMPLE}tests", "stage"), "2024-03-01", valueQuantity={"value": 9, "code": "{score}"})],
        {"stage": "early"},
        "",
    ),
    "a bound of a score that leaves two values open decides nothing": (
        BORN,
        [result("s", coded(f"{EXAMPLE}tests", "stage"), "2024-03-01",
                valueQuantity={"value": 20, "code": "{score}", "comparator": "<"})],
        {"stage": None},
        "inconclusive",
    ),
    "a coded value is a value of the choice": (
        BORN,
        [result("s", coded(f"{EXAMPLE}tests", "stage"), "2024-03-01", valueCodeableConcept=coded(f"{EXAMPLE}stages", "2"))],
        {"stage": "late"},
        "",
    ),
    "an allergy by its code": (BORN, [mallow()], {"mallow_allergy": True, "reed_reaction": None}, ""),
    "an allergy by a text of the table": (BORN, [allergy("a", {"text": "Marsh mallow"})], {"mallow_allergy": True}, ""),
    "an allergy in other words is in doubt": (
        BORN, [allergy("a", {"text": "marsh mallow or reed?"})], {"mallow_allergy": None}, DOUBT,
    ),
    "an allergy that is not confirmed is in doubt": (
        BORN, [mallow(verificationStatus=status("unconfirmed"))], {"mallow_allergy": None}, DOUBT,
    ),
    "a refuted allergy to the whole is none": (
        BORN, [mallow(verificationStatus=status("refuted"))], {"mallow_allergy": False}, "",
    ),
    "a refuted allergy to a part says nothing": (
        BORN, [mallow(code="mallow-syrup", verificationStatus=status("refuted"))], {"mallow_allergy": None}, "",
    ),
    "an allergy entered in error says nothing": (
        BORN, [mallow(verificationStatus=status("entered-in-error"))], {"mallow_allergy": None}, "",
    ),
    "no known allergies are told as none": (BORN, [NO_ALLERGY], {"mallow_allergy": False, "reed_reaction": "none"}, ""),
    "no known allergies in words are told as none": (
        BORN, [allergy("a", {"text": "No Known Allergies"})], {"mallow_allergy": False, "reed_reaction": None}, "",
    ),
    "a later allergy outlives no known allergies": (
        BORN, [NO_ALLERGY, mallow(onsetDateTime="2024-02-01")], {"mallow_allergy": True}, "",
    ),
    "no known allergies after an allergy contradict it": (
        BORN, [NO_ALLERGY, mallow(onsetDateTime="2023-02-01")], {"mallow_allergy": None}, "contradicts itself",
    ),
    "no known allergies that no longer hold say nothing": (
        BORN, [{**NO_ALLERGY, "clinicalStatus": status("inactive")}], {"mallow_allergy": None, "reed_reaction": None}, "",
    ),
    "an allergy to nobody knows what leaves no known allergies open": (
        BORN,
        [NO_ALLERGY, UNREAD],
        {"mallow_allergy": None, "reed_reaction": None},
        "mallow_allergy: stays unknown: told, but not for certain",
    ),
    "an allergy to nobody knows what is named": (
        BORN, [UNREAD], {"mallow_allergy": None}, "not read: AllergyIntolerance/odd, see letter: an allergy that is not in",
    ),
    "an allergy that has lost its code leaves it open": (
        BORN, [NO_ALLERGY, allergy("a", [7])], {"mallow_allergy": None}, "AllergyIntolerance/a was read without its code",  # type: ignore[arg-type]
    ),
    "an allergy to food is none to a medication": (BORN, [NO_ALLERGY, PEANUT], {"mallow_allergy": False}, ""),
    "an allergy of a row without a finding has no consequence": (
        BORN, [NO_ALLERGY, mallow(code="willow")], {"mallow_allergy": False}, "of no consequence here",
    ),
    "a code and a text of one allergy that contradict each other leave it open": (
        BORN,
        [allergy("a", {**coded(f"{EXAMPLE}substances", "mallow"), "text": "no known allergies"})],
        {"mallow_allergy": None},
        DOUBT,
    ),
    "an allergy says the value of a choice": (BORN, [mallow(code="reed-anaphylaxis")], {"reed_reaction": "severe"}, ""),
    "an allergy of an unknown kind leaves the choice open": (BORN, [mallow(code="reed")], {"reed_reaction": None}, ""),
    "an allergy of somebody else says nothing": (
        BORN, [{**mallow(), "patient": {"reference": "Patient/q"}}], {"mallow_allergy": None}, "",
    ),
    "a procedure that was done": (
        BORN, [about("Procedure", "s", status="completed", code=REMOVED)], {"spleen_removed": True}, "",
    ),
    "a procedure that was not done says nothing of other days": (
        BORN, [about("Procedure", "s", status="not-done", code=REMOVED)], {"spleen_removed": None}, "",
    ),
    "a procedure of an unknown status is in doubt": (
        BORN, [about("Procedure", "s", status="unknown", code=REMOVED)], {"spleen_removed": None}, DOUBT,
    ),
    "a procedure entered in error says nothing": (
        BORN, [about("Procedure", "s", status="entered-in-error", code=REMOVED)], {"spleen_removed": None}, "",
    ),
    "a list is read where each member is told or excluded": (
        BORN, [sign("r", "rash", True), sign("c", "cough", False)], {"signs": ["rash"]}, "",
    ),
    "a list of which nothing is left is empty": (
        BORN, [sign("r", "rash", False), sign("c", "cough", False)], {"signs": []}, "",
    ),
    "a list of which a member is not told stays open": (
        BORN, [sign("r", "rash", True)], {"signs": None}, "told: rash; neither told nor excluded: cough",
    ),
    "descendants of a code in its hierarchy say the same": (
        BORN,
        [diagnosis("r", coded("http://hl7.org/fhir/sid/icd-10-cm", "R21.9")), sign("c", "cough", True)],
        {"signs": ["rash", "cough"]},
        "",
    ),
}  # fmt: skip
"""Charts by a sentence each: the Patient's fields, the other resources, the facts, and a part of what is said of them."""
