#!/usr/bin/env python3
"""Times how long TensorBoard's data server needs for a run tree.

    python3 tests/python/load_tree.py ROOT RUNS TAGS STEPS

Needs the packages tensorboard (2.21) and tensorboard_data_server. Every run must have so many tags, each up to so many
steps. Prints the time, or `skipped` and exits with 0 where the data server is missing.
"""

import sys
import time

from tensorboard import context
from tensorboard.data import server_ingester
from tensorboard.util import grpc_util

# Seconds after which a tree that is not loaded never will be.
PATIENCE = 120


def main():
    root, runs, tags, steps = sys.argv[1], *map(int, sys.argv[2:5])
    try:
        binary = server_ingester.get_server_binary()
    except server_ingester.NoDataServerError as error:
        print(f"skipped: {error}")
        return
    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=binary,
        logdir=root,
        reload_interval=0,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
    )
    start = time.monotonic()
    ingester.start()
    provider = ingester.data_provider
    # It answers while it loads.
    while True:
        found = provider.list_scalars(context.RequestContext(), experiment_id="", plugin_name="scalars")
        whole = sum(is_whole(series, tags, steps) for series in found.values())
        seconds = time.monotonic() - start
        if whole == runs or seconds > PATIENCE:
            break
        time.sleep(0.1)
    print(f"the data server loaded {whole} runs of {tags} tags in {seconds:.1f} s")
    sys.exit(whole != runs or len(found) != runs)


def is_whole(series, tags, steps):
    return len(series) == tags and all(values.max_step == steps for values in series.values())


main()
