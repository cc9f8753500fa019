"""What a peer and the bench say to each other: a JSON object per line in, a JSON object per line back.

    {"command": "describe"}
    {"command": "prepare", "id": "a", "rule": "dfa", "mode": "eager", "arrays": "case.safetensors",
     "learning_rates": [0.001], "losses": 10}
    {"command": "measure", "id": "a", "steps": 50}
    {"command": "forget", "id": "a"}
    {"command": "memory"}

`prepare` answers the losses of the first steps from the given weights; those steps are the warm-up too. `measure`
takes further steps and answers the seconds they took, the losses of all of them read back.
"""

import argparse
import gc
import json
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass

RULES = ("dfa", "drtp", "local-cross-entropy", "backprop")

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7

# Below this, something may still be compiled or allocated for the first time when it is measured.
WARM_UP_STEPS = 4


@dataclass
class Layer:
    """`weight` `[trials, inputs, units]`, `bias` `[trials, 1, units]`, `feedback` `[trials, units, outputs]`."""

    weight: "numpy.ndarray"
    bias: "numpy.ndarray"
    feedback: "numpy.ndarray | None"


@dataclass
class Problem:
    """What is to be trained. Tanh in the hidden layers, softmax and cross-entropy at the output, Adam everywhere."""

    rule: str
    mode: str
    layers: list[Layer]
    inputs: "numpy.ndarray"  # [batches, batch, inputs], shared by all trials.
    targets: "numpy.ndarray"  # [batches, batch, outputs], one-hot.
    learning_rates: list[float]  # One per trial.


def limit_threads():
    """The number of threads on the command line, also in the environment: call it before a framework is imported."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    threads = parser.parse_args().threads
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"):
        os.environ[name] = str(threads)
    return threads


def serve(framework, version, modes, train):
    """Answers requests until the end of the input. `train(problem)` gives a function that takes a number of steps, goes
    that far, and returns the losses, `[steps][trials]`."""
    # Whatever a library prints must not end up between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cases = {}

    def answer(request):
        match request["command"]:
            case "describe":
                return {"framework": framework, "version": version, "modes": modes}
            case "prepare":
                problem = read_problem(request, modes)
                run = cases[request["id"]] = train(problem)
                losses = run(max(request["losses"], WARM_UP_STEPS))
                return {"id": request["id"], "losses": losses[: request["losses"]]}
            case "measure":
                return {"id": request["id"], "seconds": measure(cases[request["id"]], request["steps"])}
            case "forget":
                del cases[request["id"]]
                gc.collect()
                return {"id": request["id"]}
            case "memory":
                return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")

    for line in sys.stdin:
        try:
            message = answer(json.loads(line))
        except Exception as error:
            traceback.print_exc()
            message = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(message), file=answers, flush=True)


def measure(run, steps):
    gc.collect()
    start = time.perf_counter()
    run(steps)
    return time.perf_counter() - start


def read_problem(request, modes):
    from safetensors.numpy import load_file

    if request["rule"] not in RULES:
        raise ValueError(f"unknown rule {request['rule']!r}, known: {', '.join(RULES)}")
    if request["mode"] not in modes:
        raise ValueError(f"unknown mode {request['mode']!r}, known: {', '.join(modes)}")
    arrays = load_file(request["arrays"])
    numbers = range(1, 1 + sum(name.endswith("/weight") for name in arrays))
    layers = [
        Layer(arrays[f"layer_{n}/weight"], arrays[f"layer_{n}/bias"], arrays.get(f"layer_{n}/feedback")) for n in numbers
    ]
    trials, learning_rates = len(layers[0].weight), request["learning_rates"]
    if len(learning_rates) != trials:
        raise ValueError(f"{len(learning_rates)} learning rates for {trials} trials")
    if request["rule"] != "backprop" and any(layer.feedback is None for layer in layers[:-1]):
        raise ValueError(f"{request['rule']} needs the feedback of every hidden layer")
    return Problem(
        request["rule"], request["mode"], layers, arrays["batch/input"], arrays["batch/target"], learning_rates
    )
