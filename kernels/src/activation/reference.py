"""Makes `reference.txt`: `python3 reference.py > reference.txt` (needs mpmath).

Each line is a function, an x, and the value there as the sum of two numbers in `f64`, all as bits.
"""
import random
import struct
import mpmath as mp

mp.mp.dps = 60


def phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def sigma(x):
    return 1 / (1 + mp.exp(-x))


def slope(f):
    return lambda x: mp.diff(f, x, h=mp.mpf(10) ** -20)


def gelu_tanh(x):
    return x * sigma(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))


FUNCTIONS = {
    "exp": (mp.exp, -745, 0),
    "ln": (mp.log, 1, 1e6),
    "ln-1-plus": (mp.log1p, 0, 1),
    "sigmoid": (sigma, -740, 40),
    "tanh": (mp.tanh, -20, 20),
    "gelu": (lambda x: x * phi(x), -38, 10),
    "gelu'": (slope(lambda x: x * phi(x)), -15, 10),
    "gelu-tanh": (gelu_tanh, -20, 10),
    "gelu-tanh'": (slope(gelu_tanh), -15, 10),
    "silu": (lambda x: x * sigma(x), -740, 40),
    "silu'": (slope(lambda x: x * sigma(x)), -40, 40),
}


def bits(x):
    return struct.pack(">d", float(x)).hex()


random.seed(1)
for name, (f, low, high) in FUNCTIONS.items():
    xs = [random.uniform(low, high) for _ in range(40)]
    xs += [random.uniform(max(low, -1), min(high, 3)) for _ in range(30)]
    if low <= 0:
        xs += [s * 10.0 ** random.uniform(-12, 0) for s in (-1, 1) for _ in range(10) if low <= s * 10.0**-12 <= high]
    for x in xs:
        y = f(mp.mpf(x))
        first = float(y)
        print(name, bits(x), bits(first), bits(y - mp.mpf(first)))
