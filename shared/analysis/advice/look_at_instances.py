"""What to do where nothing that was read leads anywhere but to the service's instances."""


def look_at_instances(service: str) -> tuple[str, list[str]]:
    """Return the action and its steps."""
    return (
        f"See whether the instances of {service} run, and replace those that do not.",
        [
            "List them on their platform with their restarts, the reason each last ended, and their node.",
            "If it is one, restart it; if all, look at what they share: a deployment, a dependency, a node.",
            "If all run and answer, follow their logs and metrics from the instance to the store.",
        ],
    )
