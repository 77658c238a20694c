#!/usr/bin/env bash
# Run the tests, with nothing but Python 3.11 or newer and this repository.
# Further arguments are passed to pytest: scripts/run_tests.sh tests/layers -x
# The tests run in one process per processor core, at most eight; -n 0 keeps them in one process.
# The network is used to install, never by a test; for the tests that need the Hub:
# HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=0 scripts/run_tests.sh -m hub
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

prepare_environment "[test]"
cd "$repository"
export HF_HUB_OFFLINE="${HF_HUB_OFFLINE:-1}" TRANSFORMERS_OFFLINE="${TRANSFORMERS_OFFLINE:-1}"
exec "$environment/bin/python" -m pytest -n logical --maxprocesses 8 --dist worksteal "$@"
