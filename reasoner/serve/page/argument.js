// The argument for a conclusion: what carries it, what would rule it out, its evidence; every step is one click deeper.

import { derivation } from "./derivation.js";
import { element } from "./dom.js";
import { say } from "./words.js";

const STANDS = {
  recorded: say("page_stands_recorded"),
  recorded_absent: say("page_stands_absent"),
  unknown: say("page_stands_unknown"),
  assumed: say("page_stands_assumed"),
};

/**
 * Show why something is concluded or not: its argument, then what more there is to say, and every step folded away.
 * What is `deeper` stands before the steps.
 */
export function explained({ argument, derivation: steps, status }, words, more = [], deeper = null) {
  const details = element("details", { className: "steps" }, element("summary", { textContent: say("page_every_step") }));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(...[deeper, derivation(steps)].filter(Boolean));
  });
  const nearest = status === "not_recommended";
  const reading = (name) => element("li", {}, name, " ", quiet(words.readings.get(name)?.alternatives[0].text));
  return [
    element(
      "div",
      { className: "argument" },
      element("h4", { textContent: argument.verdict }),
      part(
        nearest ? say("page_nearest") : say("page_because"),
        argument.because.map((own) => ground(own, nearest)),
      ),
      part(say("page_ruled_out_by"), argument.ruled_out_by.map(objection)),
      ...more,
      part(
        say("page_rests_on_readings"),
        argument.readings.filter((name) => !argument.changed_by.includes(name)).map(reading),
      ),
      part(say("page_changed_by"), argument.changed_by.map(reading)),
      part(say("page_evidence"), argument.evidence.map(study)),
      part(
        say("page_considered"),
        argument.alternatives_considered.map((text) => element("li", { textContent: text })),
      ),
      details,
    ),
  ];
}

/** Make a part of an argument: a title over a list. */
export function part(title, entries, className = "") {
  const list = element("ul", { className }, entries);
  return entries.length ? element("section", {}, element("h5", { textContent: title }), list) : null;
}

function quiet(text) {
  return text ? element("span", { className: "quiet", textContent: text }) : null;
}

/** Word a statement that carries the conclusion, and the patient's own facts that meet it; or, `unmet`, that do not. */
function ground({ statement, text, facts }, unmet) {
  return element(
    "li",
    {},
    `${text} `,
    element("cite", { textContent: `[${statement}]` }),
    facts.length
      ? element(
          "ul",
          { className: unmet ? "facts unmet" : "facts" },
          facts.map(({ words, state }) => element("li", { textContent: stands(words, state) })),
        )
      : null,
  );
}

/** Word a fact, and that it is not recorded where it is not. */
function stands(words, state) {
  return state === "unknown" ? say("value", words, STANDS[state]) : words;
}

/** Word what would rule the conclusion out, and how it stands in the record. */
function objection({ block, state, words }) {
  return element(
    "li",
    { className: `objection stands-${state}` },
    say("value", words, STANDS[state] ?? state),
    " ",
    element("cite", { textContent: `[${block}]` }),
  );
}

function study({ words, caveat }) {
  return element("li", {}, words, caveat ? element("p", { className: "caution", textContent: caveat }) : null);
}
