#!/bin/sh
# Runs the decoder's tests on a kernel that was built with the address and undefined behaviour sanitizers of GCC.
# Usage: tests/asan.sh [PYTHON]   (PYTHON has the test dependencies; default python3)
set -eu
python=${1:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$root/edge_ocr" "$root/tests" "$root/pyproject.toml" "$copy"
rm -f "$copy"/edge_ocr/ctc/*.so
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
gcc -shared -fPIC -std=c11 -g -O1 -fno-omit-frame-pointer -ffp-contract=off -fno-math-errno \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -DPy_LIMITED_API=0x030b0000 -I"$include" \
    "$copy/edge_ocr/ctc/_kernel.c" -o "$copy/edge_ocr/ctc/_kernel.abi3.so"
cd "$copy"
# Python itself leaks at its exit; what does not fit into memory shall be a MemoryError here as it is elsewhere.
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)" \
ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    "$python" -m pytest -q -p no:cacheprovider --timeout 600 tests/unit/test_ctc.py tests/unit/test_ctc_arguments.py
