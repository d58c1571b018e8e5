"""What a month costs: few, usual and very many incidents, and an instance of intake that is kept warm."""

from infra.costs import estimate

VOLUMES = (10, 1_000, 100_000)
INTAKE_CPU, INTAKE_GIB = 1.0, 0.25
"""Of one instance of alert_intake, as its function.yaml and the defaults of Terraform say."""


def table() -> str:
    """Return the cost of a month by the number of incidents, as a table of Markdown."""
    head = "| incidents a month, each on the full path | " + " | ".join(f"{volume:,}" for volume in VOLUMES) + " |"
    rows = [
        _row("Google Cloud, without free tiers", False, "cloud"),
        _row("Google Cloud, with free tiers", True, "cloud"),
        _row("models", False, "models"),
        _row("**all, with free tiers**", True, "all"),
    ]
    return "\n".join([head, f"|---|{'--:|' * len(VOLUMES)}", *rows])


def _row(name: str, has_free_tier: bool, part: str) -> str:
    cells = [f"{_usd(volume, has_free_tier, part):,.2f}" for volume in VOLUMES]
    return f"| {name} | {' | '.join(cells)} |"


def _usd(incidents: int, has_free_tier: bool, part: str) -> float:
    chosen = [item for item in estimate.items() if part == "all" or ("Gemini" in item.what) == (part == "models")]
    return sum(item.of_month(incidents, has_free_tier=has_free_tier) for item in chosen)


def by_path() -> str:
    """Return what 1,000 incidents of each path cost, and the steps of the workflow, as a table of Markdown."""
    paths = {"full": "with a pull request", "healthy": "the service works", "repeat": "one more alert of it"}
    rows = []
    for path, name in paths.items():
        lines = estimate.items(path)
        models = sum(item.usd for item in lines if item.what.startswith("Gemini"))
        total = sum(item.usd for item in lines)
        steps = next(item.quantity for item in lines if item.what.startswith("Cloud Workflows"))
        rows.append(f"| {name} | {steps * estimate.INCIDENTS:,.0f} | {total - models:.2f} | {total:.2f} |")
    head = "| 1,000 incidents | steps billed | USD without models | USD in all |\n|---|--:|--:|--:|"
    return "\n".join([head, *rows])


def warm_intake() -> str:
    """Return a sentence about an instance of alert_intake that is always there."""
    usd = estimate.warm(INTAKE_CPU, INTAKE_GIB)
    return (
        f"One instance of `alert_intake` that is always there (`min_instances: 1`) costs {usd:.2f} USD a month, at "
        f"the idle rate for {INTAKE_CPU:g} CPU and {INTAKE_GIB:g} GiB."
    )
