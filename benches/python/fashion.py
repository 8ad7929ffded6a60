"""Times a whole training on Fashion-MNIST in deltarule, PyTorch and JAX, to the accuracy on the test part, and prints one table.

    pip install numpy jax torch        # whichever are there are timed
    python benches/python/fashion.py [--threads 2,1] [--epochs N] [--rounds R] [--data FOLDER] [--program PATH]

The net is 784-128-10 with ReLU, learnt in batches of 128 by Adam at a rate of 0.001 from pixels in 0…1: all 60,000 rows in a
new order each epoch, the last and smaller batch too. All read the same four files.

The process is timed from outside, from start to end: imports, files, compilation and the test; for deltarule also the scores on
the rows learnt from, the model, the report and the pictures. The training is timed from inside, from pixels in memory to the
last weights; JAX compiles before that. PyTorch runs eagerly with its fused Adam, once from tensors in memory and once through
its DataLoader, and the way that learns faster is shown. JAX runs each epoch as one compiled loop (`lax.scan`, weights donated).
Of a peer's process, the import of its framework is told apart, below the table: it depends on the build, and one of PyTorch for CUDA,
which pip gives on x86-64, takes longer to import than one for the CPU alone (`+cu…` and `+cpu` in its version). Each run is a
process of its own; they take turns, round by round, each round with a seed of its own. The least times count, and the mean
accuracy.
"""
import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import RATE, build, environment, pinned, version

# Where Debian's package dataset-fashion-mnist puts the files.
FASHION_MNIST = "/usr/share/datasets/fashion-mnist"
HIDDEN, CLASSES, BATCH = 128, 10, 128
PEERS = {"torch": "torch", "torch DataLoader": "torch", "jax": "jax"}


def load(folder, part):
    """Pixels in 0…1 and classes."""
    import numpy as np

    def numbers(kind, header):
        with gzip.open(Path(folder) / f"{part}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    return numbers("images-idx3", 16).reshape(-1, 784).astype(np.float32) / np.float32(255), numbers("labels-idx1", 8).astype(np.int32)


def torch_run(options):
    """Seconds of training and accuracy."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    (x, y), (x_test, y_test) = [(torch.from_numpy(x), torch.from_numpy(y).long()) for x, y in (load(options.data, part) for part in ("train", "t10k"))]
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES))
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)
    cost = torch.nn.CrossEntropyLoss()

    def in_memory():
        return ((x[rows], y[rows]) for rows in torch.randperm(len(x)).split(BATCH))

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    begun = time.perf_counter()
    for _ in range(options.epochs):
        for inputs, classes in loader if "DataLoader" in options.worker else in_memory():
            optimiser.zero_grad(set_to_none=True)
            cost(net(inputs), classes).backward()
            optimiser.step()
    seconds = time.perf_counter() - begun
    with torch.no_grad():
        return seconds, (net(x_test).argmax(1) == y_test).float().mean().item()


def jax_run(options):
    """Seconds of training, without compilation, and accuracy."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    rng = np.random.default_rng(options.seed)
    (x, y), (x_test, y_test) = (map(jnp.asarray, load(options.data, part)) for part in ("train", "t10k"))
    sizes = [(x.shape[1], HIDDEN), (HIDDEN, CLASSES)]
    net = [(jnp.asarray(rng.standard_normal(size, np.float32) * np.sqrt(2 / size[0], dtype=np.float32)), jnp.zeros(size[1], jnp.float32)) for size in sizes]

    def logits(net, x):
        (w1, b1), (w2, b2) = net
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    def cost(net, x, y):
        z = logits(net, x)
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])

    def step(state, x, y):
        w, m, v, t = state
        value, d = jax.value_and_grad(cost)(w, x, y)
        t = t + 1
        m = jax.tree.map(lambda m, d: 0.9 * m + 0.1 * d, m, d)
        v = jax.tree.map(lambda v, d: 0.999 * v + 0.001 * d * d, v, d)
        w = jax.tree.map(lambda w, m, v: w - RATE * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), w, m, v)
        return (w, m, v, t), value

    # The loss of every step is kept, as in the others' loops: what nobody reads, the compiler would leave out.
    def epoch(state, x, y, order):
        whole = len(order) // BATCH * BATCH
        state, losses = jax.lax.scan(lambda state, rows: step(state, x[rows], y[rows]), state, order[:whole].reshape(-1, BATCH))
        rest = order[whole:]
        if len(rest):
            state, last = step(state, x[rest], y[rest])
            losses = jnp.append(losses, last)
        return state, losses

    zeros = lambda: jax.tree.map(jnp.zeros_like, net)
    state = (net, zeros(), zeros(), jnp.float32(0))
    order = lambda: jnp.asarray(rng.permutation(len(x)))
    compiled = jax.jit(epoch, donate_argnums=0).lower(state, x, y, order()).compile()
    begun = time.perf_counter()
    for _ in range(options.epochs):
        state, _ = compiled(state, x, y, order())
    jax.block_until_ready(state)
    seconds = time.perf_counter() - begun
    return seconds, jax.jit(lambda net: jnp.mean(logits(net, x_test).argmax(1) == y_test))(state[0]).item()


def worker(options):
    """One run of one peer, in this process."""
    begun = time.perf_counter()
    framework = __import__(PEERS[options.worker])
    imported = time.perf_counter() - begun
    seconds, accuracy = (jax_run if options.worker == "jax" else torch_run)(options)
    print(json.dumps({"version": framework.__version__, "import": imported, "training": seconds, "accuracy": accuracy}))


def measure(contender, threads, seed, options):
    """One run in a process of its own: seconds from start to end, seconds of training, accuracy."""
    with tempfile.TemporaryDirectory() as out:
        if contender == "deltarule":
            command = [options.program, "train", "--data", options.data, "--hidden", HIDDEN, "--activation", "relu", "--batch", BATCH, "--optimizer", "adam",
                       "--lr", RATE, "--l2", 0, "--schedule", "constant", "--val-split", 0, "--standardise", "no", "--json", "--quiet", "--out", out]
        else:
            command = [sys.executable, __file__, "--worker", contender, "--data", options.data]
        command += ["--epochs", options.epochs, "--threads", threads, "--seed", seed]
        begun = time.perf_counter()
        done = subprocess.run([str(word) for word in command], env=environment(threads), preexec_fn=pinned(threads), capture_output=True, text=True)
        process = time.perf_counter() - begun
    if done.returncode != 0:
        print(f"{contender}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    said = json.loads(done.stdout)
    if contender == "deltarule":
        said = {"version": options.version, "training": said["seconds"], "accuracy": said["test"]["accuracy"]}
    return dict(said, process=process)


def name_peers(runs):
    """Leaves the way to feed PyTorch that learnt faster, and gives the peers the names that the table has."""
    ways = {name: runs.pop(name) for name in [name for name in runs if PEERS.get(name) == "torch"]}
    if ways:
        name = min(ways, key=lambda name: min(run["training"] for run in ways[name]))
        runs["PyTorch, " + ("DataLoader" if "DataLoader" in name else "tensors in memory")] = ways[name]
    if "jax" in runs:
        runs["JAX, scan"] = runs.pop("jax")


def show(runs, threads):
    ours = [min(run[what] for run in runs["deltarule"]) for what in ("process", "training")]
    for contender, runs in runs.items():
        process, training = (min(run[what] for run in runs) for what in ("process", "training"))
        accuracy = sum(run["accuracy"] for run in runs) / len(runs)
        print(f"| {contender} ({runs[0]['version']}) | {threads} | {process:.2f} | {training:.2f} | {accuracy:.4f} | {process / ours[0]:.2f} | {training / ours[1]:.2f} |", flush=True)


def show_imports(imports):
    """Seconds that the import of each framework took at least, of all the runs' processes."""
    if imports:
        shortest = ", ".join(f"{name} {min(seconds):.2f} s" for name, seconds in imports.items())
        print(f"\nOf a process, the import takes: {shortest}; how long depends on the build.")


def first_epoch(options):
    """Seconds from the start of the program to the end of its first epoch on the digits that ship inside, and to its own end."""
    with tempfile.TemporaryDirectory() as out:
        begun = time.perf_counter()
        with subprocess.Popen([options.program, "train", "--epochs", "1", "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            said = [(line, time.perf_counter() - begun) for line in run.stderr]
        process = time.perf_counter() - begun
    return next(seconds for line, seconds in said if line.startswith("epoch")), process


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", default="2,1", help="one or more numbers of threads")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=FASHION_MNIST, help="the folder with the four files")
    parser.add_argument("--program", help="the built program; without it, cargo builds it")
    parser.add_argument("--worker", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        options.threads = int(options.threads)
        return worker(options)
    if not Path(options.data).is_dir():
        sys.exit(f"there is no {options.data}. On Debian and Ubuntu: apt install dataset-fashion-mnist. Elsewhere, name a folder with --data")
    options.program = options.program or build("deltarule-cli", "deltarule")
    options.version = subprocess.run([options.program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    there = {module: version(module) for module in set(PEERS.values())}
    for module in (module for module in there if not there[module]):
        print(f"{module} is not installed (with numpy): left out", file=sys.stderr)
    contenders = ["deltarule"] + [peer for peer in PEERS if there[PEERS[peer]]]

    print("| Fashion-MNIST | threads | process, s | training, s | test accuracy | process ÷ ours | training ÷ ours |")
    print("|---|---|---|---|---|---|---|")
    imports = {}
    for threads in map(int, options.threads.split(",")):
        runs = {}
        for seed in range(1, options.rounds + 1):
            for contender in contenders:
                run = measure(contender, threads, seed, options)
                if run:
                    runs.setdefault(contender, []).append(run)
                if run and "import" in run:
                    imports.setdefault(f"{PEERS[contender]} {run['version']}", []).append(run["import"])
        if "deltarule" not in runs:
            sys.exit("no run of deltarule ended well: there is nothing to set the others beside")
        name_peers(runs)
        show(runs, threads)
    show_imports(imports)
    epoch, process = map(min, zip(*(first_epoch(options) for _ in range(5))))
    print(f"\nOn digits, the first epoch of deltarule ends {1000 * epoch:.0f} ms after the start of its process, and the process, with all results written, after {1000 * process:.0f} ms.")


if __name__ == "__main__":
    main()
