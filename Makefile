# make demo · test [P=gaussianimage] · check · bench · registry · api · docs · gallery · release
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet -c constraints.txt
# absolute: tests run commands in other folders
DATA ?= $(abspath $(or $(INTERLEAF_DATA),../shared/data))

LIGHT := core cli plugins/media plugins/body plugins/pages plugins/gaussianimage plugins/scaling plugins/openrisk \
  plugins/continual plugins/sotopia plugins/trumans
# plugins that need torch, or are large: not part of the demo
HEAVY := plugins/training plugins/gemma plugins/followclick plugins/vlogger plugins/ray plugins/crosspaper
# optional parts, which the tests try too
EXTRAS := plugins/media[video,audio,flow,fast,torch,flip,fid,clip] plugins/gaussianimage[torch] plugins/continual[train,plot] \
  plugins/gemma[serve,eval,lora] plugins/followclick[animate,sam,serve] plugins/sotopia[train,lora,parquet]
TOYS := $(patsubst %/pyproject.toml,%,$(wildcard tests/toys/*/pyproject.toml))
PROJECTS := $(addsuffix /pyproject.toml,$(LIGHT))
DEV := pytest pytest-xdist hypothesis constriction ruff mypy import-linter types-PyYAML build jsonschema pytorch-msssim pyarrow \
  cyclonedx-python-lib[json-validation] transformers openai httpx torchmetrics playwright griffelib \
  mkdocs-material mkdocstrings[python]
TESTS := $(if $(P),plugins/$(P)/tests,)

.PHONY: demo test check bench registry api docs gallery release clean
.DELETE_ON_ERROR:

demo: .venv/.light
	$(BIN)/interleaf run gaussianimage/ladder --out demo \
	  image=$$($(BIN)/python -c "import skimage, os; print(os.path.join(skimage.data_dir, 'astronaut.png'))")
	@echo; echo "Open this page in a browser:"; echo "  $(CURDIR)/demo/outputs/page.html"

test: .venv/.full check
	OMP_NUM_THREADS=1 INTERLEAF_DATA=$(DATA) INTERLEAF_CATALOGUE=$(CURDIR)/tests/toys/catalogue.toml \
	  $(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

check: .venv/.full
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy $(addsuffix /src,$(LIGHT) $(HEAVY))
	$(BIN)/lint-imports

bench: .venv/.full
	INTERLEAF_DATA=$(DATA) $(BIN)/python tests/bench.py

registry: .venv/.light
	$(BIN)/python -m interleaf.registry.generate registry.toml

# the site, in site/index.html; every page is made from its source (docs/building.py)
docs: .venv/.full
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

gallery: .venv/.full
	OMP_NUM_THREADS=1 INTERLEAF_DATA=$(DATA) $(BIN)/python docs/gallery.py

api: .venv/.full
	$(BIN)/python tests/public_names.py > spec/api-1.txt

release: .venv/.full
	rm -rf dist && for p in $(LIGHT) $(HEAVY); do $(BIN)/python -m build --wheel --no-isolation --outdir dist $$p || exit 1; done

.venv/bin/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/pip --disable-pip-version-check install --quiet -c constraints.txt hatchling editables

# what the demo needs: no torch
.venv/.light: .venv/bin/pip constraints.txt $(PROJECTS)
	$(PIP) --no-build-isolation $(foreach p,$(LIGHT),-e $p)
	@touch $@

# what the tests need: torch, the tools and the toys too
.venv/.full: .venv/.light $(addsuffix /pyproject.toml,$(HEAVY) $(TOYS))
	$(PIP) $(DEV) torch
	$(PIP) --no-build-isolation $(foreach p,$(HEAVY),-e $p)
	$(PIP) --no-build-isolation $(foreach p,$(EXTRAS),-e $p)
	$(PIP) --no-build-isolation --no-deps $(foreach p,$(TOYS),-e $p)
	@touch $@

clean:
	rm -rf .venv dist demo runs site
