#!/usr/bin/env bash
# Runs one step of a longer work: says what it is, and how long it took.
#   scripts/step.sh 'what it does' COMMAND [ARGUMENT]...
set -euo pipefail

readonly what=$1
shift
printf '==> %s\n    %s\n' "$what" "$*"
SECONDS=0
status=0
"$@" || status=$?
if ((status == 0)); then
    printf '==> %s: done in %d s\n' "$what" "$SECONDS"
else
    printf '==> %s: FAILED after %d s\n' "$what" "$SECONDS" >&2
fi
exit "$status"
