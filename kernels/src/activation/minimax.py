"""Makes the polynomial tables of this folder: `python3 minimax.py` (needs mpmath) prints them as Rust.

Each table is a weighted least-squares fit over Chebyshev's nodes (within a factor of two of the minimax error) in 60
digits, in the relative error of what it serves. Coefficients are rounded to the type one by one, lowest order first, and the rest is fitted again after each, so that later ones
make up for the rounding of earlier ones.
"""
import functools
import struct

import mpmath as mp

mp.mp.dps = 60


def rounded(x, bits):
    """The nearest number with `bits` significant bits."""
    if x == 0:
        return x
    m, e = mp.frexp(x)
    return mp.ldexp(mp.nint(mp.ldexp(m, bits)), e - bits)


def fit(f, weight, powers, low, high):
    """Coefficients c with Σ (weight(x)·(f(x) − Σ c_i x^powers_i))² least over Chebyshev's nodes."""
    nodes = 16 * (max(powers) + 2)
    normal = mp.zeros(len(powers))
    right = mp.zeros(len(powers), 1)
    for i in range(nodes):
        x = (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * nodes))
        row = [weight(x) * x**p for p in powers]
        value = weight(x) * f(x)
        for j, a in enumerate(row):
            right[j] += a * value
            for k, b in enumerate(row):
                normal[j, k] += a * b
    return list(mp.lu_solve(normal, right))


def table(f, weight, powers, low, high, bits):
    """Rounded coefficients, lowest order first, and the largest weighted error with them."""
    done, left = [], list(powers)
    while left:
        rest = lambda x: f(x) - sum(c * x**p for c, p in done)
        c = fit(rest, weight, left, mp.mpf(low), mp.mpf(high))
        done.append((rounded(c[0], bits), left.pop(0)))
    rest = lambda x: f(x) - sum(c * x**p for c, p in done)
    low, high = mp.mpf(low), mp.mpf(high)
    worst = max(abs(weight(x) * rest(x)) for x in (low + (high - low) * i / 997 for i in range(998)) if x != 0)
    return [c for c, _ in done], worst


def shortest(c, bits):
    """The shortest decimal number that reads back as `c`."""
    kind = ">f" if bits == 24 else ">d"
    for digits in range(1, 18):
        text = f"{float(c):.{digits - 1}e}"
        if mp.mpf(struct.unpack(kind, struct.pack(kind, float(text)))[0]) == c:
            return text
    raise ValueError(f"{c} has more than {bits} bits")


def show(name, result, bits):
    coefficients, worst = result
    print(f"// {name}: error 2^{mp.nstr(mp.log(worst, 2), 4)}")
    print("&[" + ", ".join(shortest(c, bits) for c in reversed(coefficients)) + "]")


@functools.cache
def exp_tail(x):
    """(e^x − 1 − x) / x²"""
    s, t = mp.mpf(0), mp.mpf(1) / 2
    for k in range(3, 60):
        s += t
        t *= x / k
    return s


@functools.cache
def atanh_rest(u):
    """(ln((1+s)/(1−s)) − 2s) / s³ with u = s²"""
    return sum(2 * u**k / (2 * k + 3) for k in range(40))


@functools.cache
def tanh_rest(u):
    """(tanh z − z) / z³ with u = z²"""
    z = mp.sqrt(u)
    return (mp.tanh(z) - z) / z**3


@functools.cache
def tanh_of_half_rest(u):
    """(2 tanh(z/2) − z) / z³ with u = z²"""
    z = mp.sqrt(u)
    return (2 * mp.tanh(z / 2) - z) / z**3


@functools.cache
def mills(q, k):
    """(1 + t)·½·erfc(t/√2)·e^(t²/2) at the t ≥ 0 with q = (t − k) / (t + k)"""
    t = k * (1 + q) / (1 - q)
    return (1 + t) * mp.erfc(t / mp.sqrt(2)) * mp.exp(t**2 / 2) / 2


def pieces_of_tanh(bits):
    """Rows (centre, value, slopes…) of tanh's pieces, which end where ½ + ⅘|z| passes a quarter of a power of two, and their largest error in ULP.

    tanh z = value + t·(slope₀ + slope₁ t + …) with t = z − centre, but with z in place of the value in the first piece.
    From the fifth piece on the centre is next to the upper end, where a step of z counts least: there t is small, and its roundings with it. The value is that number
    of the type, of the first 64 at and below tanh of that end (or of the middle), whose atanh suffers least from being rounded to a centre.
    """
    unit = lambda x: mp.mpf(2) ** (mp.floor(mp.log(x, 2)) - bits + 1)
    quarters = [m * mp.mpf(2) ** e for e in (-1, 0, 1, 2) for m in (1, 1.25, 1.5, 1.75)]
    # From 9.25 on tanh is 1.
    ends = [(y - mp.mpf(1) / 2) * 5 / 4 for y in quarters] + [mp.mpf(37) / 4]
    rows, largest = [], 0
    for piece, (low, high) in enumerate(zip(ends, ends[1:])):
        if piece == 0:
            centre, value = mp.mpf(0), mp.mpf(0)
        elif piece == 15:
            centre, value = high, mp.mpf(1)
        else:
            near = rounded(mp.tanh(high if piece >= 4 else (low + high) / 2), bits)
            # Far out the first one suffers little, and further ones would have their centres elsewhere.
            values = [near - k * unit(near) for k in range(64 if piece < 12 else 1)]
            value = min(values, key=lambda value: abs(mp.tanh(rounded(mp.atanh(value), bits)) - value))
            centre = rounded(mp.atanh(value), bits)
        slope = lambda t: (mp.tanh(centre + t) - (value if piece else t)) / t
        slopes, worst = table(slope, lambda t: t / unit(mp.tanh(centre + t)), range(5), low - centre, high - centre, bits)
        rows.append([centre, value] + slopes)
        largest = max(worst, largest)
    return rows, largest


def show_pieces(bits):
    rows, largest = pieces_of_tanh(bits)
    print(f"// tanh by pieces: error {mp.nstr(largest, 3)} ULP")
    for row in rows:
        print("[" + ", ".join(shortest(c, bits) for c in row) + "],")


if __name__ == "__main__":
    show_pieces(24)
    # Significant bits, the terms of each table (tanh of 24 bits goes by pieces), the k of `mills` and the t after which e^(−t²/2) is zero.
    sizes = ((24, 5, 3, 0, 3, 11, mp.mpf(5) / 2, 15), (53, 10, 7, 11, 7, 23, 6, 39))
    for bits, exp_terms, ln_terms, tanh_terms, half_terms, mills_terms, k, t_end in sizes:
        print(f"// ===== {bits} bits")
        reach = mp.log(2) / 2
        # The tail stands behind 1 + x; the floor keeps the weight from vanishing at zero.
        weight = lambda x: (x**2 + mp.mpf(2) ** -10) / mp.exp(x)
        show("exp", table(exp_tail, weight, range(exp_terms), -reach, reach, bits), bits)
        reach = (3 - 2 * mp.sqrt(2)) ** 2
        show("ln", table(atanh_rest, lambda u: u / 2, range(ln_terms), 0, reach, bits), bits)
        reach = mp.mpf(55) / 100
        weight = lambda u: u * mp.sqrt(u) / mp.tanh(mp.sqrt(u))
        if tanh_terms:
            show("tanh", table(tanh_rest, weight, range(tanh_terms), 0, reach**2, bits), bits)
        # ½ stands before it.
        weight = lambda u: u * mp.sqrt(u) / 2
        show("tanh of half", table(tanh_of_half_rest, weight, range(half_terms), 0, mp.mpf(1) / 4, bits), bits)
        served = lambda q: mills(q, k)
        top = mp.mpf(t_end - k) / (t_end + k)
        show("mills", table(served, lambda q: 1 / served(q), range(mills_terms), -1, top, bits), bits)
