"""The checks that need no network: what .env, or the settings of a deployment, say."""
