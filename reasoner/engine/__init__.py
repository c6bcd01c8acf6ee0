"""From a record to its answer: completions, conclusions, derivation."""
