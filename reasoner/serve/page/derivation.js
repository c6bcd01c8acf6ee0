// A derivation as sentences: what follows, over which rule, from what, down to the record and the guideline's statements.

import { element } from "./dom.js";
import { say } from "./words.js";

const SOURCES = new Set(["statement", "reading", "overlay", "citation", "trial"]);
const STATES = {
  "fact unknown": (label) => say("page_not_recorded", label),
  "fact recorded_absent": (label) => say("page_recorded_absent", label),
  "fact fails": (label) => say("page_not_so", label),
  "conclusion unknown": (label) => say("page_depends_on", label),
  "conclusion fails": (label) => say("page_not_derived", label),
  "reading unknown": (label) => say("graph_reading_open", label),
  "reading fails": (label) => say("graph_reading_not_chosen", label),
};
const MARKS = { "+": say("page_holds"), "−": say("page_absent"), "?": say("depends"), "×": say("page_blocks") };
const DEEP = 1;

/** Word a node with its state, where that is not simply that it holds. */
function stated({ kind, state, label }) {
  return STATES[`${kind} ${state}`]?.(label) ?? label;
}

/** Show a derivation (nodes and edges from reason to consequence), beginning with what nothing else follows from. */
export function derivation({ nodes, edges }) {
  const named = new Map(nodes.map((node) => [node.id, node]));
  const into = new Map();
  for (const edge of edges) into.set(edge.target, [...(into.get(edge.target) ?? []), edge]);
  const used = new Set(edges.map(({ source }) => source));
  const roots = nodes.filter(({ id, kind }) => kind === "conclusion" && !used.has(id));

  function reasons(id) {
    return (into.get(id) ?? []).filter(({ source }) => named.get(source).kind !== "patient");
  }

  /** List the labels of a statement or reading and of all that it cites or rests on. */
  function cited(id) {
    const seen = new Set([id]);
    for (const one of seen) for (const { source } of into.get(one) ?? []) seen.add(source);
    return [...seen].map((one) => named.get(one).label);
  }

  function sourceOf(id) {
    const { kind, text = "" } = named.get(id);
    const [first, ...rest] = text.split("\n");
    return element(
      "p",
      { className: `source ${kind}` },
      first,
      " ",
      element("cite", { textContent: `[${cited(id).join("; ")}]` }),
      rest.length ? element("span", { className: "rest", textContent: rest.join(" ") }) : null,
    );
  }

  function condition({ source, role }, depth) {
    const node = named.get(source);
    const absent = role === "requires_absence";
    let mark = absent || node.state === "fails" || node.state === "recorded_absent" ? "−" : "+";
    if (node.state === "unknown") mark = "?";
    if (role === "blocks" || (role === "excludes" && node.state !== "unknown")) mark = "×";
    const words = absent && node.state === "unknown" ? say("page_unless", node.label) : stated(node);
    const marked = [
      element("span", { className: "mark", textContent: mark, title: MARKS[mark], ariaHidden: "true" }),
      element("span", { className: "unseen", textContent: `${MARKS[mark]}: ` }),
      words,
    ];
    return element(
      "li",
      {},
      reasons(source).length ? folded(source, marked, depth) : element("span", { className: "leaf" }, marked),
    );
  }

  /** Fold away what a conclusion rests on; it is written when it is first unfolded. */
  function folded(id, words, depth) {
    const details = element("details", {}, element("summary", {}, words));
    const fill = () => {
      if (details.open && details.childElementCount === 1) details.append(...ways(id, depth + 1));
    };
    details.addEventListener("toggle", fill);
    details.open = depth < DEEP;
    return details;
  }

  function way(rule, depth) {
    const { label, place, text } = named.get(rule);
    const all = into.get(rule) ?? [];
    return element(
      "div",
      { className: `way ${named.get(rule).state}` },
      all.filter(({ role }) => role === "states").map(({ source }) => sourceOf(source)),
      element(
        "ul",
        {},
        all.filter(({ role }) => role !== "states").map((edge) => condition(edge, depth)),
      ),
      element("p", { className: "place", title: text }, [label, place].filter(Boolean).join(", ")),
    );
  }

  function ways(id, depth) {
    const rules = reasons(id)
      .filter(({ source }) => named.get(source).kind === "rule")
      .map(({ source }) => source);
    const straight = reasons(id).filter(
      ({ source }) => named.get(source).kind !== "rule" && !SOURCES.has(named.get(source).kind),
    );
    const fired = rules.filter((rule) => named.get(rule).state !== "fails");
    const failed = rules.filter((rule) => named.get(rule).state === "fails");
    const found = fired.map((rule) => way(rule, depth));
    if (straight.length)
      found.push(
        element(
          "ul",
          {},
          straight.map((edge) => condition(edge, depth)),
        ),
      );
    if (!found.length) return failed.map((rule) => way(rule, depth));
    if (failed.length) {
      const details = element(
        "details",
        { className: "failed" },
        element("summary", { textContent: say("page_not_applied", failed.length) }),
      );
      details.addEventListener("toggle", () => {
        if (details.open && details.childElementCount === 1) details.append(...failed.map((rule) => way(rule, depth + 1)));
      });
      found.push(details);
    }
    return found;
  }

  return element(
    "div",
    { className: "derivation" },
    roots.map((root) =>
      element("section", { className: root.state }, element("h4", { textContent: stated(root) }), ways(root.id, 0)),
    ),
  );
}
