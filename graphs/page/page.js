"use strict";
(() => {
  const { nodes, edges, starts } = JSON.parse(document.getElementById("graph").textContent);
  const into = nodes.map(() => []);
  const out = nodes.map(() => []);
  edges.forEach(([source, target, role], number) => {
    const edge = { number, source, target, role };
    into[target].push(edge);
    out[source].push(edge);
  });
  const sources = new Set(["statement", "reading", "overlay", "citation", "trial"]);
  const by = (id) => document.getElementById(id);
  const parts = [...document.querySelectorAll("details.part")];
  const partOf = new Map(parts.map((part) => [Number(part.dataset.node), part]));
  const drawing = by("drawing");
  const LEVELS = 2;
  const state = { focus: [], everything: false, blocked: false, folded: new Set(), hidden: new Set(["citation"]), selected: null };
  const marks = { fact: { unknown: "not recorded: ", recorded_absent: "recorded as absent: ", fails: "not so: " },
    conclusion: { unknown: "depends: ", fails: "not derived: " }, rule: { unknown: "depends: ", fails: "does not fire: " } };
  const roles = { derives: "derived by", requires: "asks for", requires_absence: "asks for the absence of", blocks: "blocked by",
    excludes: "excluded by", states: "stated by", cites: "cites", rests_on: "rests on", recommends: "recommended in",
    ends_in: "the end of", leads_to: "reached by", stops_at: "where it stops" };
  const follows = { derives: "concludes", requires: "needed by", requires_absence: "absence needed by", blocks: "blocks",
    excludes: "excludes", states: "states", cites: "cited by", rests_on: "supports", recommends: "recommends",
    ends_in: "ends in", leads_to: "leads to", stops_at: "stops at" };
  const words = (node) => ((marks[node.kind] || {})[node.state] || "") + (node.label || node.id) + (node.cut ? " ..." : "");
  const derivation = nodes.some((node) => node.kind === "rule");

  const fires = (edge) => edge.role !== "blocks" && !(nodes[edge.source].kind === "rule" && nodes[edge.source].state === "fails");
  const reasons = (number) => into[number].filter((edge) => state.blocked || fires(edge));
  const foldable = (number) => nodes[number].kind !== "rule" && !sources.has(nodes[number].kind)
    && reasons(number).some((edge) => nodes[edge.source].kind !== "patient");

  function reached(folded) {
    const levels = new Map(state.focus.map((number) => [number, 0]));
    for (const number of levels.keys()) {
      if (folded.has(number)) continue;
      const level = levels.get(number) + (nodes[number].kind === "rule" ? 0 : 1);
      for (const edge of reasons(number)) if (!levels.has(edge.source)) levels.set(edge.source, level);
    }
    return levels;
  }

  function foldBelow(limit) {
    state.folded = new Set();
    const levels = reached(state.folded);
    for (const [number, level] of levels) if (level >= limit && foldable(number)) state.folded.add(number);
  }

  const canvas = document.createElement("canvas").getContext("2d");
  const FONT = '12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
  function boxed(text) {
    canvas.font = FONT;
    const lines = [""];
    for (let word of text.split(/\s+/)) {
      while (canvas.measureText(word).width > 190) {
        let cut = word.length - 1;
        while (canvas.measureText(word.slice(0, cut)).width > 190) cut -= 1;
        lines.push(word.slice(0, cut));
        word = word.slice(cut);
      }
      const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
      if (canvas.measureText(longer).width > 190) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    const shown = lines.filter(Boolean);
    const width = Math.max(30, ...shown.map((line) => canvas.measureText(line).width)) + 18;
    return { label: shown.join("\n"), width, height: shown.length * 15 + 12 };
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const shapes = { patient: "round-rectangle", rule: "ellipse", statement: "cut-rectangle", reading: "cut-rectangle",
    overlay: "cut-rectangle", trial: "barrel", citation: "rectangle" };
  const ends = new Set(["dead_end", "silence"]);
  const lines = { fails: "dashed", recorded_absent: "dashed", unknown: "dotted" };
  function look() {
    const ink = colour("ink");
    const styles = [
      { selector: "node", style: { label: "data(label)", "text-wrap": "wrap", "text-valign": "center", "font-size": 12,
        "font-family": 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif', color: ink, width: "data(width)", height: "data(height)",
        shape: "rectangle", "background-color": colour("fact"), "border-width": 1.2, "border-color": ink } },
      { selector: "edge", style: { width: 1.2, "line-color": colour("faint"), "target-arrow-color": colour("faint"), "curve-style": "segments", "segment-weights": "data(weights)", "segment-distances": "data(distances)", "edge-distances": "node-position",
        "target-arrow-shape": "triangle", "arrow-scale": 0.9 } },
      { selector: 'edge[role = "requires_absence"]', style: { "line-style": "dashed", "target-arrow-shape": "circle", "target-arrow-fill": "hollow" } },
      { selector: 'edge[role = "blocks"]', style: { "line-style": "dashed", "target-arrow-shape": "tee", "line-color": colour("against"), "target-arrow-color": colour("against") } },
      { selector: 'edge[role = "excludes"]', style: { width: 2.5, "target-arrow-shape": "tee", "line-color": colour("against"), "target-arrow-color": colour("against") } },
      { selector: 'edge[role = "states"], edge[role = "cites"], edge[role = "rests_on"]', style: { "line-style": "dotted", "target-arrow-shape": "vee" } },
    ];
    for (const kind of new Set(nodes.map((node) => node.kind))) {
      styles.push({ selector: `node[kind = "${kind}"]`, style: { shape: shapes[kind] || "rectangle", "background-color": colour(kind) || colour("fact") } });
    }
    for (const kind of ends) styles.push({ selector: `node[kind = "${kind}"]`, style: { "border-style": "double", "border-width": 4, "border-color": colour("against") } });
    for (const [name, line] of Object.entries(lines)) styles.push({ selector: `node[state = "${name}"]`, style: { "border-style": line, "border-width": 2 } });
    styles.push(
      { selector: "node[?starts]", style: { "border-width": 3 } },
      { selector: ".found", style: { "border-color": colour("accent"), "border-width": 4 } },
      { selector: ".selected", style: { "border-color": colour("accent"), "border-width": 4, "border-style": "solid" } },
      { selector: "edge.near", style: { width: 2.8 } },
      { selector: 'edge.near[role != "blocks"][role != "excludes"]', style: { "line-color": colour("accent"), "target-arrow-color": colour("accent") } },
    );
    return styles;
  }

  by("looking").hidden = false;
  const cy = cytoscape({ container: drawing, style: look(), minZoom: 0.05, maxZoom: 3, autoungrabify: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { cy.style(look()); kinds(); });

  const first = starts.slice(0, 1);
  const shown = (number) => cy.getElementById(`n${number}`);

  // Cytoscape takes the bends of an edge relative to the straight line between its ends.
  function bend(data, layout) {
    const [from, to] = [data.source, data.target].map((id) => layout.node(id.slice(1)));
    const [x, y] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(x, y) || 1;
    const points = layout.edge({ v: data.source.slice(1), w: data.target.slice(1), name: data.id.slice(1) }).points.slice(1, -1);
    data.weights = points.map((point) => ((point.x - from.x) * x + (point.y - from.y) * y) / length ** 2);
    data.distances = points.map((point) => ((point.x - from.x) * -y + (point.y - from.y) * x) / length);
    if (!points.length) [data.weights, data.distances] = [[0.5], [0]];
  }

  function draw(readable = false) {
    const visible = reached(state.folded);
    const whole = reached(new Set());
    const elements = [];
    const layout = new dagre.graphlib.Graph({ multigraph: true });
    layout.setGraph({ rankdir: "LR", ranksep: 45, nodesep: 12, edgesep: 6, ranker: "network-simplex" });
    layout.setDefaultEdgeLabel(() => ({}));
    const drawn = new Set([...visible.keys()].filter((number) => !state.hidden.has(nodes[number].kind)));
    for (const number of drawn) {
      const node = nodes[number];
      const more = state.folded.has(number) ? reasons(number).length : 0;
      const box = boxed(words(node) + (more ? ` +${more}` : ""));
      if (node.kind === "rule") box.width += 16;
      elements.push({ group: "nodes", data: { id: `n${number}`, number, kind: node.kind, state: node.state || "", starts: starts.includes(number), ...box } });
      layout.setNode(String(number), { width: box.width, height: box.height });
    }
    for (const target of drawn) {
      if (state.folded.has(target)) continue;
      for (const edge of reasons(target)) {
        if (!drawn.has(edge.source)) continue;
        elements.push({ group: "edges", data: { id: `e${edge.number}`, source: `n${edge.source}`, target: `n${edge.target}`, role: edge.role } });
        layout.setEdge(String(edge.source), String(edge.target), {}, String(edge.number));
      }
    }
    dagre.layout(layout);
    for (const element of elements) if (element.group === "edges") bend(element.data, layout);
    cy.batch(() => {
      cy.elements().remove();
      cy.add(elements);
      for (const number of drawn) {
        const place = layout.node(String(number));
        shown(number).position({ x: place.x, y: place.y });
      }
    });
    fit(readable);
    const places = new Map([...whole.keys()].map((number, place) => [number, place]));
    const place = (part) => places.get(Number(part.dataset.node)) ?? Infinity;
    if (derivation) by("derivation").append(...[...parts].sort((a, b) => place(a) - place(b)));
    for (const part of parts) {
      const number = Number(part.dataset.node);
      part.hidden = !whole.has(number);
      part.open = visible.has(number) && !state.folded.has(number) && (foldable(number) || !derivation);
      for (const rule of part.querySelectorAll("[data-rule]")) rule.hidden = !state.blocked && nodes[Number(rule.dataset.rule)].state === "fails";
    }
    if (state.selected !== null) mark(state.selected);
    by("status").textContent = `${drawn.size} of ${nodes.length} nodes`;
  }

  let zoomed = false;
  function fit(readable = false) {
    zoomed = readable;
    cy.resize();
    cy.fit(undefined, 20);
    if (cy.zoom() > 1.1) cy.zoom(1.1);
    if (readable && cy.zoom() < 0.45 && state.focus.length === 1) {
      cy.zoom(0.45);
      cy.center(shown(state.focus[0]));
      cy.panBy({ x: drawing.clientWidth / 2 - shown(state.focus[0]).renderedOuterWidth() / 2 - 20, y: 0 });
    } else cy.center();
  }

  function focus(numbers, everything = false) {
    state.focus = numbers;
    state.everything = everything;
    foldBelow(everything ? 1 : LEVELS);
    by("everything").setAttribute("aria-pressed", String(everything));
    for (const link of document.querySelectorAll("#conclusions a")) {
      link.setAttribute("aria-current", String(!everything && numbers.includes(Number(link.dataset.node))));
    }
    draw(true);
    select(numbers[0], false);
  }

  function mark(number) {
    cy.elements().removeClass("selected near");
    shown(number).addClass("selected").connectedEdges().addClass("near");
    for (const part of parts) part.classList.toggle("selected", Number(part.dataset.node) === number);
  }

  function add(parent, tag, text, look) {
    const made = parent.appendChild(document.createElement(tag));
    if (text !== undefined) made.textContent = text;
    if (look) made.className = look;
    return made;
  }

  function reference(parent, number) {
    const button = add(parent, "button", words(nodes[number]), "node");
    button.type = "button";
    button.dataset.node = number;
  }

  function told(parent, number) {
    const node = nodes[number];
    const [first, ...rest] = (node.text || "").split("\n");
    if (first) add(parent, "p", first);
    if (rest.length) {
      const list = add(parent, "ul");
      for (const line of rest) add(list, "li", line);
    }
  }

  function sourcesOf(number, seen = new Set()) {
    for (const edge of into[number]) {
      if (sources.has(nodes[edge.source].kind) && !seen.has(edge.source)) {
        seen.add(edge.source);
        sourcesOf(edge.source, seen);
      }
    }
    return seen;
  }

  const shownElsewhere = new Set(["id", "label", "kind", "state", "text", "place", "answers", "name"]);
  function select(number, scroll = true) {
    state.selected = number;
    mark(number);
    const node = nodes[number];
    const about = by("about");
    about.replaceChildren();
    add(about, "h2", words(node));
    add(about, "p", [node.kind.replace("_", " "), (node.state || "").replace("_", " "), node.place].filter(Boolean).join(", "), "place");
    const more = Object.entries(node).filter(([key, value]) => !shownElsewhere.has(key) && value);
    if (more.length) add(about, "p", more.map(([key, value]) => `${key.replace("_", " ")}: ${value}`).join("; "));
    told(about, number);
    for (const source of sourcesOf(number)) {
      add(about, "h3", `${nodes[source].kind} ${nodes[source].label}`);
      if (nodes[source].place) add(about, "p", nodes[source].place, "place");
      told(about, source);
    }
    for (const [title, found, end, names] of [["Because of", into[number], "source", roles], ["It matters to", out[number], "target", follows]]) {
      const own = found.filter((edge) => !sources.has(nodes[edge[end]].kind) || sources.has(node.kind));
      if (!own.length) continue;
      add(about, "h3", title);
      const list = add(about, "ul");
      for (const edge of own) {
        const could = edge.role === "derives" && nodes[edge.source].state === "fails" ? "could be " : "";
      const line = add(list, "li", `${could && end === "target" ? "could conclude" : could + (names[edge.role] || edge.role)} `);
        reference(line, edge[end]);
      }
    }
    about.scrollTop = 0;
    by("status").textContent = words(node);
    const part = partOf.get(number);
    if (scroll && part && !part.hidden) {
      part.open = true;
      part.scrollIntoView({ block: "nearest" });
    }
  }

  function reveal(number) {
    if (!reached(new Set()).has(number)) {
      state.blocked = by("blocked").checked = true;
      if (!reached(new Set()).has(number)) state.focus = starts;
    }
    while (!reached(state.folded).has(number)) {
      const levels = reached(state.folded);
      const behind = [...state.folded].filter((folded) => levels.has(folded) && ancestors(folded).has(number));
      if (!behind.length) break;
      behind.forEach((folded) => state.folded.delete(folded));
    }
    state.hidden.delete(nodes[number].kind);
    kinds();
    draw();
    select(number);
    const place = shown(number);
    if (place.length) cy.animate({ center: { eles: place }, zoom: Math.max(cy.zoom(), 0.8), duration: 0 });
  }

  function ancestors(number) {
    const seen = new Set([number]);
    for (const reached of seen) for (const edge of reasons(reached)) seen.add(edge.source);
    return seen;
  }

  function toggle(number) {
    if (!foldable(number)) return;
    if (!state.folded.delete(number)) state.folded.add(number);
    draw();
    select(number, false);
    cy.center(shown(number));
  }

  function kinds() {
    const bar = by("kinds");
    bar.replaceChildren();
    for (const kind of new Set(nodes.map((node) => node.kind))) {
      const button = add(bar, "button", kind.replace("_", " "));
      button.type = "button";
      button.setAttribute("aria-pressed", String(!state.hidden.has(kind)));
      button.style.backgroundColor = state.hidden.has(kind) ? "" : colour(kind) || colour("fact");
      button.addEventListener("click", () => {
        if (!state.hidden.delete(kind)) state.hidden.add(kind);
        kinds();
        draw();
      });
    }
  }

  function search(text) {
    const wanted = text.trim().toLowerCase();
    const list = by("found");
    list.replaceChildren();
    cy.nodes().removeClass("found");
    by("status").textContent = "";
    if (!wanted) return;
    const has = (text) => text.toLowerCase().includes(wanted);
    const named = [...nodes.keys()].filter((number) => nodes[number].kind !== "patient" && has(words(nodes[number])));
    const told = [...nodes.keys()].filter((number) => has(nodes[number].id) || has(nodes[number].text || ""));
    const matches = [...new Set([...named, ...told])];
    for (const number of matches.slice(0, 50)) {
      const line = add(list, "li");
      reference(line, number);
      const more = (nodes[number].text || "").split("\n")[0].slice(0, 80);
      add(line, "span", ` ${nodes[number].kind.replace("_", " ")}${more ? `: ${more}` : ""}`, "place");
    }
    for (const number of matches) shown(number).addClass("found");
    by("status").textContent = `${matches.length} found`;
  }

  document.addEventListener("click", (event) => {
    const from = event.target.closest("[data-node]");
    if (!from || from.tagName === "DETAILS") return;
    const number = Number(from.dataset.node);
    if (from.closest("#conclusions")) {
      event.preventDefault();
      focus([number]);
      by("derivation").scrollIntoView({ block: "nearest" });
    } else {
      event.preventDefault();
      reveal(number);
    }
  });
  for (const part of parts) {
    part.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      const number = Number(part.dataset.node);
      if (!foldable(number)) return;
      if (part.open) state.folded.add(number);
      else {
        state.folded.delete(number);
        if (!reached(state.folded).has(number)) { reveal(number); return; }
      }
      draw();
      select(number, false);
    });
  }
  cy.on("tap", "node", (event) => select(event.target.data("number")));
  cy.on("dbltap", "node", (event) => toggle(event.target.data("number")));
  by("search").addEventListener("input", (event) => search(event.target.value));
  by("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      document.querySelector("#found button")?.click();
      by("found").replaceChildren();
    }
    if (event.key === "Escape") { event.target.value = ""; search(""); }
  });
  by("everything").addEventListener("click", () => (state.everything ? focus(first) : focus(starts, true)));
  by("blocked").addEventListener("change", (event) => { 
    const before = reached(new Set());
    state.blocked = event.target.checked;
    for (const number of reached(new Set()).keys()) if (!before.has(number) && foldable(number)) state.folded.add(number);
    draw();
  });
  by("fold").addEventListener("click", () => { foldBelow(0); draw(); });
  by("unfold").addEventListener("click", () => { state.folded = new Set(); draw(); });
  by("fit").addEventListener("click", () => { cy.fit(undefined, 20); });
  const zoom = (factor) => cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: drawing.clientWidth / 2, y: drawing.clientHeight / 2 } });
  by("larger").addEventListener("click", () => zoom(1.25));
  by("smaller").addEventListener("click", () => zoom(0.8));

  drawing.addEventListener("keydown", (event) => {
    const here = state.selected;
    if (here === null) return;
    const isDrawn = (number) => shown(number).length > 0;
    const column = () => cy.nodes().map((node) => node.data("number"))
      .filter((number) => Math.abs(shown(number).position("x") - shown(here).position("x")) < 60)
      .sort((a, b) => shown(a).position("y") - shown(b).position("y"));
    let next;
    if (event.key === "ArrowLeft") next = into[here].map((edge) => edge.source).find(isDrawn);
    else if (event.key === "ArrowRight") next = out[here].map((edge) => edge.target).find(isDrawn);
    else if (event.key === "ArrowDown") next = column()[column().indexOf(here) + 1];
    else if (event.key === "ArrowUp") next = column()[column().indexOf(here) - 1];
    else if (event.key === "Enter" && foldable(here)) focus([here]);
    else if (event.key === " ") toggle(here);
    else if (event.key === "+") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else return;
    event.preventDefault();
    if (next !== undefined) {
      select(next);
      cy.center(shown(next));
    }
  });

  addEventListener("beforeprint", () => {
    for (const part of parts) part.open = true;
    by("printed").src = cy.png({ full: true, scale: 2, maxWidth: 6000, maxHeight: 6000, bg: "#ffffff" });
  });
  addEventListener("afterprint", () => draw());
  new ResizeObserver(() => { if (drawing.clientWidth) fit(zoomed); }).observe(drawing);
  kinds();
  if (starts.some((number) => nodes[number].answers)) focus(first);
  else {
    focus(starts, true);
    if (nodes.length <= 150) by("unfold").click();
  }
})();
