"""The viewer: a graph and the same derivation in sentences, as one HTML file that works offline."""
