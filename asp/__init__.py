"""The guidelines as Answer Set Programming files: the shared core and one folder a guideline."""
