// The viewer: what a reader does changes the view, and the drawing, the sentences and the details follow.

const MOST_NODES_UNFOLDED = 150;
const ZOOM_STEP = 1.25;

class Viewer {
  constructor(data) {
    this.graph = new Graph(data);
    this.view = new View(this.graph);
    this.drawing = new Drawing(byId("drawing"), this.graph, this.view);
    this.sentences = new Sentences(byId("derivation"), this.graph, this.view);
    this.details = new Details(byId("details"), this.graph);
    this.search = new Search(byId("search"), byId("found"), this.graph);
    this.selected = null;
  }

  /** Show the first conclusion; a graph without an answer is shown as a whole. */
  start() {
    for (const id of ["blocked", "fold", "unfold"]) byId(id).closest("label, button").hidden = this.graph.isArgument;
    const columns = this.graph.isArgument;
    byId("legend").textContent = columns ? this.graph.say("viewer_legend_of_argument") : this.graph.say("viewer_legend");
    this.showKinds();
    const { nodes, starts } = this.graph;
    if (this.graph.isArgument || starts.some((number) => nodes[number].answers)) this.focusOn(starts.slice(0, 1));
    else {
      this.focusOn(starts, true);
      if (nodes.length <= MOST_NODES_UNFOLDED) this.unfoldAll();
    }
  }

  announce(text) {
    byId("status").textContent = text;
  }

  draw(readable = false) {
    const shown = this.drawing.draw(readable);
    this.sentences.update();
    byId("blocked").checked = this.view.blocked;
    if (this.selected !== null) this.markSelected();
    this.announce(this.graph.say("viewer_shown", shown, this.graph.nodes.length));
  }

  markSelected() {
    this.drawing.markSelected(this.selected);
    this.sentences.markSelected(this.selected);
  }

  focusOn(numbers, everything = false) {
    this.view.focusOn(numbers, everything);
    byId("everything").setAttribute("aria-pressed", String(everything));
    for (const link of document.querySelectorAll("#conclusions a")) {
      link.setAttribute("aria-current", String(!everything && numbers.includes(Number(link.dataset.node))));
    }
    this.draw(true);
    this.select(numbers[0]);
  }

  toggleEverything() {
    if (this.view.everything) this.focusOn(this.graph.starts.slice(0, 1));
    else this.focusOn(this.graph.starts, true);
  }

  select(number) {
    this.selected = number;
    this.markSelected();
    this.details.show(number);
    this.announce(this.graph.captions[number]);
  }

  selectInBoth(number) {
    this.select(number);
    this.sentences.scrollTo(number);
  }

  reveal(number) {
    this.view.reveal(number);
    this.showKinds();
    this.draw();
    this.selectInBoth(number);
    this.drawing.approach(number);
  }

  toggle(number) {
    if (!this.view.isFoldable(number)) return;
    this.view.toggle(number);
    this.draw();
    this.select(number);
    this.drawing.center(number);
  }

  togglePart(number, unfold) {
    if (unfold) this.view.folded.delete(number);
    else this.view.folded.add(number);
    if (unfold && !this.view.reached().has(number)) this.reveal(number);
    else {
      this.draw();
      this.select(number);
    }
  }

  foldAll() {
    this.view.foldBelow(0);
    this.draw();
  }

  unfoldAll() {
    this.view.unfoldAll();
    this.draw();
  }

  showBlocked(blocked) {
    this.view.showBlocked(blocked);
    this.draw();
  }

  showKinds() {
    const bar = byId("kinds");
    bar.replaceChildren();
    for (const [kind, name] of Object.entries(this.graph.kinds)) {
      const hidden = this.view.hiddenKinds.has(kind);
      const button = add(bar, "button", name);
      button.type = "button";
      button.setAttribute("aria-pressed", String(!hidden));
      button.style.backgroundColor = hidden ? "" : colourOfKind(kind, this.graph.looks);
      button.addEventListener("click", () => {
        this.view.toggleKind(kind);
        this.showKinds();
        this.draw();
      });
    }
  }

  showMatches(matches) {
    this.drawing.markFound(matches ?? []);
    this.announce(matches ? this.graph.say("viewer_matches", matches.length) : "");
  }

  /** Follow a link or a button that names a node. */
  follow(event) {
    const from = event.target.closest("a[data-node], button[data-node]");
    if (!from) return;
    event.preventDefault();
    const number = Number(from.dataset.node);
    if (from.closest("#conclusions")) {
      this.focusOn([number]);
      byId("derivation").scrollIntoView({ block: "nearest" });
    } else this.reveal(number);
  }

  press(event) {
    if (this.selected === null) return;
    const keys = {
      Enter: () => this.view.isFoldable(this.selected) && this.focusOn([this.selected]),
      " ": () => this.toggle(this.selected),
      "+": () => this.drawing.zoom(ZOOM_STEP),
      "-": () => this.drawing.zoom(1 / ZOOM_STEP),
    };
    if (event.key in keys) keys[event.key]();
    else if (event.key.startsWith("Arrow")) this.move(event.key);
    else return;
    event.preventDefault();
  }

  move(key) {
    const next = this.drawing.neighbour(this.selected, key);
    if (next === undefined) return;
    this.selectInBoth(next);
    this.drawing.center(next);
  }

  recolour() {
    this.drawing.recolour();
    this.showKinds();
  }

  beforePrint() {
    this.sentences.openAll();
    byId("printed").src = this.drawing.picture();
  }

  listen() {
    this.drawing.listen(
      (number) => this.selectInBoth(number),
      (number) => this.toggle(number),
    );
    this.sentences.listen((number, unfold) => this.togglePart(number, unfold));
    this.search.listen((matches) => this.showMatches(matches));
    const clicks = {
      everything: () => this.toggleEverything(),
      fold: () => this.foldAll(),
      unfold: () => this.unfoldAll(),
      fit: () => this.drawing.fitAll(),
      "zoom-in": () => this.drawing.zoom(ZOOM_STEP),
      "zoom-out": () => this.drawing.zoom(1 / ZOOM_STEP),
    };
    for (const [id, click] of Object.entries(clicks)) byId(id).addEventListener("click", click);
    byId("blocked").addEventListener("change", (event) => this.showBlocked(event.target.checked));
    byId("drawing").addEventListener("keydown", (event) => this.press(event));
    document.addEventListener("click", (event) => this.follow(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    addEventListener("beforeprint", () => this.beforePrint());
    addEventListener("afterprint", () => this.draw());
  }
}

function byId(id) {
  return document.getElementById(id);
}

byId("explorer").hidden = false;
const viewer = new Viewer(JSON.parse(byId("data").textContent));
viewer.listen();
viewer.start();
