"""The bare decisions of the HER2 guideline, written by hand in numpy, as a program without a reasoner would hold them.

Setting, recommended and excluded regimens of complete records, without a reason for any. It is the measure of how long
deciding takes; `many.py` checks it against the evaluator on the records that it is timed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]

CLASSES = {
    "anti_her2": (
        "trastuzumab", "pertuzumab", "trastuzumab_deruxtecan", "trastuzumab_emtansine", "tucatinib", "lapatinib",
        "neratinib", "margetuximab",
    ),
    "taxane": ("docetaxel", "paclitaxel"),
    "anthracycline": ("doxorubicin", "epirubicin"),
    "endocrine": ("letrozole", "anastrozole", "exemestane", "fulvestrant", "tamoxifen"),
    "chemotherapy": (
        "docetaxel", "paclitaxel", "doxorubicin", "epirubicin", "capecitabine", "vinorelbine", "gemcitabine", "eribulin",
        "carboplatin", "cyclophosphamide",
    ),
}  # fmt: skip
DRUGS = tuple(dict.fromkeys(drug for drugs in CLASSES.values() for drug in drugs))
PARTS = {
    "trastuzumab_pertuzumab_taxane": ("trastuzumab", "pertuzumab", "taxane"),
    "trastuzumab_pertuzumab": ("trastuzumab", "pertuzumab"),
    "trastuzumab_pertuzumab_endocrine": ("trastuzumab", "pertuzumab", "endocrine"),
    "trastuzumab_deruxtecan": ("trastuzumab_deruxtecan",),
    "trastuzumab_emtansine": ("trastuzumab_emtansine",),
    "tucatinib_trastuzumab_capecitabine": ("tucatinib", "trastuzumab", "capecitabine"),
    "lapatinib_capecitabine": ("lapatinib", "capecitabine"),
    "lapatinib_trastuzumab": ("lapatinib", "trastuzumab"),
    "pertuzumab": ("pertuzumab",),
    "endocrine_trastuzumab": ("endocrine", "trastuzumab"),
    "endocrine_lapatinib": ("endocrine", "lapatinib"),
    "endocrine_therapy": ("endocrine",),
}


def decide(rows: int, courses: int, held: Callable[[str], Bits]) -> dict[str, Bits]:
    """Decide for `rows` records with `courses` courses each; `held` gives the records in which an atom holds."""
    no = np.zeros(rows, dtype=bool)

    def some(arrays: Iterable[Bits]) -> Bits:
        found = no.copy()
        for own in arrays:
            found |= own
        return found

    def every(arrays: Iterable[Bits]) -> Bits:
        found = ~no
        for own in arrays:
            found &= own
        return found

    def fitting(part: str) -> tuple[str, ...]:
        return CLASSES.get(part, (part,))

    given = [{drug: held(f"drug_in({n},{drug})") for drug in DRUGS} for n in range(1, courses + 1)]
    ended = [
        {end: held(f"outcome({n},{end})") for end in ("progression", "toxicity", "completed", "ongoing")}
        for n in range(1, courses + 1)
    ]

    def has(course: Mapping[str, Bits], kind: str) -> Bits:
        return some(course[drug] for drug in CLASSES[kind])

    joined: list[dict[str, Bits]] = []
    for n, course in enumerate(given):
        if n:
            new = some(course[drug] & ~joined[n - 1][drug] for drug in CLASSES["anti_her2"])
            goes_on = (ended[n - 1]["completed"] | ended[n - 1]["toxicity"]) & has(course, "anti_her2") & ~new
            joined.append({drug: course[drug] | goes_on & joined[n - 1][drug] for drug in DRUGS})
        else:
            joined.append(course)
    progressed = {drug: some(e["progression"] & j[drug] for e, j in zip(ended, joined, strict=True)) for drug in DRUGS}
    failed = {
        regimen: some(
            e["progression"] & every(some(j[drug] for drug in fitting(part)) for part in parts)
            for e, j in zip(ended, joined, strict=True)
        )
        for regimen, parts in PARTS.items()
    }
    toxic = {drug: some(e["toxicity"] & g[drug] for e, g in zip(ended, given, strict=True)) for drug in DRUGS}
    treated = some(has(course, kind) for course in given for kind in ("anti_her2", "chemotherapy"))
    failing_anti_her2 = some(progressed[drug] for drug in CLASSES["anti_her2"])
    ongoing = ended[-1]["ongoing"] if courses else no
    completed = ended[-1]["completed"] if courses else no
    last = given[-1] if courses else dict.fromkeys(DRUGS, no)
    last_is = {
        regimen: every(some(last[drug] for drug in fitting(part)) for part in parts)
        & ~some(last[drug] for drug in DRUGS if not any(drug in fitting(part) for part in parts))
        for regimen, parts in PARTS.items()
    }

    hr = held("is(hr,positive)")
    in_scope = held("has(metastatic)") & held("is(her2,positive)") & held("has(breast_cancer)")
    lung = held("has(interstitial_lung_disease)")
    cns = held("has(cns_predominant)")
    cardiac = held("has(heart_failure)") | held("is(lvef_decline,persistent)") | held("is(lvef_decline,recurrent)")
    early = held("at_most(months_to_recurrence,12)")
    lacking = {drug: held(f"includes(unavailable_drugs,{drug})") for drug in DRUGS}
    received = {drug: some([held(f"includes(adjuvant_drugs,{drug})"), *(g[drug] for g in given)]) for drug in DRUGS}
    no_conjugate = lung | lacking["trastuzumab_deruxtecan"] | toxic["trastuzumab_deruxtecan"]
    unavailable = {
        regimen: some(every(lacking[drug] for drug in fitting(part)) for part in parts) for regimen, parts in PARTS.items()
    }

    if courses:
        cycles, months = (
            held(f"course_at_least({courses},taxane_cycles,6)"),
            held(f"course_at_least({courses},chemotherapy_months,6)"),
        )
        response, stopped = (
            held(f"course_has({courses},maximal_response)"),
            held(f"course_has({courses},chemotherapy_stopped)"),
        )
        enough = stopped | held(f"course_has({courses},chemotherapy_toxicity)") | cycles & (months | response)
    else:
        enough = no
    under_way = ongoing & last_is["trastuzumab_pertuzumab_taxane"] & ~failing_anti_her2
    maintained = last_is["trastuzumab_pertuzumab"] | last_is["trastuzumab_pertuzumab_endocrine"]
    maintenance_under_way = ~failing_anti_her2 & ongoing & maintained
    anthracycline = ongoing & has(last, "anthracycline")
    against = {
        regimen: failed[regimen] | unavailable[regimen] | ((cardiac | anthracycline) if "trastuzumab" in parts else no)
        for regimen, parts in PARTS.items()
    }
    for conjugate, contraindicated in (("trastuzumab_deruxtecan", lung), ("trastuzumab_emtansine", no)):
        against[conjugate] = against[conjugate] | contraindicated | toxic[conjugate]
    on_treatment = some(
        ongoing & last_is[regimen] & ~against[regimen]
        for regimen, parts in PARTS.items()
        if any(drug in CLASSES["anti_her2"] for part in parts for drug in fitting(part))
    )
    on_treatment &= ~under_way & ~maintenance_under_way
    standard_failed = progressed["trastuzumab"] & progressed["pertuzumab"] & some(progressed[d] for d in CLASSES["taxane"])
    levels = (
        {"out_of_scope": ~in_scope},
        {
            "first_line": under_way & ~enough,
            "maintenance": under_way & enough | maintenance_under_way,
            "on_treatment": on_treatment,
            "not_addressed": ongoing & ~some(last_is.values()),
        },
        {"maintenance": ~failing_anti_her2 & completed & (maintained | last_is["trastuzumab_pertuzumab_taxane"])},
        {"third_line": progressed["trastuzumab_deruxtecan"]},
        {"second_line": standard_failed},
        {"second_line": early & ~treated},
        {"first_line": ~treated},
        {"not_addressed": ~no},
    )
    setting = {
        name: no.copy()
        for name in (
            "first_line",
            "maintenance",
            "second_line",
            "third_line",
            "on_treatment",
            "not_addressed",
            "out_of_scope",
        )
    }
    left = ~no
    for level in levels:
        for name, holds in level.items():
            setting[name] |= left & holds
        left &= ~some(level.values())

    first, second, third = setting["first_line"], setting["second_line"], setting["third_line"]
    selected = held("has(heart_failure)") | held("has(low_disease_burden)") | held("has(significant_comorbidity)")
    selected = selected | held("has(long_disease_free_interval)")
    endocrine_first = hr & first & ~treated
    reading_10 = hr & ~every(lacking[drug] for drug in CLASSES["endocrine"]) | failing_anti_her2
    indicated = {
        "trastuzumab_pertuzumab_taxane": first & (~treated | under_way),
        "trastuzumab_pertuzumab": setting["maintenance"] & ~reading_10,
        "trastuzumab_pertuzumab_endocrine": setting["maintenance"] & hr,
        "trastuzumab_deruxtecan": second & (early & ~treated | standard_failed | held("has(brain_metastases)") & ~cns),
        "trastuzumab_emtansine": second & no_conjugate | third & ~received["trastuzumab_emtansine"],
        "tucatinib_trastuzumab_capecitabine": second & cns | third,
        "lapatinib_capecitabine": third,
        "lapatinib_trastuzumab": third,
        "pertuzumab": third & ~received["pertuzumab"],
        "endocrine_trastuzumab": endocrine_first,
        "endocrine_lapatinib": endocrine_first,
        "endocrine_therapy": endocrine_first & selected,
    }
    against["trastuzumab_emtansine"] = against["trastuzumab_emtansine"] | second & ~no_conjugate
    found = {f"setting({name})": holds for name, holds in setting.items()}
    for regimen in PARTS:
        found[f"excluded({regimen})"] = excluded = against[regimen] & in_scope
        going_on = setting["on_treatment"] & ongoing & last_is[regimen]
        found[f"recommended({regimen})"] = (indicated[regimen] | going_on) & ~excluded
    return found
