"""tensorboard_reads.py RUN: TensorBoard's own reader finds what read_events.py finds. Needs the package tensorboard."""
import math
import sys

from tensorboard.backend.event_processing import event_accumulator

import read_events

ours = read_events.read(sys.argv[1])
theirs = event_accumulator.EventAccumulator(
    sys.argv[1], size_guidance={event_accumulator.SCALARS: 0, event_accumulator.HISTOGRAMS: 0, event_accumulator.TENSORS: 0})
theirs.Reload()
tags = theirs.Tags()
assert sorted(tags["scalars"] + tags["histograms"]) == sorted(ours), (tags, sorted(ours))
for tag in tags["scalars"]:
    got = [[event.step, event.value] for event in theirs.Scalars(tag)]
    assert len(got) == len(ours[tag]), tag
    for (step, value), (expected_step, expected) in zip(got, ours[tag]):
        assert step == expected_step and (value == expected or math.isnan(value) and math.isnan(expected)), (tag, step)
for tag in tags["histograms"]:
    got = [[event.step, list(event.histogram_value.bucket)] for event in theirs.Histograms(tag)]
    assert got == ours[tag], tag
