// The drawing: the shown part of the graph, laid out by dagre and drawn by Cytoscape.

const MARGIN = 20;
const LARGEST_AT_FIRST = 1.1;
const SMALLEST_READABLE = 0.45;
const SMALLEST_OF_ARGUMENT = { narrow: 0.75, wide: 0.35 };
const NARROW = 600;

class Drawing {
  constructor(container, graph, view) {
    this.container = container;
    this.graph = graph;
    this.view = view;
    this.readable = false;
    this.cytoscape = cytoscape({ container, minZoom: 0.05, maxZoom: 3, autoungrabify: true });
    this.recolour();
    new ResizeObserver(() => {
      if (container.clientWidth) this.fit(this.readable);
    }).observe(container);
  }

  /** Take the colours of the page, which follow the reader's scheme. */
  recolour() {
    this.cytoscape.style(styleSheet(this.graph));
  }

  listen(selected, toggled) {
    this.cytoscape.on("tap", "node", (event) => selected(event.target.data("number")));
    this.cytoscape.on("dbltap", "node", (event) => toggled(event.target.data("number")));
  }

  node(number) {
    return this.cytoscape.getElementById(`n${number}`);
  }

  has(number) {
    return this.node(number).length > 0;
  }

  /** Draw what the view shows. */
  draw(readable = false) {
    const shown = this.view.shown();
    const nodes = [...shown].map((number) => this.nodeElement(number));
    const edges = [...shown]
      .filter((number) => !this.view.folded.has(number))
      .flatMap((number) => this.view.reasons(number).filter(({ source }) => shown.has(source)));
    const layout = layOut(this.graph, nodes, edges);
    for (const element of nodes) element.position = layout.middle(element.data.number);
    const sizes = new Map(nodes.map(({ data }) => [data.number, data]));
    this.cytoscape.batch(() => {
      this.cytoscape.elements().remove();
      this.cytoscape.add([...nodes, ...edges.map((edge) => this.edgeElement(edge, layout, sizes))]);
    });
    this.fit(readable);
    return shown.size;
  }

  nodeElement(number) {
    const { kind, state = "", answers = "" } = this.graph.nodes[number];
    const folded = this.view.folded.has(number) ? this.view.reasons(number).length : 0;
    const caption = this.graph.captions[number];
    const label = folded ? this.graph.say("viewer_with_folded", caption, folded) : caption;
    const isStart = this.graph.starts.includes(number);
    const box = boxOf(label, kind, this.graph.isArgument);
    return { group: "nodes", data: { id: `n${number}`, number, kind, state, answers, isStart, ...box } };
  }

  /** Make an edge; Cytoscape takes its bends relative to the straight line between its ends. */
  edgeElement(edge, layout, sizes) {
    const { number, source, target, role } = edge;
    const [from, to] = [layout.middle(source), layout.middle(target)];
    const bends = layout.bends(edge);
    if (!bends) {
      from.x += sizes.get(source).width / 2;
      to.x -= sizes.get(target).width / 2;
    }
    const [x, y] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(x, y) || 1;
    const on = bends ?? [from, to].map((end) => ({ x: from.x + x / 2, y: end.y }));
    const away = on.map((point) => [point.x - from.x, point.y - from.y]);
    const weights = away.map(([right, down]) => (right * x + down * y) / length ** 2);
    const distances = away.map(([right, down]) => (right * -y + down * x) / length);
    const segments = away.length ? { weights, distances } : { weights: [0.5], distances: [0] };
    return { group: "edges", data: { id: `e${number}`, source: `n${source}`, target: `n${target}`, role, ...segments } };
  }

  /**
   * Fit the drawing into its place; where that is too small to be `readable`, begin where the reading begins: an argument at
   * its first fact, top left, anything else at the conclusion in focus.
   */
  fit(readable = false) {
    this.readable = readable;
    this.cytoscape.resize();
    this.cytoscape.fit(undefined, MARGIN);
    if (this.cytoscape.zoom() > LARGEST_AT_FIRST) this.cytoscape.zoom(LARGEST_AT_FIRST);
    const [first, ...others] = this.view.focus;
    const width = this.container.clientWidth < NARROW ? "narrow" : "wide";
    const smallest = this.graph.isArgument ? SMALLEST_OF_ARGUMENT[width] : SMALLEST_READABLE;
    if (readable && this.cytoscape.zoom() < smallest && !others.length) {
      this.cytoscape.zoom(smallest);
      if (this.graph.isArgument) this.beginAtFirst();
      else this.beginAt(first);
    } else this.cytoscape.center();
  }

  /** Put the top left of the drawing where a reader begins; what is not as wide or as high as its place is centred there. */
  beginAtFirst() {
    const all = this.cytoscape.elements().renderedBoundingBox();
    const begin = (room, size) => (size < room - 2 * MARGIN ? (room - size) / 2 : MARGIN);
    const { clientWidth, clientHeight } = this.container;
    this.cytoscape.panBy({ x: begin(clientWidth, all.w) - all.x1, y: begin(clientHeight, all.h) - all.y1 });
  }

  /** Centre a conclusion, at the right of its place. */
  beginAt(number) {
    this.center(number);
    const all = this.cytoscape.elements().renderedBoundingBox();
    const room = this.container.clientWidth;
    const right = all.w < room - 2 * MARGIN ? (room - all.w) / 2 : MARGIN;
    this.cytoscape.panBy({ x: room - right - all.x2, y: 0 });
  }

  fitAll() {
    this.cytoscape.fit(undefined, MARGIN);
  }

  center(number) {
    this.cytoscape.center(this.node(number));
  }

  /** Centre a node, near enough to read it. */
  approach(number) {
    if (!this.has(number)) return;
    this.cytoscape.zoom(Math.max(this.cytoscape.zoom(), 0.8));
    this.center(number);
  }

  zoom(factor) {
    const middle = { x: this.container.clientWidth / 2, y: this.container.clientHeight / 2 };
    this.cytoscape.zoom({ level: this.cytoscape.zoom() * factor, renderedPosition: middle });
  }

  markSelected(number) {
    this.cytoscape.elements().removeClass("selected near");
    this.node(number).addClass("selected").connectedEdges().addClass("near");
  }

  markFound(numbers) {
    this.cytoscape.nodes().removeClass("found");
    for (const number of numbers) this.node(number).addClass("found");
  }

  /** Give the node that an arrow key leads to: a reason, a consequence, or the neighbour above or below. */
  neighbour(number, key) {
    if (key === "ArrowLeft") return this.graph.into[number].map(({ source }) => source).find((other) => this.has(other));
    if (key === "ArrowRight") return this.graph.out[number].map(({ target }) => target).find((other) => this.has(other));
    const place = (other) => this.node(other).position();
    const column = this.cytoscape
      .nodes()
      .map((node) => node.data("number"))
      .filter((other) => Math.abs(place(other).x - place(number).x) < 60)
      .sort((a, b) => place(a).y - place(b).y);
    return column[column.indexOf(number) + (key === "ArrowDown" ? 1 : -1)];
  }

  picture() {
    return this.cytoscape.png({ full: true, scale: 2, maxWidth: 6000, maxHeight: 6000, bg: "#ffffff" });
  }
}
