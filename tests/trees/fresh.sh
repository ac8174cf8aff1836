#!/bin/sh
# The README's first command in a fresh Debian 12 with nothing but python3, venv, a C compiler and make: seconds to the
# first reading. With --test its second command too. Needs root, mmdebstrap and the network.
#
#     tests/trees/fresh.sh [--test]
set -eu
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/edge-ocr/trees
MOST=180
tar=$CACHE/fresh.tar
if [ ! -f "$tar" ]; then
    mkdir -p "$CACHE"
    echo "== Laying out Debian 12"
    mmdebstrap --quiet --variant=minbase \
        --include=python3,python3-venv,python3-dev,gcc,libc6-dev,make,ca-certificates bookworm "$tar.part.tar"
    mv "$tar.part.tar" "$tar"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xf "$tar" -C "$work"
# The network as this machine has it.
cp /etc/resolv.conf "$work/etc/resolv.conf"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$work/etc/pip.conf"
[ ! -f /etc/ssl/certs/ca-certificates.crt ] ||
    cp --remove-destination /etc/ssl/certs/ca-certificates.crt "$work/etc/ssl/certs/ca-certificates.crt"
git -C "$HERE" archive --format=tar --prefix=edge-ocr/ HEAD | tar -x -C "$work/srv"
into() {
    unshare --mount --pid --fork --mount-proc="$work/proc" /bin/sh -c "
        mkdir -p '$work/dev/pts' && mount -t devpts -o newinstance,ptmxmode=0666 devpts '$work/dev/pts' &&
        ln -sf pts/ptmx '$work/dev/ptmx' && exec chroot '$work' /bin/sh -c 'cd /srv/edge-ocr && $1'"
}
mknod -m 666 "$work/dev/null" c 1 3 2>/dev/null || true
began=$(date +%s)
into 'make run' >"$work/said" 2>&1 || { tail -40 "$work/said"; exit 1; }
took=$(($(date +%s) - began))
grep 'TEXT' -A 3 "$work/said"
echo "== make run: $took s, of $MOST"
[ "$took" -le "$MOST" ]
if [ "${1:-}" = --test ]; then
    began=$(date +%s)
    into 'make test' >"$work/said" 2>&1 || { tail -60 "$work/said"; exit 1; }
    tail -3 "$work/said"
    echo "== make test: $(($(date +%s) - began)) s"
fi
