#!/usr/bin/env bash
# start.sh DIR GATEWAY_PORT MONITOR_PORT
# One Ceph monitor, one object store daemon that keeps its data in memory, and the RADOS gateway with S3, STS
# and IAM, all on 127.0.0.1, as the calling user. What was started is written to DIR/pids for stop.sh.
# RGW_STS_MIN is the shortest session in seconds that AssumeRole gives. (Default: 900, as AWS)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(readlink -m "$1")
port=$2
monitor_port=$3
if [ -e "$dir/pids" ]; then
  echo "$dir/pids exists: something was started there; run stop.sh first" >&2
  exit 2
fi
mkdir -p "$dir"/{mon,osd,rgw,run,log}
export CEPH_CONF="$dir/ceph.conf"
keyring="$dir/keyring"
cluster=$(cat /proc/sys/kernel/random/uuid)
store=$(cat /proc/sys/kernel/random/uuid)

cat > "$CEPH_CONF" <<CONF
[global]
fsid = $cluster
keyring = $keyring
mon host = [v2:127.0.0.1:$monitor_port/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
ms bind port min = $((monitor_port + 1))
ms bind port max = $((monitor_port + 60))
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
log file = $dir/log/\$name.log
run dir = $dir/run
admin socket = $dir/run/\$name.asok
pid file = $dir/run/\$name.pid
crash dir = $dir/run
# One copy on one daemon is all that a test needs.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon cluster log to file = false
paxos propose interval = 0.05
paxos min wait = 0.01
[mon]
mon data = $dir/mon
mon data avail crit = 1
mon data avail warn = 2
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
osd op num shards = 2
[client.rgw.a]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
rgw dns name = localhost
rgw thread pool size = 64
rgw s3 auth use sts = true
rgw s3 auth order = sts, external, local
rgw sts key = bucketql-tests-1
rgw sts min session duration = ${RGW_STS_MIN:-900}
rgw crypt require ssl = false
# One key for SSE-KMS, which protects nothing.
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=$(head -c 32 /dev/zero | tr '\0' K | base64)
CONF

note() { echo "$1 $2" >> "$dir/pids"; }
give_up() {
  echo "the gateway did not start: $*" >&2
  "$here/stop.sh" "$dir" >&2 || true
  exit 1
}

: > "$dir/pids"
ceph-authtool --create-keyring "$keyring" --gen-key -n mon. --cap mon 'allow *' > "$dir/log/keys"
ceph-authtool "$keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >> "$dir/log/keys"
ceph-authtool "$keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >> "$dir/log/keys"
ceph-authtool "$keyring" --gen-key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx' >> "$dir/log/keys"
monmaptool --create --fsid "$cluster" --addv a "[v2:127.0.0.1:$monitor_port]" "$dir/monmap" >> "$dir/log/keys"

ceph-mon -i a --mkfs --monmap "$dir/monmap" --keyring "$keyring" > "$dir/log/mon.mkfs" 2>&1 ||
  give_up "$(tail -3 "$dir/log/mon.mkfs")"
ceph-mon -i a -f > "$dir/log/mon.out" 2>&1 < /dev/null &
note $! ceph-mon

timeout 60 ceph osd new "$store" > "$dir/log/osd.new" 2>&1 || give_up "$(tail -3 "$dir/log/osd.new")"
ceph-osd -i 0 --mkfs --osd-uuid "$store" > "$dir/log/osd.mkfs" 2>&1 || give_up "$(tail -3 "$dir/log/osd.mkfs")"
ceph-osd -i 0 -f > "$dir/log/osd.out" 2>&1 < /dev/null &
note $! ceph-osd

radosgw -n client.rgw.a -f > "$dir/log/rgw.out" 2>&1 < /dev/null &
gateway=$!
note $gateway radosgw
for _ in $(seq 600); do
  if curl -s -o /dev/null -m 2 "http://127.0.0.1:$port/"; then
    echo "gateway at http://127.0.0.1:$port"
    exit 0
  fi
  kill -0 $gateway 2> /dev/null || give_up "radosgw ended: $(tail -3 "$dir/log/rgw.out")"
  sleep 0.1
done
give_up "no answer on port $port after 60 s"
