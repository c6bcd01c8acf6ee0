// Courses of therapy as a timeline, oldest first.

import { element, fresh, show } from "./dom.js";
import { booleanControl, members, numberControl, readFrom } from "./fields.js";
import { say } from "./words.js";

/** Make the control of a fact that is a list of courses: unknown, none yet, or a timeline of them. */
export function coursesControl(fact, course, changed, announce) {
  const name = fresh("courses");
  const kinds = ["none", "these", "unknown"].map((kind) =>
    element("input", {
      type: "radio",
      name,
      value: kind,
      checked: kind === "unknown",
      onchange: () => {
        if (kind === "these" && !entries.length) add();
        update();
        changed();
      },
    }),
  );
  const labels = { none: say("page_none_yet"), these: say("page_these"), unknown: say("page_therapy_unknown") };
  const list = element("ol", { className: "timeline" });
  const more = element("button", {
    type: "button",
    className: "more",
    textContent: say("page_add_course"),
    onclick: () => {
      add().focus();
      announce(say("page_course_added", entries.length));
      changed();
    },
  });
  let entries = [];

  function kind() {
    return kinds.find((input) => input.checked).value;
  }

  function update() {
    list.hidden = more.hidden = kind() !== "these";
    entries.forEach((entry, index) => entry.place(index, entries.length));
  }

  function add(value = {}) {
    const entry = oneCourse(course, value, {
      changed,
      move: (step) => {
        const from = entries.indexOf(entry);
        entries.splice(from, 1);
        entries.splice(from + step, 0, entry);
        list.replaceChildren(...entries.map((other) => other.node));
        update();
        entry.refocus(step);
        announce(say("page_course_moved", from + step + 1, entries.length));
        changed();
      },
      remove: () => {
        const from = entries.indexOf(entry);
        entries = entries.filter((other) => other !== entry);
        entry.node.remove();
        if (!entries.length) kinds.find((input) => input.value === "unknown").checked = true;
        update();
        (entries[Math.min(from, entries.length - 1)]?.node ?? kinds.find((input) => input.checked)).focus();
        announce(say("page_course_removed", from + 1));
        changed();
      },
    });
    entries.push(entry);
    list.append(entry.node);
    update();
    return entry;
  }

  update();
  return {
    node: element(
      "div",
      {},
      element(
        "div",
        { className: "choices" },
        kinds.map((input) =>
          element(
            "label",
            { className: input.value === "unknown" ? "choice open" : "choice" },
            input,
            element("span", { textContent: labels[input.value] }),
          ),
        ),
      ),
      list,
      more,
    ),
    get: () => ({ none: [], these: entries.map((entry) => entry.get()) })[kind()],
    set: (courses) => {
      entries = [];
      list.replaceChildren();
      kinds.find(
        (input) => input.value === (courses === undefined ? "unknown" : courses.length ? "these" : "none"),
      ).checked = true;
      for (const value of courses ?? []) add(value);
      update();
    },
    allows: (courses) => courses === undefined || (Array.isArray(courses) && courses.every((entry) => fits(entry, course))),
    /** Show what is wrong with a course; false where there is no such course. */
    refuse: (index, text) => {
      entries.forEach((entry, place) => entry.refuse(place === index ? text : ""));
      return index in entries;
    },
    cite: (index, lines) => entries[index]?.cite(lines),
    part: (index) => entries[index]?.node,
    /** Give the number of the first course whose drugs are not entered yet; 0 where there is none. */
    lacking: () => (kind() === "these" ? entries.findIndex((entry) => !entry.get().drugs.length) + 1 : 0),
  };
}

/** Tell whether the timeline can show a course as it is recorded. */
function fits(entry, course) {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return false;
  const known = new Set(["drugs", "outcome", ...course.facts.map(({ name }) => name)]);
  return (
    Object.keys(entry).every((key) => known.has(key)) &&
    (entry.drugs === undefined ||
      (Array.isArray(entry.drugs) && entry.drugs.every((drug) => course.drugs.some(({ name }) => name === drug)))) &&
    (entry.outcome === undefined || entry.outcome === null || course.outcomes.some(({ name }) => name === entry.outcome)) &&
    course.facts.every(
      ({ name, kind }) =>
        entry[name] === undefined ||
        entry[name] === null ||
        typeof entry[name] === (kind === "boolean" ? "boolean" : "number"),
    )
  );
}

/** Make the choice of a regimen that fills a course with its drugs. */
function presets(course, choose) {
  const labels = new Map(course.drugs.map(({ name, label }) => [name, label]));
  const select = element(
    "select",
    {
      id: fresh("preset"),
      onchange: () => {
        if (select.value !== "") choose([...course.presets[Number(select.value)].drugs]);
        select.value = "";
      },
    },
    element("option", { value: "", textContent: say("page_choose") }),
    course.presets.map(({ drugs }, place) =>
      element("option", { value: String(place), textContent: drugs.map((drug) => labels.get(drug)).join(" + ") }),
    ),
  );
  return element(
    "div",
    { className: "row preset" },
    element("label", { htmlFor: select.id, textContent: say("page_preset") }),
    select,
  );
}

function oneCourse(course, value, { changed, move, remove }) {
  const title = element("h3", { id: fresh("course") });
  const outcome = element(
    "select",
    { id: fresh("outcome"), onchange: changed },
    element("option", { value: "", textContent: say("page_unknown") }),
    course.outcomes.map(({ name, label }) => element("option", { value: name, textContent: label })),
  );
  const drugs = members(say("page_course_drugs"), course.drugs, () => {
    hideOthers();
    changed();
  });
  const preset = presets(course, (chosen) => {
    drugs.set(chosen);
    hideOthers();
    changed();
  });
  const facts = course.facts.map((fact) => {
    const control = (fact.kind === "boolean" ? booleanControl : numberControl)(fact, changed);
    const node = element("fieldset", { className: "part" }, element("legend", { textContent: fact.label }), control.node);
    return { fact, control, node };
  });
  const hint = element("p", { className: "hint", textContent: say("page_course_hint") });
  const problem = element("p", { className: "problem", hidden: true });
  const sources = readFrom();
  const up = element("button", { type: "button", textContent: "↑", onclick: () => move(-1) });
  const down = element("button", { type: "button", textContent: "↓", onclick: () => move(1) });
  const away = element("button", { type: "button", textContent: "×", onclick: remove });

  function applies(fact) {
    return !fact.needs.length || fact.needs.some((drug) => drugs.get().includes(drug));
  }

  function hideOthers() {
    for (const { fact, node } of facts) node.hidden = !applies(fact);
    hint.hidden = facts.every(({ node }) => node.hidden);
  }

  drugs.set(value.drugs ?? []);
  outcome.value = value.outcome ?? "";
  for (const { fact, control } of facts) {
    const given = value[fact.name];
    control.set(given === null && !control.allows(null) ? undefined : given);
  }
  hideOthers();
  const node = element(
    "li",
    { tabIndex: -1, "aria-labelledby": title.id },
    element("div", { className: "row" }, title, element("span", { className: "moves" }, up, down, away)),
    preset,
    drugs.node,
    element(
      "div",
      { className: "row" },
      element("label", { htmlFor: outcome.id, textContent: say("page_outcome") }),
      outcome,
    ),
    element(
      "div",
      { className: "parts" },
      facts.map((entry) => entry.node),
    ),
    hint,
    problem,
    sources.node,
  );
  return {
    node,
    focus: () => node.querySelector("input").focus(),
    refocus: (step) => [step < 0 ? up : down, step < 0 ? down : up].find((button) => !button.disabled)?.focus(),
    place: (index, count) => {
      title.textContent = say("page_course", index + 1);
      up.disabled = index === 0;
      down.disabled = index === count - 1;
      up.ariaLabel = say("page_move_earlier", index + 1);
      down.ariaLabel = say("page_move_later", index + 1);
      away.ariaLabel = say("page_remove_course", index + 1);
    },
    get: () => {
      const found = { drugs: drugs.get(), outcome: outcome.value || null };
      for (const { fact, control } of facts) {
        if (applies(fact) && control.get() !== undefined) found[fact.name] = control.get();
      }
      return found;
    },
    refuse: (text) => show(problem, text),
    cite: sources.show,
  };
}
