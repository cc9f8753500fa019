#!/usr/bin/env python3
"""Compares every scalar that TensorBoard reads from a run tree with the tables beside it.

    python3 tests/python/read_events.py ROOT [--data-server]

Needs the packages tensorboard (2.21) and numpy. A run is a directory with event files. Each run is read with both of
TensorBoard's accumulators, the one for notebooks and the one behind its web server; with --data-server, the tree is
also served by TensorBoard's other backend, the package tensorboard_data_server, if that is installed.

A trial's tables are history.csv and machine.csv, that of a mean over seeds is mean.csv. A value must be exactly the
table's value as float32, each step must be there once, and every session must have ended with SUCCESS.
Prints `N runs, M values equal`; exits with 1 after a difference, or when there was nothing to compare.
"""

import argparse
import csv
import fnmatch
import os
import pathlib
import sys
import time

import numpy
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.plugins.hparams import api_pb2 as api
from tensorboard.plugins.hparams import plugin_data_pb2 as hparams_plugin
from tensorboard.util import tensor_util

EVENT_FILES = "*tfevents*"
# Seconds after which what the data server has not loaded is missing.
PATIENCE = 60
SESSION_START = "_hparams_/session_start_info"
SESSION_END = "_hparams_/session_end_info"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path, help="the run tree, what --logdir would name")
    parser.add_argument("--data-server", action="store_true", help="also read with the data server")
    arguments = parser.parse_args()
    expected = histories(arguments.root)
    readers = [read_with_event_accumulator, read_with_plugin_event_accumulator]
    if arguments.data_server:
        readers += data_server_readers()
    differences = [line for read in readers for line in compare(read, arguments.root, expected)]
    differences += unsuccessful(arguments.root)
    for line in differences:
        print(line, file=sys.stderr)
    n_values = sum(len(values) for values in expected.values())
    if n_values == 0:
        print(f"{arguments.root}: no run with a history.csv or mean.csv", file=sys.stderr)
    if differences or n_values == 0:
        sys.exit(1)
    print(f"{len(expected)} runs, {n_values} values equal")


def files(root, pattern):
    """Every file under root whose name fits, through links too: the run tree links into the store."""
    folders = sorted(os.walk(root, followlinks=True))
    paths = [pathlib.Path(folder, name) for folder, _, names in folders for name in fnmatch.filter(names, pattern)]
    return [path for path in paths if not is_left_over(path)]


def is_left_over(path):
    """Whether a process that was killed left the link: the next run removes it after a minute."""
    return any(part.startswith(".") and part.endswith(".tmp") for part in path.parts[1:])


def histories(root):
    """{run: {(tag, step): float32}} of every table under root."""
    runs = {}
    for pattern, read in [("history.csv", history), ("machine.csv", history), ("mean.csv", mean)]:
        for path in files(root, pattern):
            # A summary has a history of its own: of all trials together.
            if (path.parent / "report.html").exists():
                continue
            runs.setdefault(run_name(path.parent, root), {}).update(read(path))
    return runs


def history(path):
    with open(path, newline="") as file, numpy.errstate(over="ignore"):
        return {
            (tag, int(row["epoch"])): numpy.float32(float(value))
            for row in csv.DictReader(file)
            for tag, value in row.items()
            if tag != "epoch" and value
        }


def mean(path):
    values = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            epoch, metric = int(row["epoch"]), row["metric"]
            centre, deviation = float(row["mean"]), float(row["sd"])
            values[metric, epoch] = numpy.float32(centre)
            values[f"mean_and_sd/{metric}/mean", epoch] = numpy.float32(centre)
            values[f"mean_and_sd/{metric}/mean_minus_sd", epoch] = numpy.float32(centre - deviation)
            values[f"mean_and_sd/{metric}/mean_plus_sd", epoch] = numpy.float32(centre + deviation)
    return values


def unsuccessful(root):
    """A line for every session that did not end with SUCCESS, and for a summary without sessions."""
    sessions = 0
    for directory in sorted({path.parent for path in files(root, EVENT_FILES)}):
        metadata = plugin_event_accumulator.EventAccumulator(str(directory)).Reload().AllSummaryMetadata()
        if SESSION_START not in metadata:
            continue
        sessions += 1
        end = metadata.get(SESSION_END)
        data = hparams_plugin.HParamsPluginData.FromString(end.plugin_data.content) if end else None
        status = data.session_end_info.status if data else None
        if status != api.STATUS_SUCCESS:
            yield f"{run_name(directory, root)}: the session ended with {status}"
    if sessions == 0 and files(root, "table.md"):
        yield f"{root}: a summary without sessions"


def run_name(directory, root):
    return directory.relative_to(root).as_posix()


def is_session(directory):
    """Whether the run is a row of the HPARAMS tab, which has the numbers of a table."""
    return "hparams" in directory.parts


def run_directories(root):
    return sorted({path.parent for path in files(root, EVENT_FILES) if not is_session(path.parent)})


def read_with_event_accumulator(root):
    """{run: [((tag, step), float32), ...]}, every value of every run, as a notebook reads it."""
    runs = {}
    for directory in run_directories(root):
        accumulator = event_accumulator.EventAccumulator(str(directory), size_guidance={"scalars": 0}).Reload()
        runs[run_name(directory, root)] = [
            ((tag, event.step), numpy.float32(event.value))
            for tag in accumulator.Tags()["scalars"]
            for event in accumulator.Scalars(tag)
        ]
    return runs


def read_with_plugin_event_accumulator(root):
    """The same, as TensorBoard's Python backend reads it."""
    runs = {}
    for directory in run_directories(root):
        accumulator = plugin_event_accumulator.EventAccumulator(str(directory), size_guidance={"tensors": 0})
        accumulator.Reload()
        runs[run_name(directory, root)] = [
            ((tag, event.step), tensor_util.make_ndarray(event.tensor_proto)[()])
            for tag, metadata in accumulator.AllSummaryMetadata().items()
            if metadata.plugin_data.plugin_name == "scalars"
            for event in accumulator.Tensors(tag)
        ]
    return runs


def data_server_readers():
    """A list with the data server's reader, or without it where the server is not installed."""
    from tensorboard.data import server_ingester

    try:
        server_ingester.get_server_binary()
    except server_ingester.NoDataServerError as error:
        print(f"data server: {error}")
        return []
    return [read_with_data_server]


def read_with_data_server(root):
    """The same, as TensorBoard's data server reads it."""
    from tensorboard import context
    from tensorboard.data import server_ingester
    from tensorboard.util import grpc_util

    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=server_ingester.get_server_binary(),
        logdir=str(root),
        reload_interval=0,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
        samples_per_plugin={"scalars": 0},
    )
    ingester.start()
    experiment = {"experiment_id": "", "plugin_name": "scalars"}
    # It answers while it loads: it is done when all runs are there and two answers in a row are equal.
    runs, previous, start = set(histories(root)), None, time.monotonic()
    while time.monotonic() - start < PATIENCE:
        read = ingester.data_provider.read_scalars(context.RequestContext(), downsample=1_000_000, **experiment)
        counts = {(run, tag): len(data) for run, tags in read.items() for tag, data in tags.items()}
        if runs <= set(read) and counts == previous:
            break
        previous = counts
        time.sleep(0.5)
    ignored = [run for run in read if is_session(pathlib.PurePath(run)) or is_left_over(pathlib.PurePath("/", run))]
    read = {run: tags for run, tags in read.items() if run not in ignored}
    return {
        run: [((tag, datum.step), numpy.float32(datum.value)) for tag, data in tags.items() for datum in data]
        for run, tags in read.items()
    }


def compare(read, root, expected):
    """A line for every value that is missing, unexpected, different or there more than once."""
    found = read(root)
    for run in sorted(expected.keys() | {run for run, values in found.items() if values}):
        wanted, got = expected.get(run, {}), by_step(found.get(run, []))
        for tag, step in sorted(wanted.keys() | got.keys()):
            history_value, event_values = wanted.get((tag, step)), got.get((tag, step), [])
            if len(event_values) != 1 or not equal(history_value, event_values[0]):
                where = f"{read.__name__}: {run}: {tag} at step {step}"
                yield f"{where}: the table has {history_value}, the event files {event_values}"


def by_step(values):
    """{(tag, step): [float32, ...]}; a step that a restart should have purged shows as a second value."""
    steps = {}
    for key, value in values:
        steps.setdefault(key, []).append(value)
    return steps


def equal(left, right):
    if left is None:
        return False
    return left == right or (numpy.isnan(left) and numpy.isnan(right))


if __name__ == "__main__":
    main()
