#!/usr/bin/env bash
# Prints the data folder that `make run` uses: ./data, or where the user whom root's servers run as cannot get at
# that (a clone below /root, for instance), the system's place for such data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $(id -u) == 0 ]]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    if ! runuser -u "$user" -- test -x "$PWD" 2>/dev/null; then
        echo /var/lib/medicalpro
        exit
    fi
fi
echo ./data
