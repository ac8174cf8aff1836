# Everything installs into folders .venv-* here; the first run needs the package index, later ones no network.

PYTHON ?= python3
LOCKS := .ci/locks
SOURCES := pyproject.toml $(shell find edge_ocr -name '*.py' -o -name '*.c' -o -name '*.toml' -o -name '*.tflite' -o -name '*.npz')
# Twice quiet: errors alone. A warning a package hides what the tests say.
PIP := -m pip install --quiet --quiet --disable-pip-version-check
SAMPLES := docs/samples

.PHONY: test-browser fuzz-web rate-web rate-search test-picamera soak-camera rate-camera run test lint unit test-tflite test-export asan fuzz locks clean help \
	test-arm64 test-armv7l count-arm64 test-install test-update test-fresh dist docs soak-publish rate-publish soak-store soak-full soak-week rate-store \
	soak-serve soak

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1: /p' Makefile

run: .venv-run/ready ## install, and read the samples: from nothing but python3, venv and a C compiler
	@echo "== Two photographs"
	.venv-run/bin/edge-ocr read --annotate out $(SAMPLES)/street.jpg $(SAMPLES)/night.jpg
	@echo "== A clip: one event for each vehicle"
	.venv-run/bin/edge-ocr watch --store out/store $(SAMPLES)/clip.mp4
	@echo "== Done. The annotated pictures are in out/, the events and their crops in out/store/."

test: lint unit ## the whole suite: format, lint, types, unit, golden and fault tests

lint: .venv-test/ready ## format, lint and types
	@echo "== Format and lint"
	.venv-test/bin/ruff format --check .
	.venv-test/bin/ruff check .
	@echo "== Types"
	.venv-test/bin/mypy

unit: .venv-test/ready ## the tests without the checks of format and types
	@echo "== Tests"
	.venv-test/bin/python -m pytest tests

# The golden tests again under the interpreter that older boards have.
test-tflite: .venv-tflite/ready ## the golden tests under tflite-runtime 2.14 and NumPy 1
	@echo "== Golden tests under tflite-runtime 2.14 and NumPy 1"
	.venv-tflite/bin/edge-ocr doctor | grep "tflite_runtime 2.14"
	.venv-tflite/bin/python -m pytest tests/golden

# As on a Raspberry Pi 3, 4 and 5, in an emulator; the first run lays out Debian's trees in ~/.cache/edge-ocr/arm64. Needs
# Debian's packages mmdebstrap and gcc-aarch64-linux-gnu. SUITES=bookworm PROCESSORS=cortex-a53 runs one of the six.
SUITES ?= bookworm trixie
PROCESSORS ?= cortex-a53 cortex-a72 cortex-a76
ARM64 := .venv-test/bin/python tests/arm64/emulate.py
test-arm64: .venv-test/ready ## the tests of native code as on a Raspberry Pi 3, 4 and 5, in an emulator
	$(ARM64) --suites $(SUITES) --processors $(PROCESSORS)

test-armv7l: .venv-test/ready ## texts as on a Raspberry Pi 2, with tflite-runtime and Debian's NumPy and OpenCV
	$(ARM64) --suites armv7l --processors cortex-a7 --quick

count-arm64: .venv-test/ready ## write down anew what a frame costs on a Raspberry Pi, in instructions
	$(ARM64) --suites bookworm --record

# In trees of Debian that are made for it; these need root and Debian's mmdebstrap.
test-install: .venv-test/ready ## the installer in fresh trees of Debian 12 and 13, twice, and undone
	tests/trees/install.sh $(CURDIR)/.venv-test/bin/python

test-update: .venv-test/ready ## signed updates on a booted device: tried, accepted, taken back, through power cuts
	.venv-test/bin/python tests/trees/update.py

test-fresh: ## the README's two commands in a fresh Debian 12, timed
	tests/trees/fresh.sh --test

# The decoder's tests on a kernel built with the sanitizers for addresses and undefined behaviour.
asan: .venv-test/ready ## the decoder under AddressSanitizer and UBSan
	@echo "== The decoder under AddressSanitizer and UBSan"
	sh tests/asan.sh $(CURDIR)/.venv-test/bin/python

# Hostile input for the decoder; needs clang, which has libFuzzer.
FUZZ_SECONDS ?= 3600
AXE := 4.14.1
fuzz: .venv-test/ready ## hostile input for the decoder, for an hour
	.venv-test/bin/python tests/fuzz/fuzz_ctc.py --seconds $(FUZZ_SECONDS)

# Proofs that take minutes and print what they measured; docs/design/publish.md and store.md hold figures of theirs.
# Those of publishing need Debian's packages mosquitto and openssl, and soak-full the right to mount.
soak-publish: .venv-test/ready ## a broker and a web server die 50 times during 10,000 events
	.venv-test/bin/python tests/soak/publish_deaths.py

rate-publish: .venv-test/ready ## how fast a full outbox drains
	.venv-test/bin/python tests/soak/publish_rate.py

soak-store: .venv-test/ready ## the store is killed 500 times under load
	.venv-test/bin/python tests/soak/store_kills.py --kills 500

soak-full: .venv-test/ready ## a disk under the store fills up and becomes free again
	unshare --user --map-root-user --mount .venv-test/bin/python tests/soak/store_full.py

soak-week: .venv-test/ready ## a week without network, 20,000 events a day
	.venv-test/bin/python tests/soak/store_week.py

rate-store: .venv-test/ready ## how fast the store records, and the bytes that it costs
	.venv-test/bin/python tests/soak/store_rate.py

rate-search: .venv-test/ready ## how long a page of a search takes among 100,000 events
	.venv-test/bin/python tests/soak/store_search.py

# The pages, with a real browser: needs Debian's package chromium, and npm for axe-core. Screenshots go to out/web.
test-browser: .venv-browser/package/axe.min.js ## every page and flow walked in Chromium, and looked at by axe-core
	.venv-browser/bin/python tests/browser/walk.py --axe .venv-browser/package/axe.min.js

HOSTILE ?= 10000
EXAMPLES ?= 100
fuzz-web: .venv-browser/ready ## whatever the interface's document allows, and 10,000 hostile requests
	.venv-browser/bin/python tests/browser/schemas.py --examples $(EXAMPLES)
	.venv-browser/bin/python tests/browser/hostile.py --requests $(HOSTILE)

rate-web: .venv-browser/ready ## what the pages cost: memory, CPU a picture, and the rate of reading
	.venv-browser/bin/python tests/browser/rate.py

# The real picamera2 on libcamera's virtual camera, in a Debian 13 tree that is made once; needs Debian's mmdebstrap.
CAMERA_CACHE ?= .cache/picamera
test-picamera: .venv-test/ready ## our camera module on the real picamera2
	PYTHON=.venv-test/bin/python sh tests/picamera/tree.sh $(abspath $(CAMERA_CACHE))

# SOAK_MINUTES=20 for the suite's slow leg; without it, 1,000 deaths and 1,000,000 frames, and ten minutes each.
soak: soak-camera soak-serve ## both long runs of watching, one after the other

soak-camera: .venv-test/ready ## a camera dies 1,000 times in ten ways, and gives 1,000,000 frames
	.venv-test/bin/python tests/soak/camera_deaths.py $(if $(SOAK_MINUTES),--minutes $(SOAK_MINUTES))

rate-camera: .venv-test/ready ## how old a frame is in the parent's hand, and what carrying it costs
	.venv-test/bin/python tests/soak/camera_rate.py

# The same commit gives the same bytes: times are the commit's own.
dist: export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 1735689600)
dist: .venv-release/ready ## source distribution, wheel and bill of materials (CycloneDX) in dist/
	rm -rf build dist
	.venv-release/bin/python -m build --quiet --outdir dist
	cd dist && tar -xzf edge_ocr-*.tar.gz && set -- edge_ocr-*/ && rm edge_ocr-*.tar.gz && \
		tar --sort=name --mtime=@$$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
			-cf - "$${1%/}" | gzip -9n >"$${1%/}.tar.gz" && rm -r "$$1"
	.venv-release/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file dist/edge-ocr.cdx.json $(LOCKS)/run.txt
	.venv-release/bin/cibuildwheel --print-build-identifiers
	cd dist && sha256sum *

docs: .venv-test/ready .venv-docs/ready ## the site, into out/site; to be read without a network
	.venv-test/bin/python docs/pages.py out/docs
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet --config-file docs/mkdocs.yml
	@echo "== The site is in out/site: python3 -m http.server -d out/site"

soak-serve: .venv-test/ready ## serve watches two cameras that fail, for 20 minutes (SOAK_MINUTES)
	.venv-test/bin/python tests/soak/serve.py --minutes $(or $(SOAK_MINUTES),20)

# Training and conversion, in the environments that hold torch and TensorFlow.
test-export: .venv-train/ready .venv-convert/ready ## training and conversion, with torch and TensorFlow
	@echo "== Training"
	.venv-train/bin/python -m pytest tests/train
	@echo "== Conversion"
	.venv-convert/bin/python -m pytest tests/convert

.venv-run/ready: $(SOURCES)
	@echo "== Installing edge-ocr into .venv-run (once; about a minute)"
	test -x .venv-run/bin/pip || $(PYTHON) -m venv .venv-run
	rm -rf build  # or setuptools would install what an earlier version left there
	.venv-run/bin/python $(PIP) --constraint $(LOCKS)/test.txt .
	@touch $@

.venv-test/ready: pyproject.toml edge_ocr/ctc/_kernel.c $(LOCKS)/test.txt
	@echo "== Making the test environment .venv-test (once; about two minutes)"
	test -x .venv-test/bin/pip || $(PYTHON) -m venv .venv-test
	.venv-test/bin/python $(PIP) --requirement $(LOCKS)/test.txt
	.venv-test/bin/python $(PIP) --no-deps --editable .
	@touch $@

.venv-browser/ready: pyproject.toml edge_ocr/ctc/_kernel.c $(LOCKS)/browser.txt
	@echo "== Making .venv-browser with Playwright and schemathesis (once)"
	test -x .venv-browser/bin/pip || $(PYTHON) -m venv .venv-browser
	.venv-browser/bin/python $(PIP) --requirement $(LOCKS)/browser.txt
	.venv-browser/bin/python $(PIP) --no-deps --editable .
	@touch $@

.venv-browser/package/axe.min.js: .venv-browser/ready
	cd .venv-browser && npm pack --silent axe-core@$(AXE) && tar -xzf axe-core-$(AXE).tgz package/axe.min.js
	@touch $@

.venv-tflite/ready: pyproject.toml edge_ocr/ctc/_kernel.c $(LOCKS)/tflite.txt
	@echo "== Making .venv-tflite with tflite-runtime and NumPy 1 (once; needs Python 3.11)"
	test -x .venv-tflite/bin/pip || python3.11 -m venv .venv-tflite
	.venv-tflite/bin/python $(PIP) --requirement $(LOCKS)/tflite.txt
	.venv-tflite/bin/python $(PIP) --no-deps --editable .
	@touch $@

.venv-release/ready: pyproject.toml $(LOCKS)/release.txt
	@echo "== Making .venv-release (once)"
	test -x .venv-release/bin/pip || $(PYTHON) -m venv .venv-release
	.venv-release/bin/python $(PIP) --requirement $(LOCKS)/release.txt
	@touch $@

.venv-docs/ready: pyproject.toml $(LOCKS)/docs.txt
	@echo "== Making .venv-docs (once)"
	test -x .venv-docs/bin/pip || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python $(PIP) --requirement $(LOCKS)/docs.txt
	@touch $@

.venv-train/ready: pyproject.toml $(LOCKS)/train.txt
	@echo "== Making .venv-train with torch (once)"
	test -x .venv-train/bin/pip || $(PYTHON) -m venv .venv-train
	.venv-train/bin/python $(PIP) --requirement $(LOCKS)/train.txt
	.venv-train/bin/python $(PIP) --no-deps --editable .
	@touch $@

.venv-convert/ready: pyproject.toml $(LOCKS)/convert.txt
	@echo "== Making .venv-convert with TensorFlow (once)"
	test -x .venv-convert/bin/pip || $(PYTHON) -m venv .venv-convert
	.venv-convert/bin/python $(PIP) --requirement $(LOCKS)/convert.txt
	.venv-convert/bin/python $(PIP) --no-deps --editable .
	@touch $@

# The locked versions anew, from the ranges in pyproject.toml; needs uv. What only LiteRT needs is left out beside
# tflite-runtime, and CUDA beside torch: on a machine without a GPU it would be gigabytes for nothing.
LOCK := uv pip compile pyproject.toml --quiet --no-header --no-annotate --python-version 3.11 \
	--constraint $(LOCKS)/constraints.txt
LITERT := ai-edge-litert backports-strenum flatbuffers ml-dtypes protobuf tqdm typing-extensions
locks: ## the locked versions anew
	$(LOCK) --universal --group test --output-file $(LOCKS)/test.txt
	$(LOCK) --group golden --extra tflite-runtime $(LITERT:%=--no-emit-package %) --output-file $(LOCKS)/tflite.txt
	$(LOCK) --group test --group browser --output-file $(LOCKS)/browser.txt
	$(LOCK) --group golden --group train --output-file $(LOCKS)/train.txt
	sed -i '/^nvidia-/d; /^cuda-/d; /^triton/d' $(LOCKS)/train.txt
	uv pip compile --quiet --no-header --no-annotate --python-version 3.11 --universal --no-emit-package edge-ocr \
		--extra mqtt --extra gpio --extra web --extra update --constraint $(LOCKS)/test.txt pyproject.toml --output-file $(LOCKS)/run.txt
	uv pip compile --quiet --no-header --no-annotate --python-version 3.11 --group docs --output-file $(LOCKS)/docs.txt
	uv pip compile --quiet --no-header --no-annotate --python-version 3.11 --group release --output-file $(LOCKS)/release.txt
	$(LOCK) --group golden --group convert --output-file $(LOCKS)/convert.txt

clean: ## remove what was made here
	rm -rf .venv-* out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
