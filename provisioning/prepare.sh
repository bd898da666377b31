# shellcheck shell=bash
# Shared by demo, test and bench: installs what is missing, and is silent when nothing is.

# A minimal PATH often lacks the folders of system programs and of rustup.
PATH=$PATH:/usr/sbin:/sbin:${CARGO_HOME:-$HOME/.cargo}/bin

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Runs as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        say "cannot run as root (no sudo): $*"
        return 1
    fi
}

# need_packages COMMAND=PACKAGE…: installs the Debian package of each command that is not there.
# Services that a package brings are not started now: the tests start servers of their own.
need_packages() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" > /dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get > /dev/null; then
        say "please install: ${missing[*]} (there is no apt-get here to do it)"
        return 1
    fi
    say "installing ${missing[*]}"
    # One shell as root, so that the policy is taken away again whatever happens.
    as_root bash -s -- "${missing[@]}" << 'ROOT' >&2
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
apt-get install -qq --yes --no-install-recommends "$@" < /dev/null > /dev/null 2>&1 || {
    apt-get update -qq < /dev/null
    apt-get install -qq --yes --no-install-recommends "$@" < /dev/null > /dev/null
}
ROOT
}

# The Rust toolchain is the one thing that Debian 12 cannot give: its own is too old for this code.
need_rust() {
    local want have
    want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if ! command -v cargo > /dev/null; then
        if command -v apt-cache > /dev/null && apt-cache show rustup > /dev/null 2>&1; then
            need_packages rustup=rustup
            rustup toolchain install stable --profile minimal --component rustfmt --component clippy >&2
        fi
    fi
    if ! have=$(cargo --version 2> /dev/null); then
        say "a Rust toolchain is missing: install one as https://rustup.rs says, then run this again"
        return 1
    fi
    have=${have#cargo }
    have=${have%% *}
    if [ "$(printf '%s\n' "$want" "$have" | sort -V | head -n 1)" != "$want" ]; then
        say "Rust $have is too old, $want is needed: rustup update stable"
        return 1
    fi
}
