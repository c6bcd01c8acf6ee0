// The timeline of a chart as a picture: a row for each event, with its words and where it lies in time.

import { element, shape } from "./dom.js";
import { ONE_OF, origin, say } from "./words.js";

const MOST = 200;
const NEAR = 0.05;
const AT_END = 0.85;
const ROOM = 0.3;
const PLACE = /^(\w+)(?:\[(\d+)\])?/;
const percent = (at) => `${(2 + at * 96).toFixed(2)}%`;

/**
 * Draw the timeline; `goTo` goes to a fact's field or to one of its courses, `enter` has the `label` of a fact and enters a
 * `therapy` under it.
 */
export function drawn(timeline, { goTo, enter }) {
  const events = timeline.events.filter(({ kind }) => kind !== "not_read");
  if (!events.length) return element("p", { textContent: say("timeline_empty") });
  const shown = mostTelling(events);
  return element(
    "figure",
    { className: "chart", ariaLabel: say("page_timeline") },
    element("div", { className: "event axis", "aria-hidden": "true" }, element("span"), axis(timeline)),
    element(
      "ol",
      {},
      shown.map((event) => row(event, timeline, goTo, enter)),
    ),
    shown.length < events.length &&
      element("p", { className: "quiet", textContent: say("page_more_events", events.length - shown.length) }),
    element("figcaption", { textContent: say("page_timeline_legend") }),
  );
}

/** Keep as many events as can be looked through: of results, and then of all others, the latest. */
function mostTelling(events) {
  const ranked = events.map((_, n) => n).sort((a, b) => (events[a].kind === "result") - (events[b].kind === "result") || b - a);
  return ranked
    .slice(0, MOST)
    .sort((a, b) => a - b)
    .map((n) => events[n]);
}

function row(event, timeline, goTo, enter) {
  const sources = event.sources.map(origin).join(say("and"));
  const read = event.count > 2 ? say("timeline_times", sources, event.count) : sources;
  const [fact, course] = fieldOf(event);
  const words = [
    element("span", { className: "when", textContent: event.when }),
    " ",
    element("span", {
      className: "what",
      textContent: event.count > 1 && !event.drugs ? say("timeline_times", event.words, event.count) : event.words,
    }),
  ];
  const doubted = event.value === "undecided" ? "" : say("page_not_certain");
  const certainty = { open: doubted, assumed: say("page_taken_so") }[event.certainty];
  return element(
    "li",
    { className: `event ${event.kind} ${event.certainty}` },
    element(
      "div",
      { className: "words" },
      fact
        ? element("button", { type: "button", className: "to", title: read, onclick: () => goTo(fact, course) }, words)
        : element("span", { title: read, tabIndex: 0 }, words),
      certainty && element("span", { className: "tag open", textContent: certainty }),
      event.why && element("p", { className: "quiet", textContent: event.why }),
      event.kind === "unclear" && element("p", { className: "quiet", textContent: sources }),
      event.kind === "therapy" && !event.places?.length && event.facts.map((name) => enterButton(event, name, enter)),
    ),
    track(event, timeline),
  );
}

/** Make the button that enters a therapy, which the record does not have, under a fact. */
function enterButton({ words, course }, name, { label, therapy }) {
  return element("button", {
    type: "button",
    className: "enter",
    ariaLabel: say("value", words, say("page_enter_under", label(name))),
    textContent: say("page_enter_under", label(name)),
    onclick: () => therapy(name, course),
  });
}

/** Tell which field an event is corrected in: that of its place in the record, or of a fact that it bears on. */
function fieldOf({ places = [], facts = [] }) {
  const [, fact, index] = PLACE.exec(places[0] ?? facts[0] ?? "") ?? [];
  return [fact, index === undefined || fact === ONE_OF ? undefined : Number(index) + 1];
}

function axis({ ticks, gaps }) {
  return shape(
    "svg",
    { class: "track", height: 18 },
    ticks.map(({ at, label }) =>
      shape("text", { x: percent(at), y: 12, "text-anchor": at > AT_END ? "end" : "start" }, document.createTextNode(label)),
    ),
    gaps.map((at) => marked(at, "M-4 17 l3 -8 M1 17 l3 -8", "gap")),
  );
}

/** Draw where an event lies: a mark, a stretch of uncertain dates, or a bar for each drug. */
function track(event, { ticks }) {
  const drugs = event.drugs ?? [];
  const lane = drugs.length > 1 ? 21 : 9;
  const height = Math.max(18, drugs.length * lane + 6);
  return shape(
    "svg",
    { class: "track", height, "aria-hidden": "true" },
    ticks.map(({ at }) => shape("line", { class: "year", x1: percent(at), x2: percent(at), y1: 0, y2: "100%" })),
    drugs.map((drug, n) => bar(drug, (n + 1) * lane - 6)),
    drugs.length > 1 ? drugs.map((drug, n) => named(drug, n * lane + 11)) : [],
    event.at && !drugs.length ? points(event) : [],
  );
}

function bar({ at: [from, to], label, ongoing }, y) {
  const width = Math.max(0.8, (to - from) * 96);
  return [
    shape(
      "rect",
      { class: "given", x: percent(from), y, width: `${width.toFixed(2)}%`, height: 7 },
      shape("title", {}, document.createTextNode(label)),
    ),
    ongoing ? marked(to, `M0 ${y - 1} l6 4.5 l-6 4.5 z`, "given") : [],
  ];
}

/** Write the name of a drug above its bar: from its start or to its end where there is room, else at an end of the track. */
function named({ at: [from, to], label }, y) {
  const late = from + to > 1;
  const near = late ? to >= 1 - ROOM : from <= ROOM;
  const x = percent(late ? to : from);
  return shape(
    "text",
    { x: near ? x : late ? "100%" : "0%", y, "text-anchor": late ? "end" : "start" },
    document.createTextNode(label),
  );
}

/** Draw a point, one from which on the same is told again, or the days on which it can have been. */
function points({ at: [from, to], outcome, start, end }) {
  const point = (at) => marked(at, outcome ? "M-5 4 l10 10 M-5 14 l10 -10" : "M0 4 a5 5 0 1 0 .01 0 z", outcome ? "worse" : "point");
  const line = (kind) => shape("line", { class: kind, x1: percent(from), x2: percent(to), y1: 9, y2: 9 });
  if (!start || start.first === start.last || end) return [line("again"), point(from), point(to)];
  if (!start.first) return [line("dated"), point(to)];
  if (to - from < NEAR) return [marked((from + to) / 2, "M0 4 a5 5 0 1 0 .01 0 z", "dated")];
  return [line("dated"), marked(from, "M0 3 v12", "dated"), marked(to, "M0 3 v12", "dated")];
}

/** Draw a path about a place on the axis. */
function marked(at, d, kind) {
  return shape("svg", { x: percent(at), overflow: "visible" }, shape("path", { class: kind, d }));
}
