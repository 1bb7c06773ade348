#!/bin/sh
# Runs every test: first those of one process in parallel, then the end-to-end ones, which need the machine.
# A file's tests share one worker, so that the dbt runs they share take place once.
set -u
bin=.venv/bin
reports=.build/tests
mkdir -p "$reports"
rm -f .coverage .coverage.* "$reports"/*.xml
status=0

"$bin/python" -m pytest -q -n 2 --dist loadfile -m "not e2e and not long" --cov --cov-report= \
    --junitxml="$reports/parts.xml" || status=1
"$bin/python" -m pytest -q -m "e2e and not long" --cov --cov-append --cov-report= \
    --junitxml="$reports/end-to-end.xml" || status=1
"$bin/coverage" report --skip-covered --sort=cover || status=1
"$bin/python" scripts/count_tests.py "$reports"/*.xml || status=1
exit $status
