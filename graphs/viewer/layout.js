// The layout: an argument in columns, in the order that it came in; any other graph by dagre.

const GAP = 14;
const BETWEEN = 70;

/** Give boxes their middles, and edges the points on their way, both relative to nothing but each other. */
function layOut(graph, nodes, edges) {
  return graph.isArgument ? inColumns(graph, nodes) : byDagre(nodes, edges);
}

/** Put nodes into columns, each centred, without those that are empty. */
function inColumns(graph, nodes) {
  const columns = new Map();
  for (const { data } of nodes) {
    const [x] = graph.places[data.number];
    columns.set(x, [...(columns.get(x) ?? []), data]);
  }
  const middles = new Map();
  let left = 0;
  for (const x of [...columns.keys()].sort((a, b) => a - b)) {
    const column = columns.get(x).sort((a, b) => graph.places[b.number][1] - graph.places[a.number][1]);
    const width = Math.max(...column.map((data) => data.width));
    const height = column.reduce((sum, data) => sum + data.height + GAP, -GAP);
    let top = -height / 2;
    for (const data of column) {
      middles.set(data.number, { x: left + width / 2, y: top + data.height / 2 });
      top += data.height + GAP;
    }
    left += width + BETWEEN;
  }
  return { middle: (number) => ({ ...middles.get(number) }), bends: () => null };
}

function byDagre(nodes, edges) {
  const layout = new dagre.graphlib.Graph({ multigraph: true });
  layout.setGraph({ rankdir: "LR", ranksep: 45, nodesep: 12, edgesep: 6, ranker: "network-simplex" });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const { data } of nodes) layout.setNode(String(data.number), { width: data.width, height: data.height });
  for (const edge of edges) layout.setEdge(String(edge.source), String(edge.target), {}, String(edge.number));
  dagre.layout(layout);
  return {
    middle(number) {
      const { x, y } = layout.node(String(number));
      return { x, y };
    },
    bends({ number, source, target }) {
      return layout.edge({ v: String(source), w: String(target), name: String(number) }).points.slice(1, -1);
    },
  };
}
