"""The engine's servers: deployments and executions over REST and gRPC."""
