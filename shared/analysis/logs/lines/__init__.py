"""Lines as a log store holds them: split by a shipper, or each with what a logger writes before it."""
