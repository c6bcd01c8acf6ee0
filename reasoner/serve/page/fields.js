// The controls of facts: each shows "unknown" until something is entered, and then gives undefined.

import { combobox } from "./combobox.js";
import { element, fresh, show } from "./dom.js";
import { say } from "./words.js";

const UNKNOWN = say("page_unknown");

/** Make a row of radio buttons; `options` are {value, label}. Gives {node, get, set}. */
function radios(options, changed, unknown) {
  const name = fresh("choice");
  const inputs = new Map();
  const node = element("div", { className: "choices" });
  for (const { value, label } of [...options, { value: undefined, label: unknown }]) {
    const open = value === undefined || value === null;
    const input = element("input", { type: "radio", name, checked: value === undefined, onchange: changed });
    inputs.set(value, input);
    node.append(
      element(
        "label",
        { className: open ? "choice open" : "choice" },
        input,
        element("span", { textContent: label }),
      ),
    );
  }
  return {
    node,
    get: () => [...inputs].find(([, input]) => input.checked)?.[0],
    set: (value) => {
      inputs.get(value).checked = true;
    },
    allows: (value) => inputs.has(value),
  };
}

/** Word what is shown where nothing is entered: what a default stands for, or else that it is unknown. */
function left(fact, words) {
  return fact.default === null ? UNKNOWN : say("page_taken_as", words);
}

/** Make a choice of yes and no; with a default that it is unknown can be chosen too, as null. */
export function booleanControl(fact, changed) {
  return radios(
    [
      { value: true, label: say("yes") },
      { value: false, label: say("no") },
      ...(fact.default === null ? [] : [{ value: null, label: UNKNOWN }]),
    ],
    changed,
    left(fact, fact.default ? say("yes") : say("no")),
  );
}

export function choiceControl(fact, changed) {
  return radios(
    fact.values.map(({ name, label }) => ({ value: name, label })),
    changed,
    UNKNOWN,
  );
}

/** Make a field for a number; other text is given as it is, for the service to refuse. */
export function numberControl(fact, changed) {
  const input = element("input", {
    type: "text",
    inputMode: fact.kind === "integer" ? "numeric" : "decimal",
    placeholder: UNKNOWN,
    ariaLabel: fact.label,
    oninput: changed,
  });
  return {
    node: element("div", { className: "number" }, input),
    get: () => {
      const text = input.value.trim();
      if (!text) return undefined;
      return /^[+-]?\d+([.,]\d+)?$/.test(text) ? Number(text.replace(",", ".")) : text;
    },
    set: (value) => {
      input.value = value === undefined ? "" : String(value);
    },
    allows: (value) => value === undefined || typeof value === "number",
  };
}

/** Make a list of chosen members with a field that finds more. Gives {node, get, set}. */
export function members(label, options, changed) {
  const chips = element("ul", { className: "chips", ariaLabel: say("page_chosen", label) });
  const labels = new Map(options.map((option) => [option.name, option.label]));
  let chosen = [];

  function showChosen() {
    chips.replaceChildren(
      ...chosen.map((name) =>
        element(
          "li",
          {},
          labels.get(name),
          element("button", {
            type: "button",
            ariaLabel: say("page_remove", labels.get(name)),
            textContent: "×",
            onclick: () => {
              chosen = chosen.filter((other) => other !== name);
              showChosen();
              field.querySelector("input").focus();
              changed();
            },
          }),
        ),
      ),
    );
    chips.hidden = !chosen.length;
  }

  const field = combobox(label, options, (name) => {
    if (!chosen.includes(name)) chosen.push(name);
    showChosen();
    changed();
  });
  showChosen();
  return {
    node: element("div", { className: "members" }, chips, field),
    get: () => [...chosen],
    set: (names) => {
      chosen = [...names];
      showChosen();
    },
    allows: (names) => Array.isArray(names) && names.every((name) => labels.has(name)),
  };
}

const FEW = 6;

/** Make a list: unknown, none, or its members; with a default that it is unknown can be chosen too, as null. */
export function listControl(fact, changed) {
  const open = fact.default !== null;
  const kind = radios(
    [
      { value: "none", label: say("none") },
      { value: "these", label: say("page_these") },
      ...(open ? [{ value: null, label: UNKNOWN }] : []),
    ],
    () => {
      update();
      changed();
    },
    left(fact, say("none")),
  );
  const hint = element("p", { className: "hint", textContent: say("page_until_chosen") });
  const many = fact.values.length > FEW;
  const inner = many ? members(fact.label, fact.values, changedInner) : boxes(fact, changedInner);

  function update() {
    inner.node.hidden = kind.get() !== "these";
    hint.hidden = inner.node.hidden || inner.get().length > 0;
  }

  function changedInner() {
    update();
    changed();
  }

  update();
  return {
    node: element("div", {}, kind.node, inner.node, hint),
    get: () => {
      const chosen = kind.get();
      if (chosen === "none") return [];
      if (chosen !== "these") return chosen;
      return inner.get().length ? inner.get() : open ? null : undefined;
    },
    set: (names) => {
      kind.set(names ? (names.length ? "these" : "none") : names);
      inner.set(names ?? []);
      update();
    },
    allows: (names) => names === undefined || (open && names === null) || inner.allows(names),
  };
}

function boxes(fact, changed) {
  const inputs = new Map(fact.values.map(({ name }) => [name, element("input", { type: "checkbox", onchange: changed })]));
  return {
    node: element(
      "div",
      { className: "choices" },
      fact.values.map(({ name, label }) =>
        element("label", { className: "choice" }, inputs.get(name), element("span", { textContent: label })),
      ),
    ),
    get: () => [...inputs].filter(([, input]) => input.checked).map(([name]) => name),
    set: (names) =>
      inputs.forEach((input, name) => {
        input.checked = names.includes(name);
      }),
    allows: (names) => Array.isArray(names) && names.every((name) => inputs.has(name)),
  };
}

/** Make a field for JSON, folded away while it is empty; what is not JSON is given as it is, for the service to refuse. */
export function jsonControl(fact, changed) {
  const input = element("textarea", { rows: 8, spellcheck: false, ariaLabel: fact.label, oninput: changed });
  const node = element("details", {}, element("summary", { textContent: say("page_enter_json") }), input);
  return {
    node,
    get: () => {
      const text = input.value.trim();
      if (!text) return undefined;
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    },
    set: (value) => {
      input.value = value === undefined ? "" : JSON.stringify(value, null, 1);
      node.open = value !== undefined;
    },
    allows: (value) => value === undefined || Array.isArray(value),
  };
}

/** Make the lines that say where something was read; many of them are folded away. */
export function readFrom() {
  const list = element("ul");
  const node = element(
    "details",
    { className: "sources", hidden: true },
    element("summary", { textContent: say("page_read_from") }),
    list,
  );
  return {
    node,
    show: (lines) => {
      list.replaceChildren(...lines.map((line) => element("li", { textContent: line })));
      node.hidden = !lines.length;
      node.open = lines.length <= 3;
    },
  };
}

/** Put a control into a fieldset with its question, what is wrong with it, what was corrected, and where it was read. */
export function field(name, question, control, hints, takeBack) {
  const problem = element("p", { className: "problem", id: fresh("problem"), hidden: true });
  const matters = element("span", { className: "matters", hidden: true, textContent: say("page_matters") });
  const sources = readFrom();
  const theirs = element("span");
  const correction = element(
    "p",
    { className: "correction", hidden: true },
    theirs,
    " ",
    element("button", { type: "button", className: "link", textContent: say("page_take_back"), onclick: takeBack }),
  );
  const node = element(
    "fieldset",
    { className: "field", tabIndex: -1, "data-fact": name, "aria-describedby": problem.id },
    element("legend", {}, element("span", { textContent: question }), matters),
    control.node,
    hints.map((text) => element("p", { className: "hint", textContent: text })),
    problem,
    correction,
    sources.node,
  );
  return {
    node,
    control,
    /** Show that what stands here is a person's and not the chart's; nothing where it is the chart's. */
    correct: (text) => {
      theirs.textContent = text;
      correction.hidden = !text;
      node.classList.toggle("edited", Boolean(text));
    },
    refuse: (text) => show(problem, text),
    matter: (does) => {
      matters.hidden = !does;
      node.classList.toggle("deciding", does);
    },
    cite: sources.show,
    update: () => node.classList.toggle("unknown", (control.get() ?? undefined) === undefined),
  };
}
