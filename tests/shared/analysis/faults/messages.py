"""Messages by the fault that they name, and look-alikes; `messages.yaml` holds them."""

from pathlib import Path

import yaml

_READ = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
DEVELOPED_ON: dict[str, list[str]] = _READ["developed_on"]
FROM_TRACKERS: dict[str, list[str]] = _READ["from_trackers"]
HELD_OUT: dict[str, list[str]] = _READ["held_out"]
LOOK_ALIKES: list[str] = _READ["look_alikes"]
LOOK_ALIKES_HELD_OUT: list[str] = _READ["look_alikes_held_out"]
