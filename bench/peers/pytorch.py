"""The training step in PyTorch, eager and under torch.compile, on CPU.

    python bench/peers/pytorch.py --threads 2      # then requests on stdin, see protocol.py
"""

import ctypes, os

import protocol

THREADS = protocol.limit_threads()

import torch  # noqa: E402  The number of threads must be in the environment before.
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(THREADS)
torch.set_num_interop_threads(1)
if os.environ.get("DENORM","1")=="1": torch.set_flush_denormal(True)
torch._dynamo.config.recompile_limit = 1024


def keep_freed_memory():
    m_trim_threshold, m_mmap_threshold = -1, -3
    libc = ctypes.CDLL("libc.so.6")
    assert libc.mallopt(m_mmap_threshold, 1 << 30) and libc.mallopt(m_trim_threshold, (1 << 31) - 1)
if os.environ.get("MALLOPT","1")=="1": keep_freed_memory()

def train(problem):
    trials = range(len(problem.learning_rates))
    batched = problem.mode.endswith("-batched")
    compiled = problem.mode.startswith("compile")
    student = Compiled if compiled else Autograd if problem.rule == "backprop" else Feedback
    students = [student(problem, trials)] if batched else [student(problem, trial) for trial in trials]

    def run(steps):
        losses = [torch.stack([student.step() for _ in range(steps)]).reshape(steps, -1) for student in students]
        return torch.cat(losses, dim=1).tolist()

    return run


def affine(bias, input, weight, out=None):
    return (torch.addmm if input.dim() == 2 else torch.baddbmm)(bias, input, weight, out=out)


class Student:
    def __init__(self, problem, trials):
        def of_trials(array):
            return torch.from_numpy(array[trials]).clone()
        self.batched = isinstance(trials, range)
        if self.batched: trials = slice(None)
        self.rule = problem.rule
        self.learning_rates = torch.tensor(problem.learning_rates, dtype=torch.float64)[trials]
        self.weights = [of_trials(layer.weight) for layer in problem.layers]
        self.biases = [of_trials(layer.bias) for layer in problem.layers]
        self.feedback = [of_trials(layer.feedback) for layer in problem.layers[:-1]] if problem.rule != "backprop" else []
        shape = (len(problem.learning_rates), -1, -1) if self.batched else (-1, -1)
        inputs, targets = torch.from_numpy(problem.inputs).clone(), torch.from_numpy(problem.targets).clone()
        self.batches = [(input.expand(shape), target.expand(shape)) for input, target in zip(inputs, targets)]
        self.taken = 0

    def next_batch(self):
        batch = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        return batch

    def adam(self, parameters):
        lrs = self.learning_rates.reshape(-1).tolist()
        if not self.batched:
            groups = [{"params": parameters, "lr": lrs[0]}]
            self.views = None
        else:
            self.views = [[p.detach()[t] for p in parameters] for t in range(len(lrs))]
            groups = [{"params": v, "lr": lr} for v, lr in zip(self.views, lrs)]
        return torch.optim.Adam(groups, betas=(protocol.BETA_1, protocol.BETA_2), eps=protocol.EPSILON, fused=True)


    def update(self):
        eps = protocol.EPSILON / (1 - protocol.BETA_2**self.taken) ** 0.5
        for group in self.optimizer.param_groups: group["eps"] = eps
        self.optimizer.step()


class Feedback(Student):
    def __init__(self, problem, trials):
        super().__init__(problem, trials)
        parameters = self.weights + self.biases
        self.optimizer = self.adam(parameters)
        for p in parameters: p.grad = torch.empty_like(p)
        if self.views:
            for t, v in enumerate(self.views):
                for p, q in zip(parameters, v): q.grad = p.grad[t]
        x, _ = self.batches[0]
        self.outputs = [torch.empty(*x.shape[:-1], w.shape[-1]) for w in self.weights]
        self.deltas = [torch.empty_like(o) for o in self.outputs]
        self.mm = torch.bmm if self.batched else torch.mm

    @torch.no_grad()
    def step(self):
        input, target = self.next_batch()
        B = input.shape[-2]
        xs = [input]
        for w, b, out in zip(self.weights, self.biases, self.outputs):
            z = affine(b, xs[-1], w, out=out)
            if w is not self.weights[-1]: xs.append(z.tanh_())
        logp = z.log_softmax(-1)
        loss = (logp * target).sum((-2, -1)).div_(-B)
        error = logp.exp_().sub_(target).div_(B)
        for x, h, w, b, f, d in zip(xs, xs[1:], self.weights, self.biases, self.feedback, self.deltas):
            if self.rule == "dfa": s = error
            elif self.rule == "drtp": s = target
            else: s = self.mm(h, f).softmax(-1).sub_(target)
            self.mm(s, f.mT, out=d)
            torch.ops.aten.tanh_backward.grad_input(d, h, grad_input=d)
            self.mm(x.mT, d, out=w.grad)
            torch.sum(d, -2, keepdim=True, out=b.grad)
        self.mm(xs[-1].mT, error, out=self.weights[-1].grad)
        torch.sum(error, -2, keepdim=True, out=self.biases[-1].grad)
        self.update()
        return loss


class Autograd(Student):
    def __init__(self, problem, trials):
        super().__init__(problem, trials)
        self.parameters = self.weights + self.biases
        for p in self.parameters: p.requires_grad_()
        self.optimizer = self.adam(self.parameters)
        self.labels = [t.argmax(-1).flatten() for _, t in self.batches]

    def step(self):
        labels = self.labels[self.taken % len(self.labels)]
        h, target = self.next_batch()
        for w, b in zip(self.weights[:-1], self.biases): h = affine(b, h, w).tanh()
        logits = affine(self.biases[-1], h, self.weights[-1])
        if self.batched:
            loss = F.cross_entropy(logits.flatten(0, 1), labels, reduction="none").view(target.shape[:2]).mean(1)
        else: loss = F.cross_entropy(logits, labels)
        for p in self.parameters: p.grad = None
        loss.sum().backward()
        if self.views:
            for t, v in enumerate(self.views):
                for p, q in zip(self.parameters, v): q.grad = p.grad[t]
        self.update()
        return loss.detach()


def loss_of(ps, x, target):
    n = len(ps) // 2
    for w, b in zip(ps[:n-1], ps[n:]): x = affine(b, x, w).tanh()
    logits = affine(ps[-1], x, ps[n-1])
    loss = -(logits.log_softmax(-1) * target).sum((-2, -1)) / target.shape[-2]
    return loss.sum(), loss

def feedback_grads(rule, ps, fs, x, target):
    n = len(ps) // 2
    xs = [x]
    for w, b in zip(ps[:n-1], ps[n:]): xs.append(affine(b, xs[-1], w).tanh())
    logits = affine(ps[-1], xs[-1], ps[n-1])
    logp = logits.log_softmax(-1)
    B = target.shape[-2]
    loss = -(logp * target).sum((-2, -1)) / B
    error = (logp.exp() - target) / B
    ds = []
    for h, f in zip(xs[1:], fs):
        if rule == "dfa": s = error
        elif rule == "drtp": s = target
        else: s = (h @ f).softmax(-1) - target
        ds.append((s @ f.mT) * (1 - h * h))
    ds.append(error)
    return [x.mT @ d for x, d in zip(xs, ds)] + [d.sum(-2, keepdim=True) for d in ds], loss

def whole_step(rule, ps, fs, ms, vs, x, target, rate):
    if rule == "backprop":
        g, loss = torch.func.grad(loss_of, has_aux=True)(ps, x, target)
    else:
        g, loss = feedback_grads(rule, ps, fs, x, target)
    for p, m, v, d in zip(ps, ms, vs, g):
        m.mul_(protocol.BETA_1).add_(d, alpha=1-protocol.BETA_1)
        v.mul_(protocol.BETA_2).addcmul_(d, d, value=1-protocol.BETA_2)
        p.sub_(rate * m / (v.sqrt() + protocol.EPSILON))
    return loss
if os.environ.get("AUTOTUNE"):
    import torch._inductor.config as ic
    ic.max_autotune = True
    ic.max_autotune_gemm_backends = os.environ["AUTOTUNE"]
compiled_step = torch.compile(whole_step, dynamic=False, fullgraph=True)

class Compiled(Student):
    def __init__(self, problem, trials):
        super().__init__(problem, trials)
        self.parameters = self.weights + self.biases
        self.m = [torch.zeros_like(p) for p in self.parameters]
        self.v = [torch.zeros_like(p) for p in self.parameters]
        if self.batched: self.learning_rates = self.learning_rates[:, None, None]
        self.rate = self.learning_rates.float()

    @torch.no_grad()
    def step(self):
        x, target = self.next_batch()
        t = self.taken
        torch.mul(self.learning_rates, (1 - protocol.BETA_2**t) ** 0.5 / (1 - protocol.BETA_1**t), out=self.rate) if False else self.rate.copy_(self.learning_rates * ((1 - protocol.BETA_2**t) ** 0.5 / (1 - protocol.BETA_1**t)))
        return compiled_step(self.rule, self.parameters, self.feedback, self.m, self.v, x, target, self.rate)

if __name__ == "__main__":
    protocol.serve("PyTorch", torch.__version__, ["eager", "compile", "eager-batched", "compile-batched"], train)
