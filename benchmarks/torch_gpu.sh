#!/usr/bin/env bash
# On a machine with a GPU: the torch engine's tests there, then its speed beside Kornia's.
#   bash benchmarks/torch_gpu.sh FOLDER-OF-PACKAGES-WITH-KORNIA
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-.venv/bin/python}
"$python" -c 'import torch; print(torch.__version__, torch.cuda.get_device_name())'
VARIEGATE_DEVICE=cuda "$python" -m pytest -q tests/torch_engine
"$python" benchmarks/torch_engine.py --device cuda --batch 128 --site "$1" \
    --out benchmarks/results/torch_engine_cuda.json
