#!/usr/bin/env bash
# Train a small LSTM in a few minutes, with nothing but Python 3.11 or newer and this repository.
# Further arguments are passed to the command: scripts/quickstart.sh --max_steps 100
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment ""
cd "$repository"
exec "$environment/bin/lmcourse" train configs/quickstart.yaml "$@"
