"""The HTTP service: CDS Hooks, the JSON API and the page. Heavy imports stay in its modules."""
