// What was read of a chart, what a person corrected of it, and what is to be entered before there is an answer.

import { element } from "./dom.js";
import { harmless, origin, say } from "./words.js";

const LISTED = 200;
const OPEN = 10;

/** Say what was read of a chart, and what of a record the form cannot hold. */
export function reading(left, facts, words) {
  const parts = [[say("page_not_taken"), left], ...(facts ? remarks(facts, words) : [])].filter(([, lines]) => lines.length);
  if (!parts.length && !facts) return [];
  return [
    element(
      "section",
      { className: "notice", ariaLabel: say("page_what_was_read") },
      facts &&
        element("p", {
          textContent: say("page_facts_read", new Set(facts.sources.map(({ fact }) => /^\w+/.exec(fact)[0])).size),
        }),
      parts.map(([title, lines]) =>
        element(
          "details",
          { open: lines.length <= OPEN },
          element("summary", { textContent: say("bracketed", title, lines.length) }),
          element(
            "ul",
            {},
            lines.slice(0, LISTED).map((line) => element("li", { textContent: harmless(line) })),
            lines.length > LISTED && element("li", { textContent: say("fhir_more", lines.length - LISTED) }),
          ),
        ),
      ),
    ),
  ];
}

/** Word what a chart leaves unknown, what silence was taken for, and what was not read. */
function remarks({ contradictions, undecided, assumed, timeline, unreadable }, words) {
  return [
    [
      say("page_contradictory"),
      contradictions.map(({ fact, sides }) =>
        say("value", words.place(fact), sides.map(({ value, ...source }) => say("bracketed", value, origin(source))).join(say("and"))),
      ),
    ],
    [
      say("page_undecided"),
      undecided.map(({ fact, why, sources }) =>
        say("value", words.place(fact), sources.length ? say("bracketed", why, some(sources.map(origin))) : why),
      ),
    ],
    [say("page_assumed"), assumed.map((text) => words.labelled(text))],
    [
      say("page_unmapped"),
      timeline.events
        .filter(({ kind }) => kind === "not_read")
        .map(({ sources, words: what, count, why }) =>
          say("value", say("bracketed", count > 1 ? say("timeline_times", what, count) : what, origin({ ...sources[0], display: "" })), why),
        ),
    ],
    [say("page_unreadable"), unreadable],
  ];
}

/** Name the first few, and count the others. */
export function some(names, few = 3) {
  const more = names.length > few ? [say("fhir_more", names.length - few)] : [];
  return [...names.slice(0, few), ...more].join(say("and"));
}

/** List what a person corrected of a chart, each with a button that takes it back. */
export function corrections(found, takeBack) {
  if (!found.length) return null;
  return element(
    "section",
    { className: "corrections part-of-answer" },
    element("h3", { textContent: say("page_corrected") }),
    element(
      "ul",
      { className: "entries" },
      found.map(({ name, words }) =>
        element(
          "li",
          {},
          words,
          " ",
          element("button", {
            type: "button",
            className: "link",
            "data-key": `back ${name}`,
            ariaLabel: say("page_take_back_named", words),
            textContent: say("page_take_back"),
            onclick: () => takeBack(name),
          }),
        ),
      ),
    ),
  );
}

/** Ask to check what was read before it is answered; `jumps` lead to what stays unknown. */
export function review(jumps, corrected, answer) {
  return element(
    "section",
    { className: "review" },
    element("h3", { textContent: say("page_check_first") }),
    element("p", { textContent: say("page_check_how") }),
    jumps && [element("p", { textContent: say("page_left_unknown") }), jumps],
    corrected,
    element("button", { type: "button", className: "ask", textContent: say("page_ask_answer"), onclick: answer }),
  );
}

/** List the facts that are to be looked at, each with a button that leads there. */
export function jumps(names, label, goTo) {
  return element(
    "ul",
    { className: "jumps" },
    names.map((name) => element("li", {}, leading(`jump ${name}`, say("page_go_to", label(name)), () => goTo(name)))),
  );
}

/** Ask for the drugs of a course that was begun. */
export function begun({ fact, course }, goTo) {
  return element("p", {}, leading("begun", say("page_enter_drugs", course), () => goTo(fact, course)));
}

/** Make a button that leads to a field; by its key it keeps the focus when the answer is shown anew. */
function leading(key, textContent, onclick) {
  return element("button", { type: "button", className: "link", "data-key": key, textContent, onclick });
}
