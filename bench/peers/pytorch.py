"""The training step in PyTorch, eager and under torch.compile, on CPU.

    python bench/peers/pytorch.py --threads 2      # then requests on stdin, see protocol.py

Modes: `eager` and `compile` train the trials of a population one after the other; `eager-batched` and
`compile-batched` train them together, with a leading axis of trials on every tensor.

Eager backprop is autograd. Eager feedback rules need no graph: their gradients are written into buffers that stay. Both
learn by the fused `torch.optim.Adam`. Compiled, a step is one graph with backprop by `torch.func.grad` and with Adam
written out, which was faster here than the fused optimizer after a compiled gradient; so was Inductor's default than
its max-autotune.

Departures: the loss of eager backprop takes class indices, made of the one-hot targets beforehand.
"""

import protocol

# OpenMP reads it once, when torch is imported.
THREADS = protocol.limit_threads()

import torch
import torch.nn.functional as F

tanh_backward = torch.ops.aten.tanh_backward.grad_input


def train(problem):
    trials = range(len(problem.learning_rates))
    selections = [slice(None)] if problem.mode.endswith("-batched") else trials
    students = [student_type(problem)(problem, selection) for selection in selections]

    def run(steps):
        # To the end one after the other, so that a student's parameters stay in the cache.
        losses = [torch.stack([student.step() for _ in range(steps)]) for student in students]
        return torch.cat([loss.reshape(steps, -1) for loss in losses], dim=1).tolist()

    return run


def student_type(problem):
    if problem.mode.startswith("compile"):
        return CompiledStudent
    return AutogradStudent if problem.rule == "backprop" else FeedbackStudent


class Student:
    """One trial, whose tensors are matrices, or all trials together, with a leading axis of trials."""

    def __init__(self, problem, selection):
        def select(array):
            return tensor(array[selection])

        self.rule = problem.rule
        self.batched = isinstance(selection, slice)
        self.learning_rates = torch.tensor(problem.learning_rates, dtype=torch.float64)[selection]
        self.weights = [select(layer.weight) for layer in problem.layers]
        self.biases = [select(layer.bias) for layer in problem.layers]
        self.parameters = self.weights + self.biases
        self.feedback = [select(layer.feedback) for layer in problem.layers[:-1] if layer.feedback is not None]
        # All trials see the same examples: an expanded axis has a stride of 0 and takes no memory.
        leading_axes = self.learning_rates.shape
        self.inputs = [input.expand(*leading_axes, -1, -1) for input in tensor(problem.inputs)]
        self.targets = [target.expand(*leading_axes, -1, -1) for target in tensor(problem.targets)]
        self.steps = 0

    def step(self):
        """The losses before the step, `[]` or `[trials]`."""
        batch = self.steps % len(self.inputs)
        self.steps += 1
        return self.learn(batch)


def tensor(array):
    # A copy: the file's own bytes are read-only, and not aligned for vector loads.
    return torch.tensor(array)


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


class FeedbackStudent(Student):
    def __init__(self, problem, selection):
        super().__init__(problem, selection)
        for parameter in self.parameters:
            parameter.grad = torch.empty_like(parameter)
        self.adam = FusedAdam(self)
        self.adam.share_gradients()
        *leading_axes, _ = self.inputs[0].shape
        self.preactivations = [torch.empty(*leading_axes, weight.shape[-1]) for weight in self.weights]
        self.deltas = [torch.empty_like(preactivation) for preactivation in self.preactivations[:-1]]
        self.product = torch.bmm if self.batched else torch.mm

    @torch.no_grad()
    def learn(self, batch):
        target = self.targets[batch]
        *below, logits = self.forward(self.inputs[batch])
        loss, error = loss_and_error(logits, target)
        for layer, (input, output) in enumerate(zip(below, below[1:])):
            delta, feedback = self.deltas[layer], self.feedback[layer]
            self.product(self.signal(error, target, output, feedback), feedback.mT, out=delta)
            tanh_backward(delta, output, grad_input=delta)
            self.set_gradients(layer, input, delta)
        self.set_gradients(-1, below[-1], error)
        self.adam.step()
        return loss

    def forward(self, input):
        """The input, the hidden layers' outputs, and the logits."""
        values = [input]
        for weight, bias, preactivation in zip(self.weights, self.biases, self.preactivations):
            values.append(affine(bias, values[-1], weight, out=preactivation))
            if weight is not self.weights[-1]:
                preactivation.tanh_()
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

    def set_gradients(self, layer, input, delta):
        self.product(input.mT, delta, out=self.weights[layer].grad)
        torch.sum(delta, -2, keepdim=True, out=self.biases[layer].grad)


class AutogradStudent(Student):
    def __init__(self, problem, selection):
        super().__init__(problem, selection)
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.adam = FusedAdam(self)
        self.labels = [target.argmax(-1).flatten() for target in self.targets]

    def learn(self, batch):
        logits = forward(self.weights, self.biases, self.inputs[batch])[-1]
        losses = F.cross_entropy(logits.flatten(0, -2), self.labels[batch], reduction="none")
        loss = losses.unflatten(0, logits.shape[:-1]).mean(-1)
        for parameter in self.parameters:
            parameter.grad = None
        loss.sum().backward()
        self.adam.share_gradients()
        self.adam.step()
        return loss.detach()


class CompiledStudent(Student):
    def __init__(self, problem, selection):
        super().__init__(problem, selection)
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def learn(self, batch):
        bias_correction = (1 - protocol.BETA_2**self.steps) ** 0.5 / (1 - protocol.BETA_1**self.steps)
        # A tensor: a number would be compiled in.
        rate = (self.learning_rates * bias_correction).float()
        state = self.weights, self.biases, self.first, self.second
        return compiled_step(self.rule, state, self.feedback, self.inputs[batch], self.targets[batch], rate)


def whole_step(rule, state, feedback, input, target, rate):
    weights, biases, first_moments, second_moments = state
    if rule == "backprop":
        both, loss = torch.func.grad(loss_sum, argnums=(0, 1), has_aux=True)(weights, biases, input, target)
        gradients = both[0] + both[1]
    else:
        gradients, loss = feedback_gradients(rule, weights, biases, feedback, input, target)
    if rate.dim() == 1:
        rate = rate[:, None, None]
    for parameter, first, second, gradient in zip(weights + biases, first_moments, second_moments, gradients):
        first.mul_(protocol.BETA_1).add_(gradient, alpha=1 - protocol.BETA_1)
        second.mul_(protocol.BETA_2).addcmul_(gradient, gradient, value=1 - protocol.BETA_2)
        parameter.sub_(rate * first / (second.sqrt() + protocol.EPSILON))
    return loss


def loss_sum(weights, biases, input, target):
    loss, _ = loss_and_error(forward(weights, biases, input)[-1], target)
    return loss.sum(), loss


def feedback_gradients(rule, weights, biases, feedback, input, target):
    *below, logits = forward(weights, biases, input)
    loss, error = loss_and_error(logits, target)
    deltas = []
    for output, matrix in zip(below[1:], feedback):
        match rule:
            case "dfa":
                signal = error
            case "drtp":
                signal = target
            case "local-cross-entropy":
                signal = (output @ matrix).softmax(-1) - target
        deltas.append((signal @ matrix.mT) * (1 - output * output))
    deltas.append(error)
    of_weights = [input.mT @ delta for input, delta in zip(below, deltas)]
    return of_weights + [delta.sum(-2, keepdim=True) for delta in deltas], loss


def forward(weights, biases, input):
    """The input, the hidden layers' outputs, and the logits."""
    values = [input]
    for weight, bias in zip(weights, biases):
        preactivation = affine(bias, values[-1], weight)
        values.append(preactivation if weight is weights[-1] else preactivation.tanh())
    return values


def affine(bias, input, weight, out=None):
    add_product = torch.addmm if input.dim() == 2 else torch.baddbmm
    return add_product(bias, input, weight, out=out)


def loss_and_error(logits, target):
    """Mean cross-entropy over the batch, and its gradient at the logits."""
    log_probability = logits.log_softmax(-1)
    loss = -(log_probability * target).sum((-2, -1)) / target.shape[-2]
    return loss, (log_probability.exp() - target) / target.shape[-2]


torch.set_num_threads(THREADS)
torch.set_num_interop_threads(1)
torch.set_flush_denormal(True)
# A compiled step per prepared case, of its exact shapes.
torch._dynamo.config.recompile_limit = 1024
compiled_step = torch.compile(whole_step, dynamic=False, fullgraph=True)

if __name__ == "__main__":
    modes = ["eager", "compile", "eager-batched", "compile-batched"]
    protocol.serve("PyTorch", torch.__version__, modes, train)
