// Reads Cytoscape JSON as cytoscape.js does, without a page, and prints the nodes and edges that it has.
const cytoscape = require("cytoscape");
const { elements, data } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const cy = cytoscape({ headless: true, elements, data });
process.stdout.write(JSON.stringify({
  about: cy.data(),
  nodes: cy.nodes().map((node) => node.data()),
  edges: cy.edges().map((edge) => edge.data()),
  reasons: Object.fromEntries(cy.nodes().map((node) => [node.id(), node.incomers("node").map((reason) => reason.id())])),
}));
