// How nodes and edges look: boxes, and the style sheet of Cytoscape, in the page's colours.

const FONT = 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
const FONT_SIZE = 12;
const WIDEST_LINE = 190;
const SHAPES = {
  patient: "round-rectangle",
  rule: "ellipse",
  statement: "cut-rectangle",
  reading: "cut-rectangle",
  overlay: "cut-rectangle",
  trial: "barrel",
};
const MEASURE = document.createElement("canvas").getContext("2d");
const ENDS = ["dead_end", "silence"];
const BORDERS = { fails: "dashed", recorded_absent: "dashed", unknown: "dotted" };

/** Give a colour of the page by its name; kinds of nodes without one look like facts. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function colourOfKind(kind) {
  return colour(kind) || colour("fact");
}

/** Break a caption into lines, words that are too long included, and measure its box. */
function boxOf(caption, kind) {
  MEASURE.font = `${FONT_SIZE}px ${FONT}`;
  const width = (text) => MEASURE.measureText(text).width;
  const lines = [""];
  for (let word of caption.split(/\s+/)) {
    while (width(word) > WIDEST_LINE) {
      let end = word.length - 1;
      while (width(word.slice(0, end)) > WIDEST_LINE) end -= 1;
      lines.push(word.slice(0, end));
      word = word.slice(end);
    }
    const last = lines[lines.length - 1];
    const longer = last ? `${last} ${word}` : word;
    if (width(longer) > WIDEST_LINE) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  const label = lines.filter(Boolean);
  const room = kind === "rule" ? 34 : 18;
  return { label: label.join("\n"), width: Math.max(30, ...label.map(width)) + room, height: label.length * 15 + 12 };
}

/** Give the style sheet for a graph with these kinds of nodes. */
function styleSheet(kinds) {
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
        "background-color": colour("fact"),
        "border-width": 1.2,
        "border-color": colour("ink"),
      },
    ],
    [
      "edge",
      {
        width: 1.2,
        "line-color": colour("faint"),
        "curve-style": "segments",
        "segment-weights": "data(weights)",
        "segment-distances": "data(distances)",
        "edge-distances": "node-position",
        "target-arrow-color": colour("faint"),
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
    ...kinds.map((kind) => [
      `node[kind = "${kind}"]`,
      { shape: SHAPES[kind] ?? "rectangle", "background-color": colourOfKind(kind) },
    ]),
    ...ENDS.map((kind) => [
      `node[kind = "${kind}"]`,
      { "border-style": "double", "border-width": 4, "border-color": colour("against") },
    ]),
    ...Object.entries(BORDERS).map(([state, line]) => [
      `node[state = "${state}"]`,
      { "border-style": line, "border-width": 2 },
    ]),
    ["node[?isStart]", { "border-width": 3 }],
    [".found", { "border-color": colour("accent"), "border-width": 4 }],
    [".selected", { "border-color": colour("accent"), "border-width": 4, "border-style": "solid" }],
    ["edge.near", { width: 2.8 }],
    ['edge.near[role != "blocks"][role != "excludes"]', accent],
  ];
  return rules.map(([selector, style]) => ({ selector, style }));
}
