"""Cases that were answered as JUnit XML, the format in which continuous integration reads tests."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reasoner.compiler.model import GuidelineModel
from reasoner.render.cases import behind_words, value_words
from reasoner.verification.case_runs import CaseReport

__all__ = ["render"]


def render(report: CaseReport, model: GuidelineModel) -> str:
    """Render the answers to cases as one JUnit test suite."""
    count, failed = str(len(report.cases)), str(report.failed)
    suite = Element("testsuite", name=report.guideline.id, tests=count, failures=failed, errors="0")
    for result in report.cases:
        case = SubElement(suite, "testcase", classname=report.guideline.id, name=result.title, file=result.file)
        lines = [
            line
            for own in result.differences
            for line in (
                own.key,
                f"  {model.say('case_expected')} {value_words(own.expected, model)}",
                f"  {model.say('case_found')} {value_words(own.found, model)}",
                *(f"  - {behind_words(behind, model)}" for behind in own.behind),
            )
        ]
        if lines:
            keys = model.say("comma").join(own.key for own in result.differences)
            SubElement(case, "failure", message=model.say("case_differs", keys)).text = "\n".join(lines)
    indent(suite)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suite, encoding="unicode")}\n'
