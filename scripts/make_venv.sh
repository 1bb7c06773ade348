#!/bin/sh
# Makes a virtual environment with the pinned development set. Usage: make_venv.sh FOLDER
set -eu
venv=$1
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

python=
for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$new_enough" >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "No Python 3.11 or newer found. Fix: install Python 3.11 and put it on the PATH." >&2
    exit 1
fi

echo "Installing the pinned development set into $venv with $($python --version)"
"$python" -m venv "$venv"
# uv resolves and installs in seconds what takes pip minutes; where it cannot be had, pip does the same work.
# Bytecode is compiled once, as pip does: where PYTHONDONTWRITEBYTECODE is set, as in many containers, every start of
# dbt and Airflow would otherwise compile their sources anew, for seconds.
if "$venv/bin/python" -m pip install --quiet --constraint constraints.txt uv &&
    "$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --constraint constraints.txt \
        --editable '.[dev]'; then
    exit 0
fi
echo "uv could not install the set; pip tries" >&2
exec "$venv/bin/python" -m pip install --constraint constraints.txt --editable '.[dev]'
