#!/usr/bin/env bash
# Builds the documentation site, static files that need neither a server nor a network:
#
#     pip install -c constraints.txt -e ".[docs]"
#     bash scripts/build_site.sh              # to build/site; open build/site/index.html
#     bash scripts/build_site.sh FOLDER
#
# A warning, such as a link that leads nowhere, is an error.
set -euo pipefail
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
site="$(realpath -m -- "${1:-$root/build/site}")"
doctrees="$(mktemp -d)" # always empty, so that what the pages compute is computed again
trap 'rm -rf -- "$doctrees"' EXIT

cd "$root"
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
"${PYTHON:-python}" -m sphinx -q -W --keep-going -b html -c docs -d "$doctrees" . "$site"
echo "the site is in $site: open index.html"
