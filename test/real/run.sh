#!/usr/bin/env bash
# npm run test:real - the S3 and STS parts against the Ceph gateway, which is software that we did not write.
# Starts a gateway of its own on free ports, runs test/real/*.test.ts, and in any case stops it and removes its files.
# Arguments go to Jest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
packages=(radosgw ceph-mon ceph-osd ceph-common)

missing=
for program in radosgw radosgw-admin ceph-mon ceph-osd ceph ceph-authtool monmaptool curl; do
  command -v "$program" > /dev/null || missing=$program
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "test:real needs $missing. On Debian: sudo apt-get install --no-install-recommends ${packages[*]} curl" >&2
    exit 2
  fi
  echo "installing ${packages[*]} for test:real"
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" curl; } > "$log" 2>&1 < /dev/null; then
    tail -20 "$log" >&2
    rm -f "$log"
    echo "the packages could not be installed" >&2
    exit 2
  fi
  rm -f "$log"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/bucketql-ceph-XXXXXX")
proxy=
finish() {
  status=$?
  trap - EXIT INT TERM
  [ -n "$proxy" ] && kill "$proxy" 2> /dev/null
  "$here/ceph/stop.sh" "$work"
  rm -rf "$work"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Ports that are free now; the monitor's daemons take theirs from the 60 above its own.
read -r gateway_port proxy_port monitor_port < <(node "$here/ceph/free-ports.mjs")
started=$(date +%s)
RGW_STS_MIN=2 "$here/ceph/start.sh" "$work" "$gateway_port" "$monitor_port"
"$here/ceph/accounts.sh" "$work"
node "$here/ceph/external-id-proxy.mjs" "$proxy_port" "$gateway_port" > "$work/proxy.out" 2>&1 < /dev/null &
proxy=$!
for _ in $(seq 100); do
  grep -q listening "$work/proxy.out" && break
  sleep 0.1
done
echo "gateway, accounts and proxy are up after $(($(date +%s) - started)) s"

cd "$root"
BUCKETQL_TEST_GATEWAY="http://127.0.0.1:$proxy_port" node_modules/.bin/jest --config test/real/jest.config.mjs "$@" < /dev/null
