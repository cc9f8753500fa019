"""The training step in PyTorch: eager, under torch.compile and as CUDA graphs, on CPU or an NVIDIA GPU.

    python bench/peers/pytorch.py --threads 2      # then requests on stdin, see protocol.py

Modes: `eager` and `compile` train the trials of a population one after the other; with `-batched` they train together,
with a leading axis of trials on every tensor. A GPU also has `graph`, `compile-graph` and so on: the step is captured once
for each batch and replayed. `autotune` is Inductor's max-autotune.

Eager backprop uses autograd. Eager feedback rules need no autograd graph: their gradients are written into permanent buffers.
Both use the fused `torch.optim.Adam`. A captured step uses the fused kernel directly. Trials with different rates on a GPU use
`torch._foreach` operations, because the fused kernel has one rate. A compiled step is one graph with `torch.func.grad` for
backprop and with Adam written out, which was faster on CPU than the fused optimizer after a compiled gradient. Inductor's
default was faster there than its max-autotune.

Trials of one stream share their batch: an expanded axis has a stride of 0 and takes no memory.

One difference from our rules: the loss of eager backprop takes class indices, computed from the one-hot targets beforehand.
"""

import sys

import protocol

# OpenMP reads the number of threads once, when torch is imported.
ARGUMENTS = protocol.read_arguments()

import torch
import torch.nn.functional as F

tanh_backward = torch.ops.aten.tanh_backward.grad_input

# The names of the protocol's precisions in PyTorch.
PRECISIONS = {"f32": "highest", "tf32": "high"}

# The parts of trials that are not divided: all of them.
WHOLE = [None]


def train(problem):
    if problem.precision != "f32" and ARGUMENTS.device == "cpu":
        raise ValueError(f"the CPU has no precision {problem.precision}")
    torch.set_float32_matmul_precision(PRECISIONS[problem.precision])
    trials = range(len(problem.learning_rates))
    words = problem.mode.split("-")
    selections = [slice(None)] if "batched" in words else trials
    models = [model_type(problem, words)(problem, selection) for selection in selections]
    if "graph" in words:
        models = [Captured(model) for model in models]

    def run(steps):
        # Another case may have changed it.
        torch.set_float32_matmul_precision(PRECISIONS[problem.precision])
        # All steps of a model before the next model, so that its parameters stay in the cache.
        losses = [torch.stack([model.step() for _ in range(steps)]) for model in models]
        return torch.cat([loss.reshape(steps, -1) for loss in losses], dim=1).tolist()

    return run


def model_type(problem, words):
    if "compile" in words:
        return CompiledModel
    if "autotune" in words:
        return AutotunedModel
    return AutogradModel if problem.rule == "backprop" else FeedbackModel


class Model:
    """One trial, with matrices as parameters, or all trials together, with a leading axis of trials."""

    def __init__(self, problem, selection):
        seeds, streams = (torch.tensor(places)[selection] for places in (problem.seeds, problem.streams))

        def select(array):
            # The weights of one trial would be a view, which keeps those of all trials in memory.
            selected = tensor(array)[seeds]
            return selected if self.batched else selected.clone()

        self.rule = problem.rule
        self.captured = "graph" in problem.mode.split("-")
        self.batched = isinstance(selection, slice)
        self.learning_rates = torch.tensor(problem.learning_rates, dtype=torch.float64, device=ARGUMENTS.device)[selection]
        self.weights = [select(layer.weight) for layer in problem.layers]
        self.biases = [select(layer.bias) for layer in problem.layers]
        self.parameters = self.weights + self.biases
        self.feedback = [select(layer.feedback) for layer in problem.layers[:-1] if layer.feedback is not None]
        inputs, targets = tensor(problem.inputs), tensor(problem.targets)
        if self.batched:
            # The first axis has the batches, the second one the streams.
            parts = problem.parts()
            self.parts = parts if len(parts) > 1 else WHOLE
            counts = [part.stop - part.start for part in parts]
            self.inputs = [
                [input.expand(count, -1, -1) for input, count in zip(batch, counts)] for batch in inputs.swapaxes(0, 1)
            ]
        else:
            self.parts = WHOLE
            self.inputs = [[input] for input in inputs[streams]]
        self.targets = [target.contiguous() for target in targets[streams].unbind(-3)]
        # The rate of the present step, in a tensor that a captured graph can read.
        self.rate = torch.zeros(self.learning_rates.shape, device=ARGUMENTS.device)
        self.steps = 0

    def step(self):
        """Returns the losses before the step, `[]` or `[trials]`."""
        return self.learn(self.next_batch())

    def next_batch(self):
        batch = self.steps % len(self.inputs)
        self.steps += 1
        return batch

    def set_rate(self):
        """Sets the rate with the bias correction of Keras, which adds epsilon outside of the correction."""
        bias_correction = (1 - protocol.BETA_2**self.steps) ** 0.5 / (1 - protocol.BETA_1**self.steps)
        torch.mul(self.learning_rates, bias_correction, out=self.rate)

    def state(self):
        """Returns the tensors that a step changes."""
        return self.parameters


def tensor(array):
    # A copy: the bytes of the file are read-only and not aligned for vector loads.
    return torch.tensor(array, device=ARGUMENTS.device)


def adam_of(model):
    if model.captured:
        return ForeachAdam(model) if model.batched else FusedKernel(model)
    return ForeachAdam(model) if model.batched and ARGUMENTS.device == "cuda" else FusedAdam(model)


class FusedAdam:
    """`torch.optim.Adam` on the parameters of a model, or of each trial in a batched model, because a fused kernel has one
    learning rate."""

    def __init__(self, model):
        self.model = model
        settings = {"betas": (protocol.BETA_1, protocol.BETA_2), "eps": protocol.EPSILON, "fused": True}
        if model.batched:
            self.parts = [[whole.detach()[trial] for whole in model.parameters] for trial in range(self.trials())]
        else:
            self.parts = [model.parameters]
        rates = model.learning_rates.reshape(-1).tolist()
        groups = [{"params": part, "lr": rate} for part, rate in zip(self.parts, rates)]
        self.optimizer = torch.optim.Adam(groups, **settings)

    def trials(self):
        return len(self.model.learning_rates)

    def share_gradients(self):
        """Gives the optimizer each trial's part of the gradients."""
        for trial, part in enumerate(self.parts if self.model.batched else []):
            for parameter, whole in zip(part, self.model.parameters):
                parameter.grad = whole.grad[trial]

    def step(self):
        # Keras adds epsilon before the bias correction of the second moment, PyTorch after it.
        epsilon = protocol.EPSILON / (1 - protocol.BETA_2**self.model.steps) ** 0.5
        for group in self.optimizer.param_groups:
            group["eps"] = epsilon
        self.optimizer.step()


class Moments:
    """Adam that can be captured: its tensors keep their addresses, and the rate is a tensor."""

    def __init__(self, model):
        self.model = model
        self.first = [torch.zeros_like(parameter) for parameter in model.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in model.parameters]

    def share_gradients(self):
        pass

    def gradients(self):
        return [parameter.grad for parameter in self.model.parameters]

    def step(self):
        if not self.model.captured:
            self.model.set_rate()
        with torch.no_grad():
            self.update(self.model.parameters, self.gradients(), self.model.rate)


class FusedKernel(Moments):
    """The kernel of the fused `torch.optim.Adam`. Its step count is so large that its bias corrections are 1: the rate contains
    them, and epsilon is added as in Keras."""

    def __init__(self, model):
        super().__init__(model)
        self.many_steps = [torch.tensor(1e9, device=ARGUMENTS.device) for _ in model.parameters]

    def update(self, parameters, gradients, rate):
        torch._fused_adam_(
            parameters,
            gradients,
            self.first,
            self.second,
            [],
            self.many_steps,
            lr=rate,
            beta1=protocol.BETA_1,
            beta2=protocol.BETA_2,
            weight_decay=0.0,
            eps=protocol.EPSILON,
            amsgrad=False,
            maximize=False,
        )


class ForeachAdam(Moments):
    def update(self, parameters, gradients, rate):
        torch._foreach_lerp_(self.first, gradients, 1 - protocol.BETA_1)
        torch._foreach_mul_(self.second, protocol.BETA_2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - protocol.BETA_2)
        updates = torch._foreach_sqrt(self.second)
        torch._foreach_add_(updates, protocol.EPSILON)
        torch._foreach_reciprocal_(updates)
        torch._foreach_mul_(updates, self.first)
        rate = per_trial(rate)
        for parameter, update in zip(parameters, updates):
            parameter.addcmul_(update, rate, value=-1)


def per_trial(rate):
    """Returns the rate in a shape that broadcasts to parameters, `[]` or `[trials, 1, 1]`."""
    return rate[:, None, None] if rate.dim() == 1 else rate


class FeedbackModel(Model):
    def __init__(self, problem, selection):
        super().__init__(problem, selection)
        for parameter in self.parameters:
            parameter.grad = torch.empty_like(parameter)
        self.adam = adam_of(self)
        self.adam.share_gradients()
        leading_axes, rows = self.learning_rates.shape, self.targets[0].shape[-2]
        self.preactivations = [
            torch.empty(*leading_axes, rows, weight.shape[-1], device=ARGUMENTS.device) for weight in self.weights
        ]
        self.deltas = [torch.empty_like(preactivation) for preactivation in self.preactivations[:-1]]
        self.product = torch.bmm if self.batched else torch.mm

    @torch.no_grad()
    def learn(self, batch):
        target = self.targets[batch]
        *below, logits = self.forward(self.inputs[batch])
        loss, error = loss_and_error(logits, target)
        seen = [(self.inputs[batch], self.parts)] + [([output], WHOLE) for output in below]
        for layer, output in enumerate(below):
            delta, feedback = self.deltas[layer], self.feedback[layer]
            self.product(self.signal(error, target, output, feedback), feedback.mT, out=delta)
            tanh_backward(delta, output, grad_input=delta)
            self.set_gradients(layer, *seen[layer], delta)
        self.set_gradients(-1, *seen[-1], error)
        self.adam.step()
        return loss

    def forward(self, inputs):
        """Returns the outputs of the hidden layers, and the logits."""
        values, seen, parts = [], inputs, self.parts
        for weight, bias, preactivation in zip(self.weights, self.biases, self.preactivations):
            add_product = torch.baddbmm if self.batched else torch.addmm
            for input, part in zip(seen, parts):
                add_product(of(bias, part), input, of(weight, part), out=of(preactivation, part))
            if weight is not self.weights[-1]:
                preactivation.tanh_()
            values.append(preactivation)
            seen, parts = [preactivation], WHOLE
        return values

    def signal(self, error, target, output, feedback):
        """Returns the signal that the feedback projects to a hidden layer, `[.., batch, outputs]`."""
        match self.rule:
            case "dfa":
                return error
            case "drtp":
                return target
            case "local-cross-entropy":
                return self.product(output, feedback).softmax(-1).sub_(target)

    def set_gradients(self, layer, inputs, parts, delta):
        for input, part in zip(inputs, parts):
            self.product(input.mT, of(delta, part), out=of(self.weights[layer].grad, part))
        torch.sum(delta, -2, keepdim=True, out=self.biases[layer].grad)

    def state(self):
        return self.parameters + self.adam.first + self.adam.second


class AutogradModel(Model):
    def __init__(self, problem, selection):
        super().__init__(problem, selection)
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.adam = adam_of(self)
        self.labels = [target.argmax(-1).flatten() for target in self.targets]

    def learn(self, batch):
        logits = forward(self.weights, self.biases, self.inputs[batch], self.parts)[-1]
        losses = F.cross_entropy(logits.flatten(0, -2), self.labels[batch], reduction="none")
        loss = losses.unflatten(0, logits.shape[:-1]).mean(-1)
        for parameter in self.parameters:
            parameter.grad = None
        loss.sum().backward()
        self.adam.share_gradients()
        self.adam.step()
        return loss.detach()

    def state(self):
        return [parameter.detach() for parameter in self.parameters] + self.adam.first + self.adam.second


class CompiledModel(Model):
    compiled = "default"

    def __init__(self, problem, selection):
        super().__init__(problem, selection)
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def learn(self, batch):
        if not self.captured:
            self.set_rate()
        moments = self.weights, self.biases, self.first, self.second
        step = COMPILED[self.compiled]
        # The rate is a tensor: a number would be compiled into the step.
        return step(self.rule, moments, self.feedback, self.inputs[batch], self.parts, self.targets[batch], self.rate)

    def state(self):
        return self.parameters + self.first + self.second


class AutotunedModel(CompiledModel):
    compiled = "max-autotune-no-cudagraphs"


class Captured:
    """A model whose steps were captured as CUDA graphs, one for each batch. The graphs share their memory, because they are
    replayed one after the other."""

    # The first calls compile, allocate and choose algorithms.
    WARM_UP_STEPS = 3

    def __init__(self, model):
        self.model = model
        self.warm_up()
        pool = torch.cuda.graph_pool_handle()
        self.graphs, self.losses = [], []
        for batch in range(len(model.inputs)):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                loss = model.learn(batch)
            self.graphs.append(graph)
            self.losses.append(loss)

    def warm_up(self):
        """Takes steps on a separate stream, as capturing requires, and restores the state."""
        model = self.model
        before = [values.clone() for values in model.state()]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP_STEPS):
                model.learn(0)
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():
            for values, first in zip(model.state(), before):
                values.copy_(first)

    def step(self):
        batch = self.model.next_batch()
        self.model.set_rate()
        self.graphs[batch].replay()
        # The next replay overwrites the loss.
        return self.losses[batch].clone()


def whole_step(rule, state, feedback, inputs, parts, target, rate):
    weights, biases, first_moments, second_moments = state
    if rule == "backprop":
        both, loss = torch.func.grad(loss_sum, argnums=(0, 1), has_aux=True)(weights, biases, inputs, parts, target)
        gradients = both[0] + both[1]
    else:
        gradients, loss = feedback_gradients(rule, weights, biases, feedback, inputs, parts, target)
    rate = per_trial(rate)
    for parameter, first, second, gradient in zip(weights + biases, first_moments, second_moments, gradients):
        first.mul_(protocol.BETA_1).add_(gradient, alpha=1 - protocol.BETA_1)
        second.mul_(protocol.BETA_2).addcmul_(gradient, gradient, value=1 - protocol.BETA_2)
        parameter.sub_(rate * first / (second.sqrt() + protocol.EPSILON))
    return loss


def loss_sum(weights, biases, inputs, parts, target):
    loss, _ = loss_and_error(forward(weights, biases, inputs, parts)[-1], target)
    return loss.sum(), loss


def feedback_gradients(rule, weights, biases, feedback, inputs, parts, target):
    *below, logits = forward(weights, biases, inputs, parts)
    loss, error = loss_and_error(logits, target)
    deltas = []
    for output, matrix in zip(below, feedback):
        match rule:
            case "dfa":
                signal = error
            case "drtp":
                signal = target
            case "local-cross-entropy":
                signal = (output @ matrix).softmax(-1) - target
        deltas.append((signal @ matrix.mT) * (1 - output * output))
    deltas.append(error)
    first = joined([input.mT @ of(deltas[0], part) for input, part in zip(inputs, parts)])
    of_weights = [first] + [output.mT @ delta for output, delta in zip(below, deltas[1:])]
    return of_weights + [delta.sum(-2, keepdim=True) for delta in deltas], loss


def forward(weights, biases, inputs, parts):
    """Returns the outputs of the hidden layers, and the logits. Each part of the trials has one of the inputs."""
    values, seen = [], inputs
    for weight, bias in zip(weights, biases):
        add_product = torch.addmm if weight.dim() == 2 else torch.baddbmm
        preactivation = joined([add_product(of(bias, part), input, of(weight, part)) for input, part in zip(seen, parts)])
        values.append(preactivation if weight is weights[-1] else preactivation.tanh())
        seen, parts = [values[-1]], WHOLE
    return values


def of(values, part):
    return values if part is None else values[part]


def joined(parts):
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def loss_and_error(logits, target):
    """Returns the mean cross-entropy over the batch, and its gradient at the logits."""
    log_probability = logits.log_softmax(-1)
    loss = -(log_probability * target).sum((-2, -1)) / target.shape[-2]
    return loss, (log_probability.exp() - target) / target.shape[-2]


def modes():
    sequential = ["eager", "compile"]
    batched = ["eager-batched", "compile-batched"]
    if ARGUMENTS.device == "cuda":
        sequential += ["graph", "compile-graph"]
        batched += ["graph-batched", "compile-graph-batched", "autotune-graph-batched"]
    return sequential + batched


torch.set_num_threads(ARGUMENTS.threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
# Each prepared case compiles a step for its exact shapes.
torch._dynamo.config.recompile_limit = 1024
COMPILED = {
    mode: torch.compile(whole_step, dynamic=False, fullgraph=True, mode=mode)
    for mode in ("default", "max-autotune-no-cudagraphs")
}

if __name__ == "__main__":
    wait = release = lambda: None
    if ARGUMENTS.device == "cuda":
        if not torch.cuda.is_available():
            sys.exit(f"PyTorch {torch.__version__} cannot find a CUDA device")
        wait, release = torch.cuda.synchronize, torch.cuda.empty_cache
    protocol.serve("PyTorch", torch.__version__, modes(), train, wait, release)
