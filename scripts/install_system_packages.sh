#!/bin/sh
# Installs RabbitMQ and PostgreSQL by the system's package manager, where there would be no server otherwise:
# no address in the environment, no program on this machine, no container engine. Nothing is started.
set -eu

has_rabbitmq() {
    [ -n "${HELIOGRAPH_TEST_AMQP_URL:-}" ] || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] ||
        command -v rabbitmq-server >/dev/null 2>&1
}

has_postgres() {
    [ -n "${HELIOGRAPH_TEST_POSTGRES_URL:-}" ] || command -v postgres >/dev/null 2>&1 ||
        ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo --non-interactive "$@"; fi
}

missing=
has_rabbitmq || missing="$missing rabbitmq-server"
has_postgres || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
if docker info >/dev/null 2>&1; then exit 0; fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing:$missing. Fix: install them, or give addresses of servers in HELIOGRAPH_TEST_AMQP_URL and HELIOGRAPH_TEST_POSTGRES_URL." >&2
    exit 1
fi

echo "Installing$missing"
# Debian starts a server when its package is installed, unless this file says no. It is removed again if it is ours.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
fi
as_root apt-get update -qq
# shellcheck disable=SC2086  # one word for each package is wanted
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing
