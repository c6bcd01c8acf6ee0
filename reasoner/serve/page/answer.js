// The answer in words.

import { element } from "./dom.js";

/** Show an answer; `explain` makes the button and the panel that tell why, `goTo` goes to a fact's field. */
export function shown(answer, words, explain, goTo) {
  return [
    ...setting(answer.setting, words, explain),
    part(
      "Recommended",
      "ol",
      answer.recommended.map((entry) => recommendation(entry, words, explain)),
      "Nothing is recommended.",
    ),
    part(
      "Check and do",
      "ul",
      answer.actions.map((entry) => action(entry, words, explain)),
    ),
    part(
      "Excluded",
      "ul",
      answer.excluded.map((entry) => exclusion(entry, words, explain)),
    ),
    part(
      "Not recorded, and it matters",
      "ul",
      answer.missing.map((entry) => lacking(entry, words, goTo)),
    ),
    part(
      "Notes",
      "ul",
      answer.notes.map((text) => element("li", { textContent: text })),
    ),
  ].filter(Boolean);
}

function setting(name, words, explain) {
  const title = element(
    "h3",
    { className: "setting" },
    element("span", { className: "quiet", textContent: "Setting" }),
    " ",
    element("strong", { textContent: words.label("setting", name) }),
  );
  if (!words.labels.setting?.[name]) return [title];
  const why = explain(name, words.label("setting", name), "setting");
  return [element("div", { className: "name" }, title, why.button), why.panel];
}

function part(title, list, entries, empty) {
  if (!entries.length && !empty) return null;
  return element(
    "section",
    { className: "part-of-answer" },
    element("h3", { textContent: title }),
    entries.length
      ? element(list, { className: `entries ${title.split(/\W/)[0].toLowerCase()}` }, entries)
      : element("p", { textContent: empty }),
  );
}

function certainty({ certainty: sure, assuming }, words) {
  return sure === "certain"
    ? element("span", { className: "tag certain", textContent: "certain" })
    : element(
        "span",
        {},
        element("span", { className: "tag open", textContent: "depends" }),
        ` certain if ${words.assumptions(assuming)}`,
      );
}

function unless(entry, words) {
  return entry.certainty === "certain" ? null : element("p", { className: "tags" }, certainty(entry, words));
}

function sources(entry, words) {
  const names = [
    ...entry.statements,
    ...entry.readings,
    ...(entry.overlays ?? []),
    ...(entry.trials ?? []).map((trial) => words.label("trial", trial)),
  ];
  const cited = (entry.citations ?? []).length ? `references ${entry.citations.join(", ")}` : "";
  return element("p", { className: "sources-of" }, [...names, cited].filter(Boolean).join(" · "));
}

function recommendation(entry, words, explain) {
  const why = explain(entry.regimen, words.label("regimen", entry.regimen), "recommended");
  return element(
    "li",
    { className: `recommendation ${entry.certainty}` },
    element("span", { className: "rank", ariaLabel: `rank ${entry.rank}`, role: "img", textContent: entry.rank }),
    element(
      "div",
      {},
      element(
        "p",
        { className: "name" },
        element("strong", { textContent: words.label("regimen", entry.regimen) }),
        why.button,
      ),
      element(
        "p",
        { className: "tags" },
        element("span", { className: "tag", textContent: words.label("strength", entry.strength) }),
        " ",
        certainty(entry, words),
      ),
      entry.cautions.map((caution) =>
        element(
          "p",
          { className: "caution" },
          element("strong", { textContent: "Caution: " }),
          words.label("caution", caution),
        ),
      ),
      because(entry),
      doses(entry.doses, words),
      sources(entry, words),
      why.panel,
    ),
  );
}

function because({ because: lines }) {
  return lines.length
    ? element(
        "ul",
        { className: "because", ariaLabel: "Because" },
        lines.map((line) => element("li", { textContent: line })),
      )
    : null;
}

function doses(entries, words) {
  if (!entries.length) return null;
  return element(
    "details",
    { className: "doses" },
    element("summary", { textContent: "Doses" }),
    element(
      "ul",
      {},
      entries.map(({ drug, schedule, step, amount, unit, every_weeks: weeks, route, mg, statement }) =>
        element(
          "li",
          {},
          element("strong", { textContent: words.label("drug", drug) }),
          ` ${amount} ${unit}${mg === null ? "" : ` (${mg} mg)`} ${route}, ${words.label("step", step)}, ${weeks === null ? words.label("schedule", schedule) : `every ${weeks === 1 ? "week" : `${weeks} weeks`}`} `,
          element("cite", { textContent: `[${statement}]` }),
        ),
      ),
    ),
  );
}

function exclusion(entry, words, explain) {
  const why = explain(entry.regimen, words.label("regimen", entry.regimen), "excluded");
  return element(
    "li",
    { className: entry.certainty },
    element("p", { className: "name" }, element("strong", { textContent: words.label("regimen", entry.regimen) }), why.button),
    unless(entry, words),
    because(entry),
    why.panel,
  );
}

function action(entry, words, explain) {
  const why = explain(entry.action, words.decided(entry.action), "action");
  return element(
    "li",
    { className: entry.certainty },
    element("p", { className: "name" }, element("span", { textContent: entry.text }), why.button),
    unless(entry, words),
    why.panel,
  );
}

function lacking(entry, words, goTo) {
  const decides = entry.decides.map((name) => words.decided(name));
  const shownFirst = decides.slice(0, 3);
  return element(
    "li",
    {},
    element("button", {
      type: "button",
      className: "link",
      "data-key": `missing ${entry.fact} ${entry.has ?? ""}`,
      textContent: words.fact(entry),
      onclick: () => goTo(entry.fact),
    }),
    element("span", {
      className: "quiet",
      textContent: ` decides ${shownFirst.join(", ")}${decides.length > 3 ? ` and ${decides.length - 3} more` : ""}`,
    }),
  );
}

/** Word what changed from one answer to the next, for who cannot see it. */
export function changes(before, after, words) {
  const said = [];
  if (before?.setting !== after.setting) said.push(`Setting: ${words.label("setting", after.setting)}.`);
  for (const [list, key, gained, lost] of [
    ["recommended", "regimen", "Recommended", "No longer recommended"],
    ["excluded", "regimen", "Excluded", "No longer excluded"],
    ["actions", "action", "To do", "No longer to do"],
  ]) {
    const was = new Map(
      (before?.[list] ?? []).map((entry) => [entry[key], JSON.stringify([entry.certainty, entry.assuming, entry.rank])]),
    );
    const now = new Map(after[list].map((entry) => [entry[key], entry]));
    const fresh = [...now.values()].filter(
      (entry) => was.get(entry[key]) !== JSON.stringify([entry.certainty, entry.assuming, entry.rank]),
    );
    const gone = [...was.keys()].filter((name) => !now.has(name));
    const named = (name) => (key === "regimen" ? words.label("regimen", name) : words.decided(name));
    if (fresh.length)
      said.push(
        `${gained}: ${fresh.map((entry) => named(entry[key]) + (entry.certainty === "certain" ? "" : `, if ${words.assumptions(entry.assuming)}`)).join("; ")}.`,
      );
    if (gone.length) said.push(`${lost}: ${gone.map(named).join("; ")}.`);
  }
  return said.join(" ") || "The answer is unchanged.";
}

/** Word an answer in a line. */
export function summary(answer, words) {
  const certain = answer.recommended.filter((entry) => entry.certainty === "certain").length;
  const open = answer.recommended.length - certain;
  const parts = [certain && `${certain} recommended`, open && `${open} depending on what is unknown`].filter(Boolean);
  return `${words.label("setting", answer.setting)} · ${parts.join(", ") || "nothing recommended"}`;
}
