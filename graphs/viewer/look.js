// How nodes and edges look: boxes, and the style sheet of Cytoscape, in the page's colours.

const FONT = 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
const FONT_SIZE = 13;
const WIDEST_LINE = 200;
const WIDEST_STATEMENT = 290;
const SHAPES = { fact: "round-rectangle", outcome: "round-rectangle", rule: "ellipse" };
const BARE = ["trial", "citation"];
const STATEMENTS = ["statement", "reading", "overlay"];
const BENT = {
  "curve-style": "segments",
  "segment-weights": "data(weights)",
  "segment-distances": "data(distances)",
  "edge-distances": "node-position",
};
const CURVED = {
  "curve-style": "unbundled-bezier",
  "control-point-weights": "data(weights)",
  "control-point-distances": "data(distances)",
  "edge-distances": "endpoints",
  "source-endpoint": "50% 0",
  "target-endpoint": "-50% 0",
};
const MEASURE = document.createElement("canvas").getContext("2d");
const ENDS = ["dead_end", "silence"];

/** Give a colour of the page by its name. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function colourOfKind(kind, looks) {
  return colour(looks.fills[kind]);
}

/** Break a caption into lines, words that are too long included, and measure its box. */
function boxOf(caption, kind, argued) {
  const widest = argued && STATEMENTS.includes(kind) ? WIDEST_STATEMENT : WIDEST_LINE;
  MEASURE.font = `${FONT_SIZE}px ${FONT}`;
  const width = (text) => MEASURE.measureText(text).width;
  const lines = [""];
  for (let word of caption.split(/\s+/)) {
    while (width(word) > widest) {
      let end = word.length - 1;
      while (width(word.slice(0, end)) > widest) end -= 1;
      lines.push(word.slice(0, end));
      word = word.slice(end);
    }
    const last = lines[lines.length - 1];
    const longer = last ? `${last} ${word}` : word;
    if (width(longer) > widest) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  const label = lines.filter(Boolean);
  const room = kind === "rule" ? 34 : 22;
  const narrowest = argued && !BARE.includes(kind) ? widest : 30;
  return { label: label.join("\n"), width: Math.max(narrowest, ...label.map(width)) + room, height: label.length * 16.5 + 14 };
}

/** Give the style sheet for a graph. */
function styleSheet({ kinds, looks, isArgument }) {
  const against = { "line-color": colour("against"), "target-arrow-color": colour("against") };
  const accent = { "line-color": colour("accent"), "target-arrow-color": colour("accent") };
  const rules = [
    [
      "node",
      {
        label: "data(label)",
        width: "data(width)",
        height: "data(height)",
        shape: "rectangle",
        color: colour("ink"),
        "text-wrap": "wrap",
        "text-valign": "center",
        "font-size": FONT_SIZE,
        "font-family": FONT,
        "text-justification": isArgument ? "left" : "center",
        "line-height": 1.25,
        "background-color": colour("paper"),
        "border-width": 1.2,
        "border-color": colour("edge"),
      },
    ],
    [
      "edge",
      {
        width: 1.2,
        "line-color": colour("edge"),
        ...(isArgument ? CURVED : BENT),
        "target-arrow-color": colour("edge"),
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.9,
      },
    ],
    [
      'edge[role = "requires_absence"]',
      { "line-style": "dashed", "target-arrow-shape": "circle", "target-arrow-fill": "hollow" },
    ],
    ['edge[role = "blocks"]', { "line-style": "dashed", "target-arrow-shape": "tee", ...against }],
    ['edge[role = "excludes"]', { width: 2.5, "target-arrow-shape": "tee", ...against }],
    [
      'edge[role = "states"], edge[role = "cites"], edge[role = "rests_on"]',
      { "line-style": "dotted", "target-arrow-shape": "vee" },
    ],
    ...Object.keys(kinds).map((kind) => [
      `node[kind = "${kind}"]`,
      { shape: SHAPES[kind] ?? "rectangle", "background-color": colourOfKind(kind, looks) },
    ]),
    ...BARE.map((kind) => [`node[kind = "${kind}"]`, { "border-width": 0, color: colour("faint"), "font-size": FONT_SIZE - 1 }]),
    ...ENDS.map((kind) => [
      `node[kind = "${kind}"]`,
      { "border-style": "double", "border-width": 4, "border-color": colour("against") },
    ]),
    ["node[?isStart]", { "border-width": 2.5 }],
    ...Object.entries(looks.lines).map(([state, line]) => [`node[state = "${state}"]`, { "border-style": line }]),
    ...Object.entries(looks.borders).map(([answers, name]) => [`node[answers = "${answers}"]`, { "border-color": colour(name) }]),
    ['node[answers = "excluded"][state = "holds"]', { "border-style": "double", "border-width": 5 }],
    [".found", { "border-color": colour("accent"), "border-width": 4 }],
    [".selected", { "border-color": colour("accent"), "border-width": 4, "border-style": "solid" }],
    ["edge.near", { width: 2.8 }],
    ['edge.near[role != "blocks"][role != "excludes"]', accent],
  ];
  return rules.map(([selector, style]) => ({ selector, style }));
}
