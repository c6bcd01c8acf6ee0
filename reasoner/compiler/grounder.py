"""From a guideline's rules to straight-line code over integers.

clingo grounds the guideline once, with everything that a record can say left open. The ground rules of a guideline without
recursion are boolean equations in dependency order; written as one Python function with ``&``, ``|`` and ``~`` on integers,
every atom is an integer whose bit *i* tells whether the atom holds in completion *i*. A completion is a completion of one record's
unknown facts. The same integers say which rules fired and, for those that did not, which conditions kept them from firing.
"""

from __future__ import annotations

import marshal
import re
from collections import Counter
from collections.abc import Sequence
from importlib import resources

import clingo

from reasoner.compiler.model import CourseFact, Dose, Fact, GuidelineModel, Rule, Trial, Variable
from reasoner.compiler.parser import GIVEN, Source
from reasoner.compiler.program import GroundRule, Program
from reasoner.errors import GuidelineError

__all__ = ["build_model", "ground"]


def phrase_of(symbol: clingo.Symbol, source: Source, labels: dict[tuple[str, str], str]) -> str:
    """Word an atom by the phrase of its predicate, with the labels of its arguments."""
    phrase = source.phrases[symbol.name]
    for number, (kind, argument) in enumerate(zip(source.kinds[symbol.name], symbol.arguments, strict=True), start=1):
        name = text(argument)
        for candidate in (f"{kind}_name", kind, "fact", "value", "drug", "class"):
            if (candidate, name) in labels:
                name = labels[candidate, name]
                break
        phrase = phrase.replace("{" + str(number) + "}", name)
    return phrase


def instrument(source: Source, courses: int, fewer: bool) -> str:
    """Write the program that clingo grounds: all data, everything open, and each rule's instances as atoms of their own."""
    open_file = resources.files("asp") / "core" / "open.lp"
    constants = f"#const courses = {courses}. #const open_courses = {int(fewer)}."
    lines = [*source.data, constants, open_file.read_text("utf-8")]
    for number, rule in enumerate(source.rules):
        body = ", ".join(("not " if c.negated else "") + c.text for c in rule.body)
        seen = ",".join(f"{'no' if c.negated else 'yes'}({c.text})" for c in rule.body if not c.comparison)
        tail = f" :- {body}." if body else "."
        lines.append(f"{{ {rule.head} }}{tail}")
        lines.append(
            f"_fires({number}, {rule.head}, ({seen},)){tail}" if seen else f"_fires({number}, {rule.head}, ()){tail}"
        )
    return "\n".join(lines)


def ground(source: Source, courses: int, variables: Sequence[Variable], fewer: bool = False) -> Program:
    """Ground `source` for records with `courses` courses and write its code; with `fewer`, for fewer courses too.

    Raises GuidelineError where clingo refuses a rule (an unsafe variable, say).
    """
    messages: list[str] = []
    control = clingo.Control(["--warn=no-atom-undefined"], logger=lambda _, text: messages.append(text))
    try:
        control.add("base", [], instrument(source, courses, fewer))
        control.ground()
    except RuntimeError:
        raise GuidelineError(explain_refusal(messages, source)) from None
    return assemble(control, source, courses, variables)


def explain_refusal(messages: list[str], source: Source) -> str:
    """Find the rule that clingo refused, and word it with its own place."""
    for rule in source.rules:
        for message in messages:
            if "unsafe" in message and f"_fires({source.rules.index(rule)}," in message:
                variables = ", ".join(sorted(set(re.findall(r"note: '(\w+)' is unsafe", message))))
                return f"{rule.place}: {rule.head}: {variables} stands in no positive condition of the rule; bind it there."
    return "\n".join(messages).strip()


def assemble(control: clingo.Control, source: Source, courses: int, variables: Sequence[Variable]) -> Program:
    """Read the ground rules back and put the atoms in dependency order."""
    open_atoms: dict[clingo.Symbol, None] = {}
    derivable: dict[clingo.Symbol, list[tuple[int, list[tuple[clingo.Symbol, bool]]]]] = {}
    facts: set[clingo.Symbol] = set()
    for atom in control.symbolic_atoms:
        symbol = atom.symbol
        if symbol.name == "_fires":
            rule, head, seen = symbol.arguments
            body = [(condition.arguments[0], condition.name == "no") for condition in seen.arguments]
            derivable.setdefault(head, []).append((rule.number, body))
        elif source.roles.get(symbol.name) in GIVEN and not atom.is_fact:
            open_atoms[symbol] = None
        elif atom.is_fact:
            facts.add(symbol)
    derived, recursive = topological_order(derivable, source.rules)
    used = {c for instances in derivable.values() for _, conditions in instances for c, _ in conditions}
    never = [s for s in used if s not in derivable and s not in open_atoms and s not in facts]
    always = [s for s in used if s in facts and s not in derivable]
    atoms = [*open_atoms, *derived, *sorted(always), *sorted(never)]
    index = {symbol: number for number, symbol in enumerate(atoms)}
    labels = {(str(k), str(n)): t.string for k, n, t in source.catalogue.get("term", [])}
    rules: list[GroundRule] = []
    supports: list[tuple[int, ...]] = [()] * len(atoms)
    for head in derived:
        own = []
        for number, conditions in sorted(derivable[head]):
            own.append(len(rules))
            rules.append(GroundRule(number, index[head], tuple((index[symbol], negated) for symbol, negated in conditions)))
        supports[index[head]] = tuple(own)
    program = Program(courses, [str(symbol) for symbol in atoms], [phrase_of(s, source, labels) for s in atoms], rules)
    program.roles = [source.roles[symbol.name] for symbol in atoms]
    program.inputs = {str(symbol): number for number, symbol in enumerate(open_atoms)}
    program.index = {str(symbol): number for number, symbol in enumerate(atoms)}
    program.derived, program.always, program.supports = len(derived), len(always), supports
    program.inconsistent = [n for n, rule in enumerate(rules) if atoms[rule.head].name == "inconsistent"]
    program.concluding = tuple(index[s] for s in derived if source.roles[s.name] == "conclusion")
    program.table = tabulate(derived, index, source.roles)
    program.recursive = recursive
    program.check_code = write_code(program, program.inconsistent, wanted_rules=True)
    owner = {
        program.inputs[atom]: v for v, variable in enumerate(variables) for _, atoms in variable.values for atom in atoms
    }
    program.constraint_components, program.independent_components = constrain(program, owner)
    concluding = [n for n, rule in enumerate(rules) if source.rules[rule.rule].role == "conclusion"]
    program.relevant = frozenset(owner[atom] for atom in cone(program, concluding) if atom in owner)
    if recursive is None:
        program.code = write_code(program, range(len(rules)), wanted_rules=False)
    return program


def tabulate(
    derived: Sequence[clingo.Symbol], index: dict[clingo.Symbol, int], roles: dict[str, str]
) -> dict[str, dict[str, list[tuple[str, int]]]]:
    """Table the conclusions by predicate and first argument."""
    table: dict[str, dict[str, list[tuple[str, int]]]] = {}
    for symbol in sorted(derived):
        if roles[symbol.name] in ("conclusion", "position"):
            first, *rest = (*map(str, symbol.arguments), "")
            table.setdefault(symbol.name, {}).setdefault(first, []).append((rest[0] if rest else "", index[symbol]))
    return table


def constrain(
    program: Program, owner: dict[int, int]
) -> tuple[dict[tuple[int, ...], tuple[int, ...]], frozenset[tuple[int, ...]]]:
    """Group the variables that what is impossible ties together, and tell which groups nothing else touches.

    `owner` gives for each input atom that a variable decides the variable.
    """
    tied: list[tuple[set[int], list[int], bool]] = []
    for position, number in enumerate(program.inconsistent):
        inputs = {atom for atom in cone(program, [number]) if atom < len(program.inputs)}
        reached = {owner[atom] for atom in inputs if atom in owner}
        rules, pure = [position], bool(inputs) and all(atom in owner for atom in inputs)
        for other in [t for t in tied if t[0] & reached or t[0] == reached]:
            tied.remove(other)
            reached |= other[0]
            rules += other[1]
            pure = pure and other[2]
        tied.append((reached, rules, pure))
    groups = {tuple(sorted(reached)): tuple(sorted(rules)) for reached, rules, _ in tied}
    return groups, frozenset(tuple(sorted(reached)) for reached, _, pure in tied if pure)


def cone(program: Program, rules: Sequence[int]) -> set[int]:
    """Collect all atoms that ground rules depend on."""
    seen: set[int] = set()
    stack = list(rules)
    while stack:
        for atom, _ in program.rules[stack.pop()].conditions:
            if atom not in seen:
                seen.add(atom)
                stack.extend(program.supports[atom])
    return seen


def topological_order(
    derivable: dict[clingo.Symbol, list[tuple[int, list[tuple[clingo.Symbol, bool]]]]], rules: Sequence[Rule]
) -> tuple[list[clingo.Symbol], str | None]:
    """Put the derived atoms in dependency order; where they depend on themselves, say where."""
    waiting: dict[clingo.Symbol, int] = {}
    readers: dict[clingo.Symbol, list[clingo.Symbol]] = {}
    for head, instances in derivable.items():
        needed = {c for _, conditions in instances for c, _ in conditions if c in derivable}
        waiting[head] = len(needed)
        for symbol in needed:
            readers.setdefault(symbol, []).append(head)
    ready = [head for head, count in waiting.items() if count == 0]
    done: list[clingo.Symbol] = []
    while ready:
        symbol = ready.pop()
        done.append(symbol)
        for head in readers.get(symbol, ()):
            waiting[head] -= 1
            if waiting[head] == 0:
                ready.append(head)
    rest = [head for head, count in waiting.items() if count > 0]
    if not rest:
        return done, None
    left = set(rest)
    loop = [min(rest)]
    while True:
        step = min(c for _, conditions in derivable[loop[-1]] for c, _ in conditions if c in left)
        if step in loop:
            loop = loop[loop.index(step) :]
            break
        loop.append(step)
    negated = any(n and c in loop for head in loop for _, conditions in derivable[head] for c, n in conditions)
    on_it = [rules[n] for head in loop for n, conditions in derivable[head] if any(c in loop for c, _ in conditions)]
    rule = next((rule for rule in on_it if rule.annotation is not None), on_it[0])
    way = "through negation" if negated else "on itself"
    names = " -> ".join(str(symbol) for symbol in [*loop, loop[0]])
    return (
        done + rest,
        f"{rule.place}: {loop[0].name} depends {way}: {names}; answered by clingo's own solving, which is slower",
    )


def write_code(program: Program, wanted: Sequence[int] | range, wanted_rules: bool) -> bytes:
    """Write the evaluator of the `wanted` rules, and of all that they need, as compiled code.

    With `wanted_rules` it returns the integers of the wanted rules alone, else those of all derived atoms and all rules.
    """
    first, last = len(program.inputs), len(program.inputs) + program.derived
    needed = set(wanted)
    stack = list(wanted) if wanted_rules else []
    while stack:
        for atom, _ in program.rules[stack.pop()].conditions:
            for support in program.supports[atom]:
                if support not in needed:
                    needed.add(support)
                    stack.append(support)
    used = sorted({a for n in needed for a, _ in program.rules[n].conditions if a < first})
    lines = ["def run(inputs, completions):"]
    lines += [f" a{atom} = inputs[{atom}]" for atom in used]
    known = set(used)
    for atom in range(first, last):
        own = [n for n in program.supports[atom] if n in needed]
        for number in own:
            conditions = [(a, negated) for a, negated in program.rules[number].conditions if a < last]
            positive = [f"a{a}" for a, negated in conditions if not negated]
            negative = [f"~a{a}" for a, negated in conditions if negated]
            lines.append(f" r{number} = {' & '.join((positive or ['completions']) + negative)}")
        if own:
            known.add(atom)
            for start in range(0, len(own), 500):
                joined = " | ".join(f"r{number}" for number in own[start : start + 500])
                lines.append(f" a{atom} {'|=' if start else '='} {joined}")
    if wanted_rules:
        lines.append(f" return [{', '.join(f'r{n}' for n in wanted)}]")
    else:
        derived = ", ".join(f"a{atom}" for atom in range(first, last))
        fired = ", ".join(f"r{number}" for number in range(len(program.rules)))
        lines.append(f" return [{derived}], [{fired}]")
    return marshal.dumps(compile("\n".join(lines), "<guideline>", "exec"))


def number_values(fact: str, thresholds: tuple[int, ...]) -> tuple[tuple[str | None, tuple[str, ...]], ...]:
    """List the intervals that thresholds cut a number into, and last that it has no value."""
    values: list[tuple[str | None, tuple[str, ...]]] = []
    for n in range(len(thresholds) + 1):
        low = f">{thresholds[n - 1]}" if n else ""
        high = f"<={thresholds[n]}" if n < len(thresholds) else ""
        atoms = [f"{'at_most' if t >= n else 'more_than'}({fact},{bound})" for t, bound in enumerate(thresholds)]
        values.append((",".join(part for part in (low, high) if part), tuple(atoms)))
    return (*values, (None, ()))


def variables_of(fact: Fact) -> list[Variable]:
    name = fact.name
    if fact.kind == "boolean":
        return [Variable(name, None, ((True, (f"has({name})",)), (False, ())))]
    if fact.kind == "choice":
        return [Variable(name, None, tuple((v, (f"is({name},{v})",)) for v in fact.values))]
    if fact.kind == "list":
        return [Variable(name, m, ((True, (f"includes({name},{m})",)), (False, ()))) for m in fact.open_members]
    if fact.kind == "number" and fact.thresholds:
        return [Variable(name, None, number_values(name, fact.thresholds))]
    return []


def text(symbol: clingo.Symbol) -> str:
    return symbol.string if symbol.type == clingo.SymbolType.String else str(symbol)


def build_model(source: Source) -> GuidelineModel:
    """Gather a guideline's data from what was read.

    Raises GuidelineError where the guideline lacks its id, title or disclaimer.
    """
    table = source.catalogue

    def rows(name: str) -> list[tuple[str, ...]]:
        return [tuple(text(argument) for argument in row) for row in table.get(name, [])]

    def pairs(name: str) -> dict[str, str]:
        return {row[0]: row[1] for row in rows(name)}

    about = pairs("guideline")
    for key in ("id", "title", "disclaimer"):
        if key not in about:
            raise GuidelineError(f'the guideline does not say its {key}; write guideline({key}, "...").')
    labels: dict[str, dict[str, str]] = {}
    for kind, name, label in rows("term"):
        labels.setdefault(kind, {})[name] = label
    values: dict[str, list[tuple[int, str]]] = {}
    for fact, position, value in rows("value"):
        values.setdefault(fact, []).append((int(position), value))
    members = {fact: tuple(labels.get(kind, {})) for fact, kind in rows("members")}
    drug_lists = {fact for fact, kind in rows("members") if kind == "drug"}
    thresholds: dict[str, list[int]] = {}
    for relation in ("threshold", "course_threshold"):
        for fact, bound in rows(relation):
            thresholds.setdefault(fact, []).append(int(bound))
    open_members: dict[str, list[str]] = {}
    for fact, member in rows("open_member"):
        open_members.setdefault(fact, []).append(member)
    default = pairs("default")
    question = pairs("question")
    required = {fact for (fact,) in rows("required")}
    immutable = {fact for (fact,) in rows("immutable")}
    fits: dict[str, list[str]] = {}
    for part, drug in rows("fits"):
        fits.setdefault(part, []).append(drug)
    classes: dict[str, list[str]] = {}
    for drug, class_name in rows("class_of"):
        classes.setdefault(class_name, []).append(drug)
    parts: dict[str, list[tuple[str, ...]]] = {}
    for regimen, part in rows("part"):
        parts.setdefault(regimen, []).append(tuple(fits[part]))
    facts = tuple(
        Fact(
            name=name,
            kind=kind,
            label=labels.get("fact", {}).get(name, name.replace("_", " ")),
            question=question.get(name, ""),
            values=members.get(name) or tuple(v for _, v in sorted(values.get(name, []))),
            of_drugs=name in drug_lists,
            open_members=tuple(open_members.get(name, ())),
            thresholds=tuple(sorted(thresholds.get(name, ()))),
            default=default.get(name),
            required=name in required,
            immutable=name in immutable,
        )
        for _, name, kind in sorted(rows("fact"), key=lambda row: int(row[0]))
    )
    needs: dict[str, list[str]] = {}
    for fact, part in rows("course_fact_needs"):
        needs.setdefault(fact, []).extend(classes.get(part, [part]))
    course_facts = {
        name: CourseFact(name, kind, tuple(sorted(thresholds.get(name, ()))), tuple(needs.get(name, ())))
        for _, name, kind in sorted(rows("course_fact"), key=lambda row: int(row[0]))
    }
    bounds = {fact: (int(low), False) for fact, low in rows("minimum")}
    bounds.update({fact: (int(low), True) for fact, low in rows("above")})
    supports = {head: annotation for head, annotation in source.supports.items() if head.startswith("dose(")}
    doses = tuple(
        Dose(
            drug=str(row[0]),
            schedule=str(row[1]),
            step=str(row[2]),
            amount=text(row[3]),
            unit=labels.get("unit", {}).get(str(row[4]), str(row[4])),
            every_weeks=row[5].arguments[0].number if row[5].arguments else None,
            route=pairs("route").get(str(row[0]), ""),
            statement=supports.get(f"dose({','.join(map(str, row))})", ""),
        )
        for row in table.get("dose", [])
    )
    return GuidelineModel(
        id=about["id"],
        title=about["title"],
        disclaimer=about["disclaimer"],
        facts=facts,
        course_facts=course_facts,
        bounds=bounds,
        variables=tuple(v for fact in facts for v in variables_of(fact)),
        drugs=tuple(labels.get("drug", {})),
        outcomes=tuple(labels.get("outcome", {})),
        regimens=tuple(labels.get("regimen", {})),
        actions=tuple(labels.get("action", {})),
        settings=tuple(labels.get("setting", {})),
        strengths=tuple(s for _, s in sorted(((int(n), s) for n, s in rows("strength_order")))),
        labels=labels,
        parts={regimen: tuple(own) for regimen, own in parts.items()},
        doses=doses,
        weight=next((fact for (fact,) in rows("weight")), ""),
        wording=pairs("wording"),
        trials={
            trial: Trial(
                label,
                registry,
                tuple(" ".join(part for part in row[1:] if part) for row in rows("publication") if row[0] == trial),
                tuple((row[1], row[2], row[3], row[4]) for row in rows("published") if row[0] == trial),
            )
            for trial, label, registry in rows("trial")
        },
        discrepancies=tuple((s.upper(), date, words) for s, date, words in rows("discrepancy")),
        annotations=source.annotations,
        rules=tuple(source.rules),
        roles=source.roles,
        kinds=source.kinds,
        data=dict(Counter(source.supports.values())),
        recursive=None,
        longest_history=next((int(courses) for (courses,) in rows("longest_history")), None),
        grounds={},
    )
