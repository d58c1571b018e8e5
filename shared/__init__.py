"""What two or more functions need: the contracts, the errors, one package per external service."""
