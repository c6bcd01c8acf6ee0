// Which of several sets of facts is true: a choice among their labels, or the sets written as JSON.

import { element, fresh } from "./dom.js";
import { jsonControl } from "./fields.js";
import { say } from "./words.js";

/**
 * Make the control of several sets of facts. `choose` is told the set that is chosen, null where it is open, and gives
 * whether its facts could be entered; a chosen set is no longer part of the control's value. `worded` words a set.
 */
export function setsControl(fact, changed, choose, worded) {
  const name = fresh("sets");
  const choices = element("div", { className: "reading" });
  const json = jsonControl(fact, () => {
    chosen = null;
    choose(null);
    offer();
    changed();
  });
  let chosen = null;

  function sets() {
    const value = json.get();
    const labelled = Array.isArray(value) && value.every((own) => typeof own?.label === "string");
    return labelled ? value : [];
  }

  function offer() {
    const own = sets();
    choices.hidden = !own.length;
    choices.replaceChildren(
      ...(own.length ? [...own, null] : []).map((set) =>
        element(
          "label",
          {},
          element("input", {
            type: "radio",
            name,
            checked: set === null ? chosen === null : set.label === chosen?.label,
            onchange: () => {
              if (!take(set)) offer();
              changed();
            },
          }),
          element(
            "span",
            {},
            set === null ? say("page_not_known_which") : set.label,
            set && element("small", { className: "hint", textContent: worded(set) }),
          ),
        ),
      ),
    );
  }

  function take(set) {
    const held = choose(set);
    chosen = held ? set : null;
    return held;
  }

  offer();
  return {
    ...json,
    node: element("div", {}, choices, json.node),
    get: () => (chosen === null ? json.get() : undefined),
    set: (value) => {
      chosen = null;
      choose(null);
      json.set(value);
      json.node.open = value !== undefined && !sets().length;
      offer();
    },
    /** Take the set with a label for the true one; null leaves it open. */
    choose: (label) => {
      take(sets().find((set) => set.label === label) ?? null);
      offer();
    },
  };
}
