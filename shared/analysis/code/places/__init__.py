"""From the evidence of an incident to places in the code."""
