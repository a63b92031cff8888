#!/usr/bin/env bash
# stop.sh DIR - ends what start.sh recorded in DIR/pids and nothing else; a pid that belongs to another program by now is left alone.
set -uo pipefail
dir=$(readlink -m "$1")
[ -f "$dir/pids" ] || exit 0

ours() { # PID NAME: still that program, and no zombie
  [ "$(cat "/proc/$1/comm" 2> /dev/null)" = "$2" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"
}
signal_all() {
  local left=1
  while read -r pid name; do
    if ours "$pid" "$name"; then
      left=0
      [ "$1" = 0 ] || kill -s "$1" "$pid" 2> /dev/null
    fi
  done < <(tac "$dir/pids")
  return $left
}

signal_all TERM
for attempt in $(seq 80); do
  signal_all 0 || break
  [ "$attempt" = 30 ] && signal_all KILL
  sleep 0.1
done
rm -f "$dir/pids"
