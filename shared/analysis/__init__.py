"""The offline analyst: pure, deterministic, no network. Evidence in, answers out."""
