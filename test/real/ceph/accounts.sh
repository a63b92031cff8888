#!/usr/bin/env bash
# accounts.sh DIR - two accounts: 111111111111 runs the service, 222222222222 owns the bucket and may make roles.
# A gateway tenant with a name of 12 digits is what AWS calls an account. The keys open nothing but this gateway.
set -euo pipefail
export CEPH_CONF="$1/ceph.conf"
user() { radosgw-admin user create --display-name=test "$@" > /dev/null; }
user --tenant 111111111111 --uid bucketql --access-key AKIASERVICE000000001 --secret-key service-secret
user --tenant 111111111111 --uid intruder --access-key AKIAINTRUDER00000001 --secret-key intruder-secret
user --tenant 222222222222 --uid owner --access-key AKIAOWNER00000000001 --secret-key owner-secret --caps 'roles=*'
