#!/usr/bin/env bash
# Sets up the peers that README's tables name, and prints the commands that make those tables on this machine.
#
#   benches/peers.sh VENV        VENV: where the Python environment with the peers is, or is to be made
#
# The crates among the peers come with cargo. What else there is: JAX, PyTorch and scikit-learn for the steps, and for the
# products OpenBLAS (scipy brings one), MKL and BLIS. Python packages come by pip, from wherever it is told to look; a
# PyTorch that is already in the environment stays: one for the CPU alone is enough, and saves most of the 8 GB of disk that are needed
# otherwise. (pip gives one for CUDA on x86-64, which also takes longer to import; fashion.py tells how much of a process that is.)
# BLIS and Fashion-MNIST are Debian's. Needs python3 with venv, and cargo; what stands already is not fetched again.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: benches/peers.sh VENV" >&2; exit 2; }
cd_back=$PWD
cd "$(dirname "$0")/.."
case $1 in /*) venv=$1 ;; *) venv=$cd_back/$1 ;; esac
python=$venv/bin/python
blis_package=libblis4-openmp

# The packages whose module is not there.
missing() {
  local module
  for module in numpy scipy jax sklearn torch; do
    "$python" -c "import $module" 2>/dev/null || echo "${module/sklearn/scikit-learn}"
  done
}
first() { sort | head -n 1; }
openblas() { find "$venv" -path '*scipy.libs*' -name 'libscipy_openblas*.so' 2>/dev/null | first; }
mkl() { find "$venv" -name 'libmkl_rt.so*' 2>/dev/null | first; }
blis() { find /usr/lib -path '*blis-openmp*' -name 'libblis.so.*' 2>/dev/null | first; }

[ -x "$python" ] || python3 -m venv "$venv"
mapfile -t packages < <(missing)
if [ ${#packages[@]} -gt 0 ]; then "$python" -m pip install "${packages[@]}"; fi
# Apart: there is none for some CPUs.
if [ -z "$(mkl)" ]; then "$python" -m pip install mkl || true; fi
if [ -z "$(blis)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $blis_package || true
fi

data=/usr/share/datasets/fashion-mnist
if ! [ -d "$data" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends dataset-fashion-mnist || true
fi
[ -d "$data" ] || echo "Fashion-MNIST is not there: apt-get install dataset-fashion-mnist, as root, or give fashion.py --data FOLDER" >&2

libraries=()
add() {
  if [ -n "$2" ]; then libraries+=(--blas "$1=$2"); else echo "$1 is not there: $3" >&2; fi
}
add OpenBLAS "$(openblas)" "scipy in $venv has none of its own"
add MKL "$(mkl)" "pip has none for this CPU, or did not find it"
add BLIS "$(blis)" "apt-get install $blis_package, as root"

# A command, with quotes where a path needs them.
show() { printf ' %q' "$@" | cut -c 2-; }
printf '\nProducts, steps and a whole training, as in README:\n\n'
show cd "$PWD"
for threads in 1 2; do
  show cargo run --release -p deltarule-benches --bin versus -- gemm --threads $threads --seconds 2 "${libraries[@]}"
done
for threads in 1 2; do show "$python" benches/python/peers.py --threads $threads; done
show "$python" benches/python/fashion.py
cat <<'END'

On several threads OpenMP's libraries (BLIS, MKL) may be faster if each thread stays on a core of its own. Set before the command of the
products, these two variables do it; versus --help says what such a run is good for:
  OMP_PROC_BIND=close OMP_PLACES=cores
END
