"""The training step in JAX, under jit with donated buffers, on CPU.

    python bench/peers/jax_peer.py --threads 2     # then requests on stdin, see protocol.py

Modes: `jit` trains the trials of a population one after the other, `vmap` together.

Backprop is `jax.value_and_grad`; the feedback rules are written out. XLA's flags are left as they are (set XLA_FLAGS to
try others). Weights are stored as `[units, inputs]`, which XLA multiplies faster than `[inputs, units]` on CPU.

Departures: none in what is computed.
"""

import functools

import protocol

# XLA reads it once, when its CPU client starts.
protocol.limit_threads()

import jax
import jax.numpy as jnp
import numpy as np


def train(problem):
    step = functools.partial(take_step, problem.rule)
    trials = range(len(problem.learning_rates))
    if problem.mode == "vmap":
        students = [student(problem, slice(None))]
        step = jax.vmap(step, in_axes=(0, 0, 0, None, None))
    else:
        students = [student(problem, trial) for trial in trials]
    step = jax.jit(step, donate_argnums=0)
    batches = [(jnp.asarray(input), jnp.asarray(target)) for input, target in zip(problem.inputs, problem.targets)]
    taken = 0

    def run(steps):
        nonlocal taken
        # To the end one after the other, so that a student's parameters stay in the cache.
        columns = []
        for position, (state, feedback, learning_rate) in enumerate(students):
            losses = []
            for number in range(taken, taken + steps):
                state, loss = step(state, feedback, learning_rate, *batches[number % len(batches)])
                losses.append(loss)
            students[position] = jax.block_until_ready(state), feedback, learning_rate
            columns.append(np.stack(jax.device_get(losses)).reshape(steps, -1))
        taken += steps
        return np.concatenate(columns, axis=1).tolist()

    return run


def student(problem, selection):
    """State, feedback and learning rate of one trial (by its index) or of all (a slice, with a leading axis)."""
    parameters = [
        (jnp.array(layer.weight[selection].swapaxes(-1, -2)), jnp.array(layer.bias[selection]))
        for layer in problem.layers
    ]
    feedback = [jnp.array(layer.feedback[selection]) for layer in problem.layers[:-1] if layer.feedback is not None]
    learning_rate = jnp.array(problem.learning_rates, jnp.float32)[selection]
    first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    return (parameters, first, second, jnp.zeros(learning_rate.shape)), feedback, learning_rate


def take_step(rule, state, feedback, learning_rate, input, target):
    """Of one trial: the state after the step, and the loss before it."""
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
    """The input, the hidden layers' outputs, and the logits."""
    *hidden, (weight, bias) = parameters
    values = [input]
    for hidden_weight, hidden_bias in hidden:
        values.append(jnp.tanh(values[-1] @ hidden_weight.T + hidden_bias))
    return [*values, values[-1] @ weight.T + bias]


if __name__ == "__main__":
    protocol.serve("JAX", jax.__version__, ["jit", "vmap"], train)
