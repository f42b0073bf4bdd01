#!/usr/bin/env bash
# Lets an independent PASETO implementation (pyseto, from PyPI) verify an access token of a running server with the public
# keys that the server publishes, and refuse it with a byte changed.
#   scripts/paseto-check.sh PROGRAM     PROGRAM: the built medicalpro
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly program=$1 library=target/checks
if ! PYTHONPATH=$library python3 -c 'import pyseto' 2>/dev/null; then
    printf '==> installing pyseto in %s\n' "$library"
    python3 -m pip install --quiet --target "$library" -r scripts/requirements-checks.txt
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/medicalpro-paseto.XXXXXX")
chmod 711 "$folder"
server=
finish() {
    if [[ -n $server ]]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$folder"
}
trap finish EXIT

"$program" serve --demo --data-dir "$folder/data" --listen 127.0.0.1:0 --ready-file "$folder/ready.json" \
    >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    [[ -s $folder/ready.json ]] && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/server.log" >&2; exit 1; }
    sleep 0.1
done

PYTHONPATH=$library python3 - "$folder/ready.json" <<'PYTHON'
import base64, json, sys, urllib.request
import pyseto
from pyseto import Key

report = json.load(open(sys.argv[1]))
doctor = next(account for account in report["accounts"] if account["role"] == "doctor")
body = json.dumps({"email": doctor["email"], "password": doctor["password"]}).encode()
request = urllib.request.Request(report["url"] + "/api/v1/auth/login", body, {"Content-Type": "application/json"})
token = json.load(urllib.request.urlopen(request))["access_token"]
keys = {key["kid"]: key for key in json.load(urllib.request.urlopen(report["url"] + "/api/v1/auth/keys"))["keys"]}

footer = token.split(".")[3]
kid = json.loads(base64.urlsafe_b64decode(footer + "=" * (-len(footer) % 4)))["kid"]
key = Key.from_paserk(keys[kid]["paserk"])
assert key.to_paserk_id() == kid, "the kid is the PASERK id of the key"
claims = pyseto.decode(key, token, deserializer=json).payload
assert claims["iss"] == "medicalpro" and claims["typ"] == "access" and claims["role"] == "doctor", claims
assert claims["permissions"]["patients"] == {"read": True, "write": True}, claims

at = len(token) // 2
changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]
try:
    pyseto.decode(key, changed)
except pyseto.VerifyError:
    print("pyseto verifies the token, and refuses it with a byte changed")
else:
    sys.exit("pyseto accepts a token with a byte changed")
PYTHON
