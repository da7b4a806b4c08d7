# `make demo` runs the main job, `make test` runs every check. Both set up .venv by themselves and
# need only python3 (3.11 or newer), make and, for the native engine, a C++ compiler.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
WORKERS ?= 2
ADAPTERS := .venv-adapters

# With a compiler at hand a native core that does not build is an error, not a fallback.
HAS_COMPILER := $(if $(shell command -v $(or $(CXX),c++) || command -v g++ || command -v clang++),1,0)

NATIVE := $(shell find native -type f 2>/dev/null)
CPP := $(filter %.cpp %.h %.hpp,$(NATIVE))
SCRIPTS := .ci/run $(shell find benchmarks docs examples -name '*.sh' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-extras test-adapters test-samples frameworks docs lint format sanitize clean force

help:
	@echo 'make demo      search, compare and report on handwritten digits; needs no file'
	@echo 'make test      every check and every test'
	@echo 'make test-extras  the tests of Keras, Ray, MLflow and TensorBoard; installs them first'
	@echo 'make test-adapters  the adapters on TensorFlow, JAX, Hugging Face and others; installs those first'
	@echo 'make test-samples  of those the samples in docs and the guide to Keras alone'
	@echo 'make docs      the pages of docs/ as a site in build/docs'
	@echo 'make lint      the checks alone'
	@echo 'make format    rewrite Python and C++ in the house style'
	@echo 'make sanitize  build and run the C++ tests under the sanitizers'
	@echo 'make clean     remove .venv, builds, caches and runs'

venv: $(VENV)/.built

# torch goes first and alone: asked for together with others, pip may pick a far larger build of it.
$(VENV)/.torch:
	@echo '[1/3] creating $(VENV) and installing torch (the largest download; once only)'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) torch==2.13.0
	@touch $@

$(VENV)/.tools: $(VENV)/.torch pyproject.toml
	@echo '[2/3] installing the build tools'
	@$(PIP) 'scikit-build-core>=1.1' 'nanobind>=3.1' 'cmake>=3.26' 'ninja>=1.11'
	@touch $@

# The editable install maps module names to files, so a new, moved or removed module renews it.
$(VENV)/.modules: $(VENV)/.torch force
	@find variegate -name '*.py' | LC_ALL=C sort > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(VENV)/.built: $(VENV)/.tools $(VENV)/.modules pyproject.toml CMakeLists.txt $(NATIVE)
	@echo '[3/3] building variegate and installing what it needs'
	@touch $@.new # what is edited while this builds is newer than the stamp
	@VARIEGATE_REQUIRE_NATIVE=$(HAS_COMPILER) $(PIP) --no-build-isolation --editable '.[all,dev]'
	@mv $@.new $@

demo: venv
	@$(BIN)/variegate demo --out runs/demo

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict variegate
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive variegate
	$(BIN)/shellcheck $(SCRIPTS)
	$(if $(CPP),$(BIN)/clang-format --dry-run -Werror $(CPP))

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(CPP),$(BIN)/clang-format -i $(CPP))

# A file's tests stay on one worker, so that what its fixtures train or build is made once.
test: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

test-extras: venv
	@$(PIP) --no-build-isolation --editable '.[keras,ray,mlflow,tensorboard]'
	KERAS_BACKEND=torch $(BIN)/python -m pytest -q tests/extras

# The frameworks have an environment of their own, which sees .venv and what that one imports.
FRAMEWORKS := tests/frameworks/requirements.txt tests/frameworks/alone.txt
$(ADAPTERS)/.installed: $(FRAMEWORKS) | venv
	@echo 'installing the frameworks into $(ADAPTERS) (about 1 GB of downloads; once only)'
	@$(PYTHON) -m venv $(ADAPTERS)
	@packages=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		own=$$($(ADAPTERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		echo "import site; site.addsitedir('$$packages')" > "$$own/main.pth"
	@$(ADAPTERS)/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
		--requirement tests/frameworks/requirements.txt
	@$(ADAPTERS)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps \
		--requirement tests/frameworks/alone.txt
	@touch $@

test-adapters: $(ADAPTERS)/.installed
	$(ADAPTERS)/bin/python -m pytest -q -n $(WORKERS) --dist loadfile tests/frameworks

# What .ci/run takes of it: each page's samples on its frameworks, and a short form of the guide to Keras.
SAMPLES := tests/frameworks/test_pages.py \
	tests/frameworks/test_keras_backends.py::test_the_guide_runs_with_its_import_changed

frameworks: $(ADAPTERS)/.installed

test-samples: frameworks
	$(ADAPTERS)/bin/python -m pytest -q -n $(WORKERS) $(SAMPLES)

docs: venv
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs build/docs

sanitize: venv
	$(BIN)/cmake -S . -B build/sanitize -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
		-DVARIEGATE_MODULE=OFF -DVARIEGATE_TESTS=ON -DVARIEGATE_SANITIZE=ON
	$(BIN)/cmake --build build/sanitize
	$(BIN)/ctest --test-dir build/sanitize --output-on-failure

clean:
	rm -rf $(VENV) $(ADAPTERS) build dist runs .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

force:
