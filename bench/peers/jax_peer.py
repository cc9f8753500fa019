"""The training step in JAX, under jit with donated buffers, on CPU or an NVIDIA GPU.

    python bench/peers/jax_peer.py --threads 2     # then requests on stdin, see protocol.py

Modes: `jit` trains the trials of a population one after the other, `vmap` together: an outer vmap over the streams of
batches and an inner one over the trials of a stream, so that they share one copy of their batch.

Backprop is `jax.value_and_grad`; the feedback rules are written out. XLA's flags have their defaults (set XLA_FLAGS to
try others). Weights are stored as `[units, inputs]`, which XLA multiplies faster than `[inputs, units]` on CPU. The
numbers are those of our rules.
"""

import functools
import os
import sys

import protocol

# XLA reads the environment once, when its client starts.
ARGUMENTS = protocol.read_arguments()
os.environ["JAX_PLATFORMS"] = ARGUMENTS.device
# Other programs train on the same GPU in turn.
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

import jax
import jax.numpy as jnp
import numpy as np


# XLA's default on a GPU would be TF32.
PRECISIONS = {"f32": "float32", "tf32": "tensorfloat32"}


def train(problem):
    precision = PRECISIONS[problem.precision]
    step = functools.partial(take_step, problem.rule)
    trials = range(len(problem.learning_rates))
    # The batches of each model: those of one stream for a trial, those of all streams for a population.
    if problem.mode == "vmap":
        models = [model(problem, together(problem))]
        step = jax.vmap(jax.vmap(step, in_axes=(0, 0, 0, None, None)))
        every_stream = problem.inputs.swapaxes(0, 1), problem.targets.swapaxes(0, 1)
        batches = [on_device(*every_stream)]
    else:
        models = [model(problem, trial) for trial in trials]
        of_stream = [on_device(*both) for both in zip(problem.inputs, problem.targets)]
        batches = [of_stream[stream] for stream in problem.streams]
    step = jax.jit(step, donate_argnums=0)
    taken = 0

    def run(steps):
        nonlocal taken
        # All steps of a model before the next model, so that its parameters stay in the cache.
        columns = []
        for position, (state, feedback, learning_rate) in enumerate(models):
            losses, seen = [], batches[position]
            with jax.default_matmul_precision(precision):
                for number in range(taken, taken + steps):
                    state, loss = step(state, feedback, learning_rate, *seen[number % len(seen)])
                    losses.append(loss)
            models[position] = jax.block_until_ready(state), feedback, learning_rate
            columns.append(np.stack(jax.device_get(losses)).reshape(steps, -1))
        taken += steps
        return np.concatenate(columns, axis=1).tolist()

    return run


def on_device(inputs, targets):
    return [(jnp.asarray(input), jnp.asarray(target)) for input, target in zip(inputs, targets)]


def together(problem):
    """Returns the trials of each stream, `[streams, trials of a stream]`."""
    parts = [list(range(part.start, part.stop)) for part in problem.parts()]
    if len({len(part) for part in parts}) != 1:
        raise ValueError(f"streams of {', '.join(str(len(part)) for part in parts)} trials, expected equal numbers")
    return np.array(parts)


def model(problem, selection):
    """Returns state, feedback and learning rate of the trial with an index, or of the trials in an array of indices, whose axes
    become leading axes."""
    seeds = np.array(problem.seeds)[selection]
    parameters = [
        (jnp.array(layer.weight[seeds].swapaxes(-1, -2)), jnp.array(layer.bias[seeds])) for layer in problem.layers
    ]
    feedback = [jnp.array(layer.feedback[seeds]) for layer in problem.layers[:-1] if layer.feedback is not None]
    learning_rate = jnp.array(problem.learning_rates, jnp.float32)[selection]
    first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    return (parameters, first, second, jnp.zeros(learning_rate.shape)), feedback, learning_rate


def take_step(rule, state, feedback, learning_rate, input, target):
    """Returns the state of one trial after the step, and the loss before it."""
    parameters, first, second, steps = state
    if rule == "backprop":
        loss, gradients = jax.value_and_grad(loss_of)(parameters, input, target)
    else:
        loss, gradients = feedback_gradients(rule, parameters, feedback, input, target)
    steps += 1
    rate = learning_rate * jnp.sqrt(one_minus_power(protocol.BETA_2, steps)) / one_minus_power(protocol.BETA_1, steps)
    first = jax.tree.map(lambda m, g: protocol.BETA_1 * m + (1 - protocol.BETA_1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: protocol.BETA_2 * v + (1 - protocol.BETA_2) * g * g, second, gradients)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + protocol.EPSILON), parameters, first, second
    )
    return (parameters, first, second, steps), loss


def one_minus_power(base, exponent):
    # 1 - base**exponent would lose half its digits in the first steps.
    return -jnp.expm1(exponent * np.log(base))


def feedback_gradients(rule, parameters, feedback, input, target):
    *below, logits = forward(parameters, input)
    error = (jax.nn.softmax(logits) - target) / len(target)
    deltas = []
    for output, matrix in zip(below[1:], feedback):
        match rule:
            case "dfa":
                signal = error
            case "drtp":
                signal = target
            case "local-cross-entropy":
                signal = jax.nn.softmax(output @ matrix) - target
        deltas.append((signal @ matrix.T) * (1 - output * output))
    deltas.append(error)
    gradients = [(delta.T @ input, delta.sum(0, keepdims=True)) for input, delta in zip(below, deltas)]
    return cross_entropy(logits, target), gradients


def loss_of(parameters, input, target):
    return cross_entropy(forward(parameters, input)[-1], target)


def cross_entropy(logits, target):
    return -(jax.nn.log_softmax(logits) * target).sum() / len(target)


def forward(parameters, input):
    """Returns the input, the outputs of the hidden layers, and the logits."""
    *hidden, (weight, bias) = parameters
    values = [input]
    for hidden_weight, hidden_bias in hidden:
        values.append(jnp.tanh(values[-1] @ hidden_weight.T + hidden_bias))
    return [*values, values[-1] @ weight.T + bias]


def check_device():
    try:
        jax.devices()
    # A platform without its plugin fails an assertion; a platform without a device raises a RuntimeError.
    except (AssertionError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or ["the platform is missing"]
        sys.exit(f"JAX {jax.__version__} cannot use {ARGUMENTS.device}: {reason[0]}")


if __name__ == "__main__":
    check_device()
    protocol.serve("JAX", jax.__version__, ["jit", "vmap"], train)
