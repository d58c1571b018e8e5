"""Measure exceptions, files, commits, drafts and confidence on every known incident that has a trace or a revert."""

from dataclasses import asdict

from infra.score.code import crashes, report, reverts
from infra.score.code.cases import read
from infra.score.code.observe import CodeObservation, observe
from infra.score.code.replay import replay
from infra.score.part import Options, PartScore, Progress


def measure(options: Options, progress: Progress) -> PartScore:
    """Replay every incident of the folder and return the tables. Raises Rejected when one cannot be read."""
    observed: list[CodeObservation] = []
    for case in read(options.cases, options.repos):
        one = observe(case, replay(case))
        observed.append(one)
        progress(f"{one.name}: file {one.file_rank or '-'}, commit {one.commit_rank or '-'}, {one.seconds:.1f} s")
    crashed = crashes.measure(options.cases, progress)
    reverted = reverts.measure(options.cases, options.repos, progress)
    figures = {
        "observations": [asdict(one) for one in observed],
        "crashes": [asdict(one) for one in crashed],
        "reverts": [asdict(one) for one in reverted],
    }
    return PartScore(report.tables(observed, crashed, reverted), figures)
