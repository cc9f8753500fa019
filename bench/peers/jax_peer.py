import os
import protocol
THREADS = protocol.limit_threads()
import jax, functools
import jax.numpy as jnp
TR = os.environ.get("OUTIN") == "1"
def mul(x, w): return x @ (w.T if TR else w)

def logits_of(ps, x):
    xs = [x]
    for w, b in ps[:-1]: xs.append(jnp.tanh(mul(xs[-1], w) + b))
    return mul(xs[-1], ps[-1][0]) + ps[-1][1], xs

def loss_of(ps, x, y):
    logits, _ = logits_of(ps, x)
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits) * y, -1))

def feedback_grads(rule, ps, fs, x, y):
    logits, xs = logits_of(ps, x)
    logp = jax.nn.log_softmax(logits)
    loss = -jnp.mean(jnp.sum(logp * y, -1))
    e = (jnp.exp(logp) - y) / len(x)
    ds = []
    for h, f in zip(xs[1:], fs):
        s = {"dfa": lambda: e, "drtp": lambda: y, "local-cross-entropy": lambda: jax.nn.softmax(h @ f) - y}[rule]()
        ds.append((s @ f.T) * (1 - h * h))
    ds.append(e)
    return loss, [((d.T @ x if TR else x.T @ d), d.sum(0, keepdims=True)) for x, d in zip(xs, ds)]

def step(rule, state, fs, lr, x, y):
    ps, m, v, t = state
    loss, g = jax.value_and_grad(loss_of)(ps, x, y) if rule == "backprop" else feedback_grads(rule, ps, fs, x, y)
    t = t + 1
    rate = lr * jnp.sqrt(-jnp.expm1(t * jnp.log(jnp.float32(.999)))) / -jnp.expm1(t * jnp.log(jnp.float32(.9)))
    m = jax.tree.map(lambda m, g: m * .9 + g * .1, m, g)
    v = jax.tree.map(lambda v, g: v * .999 + g * g * .001, v, g)
    ps = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), ps, m, v)
    return (ps, m, v, t), loss

def train(problem):
    T = len(problem.learning_rates)
    fn = functools.partial(step, problem.rule)
    def state(sel):
        ps = [(jnp.array(l.weight[sel].swapaxes(-1,-2) if TR else l.weight[sel]), jnp.array(l.bias[sel])) for l in problem.layers]
        z = lambda: jax.tree.map(jnp.zeros_like, ps)
        fs = [jnp.array(l.feedback[sel]) for l in problem.layers[:-1]] if problem.rule != "backprop" else []
        lr = jnp.array(problem.learning_rates, jnp.float32)[sel]
        return (ps, z(), z(), jnp.zeros(lr.shape)), fs, lr
    if problem.mode == "vmap":
        fn = jax.vmap(fn, in_axes=(0, 0, 0, None, None)); students = [state(slice(None))]
    else: students = [state(t) for t in range(T)]
    fn = jax.jit(fn, donate_argnums=0)
    batches = [(jnp.array(x), jnp.array(y)) for x, y in zip(problem.inputs, problem.targets)]
    k = 0
    def run(steps):
        nonlocal k
        alls = []
        for i, (s, fs, lr) in enumerate(students):
            losses = []
            for j in range(k, k + steps):
                s, l = fn(s, fs, lr, *batches[j % len(batches)])
                losses.append(l)
            students[i] = s, fs, lr
            alls.append((losses))
        k += steps
        jax.block_until_ready(students)
        import numpy as np
        return np.concatenate([np.stack(jax.device_get(l)).reshape(steps, -1) for l in alls], 1).tolist()
    return run

protocol.serve("JAX", jax.__version__, ["jit", "vmap"], train)
