"""Times a training step of the same nets in JAX, PyTorch, scikit-learn and deltarule, and prints one table.

    pip install numpy jax torch scikit-learn        # whichever are there are timed
    python benches/python/peers.py [--threads N] [--only TEXT] [--rounds R] [--seconds S] [--json]

A step is forward, loss, backward and update of one batch that stays in memory. Each contender runs in a process of its own,
so that no one's allocator or threads disturb another's; the processes take turns, round by round, case by case, and the
least time counts. JAX runs many steps in one compiled loop (`lax.scan`, weights donated): nothing faster is known there.
PyTorch runs eagerly with fused optimisers. scikit-learn runs `partial_fit`, where it has the loss.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
# name, layer widths, batch, hidden activation, loss, Adam
CASES = [
    ("seed 1-16-1 b32 sigmoid mse", [1, 16, 1], 32, "sigmoid", "mse", False),
    ("tab 13-64-32-1 b64 relu mse", [13, 64, 32, 1], 64, "relu", "mse", False),
    ("tab 30-64-1 b32 relu logloss", [30, 64, 1], 32, "relu", "logloss", False),
    ("mnist 784-128-10 b32 relu ce", [784, 128, 10], 32, "relu", "ce", False),
    ("mnist 784-128-10 b128 relu ce", [784, 128, 10], 128, "relu", "ce", False),
    ("mnist 784-128-10 b128 sigmoid ce", [784, 128, 10], 128, "sigmoid", "ce", False),
    ("mnist 784-128-10 b128 relu ce adam", [784, 128, 10], 128, "relu", "ce", True),
    ("deep 784-512-512-10 b256 relu ce", [784, 512, 512, 10], 256, "relu", "ce", False),
    ("wide 1024-4096-1024 b512 relu mse", [1024, 4096, 1024], 512, "relu", "mse", False),
    ("simplechains 4-32-16-4 b10000 tanh mse adam", [4, 32, 16, 4], 10000, "tanh", "mse", True),
]
PEERS = ["jax", "torch", "sklearn"]
RATE = 1e-3


def data(widths, batch, loss):
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, widths[0])).astype(np.float32)
    if loss == "ce":
        return x, np.arange(batch) % widths[-1]
    if loss == "logloss":
        return x, rng.integers(0, 2, (batch, widths[-1])).astype(np.float32)
    return x, rng.standard_normal((batch, widths[-1])).astype(np.float32)


def jax_steps(widths, batch, activation, loss, adam, _):
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(0)
    weights = [(jnp.asarray(rng.standard_normal((i, o)).astype(np.float32) / np.sqrt(i)), jnp.zeros(o, np.float32)) for i, o in zip(widths, widths[1:])]
    g = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}[activation]
    x, y = map(jnp.asarray, data(widths, batch, loss))

    def cost(weights):
        a = x
        for w, b in weights[:-1]:
            a = g(a @ w + b)
        z = a @ weights[-1][0] + weights[-1][1]
        if loss == "mse":
            return jnp.mean((z - y) ** 2)
        if loss == "logloss":
            return jnp.mean(jnp.logaddexp(0, z) - y * z)
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])

    # The loss of every step is kept, as in the others' loops: what nobody reads, the compiler would leave out.
    def sgd(state, _):
        value, d = jax.value_and_grad(cost)(state)
        return jax.tree.map(lambda w, d: w - RATE * d, state, d), value

    def adam_step(state, _):
        w, m, v, t = state
        value, d = jax.value_and_grad(cost)(w)
        t = t + 1
        m = jax.tree.map(lambda m, d: 0.9 * m + 0.1 * d, m, d)
        v = jax.tree.map(lambda v, d: 0.999 * v + 0.001 * d * d, v, d)
        w = jax.tree.map(lambda w, m, v: w - RATE * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), w, m, v)
        return (w, m, v, t), value

    zeros = lambda: jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros(), zeros(), jnp.float32(0)) if adam else weights
    loops = {}

    def run(steps):
        nonlocal state
        if steps not in loops:
            loops[steps] = jax.jit(lambda s: jax.lax.scan(adam_step if adam else sgd, s, None, length=steps), donate_argnums=0)
        state, _ = jax.block_until_ready(loops[steps](state))

    return run


def torch_steps(widths, batch, activation, loss, adam, threads):
    import torch

    torch.set_num_threads(threads)
    g = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}[activation]
    layers = [layer for i, o in zip(widths, widths[1:]) for layer in (torch.nn.Linear(i, o), g())]
    net = torch.nn.Sequential(*layers[:-1])
    cost = {"mse": torch.nn.MSELoss(), "ce": torch.nn.CrossEntropyLoss(), "logloss": torch.nn.BCEWithLogitsLoss()}[loss]
    optimiser = (torch.optim.Adam if adam else torch.optim.SGD)(net.parameters(), lr=RATE, fused=True)
    x, y = map(torch.from_numpy, data(widths, batch, loss))

    def run(steps):
        for _ in range(steps):
            optimiser.zero_grad(set_to_none=True)
            cost(net(x), y).backward()
            optimiser.step()

    return run


def sklearn_steps(widths, batch, activation, loss, adam, _):
    import warnings

    from sklearn.neural_network import MLPClassifier, MLPRegressor

    warnings.simplefilter("ignore")
    kind = MLPRegressor if loss == "mse" else MLPClassifier
    net = kind(hidden_layer_sizes=widths[1:-1], activation="logistic" if activation == "sigmoid" else activation, alpha=0.0, batch_size=batch,
               solver="adam" if adam else "sgd", momentum=0.0, nesterovs_momentum=False, learning_rate_init=RATE, shuffle=False)
    x, y = data(widths, batch, loss)
    y = y.ravel().astype(int) if loss == "logloss" else (y.ravel() if loss == "mse" and widths[-1] == 1 else y)
    more = {} if loss == "mse" else {"classes": sorted(set(y.tolist()))}

    def run(steps):
        for _ in range(steps):
            net.partial_fit(x, y, **more)

    return run


# Milliseconds of a batch of steps of which the fastest counts, the same for everyone; long, lest it be the start of JAX's loop that is measured.
WINDOW = 20
# How far a batch may be from the window, as a factor, and how often its steps are counted anew.
CLOSE = 1.5
TRIES = 6
# Batches that everyone gets of a process, however long they take: as many as `versus step` makes.
LEAST_BATCHES = 5


def steps_of_a_window(run):
    """How many steps take about so long. The start of JAX's loop takes longer than many steps of a small net, so one of them says little of
    a thousand: steps are counted anew until a batch of as many is as long as it should be."""
    steps = 1
    for _ in range(TRIES):
        # Once untimed: JAX compiles a loop for each number of steps.
        run(steps)
        start = time.perf_counter()
        run(steps)
        took = 1e3 * (time.perf_counter() - start)
        if WINDOW / CLOSE <= took <= WINDOW * CLOSE or (steps == 1 and took > WINDOW):
            break
        steps = max(1, round(steps * WINDOW / max(took, 1e-3)))
    return steps


def best(run, seconds):
    """Seconds a step: the least over batches, for about so long."""
    steps = steps_of_a_window(run)
    # To warm up; from then on nothing else runs in this process, so that each batch leaves the next one its data and threads.
    run(steps)
    least, batches, end = float("inf"), 0, time.perf_counter() + seconds
    while batches < LEAST_BATCHES or time.perf_counter() < end:
        start = time.perf_counter()
        run(steps)
        least = min(least, (time.perf_counter() - start) / steps)
        batches += 1
    return least


def worker(options):
    """One contender, one case, in this process."""
    name, widths, batch, activation, loss, adam = next(case for case in CASES if case[0] == options.case)
    make = {"jax": jax_steps, "torch": torch_steps, "sklearn": sklearn_steps}[options.worker]
    seconds = best(make(widths, batch, activation, loss, adam, options.threads), options.seconds)
    print(json.dumps({"case": name, "us_step": seconds * 1e6, "version": __import__(options.worker).__version__}))


def environment(threads):
    """The number of threads, as each library wants to be told before it starts."""
    env = dict(os.environ, JAX_PLATFORMS="cpu", RAYON_NUM_THREADS=str(threads))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        env[name] = str(threads)
    if threads == 1:
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return env


def pinned(threads):
    """To so many cores, the same for everyone: XLA has threads of its own that no option takes away."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        return lambda: os.sched_setaffinity(0, cores)
    return None


def measure(contender, case, options):
    seconds = options.seconds / options.rounds
    if contender == "deltarule":
        command = [options.versus, "step", "--json", "--threads", options.threads, "--seconds", seconds, "--window", WINDOW, "--only", case[0]]
    else:
        command = [sys.executable, __file__, "--worker", contender, "--case", case[0], "--threads", options.threads, "--seconds", seconds]
    done = subprocess.run([str(word) for word in command], env=environment(options.threads), preexec_fn=pinned(options.threads), capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{contender}, {case[0]}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    line = next((line for line in map(json.loads, done.stdout.splitlines()) if line["case"] == case[0]), None)
    if line is None:
        print(f"{contender}, {case[0]}: it has no case of that name", file=sys.stderr)
    return line


def version(module):
    """Which one is installed, beside numpy; none if either is not."""
    done = subprocess.run([sys.executable, "-c", f"import {module}, numpy; print({module}.__version__)"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def build(package, program):
    """Builds a program; where it is."""
    command = ["cargo", "build", "--release", "-p", package, "--bin", program, "--message-format", "json"]
    lines = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return next(path for path in (json.loads(line).get("executable") for line in lines) if path)


def caption(options, versions):
    print(f"microseconds a step, {options.threads} thread(s); then how many times as long each peer takes")
    print(f"batches of {WINDOW} ms, {options.rounds} rounds of {options.seconds / options.rounds:g} s for each; " + ", ".join(f"{peer} {is_of}" for peer, is_of in versions.items()))
    print(" ".join(["case".ljust(44)] + [f"{c:>11}" for c in ["deltarule", *versions]] + [f"{'÷ ' + c:>10}" for c in versions]))


def show(case, lines, contenders):
    times = {contender: line["us_step"] for contender, line in lines.items()}
    ours = times.get("deltarule")
    cells = [case[0].ljust(44)]
    for contender in contenders:
        cells.append(f"{times[contender]:11.2f}" if contender in times else "          –")
    for contender in contenders[1:]:
        cells.append(f"{times[contender] / ours:10.2f}" if ours and contender in times else "         –")
    print(" ".join(cells), flush=True)


def show_json(case, lines, options):
    """What the contender said itself (deltarule its tier and peak, a peer its version), and how everybody was timed."""
    timed = {"threads": options.threads, "window_ms": WINDOW, "rounds": options.rounds, "seconds": options.seconds}
    for contender, line in lines.items():
        line = dict(line, contender=contender, samples_s=round(case[2] * 1e6 / line["us_step"]), **timed)
        print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each contender and case, all rounds together")
    parser.add_argument("--versus", help="the built program; without it, cargo builds it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options)
    options.versus = options.versus or build("deltarule-benches", "versus")
    versions = {peer: is_of for peer in options.peers.split(",") if (is_of := version(peer))}
    contenders = ["deltarule", *versions]
    if not options.json:
        caption(options, versions)
    for case in (case for case in CASES if options.only in case[0]):
        fastest = {}
        for _ in range(options.rounds):
            for contender in contenders:
                line = measure(contender, case, options)
                if line and (contender not in fastest or line["us_step"] < fastest[contender]["us_step"]):
                    fastest[contender] = line
        if options.json:
            show_json(case, fastest, options)
        else:
            show(case, fastest, contenders)


if __name__ == "__main__":
    main()
