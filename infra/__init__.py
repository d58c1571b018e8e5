"""Where the house runs: bundles and schemas, Google Cloud, and the same house on one laptop."""
