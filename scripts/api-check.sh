#!/usr/bin/env bash
# Lets schemathesis try every operation of a running server's OpenAPI document, as a logged-in user: made-up good and bad
# requests, and sequences of them. It finds answers with 5xx, undocumented answers and answers that break their schema.
#   scripts/api-check.sh PROGRAM [EXAMPLES]     PROGRAM: the built medicalpro
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly program=$1 examples=${2:-40} library=target/checks
if ! PYTHONPATH=$library python3 -c 'import schemathesis' 2>/dev/null; then
    printf '==> installing schemathesis in %s\n' "$library"
    python3 -m pip install --quiet --target "$library" -r scripts/requirements-checks.txt
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/medicalpro-check.XXXXXX")
chmod 711 "$folder"
server=
finish() {
    if [[ -n $server ]]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$folder"
}
trap finish EXIT

"$program" serve --demo --data-dir "$folder/data" --listen 127.0.0.1:0 --ready-file "$folder/ready.json" \
    --rate-limit-user 0 --rate-limit-address 0 --rate-limit-auth 0 \
    >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    [[ -s $folder/ready.json ]] && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/server.log" >&2; exit 1; }
    sleep 0.1
done

# One line each: where it is, and the token of the demo practice's secretary.
{ read -r url; read -r token; } < <(python3 - "$folder/ready.json" <<'PYTHON'
import json, sys, urllib.request
report = json.load(open(sys.argv[1]))
secretary = next(account for account in report["accounts"] if account["role"] == "secretary")
body = json.dumps({"email": secretary["email"], "password": secretary["password"]}).encode()
request = urllib.request.Request(report["url"] + "/api/v1/auth/login", body, {"Content-Type": "application/json"})
print(report["url"])
print(json.load(urllib.request.urlopen(request))["access_token"])
PYTHON
)

# One worker: Python 3.11 now and then fails to parse code on two threads at once ("AST constructor recursion depth mismatch").
PYTHONPATH=$library python3 -m schemathesis.cli --config-file tests/schemathesis.toml run "$url/openapi.json" \
    --exclude-operation-id logOut --exclude-operation-id endSession --exclude-operation-id changePassword \
    --header "Authorization: Bearer $token" --max-examples "$examples" --workers 1 --seed 20261122 --no-color
if grep -q ERROR "$folder/server.log"; then
    grep ERROR "$folder/server.log" >&2
    exit 1
fi
