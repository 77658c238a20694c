# Sourced by quickstart.sh and run_tests.sh: a virtual environment, created once and reused.
#
# It is .venv in the repository root, or the folder that LMCOURSE_VENV names. Sourcing this file sets
# `repository` and `environment`; prepare_environment installs what is missing.

repository="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
environment="${LMCOURSE_VENV:-$repository/.venv}"
# The scripts change the directory, so a relative path is made absolute first.
[[ "$environment" == /* ]] || environment="$PWD/$environment"

fail() {
    echo "$1" >&2
    exit 1
}

is_supported() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
        if is_supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "hf-lmcourse needs Python 3.11 or newer, and none is on the PATH: install it from https://www.python.org/downloads/ and run this again."
}

# What an installation depends on: the declared and pinned versions, and the path of the repository.
fingerprint() {
    { cat "$repository/setup.cfg" "$repository/constraints.txt"; echo "$repository"; } | cksum
}

make_environment() {
    local python
    if [[ -e "$environment/pyvenv.cfg" ]] && ! is_supported "$environment/bin/python"; then
        fail "The environment $environment has no working Python 3.11 or newer: delete that folder and run this again."
    fi
    if ! "$environment/bin/python" -m pip --version >/dev/null 2>&1; then
        python="$(find_python)"
        "$python" -m venv "$environment" ||
            fail "$python cannot create an environment in $environment: see its message above (on Debian and Ubuntu, 'sudo apt install python3-venv' helps)."
    fi
}

# prepare_environment EXTRAS, where EXTRAS is "", "[test]" or "[dev]".
#
# The stamp is written last, so an interrupted installation is taken up again. Each of the three
# includes those before it, so an environment also serves those who ask for less.
prepare_environment() {
    local extras="$1" stamp="$environment/lmcourse-installed" wanted installed=""
    wanted="$(fingerprint)"
    if [[ -f "$stamp" ]] && is_supported "$environment/bin/python"; then
        installed="$(cat "$stamp")"
    fi
    case "$installed" in
        "$wanted$extras" | "$wanted[dev]") return ;;
        "$wanted[test]") [[ -n "$extras" ]] || return 0 ;;
    esac
    rm -f "$stamp"
    make_environment
    echo "Installing into $environment (a few minutes the first time) ..."
    (cd "$repository" && "$environment/bin/python" -m pip install --quiet --quiet \
        --disable-pip-version-check -c constraints.txt -e ".$extras") ||
        fail "The installation failed: read pip's message above, then run this again."
    echo "$wanted$extras" >"$stamp"
}
