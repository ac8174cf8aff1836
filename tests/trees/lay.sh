#!/bin/sh
# A tree of Debian and what the installer wants in it, kept in ~/.cache/edge-ocr/trees: SUITE.tar, and in wheels-SUITE the
# locked wheels for its Python with our own as it is now. Needs root, mmdebstrap and a network for the first run.
#
#     tests/trees/lay.sh PYTHON SUITE
set -eu
PYTHON=$1
suite=$2
HERE=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/edge-ocr/trees

version=3.11
numpy='--include=python3-numpy' # as on a board with Debian's picamera2, which is built for NumPy 1
[ "$suite" = bookworm ] || { version=3.13 numpy=''; }
wheels=$CACHE/wheels-$suite
if [ ! -f "$CACHE/$suite.tar" ]; then
    mkdir -p "$CACHE"
    echo "== Laying out $suite"
    # shellcheck disable=SC2086 # one word or none
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,systemd $numpy "$suite" "$CACHE/$suite.part.tar"
    mv "$CACHE/$suite.part.tar" "$CACHE/$suite.tar"
fi
echo "== Wheels for Python $version"
mkdir -p "$wheels"
rm -f "$wheels"/edge_ocr-*.whl
pins=$CACHE/pins-$suite.txt
# The locked versions of what the installer asks for; NumPy 1 where Debian's is.
grep -E '^(ai-edge-litert|argon2|backports-strenum|cffi|colorzero|cryptography|flatbuffers|gpiozero|interegular|ml-dtypes|numpy|opencv|paho|protobuf|setuptools|py-minisign|pycparser|tornado|tqdm|typing-extensions)' \
    "$HERE/.ci/locks/test.txt" | sed 's/ *;.*//' >"$pins"
if [ "$suite" = bookworm ]; then
    sed -i '/^numpy/d; /^opencv/d; /^ml-dtypes/d' "$pins"
    printf 'numpy<2\nopencv-python-headless<4.12\nml-dtypes<0.6\n' >>"$pins"
else
    sed -i '/^numpy==2.4/d' "$pins"
fi
"$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --ignore-requires-python \
    --python-version "$version" --dest "$wheels" --requirement "$pins"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$HERE/edge_ocr" "$HERE/pyproject.toml" "$HERE/README.md" "$HERE/LICENSE" "$HERE/NOTICE" "$work"
"$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$wheels" "$work"
