"""A model saved by deltarule loads in PyTorch by name and predicts the same, and the other way round. Where it standardises, what
`deltarule fold` makes of it needs nothing but its weights.

    cargo build --release -p deltarule-cli
    python tests/python/torch_round_trip.py target/release/deltarule

Needs numpy and torch. The file format is read and written here by hand, so that nothing but the names and the layout of
`nn.Sequential` is taken for granted.
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

PROGRAM = Path(sys.argv[1]).resolve()
TOLERANCE = 1e-5
ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "leaky-relu": torch.nn.LeakyReLU,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "gelu": torch.nn.GELU,
    "gelu-tanh": lambda: torch.nn.GELU(approximate="tanh"),
    "silu": torch.nn.SiLU,
}
OUTPUTS = {
    "linear": torch.nn.Identity,
    "sigmoid": torch.nn.Sigmoid,
    "softmax": lambda: torch.nn.Softmax(dim=1),
}


def read_safetensors(path):
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    card = json.loads(header.pop("__metadata__", {}).get("deltarule", "{}"))
    types = {"F32": np.float32, "F64": np.float64}
    tensors = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        values = np.frombuffer(raw[8 + size + begin : 8 + size + end], types[about["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(about["shape"]).copy())
    return tensors, card


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().numpy().tobytes()
        dtype = {torch.float32: "F32", torch.float64: "F64"}[tensor.dtype]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def sequential(widths, activation):
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(i, o), ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def deltarule(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"deltarule {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def predictions(model, x, probabilities, *options):
    """What deltarule answers: the numbers, or the probabilities of the classes."""
    rows = list(csv.reader(deltarule("predict", model, "--data", x, *(["--probabilities"] if probabilities else []), *options).splitlines()))
    return np.array([[float(field) for field in (row[1:] if probabilities else row)] for row in rows[1:]])


def scaled(values, scaling):
    """What a model with a standardisation does to its inputs, as its metadata says."""
    if scaling is None:
        return values
    mean, scale = (torch.tensor(scaling[key], dtype=torch.float64) for key in ("mean", "scale"))
    return ((values.double() - mean) * scale).to(values.dtype)


def unscaled(values, scaling):
    """And what it does to its outputs."""
    if scaling is None:
        return values
    mean, scale = (torch.tensor(scaling[key], dtype=torch.float64) for key in ("mean", "scale"))
    return values.double() / scale + mean


def answers(z, classes):
    """What a net's last numbers mean: themselves, or the probabilities of the classes."""
    if classes == 2:
        p = torch.sigmoid(z)
        return torch.cat([1 - p, p], dim=1)
    return torch.softmax(z, dim=1) if classes else z


def compare(what, ours, theirs):
    theirs = theirs.detach().double().numpy()
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} against {theirs.shape}"
    error = np.abs(ours - theirs).max()
    assert error <= TOLERANCE * max(1.0, np.abs(theirs).max()), f"{what}: off by {error}"
    print(f"{what}: off by {error:.1e} at most")


def to_torch(folder, activation, dtype, classes, standardise="no"):
    """Trained here, loaded there."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 11)).astype(dtype)
    y = np.arange(300) % classes if classes else (x[:, 0] * x[:, 1] + 0.1 * x[:, 2]).astype(dtype)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y.astype(np.int64) if classes else y)
    out = folder / "out"
    task = "classification" if classes else "regression"
    deltarule("train", "--data", f"{folder / 'x.npy'},{folder / 'y.npy'}", "--task", task, "--hidden", "17,6", "--activation", activation,
              "--standardise", standardise, "--epochs", 3, "--dtype", "f32" if dtype == np.float32 else "f64", "--out", out, "--quiet")
    width = {0: 1, 2: 1}.get(classes, classes)
    net = sequential([11, 17, 6, width], activation).to(torch.float32 if dtype == np.float32 else torch.float64)
    tensors, card = read_safetensors(out / "model.safetensors")
    net.load_state_dict(tensors, strict=True)
    x = torch.from_numpy(x)
    what = f"deltarule to PyTorch, {activation} {np.dtype(dtype).name}, {classes or 'no'} classes"
    ours = predictions(out / "model.safetensors", folder / "x.npy", bool(classes))
    compare(what, ours, answers(unscaled(net(scaled(x, card.get("inputs"))), card.get("targets")), classes))
    deltarule("fold", out / "model.safetensors", "--out", out / "folded.safetensors")
    net.load_state_dict(read_safetensors(out / "folded.safetensors")[0], strict=True)
    compare(f"{what}, folded", ours, answers(net(x), classes))


def from_torch(folder, activation, output, dtype):
    """Made there, loaded here; the file does not say which activations it wants, so the options do."""
    torch.manual_seed(2)
    net = sequential([5, 33, 20, 4], activation).to(dtype)
    x = torch.randn(100, 5, dtype=dtype)
    write_safetensors(folder / "torch.safetensors", net.state_dict())
    np.save(folder / "x.npy", x.numpy())
    ours = predictions(folder / "torch.safetensors", folder / "x.npy", output != "linear",
                       "--hidden-activation", activation, "--model-output", output)
    theirs = OUTPUTS[output]()(net(x))
    compare(f"PyTorch to deltarule, {activation} {output} {dtype}", ours, theirs)


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    for activation in ACTIVATIONS:
        to_torch(folder, activation, np.float32, 0)
        from_torch(folder, activation, "linear", torch.float32)
    for classes in [2, 3]:
        to_torch(folder, "relu", np.float64, classes)
    to_torch(folder, "tanh", np.float32, 3, standardise="yes")
    from_torch(folder, "tanh", "softmax", torch.float64)
print("both ways agree")
