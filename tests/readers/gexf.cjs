// Reads GEXF as graphology does, and prints the nodes and edges that it has.
const { MultiDirectedGraph } = require("graphology");
const gexf = require("graphology-gexf");
const graph = gexf.parse(MultiDirectedGraph, require("fs").readFileSync(0, "utf8"), { addMissingNodes: false });
process.stdout.write(JSON.stringify({
  nodes: graph.mapNodes((id, attributes) => ({ id, ...attributes })),
  edges: graph.mapEdges((key, attributes, source, target) => ({ source, target, ...attributes })),
}));
