#!/usr/bin/env bash
# Whatever goes wrong while a model is saved, the old file or the new one is there, whole; of the checkpoint, which a run writes
# at its start and at its end, the old one or one of these two.
#
#   tests/faults/save.sh [PROGRAM]        without it, cargo builds the program; Linux, strace and cc; half a minute
#
# A short training writes over the results of an earlier one. It is run again and again, and each time one system call that
# touches the folder of results goes wrong: every call, in turn, with
#
#   ENOSPC, EIO     the call fails: status 1 and a message that names the file, or the call did not matter and all is new
#   KILL            the process ends before the call, as with `kill -9`
#   a short write   the system takes half of what it is given, over and over: nothing but the number of calls may change.
#                   strace can only claim that less was written, so a library loaded before libc writes less. It stays
#                   loaded for the other faults, which so strike in the middle of a file too
#   a size limit    the system takes what still fits, then refuses (or sends SIGXFSZ): so a disk fills up
#
# What none of these faults can show is what a power cut would find on the disk. So the calls of a run are read too: each
# file is written, forced to the disk and then renamed, and the folder is forced to the disk before the next.
#
# Afterwards `deltarule info` reads the model; every file is, to the byte, that of before or that of a run without faults
# (one that holds the time a run took: has its end); permissions are as they were; and no temporary file is left, unless the
# process was killed.
#
# Last result, 2026-12-01, Linux on x86-64: 152 calls, 469 runs with faults, every file whole in each of them.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in strace cc; do
  if ! command -v $tool >/dev/null; then
    echo "this needs $tool: apt-get install strace gcc, or what your system calls them" >&2
    exit 2
  fi
done
if [ $# -gt 0 ]; then
  program=$(realpath "$1")
else
  cargo build --release -p deltarule-cli
  program=$(realpath "${CARGO_TARGET_DIR:-target}/release/deltarule")
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out
old=$work/old
new=$work/new
# The checkpoint of the new run's start.
first=$work/first.safetensors

files=(model.safetensors checkpoint.safetensors history.csv confusion.svg confusion.png report.json loss.svg loss.png)
# One thread: strace numbers the calls of each thread by itself, and follows the first one only.
train=("$program" train --data breast-cancer --epochs 1 --threads 1 --quiet --out "$out")

cat >"$work/short.c" <<'C'
#include <sys/syscall.h>
#include <unistd.h>
ssize_t write(int file, const void *bytes, size_t count) {
    return syscall(SYS_write, file, bytes, count > 4096 ? count / 2 : count);
}
C
cc -shared -fPIC -O1 -o "$work/short.so" "$work/short.c"

injections=0
broken=0
fail() {
  echo "BROKEN: $fault: $1" >&2
  broken=$((broken + 1))
}

# The folder as an earlier run left it, with permissions that no new file would get by itself.
restore() {
  rm -rf "$out"
  cp -a "$old" "$out"
}

# strace with the options given, on a run that writes over the old results.
traced() {
  # The outer redirection is for the shell's own word on a process that was killed.
  {
    strace -y -o "$work/trace" -e trace=%file,%desc -E LD_PRELOAD="$work/short.so" "$@" \
      "${train[@]}" --seed 2 2>"$work/said"
  } 2>/dev/null
}

# What must hold after every run, however it ended: `check STATUS`.
check() {
  local status=$1 file
  injections=$((injections + 1))
  "$program" info "$out/model.safetensors" >/dev/null 2>&1 || fail "the model cannot be read"
  for file in "${files[@]}"; do
    if [ "$status" -eq 0 ] && cmp -s "$out/$file" "$old/$file"; then fail "status 0, but $file is the old one"; fi
    if [ "$status" -eq 0 ] && cmp -s "$out/$file" "$first"; then fail "status 0, but $file is that of the start"; fi
    case $file in
      # The time that the training took is written into these: no run makes them again.
      report.json | loss.*)
        cmp -s <(tail -c 2 "$out/$file") <(tail -c 2 "$new/$file") || fail "$file has lost its end"
        ;;
      checkpoint.safetensors)
        cmp -s "$out/$file" "$new/$file" || cmp -s "$out/$file" "$first" || cmp -s "$out/$file" "$old/$file" ||
          fail "$file is neither old nor new, nor that of the start"
        ;;
      *)
        cmp -s "$out/$file" "$new/$file" || cmp -s "$out/$file" "$old/$file" || fail "$file is neither old nor new"
        ;;
    esac
    [ "$(stat -c %a "$out/$file")" = 640 ] || fail "$file has the permissions $(stat -c %a "$out/$file")"
  done
  if [ "$status" -lt 128 ] && compgen -G "$out/.*.tmp" >/dev/null; then
    fail "a temporary file is left"
  fi
}

# What a failure says: `complained STATUS [WORDS]`.
complained() {
  [ "$1" -eq 1 ] || fail "status $1"
  [ "$(wc -l <"$work/said")" -eq 1 ] && grep -q "^error: $out.*: ${2:-}" "$work/said" || fail "it said: $(cat "$work/said")"
}

# Reads the trace of a run without faults: what reached the disk too late or not at all, a line each.
disorder() {
  awk -v out="$out" -v files="${files[*]}" '
    # The temporary file that the call is about, if any.
    function temporary() { return match($0, /\.deltarule-[0-9]+-[0-9]+\.tmp/) ? substr($0, RSTART, RLENGTH) : "" }
    !index($0, out) { next }
    /^write\(/ { state[temporary()] = "written" }
    /^fsync\(/ && / = 0$/ && state[temporary()] == "written" { state[temporary()] = "forced" }
    /^rename/ && / = 0$/ {
      count = split($0, quoted, "\"")
      name = quoted[count - 1]
      sub(/.*\//, "", name)
      if (state[temporary()] != "forced") print name " is renamed before all of it is forced to the disk"
      renamed = name
      # The checkpoint is renamed twice, and each time is looked at.
      delete done[name]
    }
    /^fsync\(/ && / = 0$/ && index($0, "<" out ">") { done[renamed] = 1 }
    END {
      count = split(files, names, " ")
      for (i = 1; i <= count; i++)
        if (!(names[i] in done)) print names[i] " is renamed, but the folder is not forced to the disk before the next file"
    }' "$work/trace"
}

echo "an old model, and a new one without faults"
fault="no fault"
"${train[@]}" --seed 1
chmod 640 "$out"/*
mv "$out" "$old"
restore
"${train[@]}" --seed 2
cp -a "$out" "$new"
cmp -s "$old/model.safetensors" "$new/model.safetensors" && fail "both models are the same: nothing would be seen"

echo "short writes"
fault="short writes"
restore
status=0
traced || status=$?
check $status
[ $status -eq 0 ] || fail "status $status"
fault="the order on the disk"
while read -r complaint; do fail "$complaint"; done < <(disorder)
# The calls of the first run that touch the folder, as `name number`, where the number counts all calls of that name. But for the close
# of a folder that has been listed: no system refuses that, and the standard library panics where one does.
sites=$(awk -v out="$out" '
  { name = $1; sub(/\(.*/, "", name); number[name]++ }
  index($0, out) && name != "execve" {
    if (name != "close" || before != "getdents64") print name, number[name]
    before = name
  }' "$work/trace")
[ "$(grep -c '^write ' <<<"$sites")" -gt ${#files[@]} ] || fail "writes were not short: is the program linked statically?"

fault="no second file"
read -r name number < <(grep '^rename' <<<"$sites" | sed -n 2p)
restore
traced -e inject="$name:signal=KILL:when=$number" || true
cp "$out/checkpoint.safetensors" "$first"
for other in "$old" "$new"; do
  cmp -s "$first" "$other/checkpoint.safetensors" && fail "the run has no checkpoint of its start"
done

echo "$(wc -l <<<"$sites") calls: $(cut -d' ' -f1 <<<"$sites" | sort | uniq -c | tr -s ' \n' ' ')"
while read -r name number; do
  for error in "ENOSPC No space left on device" "EIO Input/output error"; do
    fault="$name $number: ${error%% *}"
    restore
    status=0
    traced -e inject="$name:error=${error%% *}:when=$number" || status=$?
    check $status
    grep "INJECTED" "$work/trace" | grep -q "$out" || fail "the fault missed its call"
    case $name in
      # These cannot fail unnoticed. Of the others, a failed close of synced bytes, say, has nothing to tell.
      openat | write | fsync | fchmod | rename*) complained $status "${error#* }" ;;
      *) [ $status -eq 0 ] || complained $status ;;
    esac
  done
  fault="$name $number: KILL"
  restore
  status=0
  traced -e inject="$name:signal=KILL:when=$number" || status=$?
  check $status
  [ $status -eq 137 ] || fail "status $status: it was not killed"
done <<<"$sites"

# In blocks of 1,024 bytes: within the model, within the checkpoint, within pictures.
for blocks in 0 1 4 10 50 120; do
  for signal in ignored deadly; do
    fault="size limit of $blocks KiB, signal $signal"
    restore
    status=0
    # What it says goes through a pipe, which the limit does not reach.
    {
      (
        if [ $signal = ignored ]; then trap '' XFSZ; fi
        ulimit -c 0 -f $blocks
        exec "${train[@]}" --seed 2 2>&1
      ) | cat >"$work/said" || status=$?
    } 2>/dev/null
    check $status
    if [ $signal = ignored ]; then complained $status "File too large"; else [ $status -eq 153 ] || fail "status $status"; fi
  done
done

if [ $broken -gt 0 ]; then
  echo "$injections runs with faults, $broken complaints"
  exit 1
fi
echo "$injections runs with faults: every file was whole"
