#!/bin/sh
# Runs the tests of this folder where the real picamera2 meets libcamera's virtual camera: in a small Debian 13 tree.
#
#     sh tests/picamera/tree.sh CACHE [pytest arguments]
#
# CACHE is made once, in a minute or two, by Debian's mmdebstrap and pip (430 MB); later runs need no network. Root, or
# user namespaces, are needed to enter it. Debian 12 has no libcamera with a virtual camera, Debian 13 has no picamera2.
set -eu

cache=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
tree=$cache/tree
PYTHON=${PYTHON:-python3}

if ! test -e "$cache/ready"; then
    rm -rf "$cache"
    mkdir -p "$cache"
    echo "== Debian 13 with libcamera"
    packages=python3,python3-numpy,python3-libcamera,libcamera-ipa,python3-pil,python3-piexif,python3-prctl
    mmdebstrap --quiet --variant=extract \
        --include="$packages,python3-jsonschema,python3-tqdm,python3-libarchive-c" trixie "$tree"
    for name in bin lib lib64; do ln -sfn usr/$name "$tree/$name"; done
    mkdir -p "$tree/proc" "$tree/repo"
    mkdir -p "$tree/usr/share/libcamera/pipeline/virtual"
    cp "$here/virtual.yaml" "$tree/usr/share/libcamera/pipeline/virtual/"
    echo "== picamera2"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$tree/wheels" --no-deps --ignore-requires-python \
        --only-binary=:all: --python-version 313 --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
        --requirement "$here/requirements.txt"
    touch "$cache/ready"
fi

export TREE="$tree" REPO="$repo"
exec unshare --user --map-root-user --mount --pid --fork sh -c '
    mount --rbind /dev "$TREE/dev"
    mount -t proc proc "$TREE/proc"
    mount --rbind "$REPO" "$TREE/repo"
    mount -t tmpfs tmpfs "$TREE/tmp"
    libraries=/usr/lib/x86_64-linux-gnu
    exec env -i HOME=/tmp PATH=/usr/bin PYTHONDONTWRITEBYTECODE=1 EDGE_OCR_VIRTUAL=1 \
        LD_LIBRARY_PATH=$libraries/blas:$libraries/lapack PYTHONPATH=/repo/tests/picamera:/wheels:/repo \
        /usr/sbin/chroot "$TREE" /usr/bin/python3 -m pytest -c /dev/null --rootdir /repo \
        -p no:cacheprovider -W error::DeprecationWarning:edge_ocr /repo/tests/picamera "$@"' sh "$@"
