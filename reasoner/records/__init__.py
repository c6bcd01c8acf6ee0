"""From a patient's record, as JSON, to the facts that a program is evaluated with."""
