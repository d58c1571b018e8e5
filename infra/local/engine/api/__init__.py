"""The doors of the engine: what is deployed and what runs, served as REST and as gRPC."""
