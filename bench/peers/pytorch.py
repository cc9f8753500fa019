"""The training step in PyTorch: eager, under torch.compile and as CUDA graphs, on CPU or an NVIDIA GPU.

    python bench/peers/pytorch.py --threads 2      # then requests on stdin, see protocol.py

Modes: `eager` and `compile` train the trials of a population one after the other; with `-batched` they train together,
with a leading axis of trials on every tensor. On a GPU also `graph`, `compile-graph` and so on: the step is captured once for
each batch and replayed. `autotune` is Inductor's max-autotune.

Eager backprop is autograd. Eager feedback rules need no graph: their gradients are written into buffers that stay. Both
learn by the fused `torch.optim.Adam`; where a step is captured, by the fused kernel itself, and where trials have rates of
their own on a GPU, by `torch._foreach` operations, because the fused kernel has one rate. Compiled, a step is one graph with
backprop by `torch.func.grad` and with Adam written out, which was faster on CPU than the fused optimizer after a compiled
gradient; so was Inductor's default than its max-autotune.

Trials of one stream share their batch: an expanded axis has a stride of 0 and takes no memory.

Departures: the loss of eager backprop takes class indices, made of the one-hot targets beforehand.
"""

import sys

import protocol

# OpenMP reads the threads once, when torch is imported.
ARGUMENTS = protocol.read_arguments()

import torch
import torch.nn.functional as F

tanh_backward = torch.ops.aten.tanh_backward.grad_input

# What torch calls the precisions of the protocol.
PRECISIONS = {"f32": "highest", "tf32": "high"}

# All trials, where they are not cut into parts.
WHOLE = [None]


def train(problem):
    if problem.precision != "f32" and ARGUMENTS.device == "cpu":
        raise ValueError(f"{problem.precision} is no precision of the CPU")
    torch.set_float32_matmul_precision(PRECISIONS[problem.precision])
    trials = range(len(problem.learning_rates))
    words = problem.mode.split("-")
    selections = [slice(None)] if "batched" in words else trials
    students = [student_type(problem, words)(problem, selection) for selection in selections]
    if "graph" in words:
        students = [Captured(student) for student in students]

    def run(steps):
        # Another case may have set it.
        torch.set_float32_matmul_precision(PRECISIONS[problem.precision])
        # To the end one after the other, so that a student's parameters stay in the cache.
        losses = [torch.stack([student.step() for _ in range(steps)]) for student in students]
        return torch.cat([loss.reshape(steps, -1) for loss in losses], dim=1).tolist()

    return run


def student_type(problem, words):
    if "compile" in words:
        return CompiledStudent
    if "autotune" in words:
        return AutotunedStudent
    return AutogradStudent if problem.rule == "backprop" else FeedbackStudent


class Student:
    """One trial, whose tensors are matrices, or all trials together, with a leading axis of trials."""

    def __init__(self, problem, selection):
        seeds, streams = (torch.tensor(places)[selection] for places in (problem.seeds, problem.streams))

        def select(array):
            # A single one would be a view, which keeps all of them.
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
            # By batch, then by stream.
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
        # Of the step that is taken, in a place that stays.
        self.rate = torch.zeros(self.learning_rates.shape, device=ARGUMENTS.device)
        self.steps = 0

    def step(self):
        """The losses before the step, `[]` or `[trials]`."""
        return self.learn(self.next_batch())

    def next_batch(self):
        batch = self.steps % len(self.inputs)
        self.steps += 1
        return batch

    def set_rate(self):
        """With Keras' bias correction, outside of which its epsilon stands."""
        bias_correction = (1 - protocol.BETA_2**self.steps) ** 0.5 / (1 - protocol.BETA_1**self.steps)
        torch.mul(self.learning_rates, bias_correction, out=self.rate)

    def state(self):
        """Everything that a step changes, beside the number of steps."""
        return self.parameters


def tensor(array):
    # A copy: the file's own bytes are read-only, and not aligned for vector loads.
    return torch.tensor(array, device=ARGUMENTS.device)


def adam_of(student):
    if student.captured:
        return ForeachAdam(student) if student.batched else FusedKernel(student)
    return ForeachAdam(student) if student.batched and ARGUMENTS.device == "cuda" else FusedAdam(student)


class FusedAdam:
    """`torch.optim.Adam` on the parameters of a student; of a batched one, on the part of each trial, because a fused
    kernel has one learning rate."""

    def __init__(self, student):
        self.student = student
        settings = {"betas": (protocol.BETA_1, protocol.BETA_2), "eps": protocol.EPSILON, "fused": True}
        if student.batched:
            self.parts = [[whole.detach()[trial] for whole in student.parameters] for trial in range(self.trials())]
        else:
            self.parts = [student.parameters]
        rates = student.learning_rates.reshape(-1).tolist()
        groups = [{"params": part, "lr": rate} for part, rate in zip(self.parts, rates)]
        self.optimizer = torch.optim.Adam(groups, **settings)

    def trials(self):
        return len(self.student.learning_rates)

    def share_gradients(self):
        """Gives each trial its part of the gradients."""
        for trial, part in enumerate(self.parts if self.student.batched else []):
            for parameter, whole in zip(part, self.student.parameters):
                parameter.grad = whole.grad[trial]

    def step(self):
        # Keras adds epsilon before the bias correction of the second moment, PyTorch after it.
        epsilon = protocol.EPSILON / (1 - protocol.BETA_2**self.student.steps) ** 0.5
        for group in self.optimizer.param_groups:
            group["eps"] = epsilon
        self.optimizer.step()


class Moments:
    """Adam on tensors that stay where they are, with the rate of the step from a tensor: what can be captured."""

    def __init__(self, student):
        self.student = student
        self.first = [torch.zeros_like(parameter) for parameter in student.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in student.parameters]

    def share_gradients(self):
        pass

    def gradients(self):
        return [parameter.grad for parameter in self.student.parameters]

    def step(self):
        if not self.student.captured:
            self.student.set_rate()
        with torch.no_grad():
            self.update(self.student.parameters, self.gradients(), self.student.rate)


class FusedKernel(Moments):
    """The kernel of the fused `torch.optim.Adam`, told that so many steps were taken that its own bias corrections are 1:
    the rate has them, and epsilon is Keras'."""

    def __init__(self, student):
        super().__init__(student)
        self.many_steps = [torch.tensor(1e9, device=ARGUMENTS.device) for _ in student.parameters]

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
    """In a form that goes with parameters, `[]` or `[trials, 1, 1]`."""
    return rate[:, None, None] if rate.dim() == 1 else rate


class FeedbackStudent(Student):
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
        """The hidden layers' outputs, and the logits."""
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
        """What the feedback takes to a hidden layer, `[.., batch, outputs]`."""
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


class AutogradStudent(Student):
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


class CompiledStudent(Student):
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
        # The rate is a tensor: a number would be compiled in.
        return step(self.rule, moments, self.feedback, self.inputs[batch], self.parts, self.targets[batch], self.rate)

    def state(self):
        return self.parameters + self.first + self.second


class AutotunedStudent(CompiledStudent):
    compiled = "max-autotune-no-cudagraphs"


class Captured:
    """A student whose steps were captured as CUDA graphs, one for each batch. They share their memory, because one is replayed
    after the other."""

    # Whatever compiles, allocates or chooses an algorithm at the first calls must have done so.
    WARM_UP_STEPS = 3

    def __init__(self, student):
        self.student = student
        self.warm_up()
        pool = torch.cuda.graph_pool_handle()
        self.graphs, self.losses = [], []
        for batch in range(len(student.inputs)):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                loss = student.learn(batch)
            self.graphs.append(graph)
            self.losses.append(loss)

    def warm_up(self):
        """On a stream of its own, as capturing asks for; the state is put back."""
        student = self.student
        before = [values.clone() for values in student.state()]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP_STEPS):
                student.learn(0)
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():
            for values, first in zip(student.state(), before):
                values.copy_(first)

    def step(self):
        batch = self.student.next_batch()
        self.student.set_rate()
        self.graphs[batch].replay()
        # The next replay overwrites it.
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
    """The hidden layers' outputs, and the logits. Each of the inputs is seen by a part of the trials."""
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
    """Mean cross-entropy over the batch, and its gradient at the logits."""
    log_probability = logits.log_softmax(-1)
    loss = -(log_probability * target).sum((-2, -1)) / target.shape[-2]
    return loss, (log_probability.exp() - target) / target.shape[-2]


def modes():
    of_one = ["eager", "compile"]
    of_many = ["eager-batched", "compile-batched"]
    if ARGUMENTS.device == "cuda":
        of_one += ["graph", "compile-graph"]
        of_many += ["graph-batched", "compile-graph-batched", "autotune-graph-batched"]
    return of_one + of_many


torch.set_num_threads(ARGUMENTS.threads)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
# A compiled step per prepared case, of its exact shapes.
torch._dynamo.config.recompile_limit = 1024
COMPILED = {
    mode: torch.compile(whole_step, dynamic=False, fullgraph=True, mode=mode)
    for mode in ("default", "max-autotune-no-cudagraphs")
}

if __name__ == "__main__":
    wait = release = lambda: None
    if ARGUMENTS.device == "cuda":
        if not torch.cuda.is_available():
            sys.exit(f"PyTorch {torch.__version__} sees no CUDA device")
        wait, release = torch.cuda.synchronize, torch.cuda.empty_cache
    protocol.serve("PyTorch", torch.__version__, modes(), train, wait, release)
