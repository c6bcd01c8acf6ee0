// The answer in words.

import { element } from "./dom.js";
import { say } from "./words.js";

/** Show an answer; `explain` makes the button and the panel that tell why, `goTo` goes to a fact's field. */
export function shown(answer, words, explain, goTo) {
  return [
    taken(answer.guideline.readings, words),
    answer.bottom_line && element("p", { className: "bottom-line", textContent: answer.bottom_line }),
    ...(answer.decisions ?? [{ setting: answer.setting }]).flatMap((own) => decided(own, answer, words, explain)),
    part(
      say("page_actions"),
      "ul",
      "actions",
      answer.actions.map((entry) => action(entry, answer.worded.required, words, explain)),
    ),
    part(
      say("page_excluded"),
      "ul",
      "excluded",
      answer.excluded.map((entry) => exclusion(entry, answer.worded.required, words, explain)),
    ),
    part(
      say("page_scores"),
      "ul",
      "scores",
      (answer.scores ?? []).map((entry) => element("li", { textContent: words.score(entry) })),
    ),
    part(
      say("page_missing"),
      "ul",
      "missing",
      answer.missing.map((entry) => lacking(entry, words, goTo)),
    ),
    answer.assumed.length && element("p", { className: "assumed", textContent: words.assumed(answer.assumed) }),
    part(
      say("page_alternatives"),
      "ul",
      "alternatives",
      answer.alternatives.map((entry) => alternative(entry, words)),
    ),
    part(
      say("page_notes"),
      "ul",
      "notes",
      answer.notes.map((text) => element("li", { textContent: words.labelled(text) })),
    ),
    part(
      say("page_caveats"),
      "ul",
      "notes",
      answer.caveats.map((text) => element("li", { textContent: text })),
    ),
    answer.not_considered.length &&
      element("p", { className: "quiet", textContent: say("not_considered", answer.not_considered.join(say("comma"))) }),
  ].filter(Boolean);
}

/** Show the setting of a decision, of which a guideline can have several, and what is recommended there. */
function decided({ decision, setting: name }, answer, words, explain) {
  const title = say("page_recommended");
  const own = answer.recommended.filter((entry) => entry.decision === decision);
  return [
    ...setting(name, words, explain),
    onlyUntreated(own, words),
    part(
      decision ? say("setting_for", title, words.label("decision", decision)) : title,
      "ol",
      "recommended",
      own.map((entry) => recommendation(entry, answer.worded, words, explain)),
      say("page_nothing_recommended"),
    ),
  ].filter(Boolean);
}

/** Say that all that is recommended holds only if no therapy was given, where that is so. */
function onlyUntreated(entries, words) {
  const untreated = entries.map(({ assuming }) => assuming.find(({ value }) => Array.isArray(value) && !value.length));
  return entries.length && untreated.every(Boolean)
    ? element("p", { className: "tags" }, element("strong", { textContent: say("holds_untreated", words.label("fact", untreated[0].fact)) }))
    : null;
}

/** Say which readings are taken otherwise than by default. */
function taken(readings, words) {
  if (!readings.length) return null;
  const named = words.chosen(readings).join(say("and_condition"));
  return element("p", { className: "taken" }, element("span", { className: "tag open", textContent: say("with_readings", named) }));
}

/** Say what another alternative of a reading would change, and what it says. */
function alternative({ reading, alternative: name, setting, recommended, excluded }, words) {
  const named = (regimens) => regimens.map((regimen) => words.label("regimen", regimen)).join(say("comma"));
  const parts = [
    setting && say("setting_is", words.label("setting", setting)),
    recommended.adds.length && say("also_recommended", named(recommended.adds)),
    recommended.removes.length && say("not_recommended", named(recommended.removes)),
    excluded.adds.length && say("also_excluded", named(excluded.adds)),
    excluded.removes.length && say("not_excluded", named(excluded.removes)),
  ];
  return element(
    "li",
    {},
    say("under_alternative", reading, name, parts.filter(Boolean).join(say("and"))),
    element("p", { className: "quiet", textContent: words.alternative(reading, name) }),
  );
}

function depending({ depends_on_readings: readings }) {
  return readings.length
    ? element("p", { className: "depending", textContent: say("depends_on_readings", readings.join(say("or"))) })
    : null;
}

function setting(name, words, explain) {
  const title = element(
    "h3",
    { className: "setting" },
    element("span", { className: "quiet", textContent: say("page_setting") }),
    " ",
    element("strong", { textContent: words.label("setting", name) }),
  );
  if (!words.labels.setting?.[name]) return [title];
  const why = explain(name, words.label("setting", name), "setting");
  return [element("div", { className: "name" }, title, why.button), why.panel];
}

function part(title, list, kind, entries, empty) {
  if (!entries.length && !empty) return null;
  return element(
    "section",
    { className: "part-of-answer" },
    element("h3", { textContent: title }),
    entries.length ? element(list, { className: `entries ${kind}` }, entries) : element("p", { textContent: empty }),
  );
}

function certainty({ certainty: sure }, required) {
  return sure === "certain"
    ? element("span", { className: "tag certain", textContent: say("certain") })
    : element(
        "span",
        {},
        element("span", { className: "tag open", textContent: say("page_depends") }),
        ` ${say("certain_if", required)}`,
      );
}

function unless(entry, required) {
  return entry.certainty === "certain" ? null : element("p", { className: "tags" }, certainty(entry, required));
}

function sources(entry, words) {
  const names = [
    ...entry.statements,
    ...entry.readings,
    ...(entry.overlays ?? []),
    ...(entry.trials ?? []).map((trial) => words.label("trial", trial)),
  ];
  const cited = (entry.citations ?? []).length ? say("references", entry.citations.join(say("comma"))) : "";
  return element("p", { className: "sources-of" }, [...names, cited].filter(Boolean).join(" · "));
}

function recommendation(entry, { recommended, required }, words, explain) {
  const worded = recommended[entry.regimen];
  const why = explain(entry.regimen, words.label("regimen", entry.regimen), "recommended");
  return element(
    "li",
    { className: `recommendation ${entry.certainty}${worded.rank_varies ? " varies" : ""}` },
    element("span", { className: "rank", ariaLabel: say("rank", entry.rank), role: "img", textContent: entry.rank }),
    element(
      "div",
      {},
      element(
        "p",
        { className: "name" },
        element("strong", { textContent: worded.regimen }),
        why.button,
      ),
      element(
        "p",
        { className: "tags" },
        element("span", { className: "tag", textContent: worded.strength }),
        " ",
        certainty(entry, required.recommended[entry.regimen]),
      ),
      worded.cautions.map((caution) => element("p", { className: "caution", textContent: caution })),
      because(entry),
      doses(entry.doses, words),
      sources(entry, words),
      depending(entry),
      why.panel,
    ),
  );
}

function because({ because: lines }) {
  return lines.length
    ? element(
        "ul",
        { className: "because", ariaLabel: say("page_because") },
        lines.map((line) => element("li", { textContent: line })),
      )
    : null;
}

function doses(entries, words) {
  if (!entries.length) return null;
  return element(
    "details",
    { className: "doses" },
    element("summary", { textContent: say("page_doses") }),
    element(
      "ul",
      {},
      entries.map(({ drug, schedule, step, amount, unit, every, route, mg, certainty: sure, assuming, statement, ...limited }) =>
        element(
          "li",
          {},
          element("strong", { textContent: words.label(words.labels.drug?.[drug] ? "drug" : "regimen", drug) }),
          ` ${onlyIf(
            say(
              "page_dose",
              inTotal(`${amount} ${unit}`, mg),
              route,
              words.label("step", step),
              [often(every, schedule, words), ...limits(limited)].join(say("comma")),
            ),
            sure === "certain" ? null : assuming,
            words,
          )} `,
          element("cite", { textContent: `[${statement}]` }),
        ),
      ),
    ),
  );
}

function onlyIf(dose, assuming, words) {
  return assuming ? say("dose_if", dose, words.assumptions(assuming)) : dose;
}

function inTotal(dose, mg) {
  return mg === null ? dose : say("page_in_total", dose, mg);
}

function often(every, schedule, words) {
  return every === null ? words.label("schedule", schedule) : period("every", every);
}

function period(relation, { value, unit }) {
  return value === 1 ? say(`${relation}_${unit.slice(0, -1)}`) : say(`${relation}_${unit}`, value);
}

function limits({ minimum, further_minima = [], maximum, further_maxima = [], contradictory, duration }) {
  const worded = (key, amounts) => amounts.filter(Boolean).map(({ amount, unit }) => say(key, `${amount} ${unit}`));
  return [
    ...worded("dose_at_least", [minimum, ...further_minima]),
    ...worded("dose_at_most", [maximum, ...further_maxima]),
    ...(contradictory ? [say("limits_contradict")] : []),
    ...(duration ? [period("for", duration)] : []),
  ];
}

function exclusion(entry, required, words, explain) {
  const why = explain(entry.regimen, words.label("regimen", entry.regimen), "excluded");
  return element(
    "li",
    { className: entry.certainty },
    element(
      "p",
      { className: "name" },
      element("strong", { textContent: words.label("regimen", entry.regimen) }),
      why.button,
    ),
    unless(entry, required.excluded[entry.regimen]),
    because(entry),
    depending(entry),
    why.panel,
  );
}

function action(entry, required, words, explain) {
  const why = explain(entry.action, words.decided(entry.action), "action");
  return element(
    "li",
    { className: entry.certainty },
    element("p", { className: "name" }, element("span", { textContent: entry.text }), why.button),
    unless(entry, required.actions[entry.action]),
    depending(entry),
    why.panel,
  );
}

function lacking(entry, words, goTo) {
  const decides = entry.decides.map((name) => words.decided(name));
  const shownFirst = decides.slice(0, 3).join(say("comma"));
  return element(
    "li",
    {},
    element("button", {
      type: "button",
      className: "link",
      "data-key": `missing ${[entry.fact, entry.has, entry.course, entry.key].join(" ")}`,
      textContent: words.fact(entry),
      onclick: () => goTo(entry.fact, entry.course),
    }),
    element("span", {
      className: "quiet",
      textContent: ` ${say("page_decides", decides.length > 3 ? say("page_and_more", shownFirst, decides.length - 3) : shownFirst)}`,
    }),
  );
}

function conditionally(name, { certainty: sure, assuming }, words) {
  return sure === "certain" ? name : say("page_if", name, words.assumptions(assuming));
}

/** Word what changed from one answer to the next, for those who cannot see it. */
export function changes(before, after, words) {
  const said = [];
  if (before?.setting !== after.setting)
    said.push(say("page_change", say("page_setting"), words.label("setting", after.setting)));
  for (const [list, key, gained, lost] of [
    ["recommended", "regimen", say("page_recommended"), say("page_no_longer_recommended")],
    ["excluded", "regimen", say("page_excluded"), say("page_no_longer_excluded")],
    ["actions", "action", say("page_to_do"), say("page_no_longer_to_do")],
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
        say("page_change", gained, fresh.map((entry) => conditionally(named(entry[key]), entry, words)).join(say("and"))),
      );
    if (gone.length) said.push(say("page_change", lost, gone.map(named).join(say("and"))));
  }
  return said.join(" ") || say("page_unchanged");
}

/** Word an answer in a line. */
export function summary(answer, words) {
  const certain = answer.recommended.filter((entry) => entry.certainty === "certain").length;
  const open = answer.recommended.length - certain;
  const parts = [certain && say("page_count_certain", certain), open && say("page_count_open", open)].filter(Boolean);
  return `${words.label("setting", answer.setting)} · ${parts.join(say("comma")) || say("nothing_recommended")}`;
}
