#!/bin/sh
# The installer for real: in fresh trees of Debian 12 and 13, without a network, twice, and undone.
# Needs root, mmdebstrap and a network for the first run; trees and wheels are kept in ~/.cache/edge-ocr/trees.
#
#     tests/trees/install.sh PYTHON [SUITE...]
set -eu
PYTHON=$1
shift
[ $# -gt 0 ] || set -- bookworm trixie
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/edge-ocr/trees

fail() {
    echo "tests/trees/install.sh: $1" >&2
    exit 1
}

# What the installer may change, by name, content, links, owner and mode; caches of Python are nobody's.
state() {
    (
        cd "$1"
        find opt etc var/lib/edge-ocr boot usr/local -xdev -name __pycache__ -prune -o -print 2>/dev/null |
            grep -v -e '^etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\?$' -e '/\.pwd\.lock$' | sort |
            while read -r name; do
                printf '%s %s %s\n' "$(stat -c '%U %G %a %F' "$name")" "$name" "$(readlink "$name" || true)"
                [ ! -f "$name" ] || [ -L "$name" ] || sha256sum <"$name"
            done
    )
}

# Without any network.
into() { unshare --mount --net --pid --fork --mount-proc="$1/proc" chroot "$1" /bin/sh -c "umask 077; $2"; }

# What must end with a line that says so, and change nothing.
refuses() {
    if into "$tree" "$2" >"$work/said" 2>&1; then fail "the installer goes on in $suite although $1"; fi
    grep -q "install.sh: .*$3" "$work/said" || { cat "$work/said"; fail "the installer does not say in $suite that $1"; }
    state "$tree" >"$work/refused"
    diff "$work/${4:-before}" "$work/refused" || fail "the installer changes something in $suite although $1"
}

for suite; do
    "$HERE/tests/trees/lay.sh" "$PYTHON" "$suite"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/tree"

    echo "== Installing in $suite"
    tree=$work/tree
    tar -xf "$CACHE/$suite.tar" -C "$tree"
    mkdir -p "$tree/media" "$tree/boot/firmware" "$tree/etc/udev/rules.d" "$tree/etc/sysusers.d" "$tree/etc/tmpfiles.d"
    echo 'dtparam=audio=on' >"$tree/boot/firmware/config.txt"
    mkdir "$tree/media/a stick"
    cp -r "$HERE/firmware_configs" "$CACHE/wheels-$suite" "$tree/media/a stick"
    installer="'/media/a stick/firmware_configs/install.sh'"
    install="$installer --no-start --wheels '/media/a stick/wheels-$suite'"
    state "$tree" >"$work/before"
    refuses 'the job is unknown' "$installer --job ../passwd" 'there is no job'
    refuses 'the folder of wheels is missing' "$installer --wheels /nowhere" 'is no folder'
    refuses 'nobody may write' "mount --bind / /mnt && mount -o remount,ro,bind /mnt && chroot /mnt $install" 'is read-only'
    into "$tree" "$install" >"$work/said" 2>&1 || { cat "$work/said"; fail "the installer failed in $suite"; }
    state "$tree" >"$work/once"
    into "$tree" "$install" >"$work/said" 2>&1 || fail "the installer failed in $suite the second time"
    state "$tree" >"$work/twice"
    diff "$work/once" "$work/twice" || fail "a second run of the installer changes something in $suite"
    refuses 'the disk is full' "mount -t tmpfs -o size=300m full /opt/edge-ocr/releases && $install" 'MB free, and' twice
    du -sh "$tree/opt/edge-ocr"
    into "$tree" 'su -s /bin/sh edge-ocr -c "edge-ocr doctor --json"' | grep -q '"name": "reading", "status": "ok"' ||
        fail "the service's user cannot read a frame in $suite"
    into "$tree" 'systemd-analyze verify --man=no --recursive-errors=no /etc/systemd/system/edge-ocr*.service' ||
        fail "systemd in $suite does not understand a unit"
    into "$tree" 'echo mine >>/etc/edge-ocr/edge-ocr.toml; echo event >/var/lib/edge-ocr/event'
    into "$tree" "$installer --uninstall" >/dev/null
    grep -q '^mine$' "$tree/etc/edge-ocr/edge-ocr.toml" || fail "settings were taken away in $suite"
    [ -f "$tree/var/lib/edge-ocr/event" ] || fail "events were taken away in $suite"
    [ ! -e "$tree/opt/edge-ocr" ] || fail "the program was left behind in $suite"
    into "$tree" "$installer --uninstall --purge" >/dev/null
    rm -f "$tree/boot/firmware/config.txt.before-edge-ocr" # whoever edited it wants the old one
    state "$tree" >"$work/after"
    diff "$work/before" "$work/after" || fail "the installer left something behind in $suite"
    echo "== $suite: installed twice to the same state, and undone"
    rm -rf "$work"
done
