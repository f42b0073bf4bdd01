#!/usr/bin/env bash
# A flame graph of the whole machine while it does one operation: program, PostgreSQL, NATS and the load.
#   scripts/flame.sh BENCH OPERATION [CLIENTS]      writes target/bench/flame-OPERATION.svg
set -euo pipefail

readonly bench=$1 operation=$2 clients=${3:-32}
readonly folder=target/bench
readonly tools=$folder/tools

command -v perf >/dev/null || { echo 'perf is missing (Debian: linux-perf)' >&2; exit 1; }
if [[ ! -x $tools/bin/inferno-flamegraph ]]; then
    cargo install --quiet --locked --root "$tools" inferno --version 0.12.8 --no-default-features --features cli
fi
mkdir -p "$folder"
readonly samples=$folder/flame-$operation.perf
trap 'rm -f "$samples"' EXIT

"$bench" --only "$operation" --clients "$clients" --seconds 12 &
# The practice has to be made first.
sleep 7
# The processor's own counters are not there in virtual machines.
perf record --quiet --event cpu-clock --freq 299 --all-cpus --call-graph dwarf,16384 --output "$samples" -- sleep 4
wait
perf script --input "$samples" 2>/dev/null | "$tools/bin/inferno-collapse-perf" |
    "$tools/bin/inferno-flamegraph" --title "$operation by $clients clients" >"$folder/flame-$operation.svg"
echo "$folder/flame-$operation.svg"
