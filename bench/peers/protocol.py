"""The protocol between a peer and the benchmark: a JSON object per line in, a JSON object per line back.

    {"command": "describe"}
    {"command": "prepare", "id": "a", "rule": "dfa", "mode": "eager", "precision": "f32", "arrays": "case.safetensors",
     "learning_rates": [0.001, 0.01], "seeds": [0, 0], "streams": [0, 0], "losses": 10}
    {"command": "measure", "id": "a", "steps": 50}
    {"command": "forget", "id": "a"}
    {"command": "memory"}

`prepare` answers with the losses of the first steps from the given weights; these steps are also the warm-up. Learning rates,
seeds and streams have one entry per trial: a seed is an index into the given weights, a stream an index into the given batches.
Trials with the same stream are neighbors. `measure` takes further steps and answers with their seconds, which include reading
all losses back. `forget` frees the memory of a case.

A script that cannot use its device ends with a message before the first answer.
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

DEVICES = ("cpu", "cuda")

# "tf32" lets products round their factors to 10 bits; everything else is single precision.
PRECISIONS = ("f32", "tf32")

RULES = ("dfa", "drtp", "local-cross-entropy", "backprop")

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7

# Below this, something may still be compiled or allocated for the first time when it is measured.
WARM_UP_STEPS = 4


@dataclass
class Layer:
    """`weight` `[seeds, inputs, units]`, `bias` `[seeds, 1, units]`, `feedback` `[seeds, units, outputs]`."""

    weight: "numpy.ndarray"
    bias: "numpy.ndarray"
    feedback: "numpy.ndarray | None"


@dataclass
class Problem:
    """The trials of a case. Tanh in the hidden layers, softmax and cross-entropy at the output, Adam everywhere."""

    rule: str
    mode: str
    precision: str
    layers: list[Layer]
    inputs: "numpy.ndarray"  # [streams, batches, batch, inputs].
    targets: "numpy.ndarray"  # [streams, batches, batch, outputs], one-hot.
    learning_rates: list[float]  # One per trial.
    seeds: list[int]  # One per trial, each an index into the leading axis of the layers.
    streams: list[int]  # One per trial, none smaller than the one before.

    def parts(self):
        """Returns the slice of the trials of each stream."""
        ends = [sum(stream <= last for stream in self.streams) for last in range(len(self.inputs))]
        return [slice(start, end) for start, end in zip([0, *ends], ends)]


def read_arguments():
    """Reads threads and device from the command line. Sets the threads in the environment, too: call it before importing a
    framework."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"):
        os.environ[name] = str(arguments.threads)
    return arguments


def serve(framework, version, modes, train, wait=lambda: None, release=lambda: None):
    """Answers requests until the end of the input.

    `train(problem)` returns a function that takes the given number of further steps and returns their losses,
    `[steps][trials]`. `wait` returns when the device has finished all work, `release` returns unused memory to it."""
    # Output of a library must not appear between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    cases = {}

    def answer(request):
        match request["command"]:
            case "describe":
                return {"framework": framework, "version": version, "modes": modes}
            case "prepare":
                run = train(read_problem(request, modes))
                losses = run(max(request["losses"], WARM_UP_STEPS))
                cases[request["id"]] = run
                return {"id": request["id"], "losses": losses[: request["losses"]]}
            case "measure":
                return {"id": request["id"], "seconds": measure(cases[request["id"]], request["steps"], wait)}
            case "forget":
                del cases[request["id"]]
                gc.collect()
                release()
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
        if "error" in message:
            # The frames of the error kept the arrays of the case on the device until here.
            gc.collect()
            release()
        print(json.dumps(message), file=answers, flush=True)


def measure(run, steps, wait):
    gc.collect()
    wait()
    start = time.perf_counter()
    run(steps)
    wait()
    return time.perf_counter() - start


def read_problem(request, modes):
    from safetensors.numpy import load_file

    if request["rule"] not in RULES:
        raise ValueError(f"unknown rule {request['rule']!r}, known: {', '.join(RULES)}")
    if request["mode"] not in modes:
        raise ValueError(f"unknown mode {request['mode']!r}, known: {', '.join(modes)}")
    if request["precision"] not in PRECISIONS:
        raise ValueError(f"unknown precision {request['precision']!r}, known: {', '.join(PRECISIONS)}")
    arrays = load_file(request["arrays"])
    numbers = range(1, 1 + sum(name.endswith("/weight") for name in arrays))
    layers = [
        Layer(arrays[f"layer_{n}/weight"], arrays[f"layer_{n}/bias"], arrays.get(f"layer_{n}/feedback")) for n in numbers
    ]
    inputs, targets = arrays["batch/input"], arrays["batch/target"]
    learning_rates, seeds, streams = request["learning_rates"], request["seeds"], request["streams"]
    if not len(learning_rates) == len(seeds) == len(streams):
        raise ValueError(f"{len(learning_rates)} learning rates, {len(seeds)} seeds and {len(streams)} streams")
    if set(seeds) != set(range(len(layers[0].weight))):
        raise ValueError(f"weights of {len(layers[0].weight)} seeds for the seeds {sorted(set(seeds))}")
    if set(streams) != set(range(len(inputs))) or streams != sorted(streams):
        raise ValueError(f"batches of {len(inputs)} streams for the streams {streams}")
    if request["rule"] != "backprop" and any(layer.feedback is None for layer in layers[:-1]):
        raise ValueError(f"{request['rule']} needs the feedback of every hidden layer")
    return Problem(
        request["rule"], request["mode"], request["precision"], layers, inputs, targets, learning_rates, seeds, streams
    )
