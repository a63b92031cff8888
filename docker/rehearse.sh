#!/usr/bin/env bash
# Runs the steps of docker/Dockerfile in an empty directory, without Docker: what is copied, installed, built and pruned,
# and then the service with nothing but that. Ends with 0 if /readyz and one query were answered and it stopped in order.
# What this cannot show: the base image (the Node found here runs), the layers, USER node where we are not root, and compose.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/bucketql-image-XXXXXX")
service=
finish() {
  status=$?
  trap - EXIT INT TERM
  [ -n "$service" ] && kill -KILL "$service" 2> /dev/null
  rm -rf "$work"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
step() { echo "rehearsal: $*"; }

step 'copy what the Dockerfile copies'
mkdir "$work/build" "$work/app" "$work/data"
# What git knows or would add: neither node_modules nor dist of this directory come along.
git -C "$root" ls-files -z --cached --others --exclude-standard -- \
  package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json src |
  while IFS= read -r -d '' file; do [ ! -e "$root/$file" ] || printf '%s\0' "$file"; done |
  tar -C "$root" --null -T - -cf - | tar -C "$work/build" -xf -

cd "$work/build"
step 'npm ci'
npm ci --loglevel=error < /dev/null
step 'npm run build'
npm run --silent build < /dev/null
step 'npm prune --omit=dev'
npm prune --omit=dev --loglevel=error < /dev/null
rm -f dist/.tsbuildinfo
[ ! -e node_modules/typescript ] || { echo 'typescript would be in the image' >&2; exit 1; }

step 'the second stage: package.json, node_modules, dist'
mv package.json node_modules dist "$work/app/"
rm -rf "$work/build"
cd "$work/app"
echo "the image would add $(du -sm . | cut -f1) MB to its base"

step 'start'
run=()
if [ "$(id -u)" = 0 ] && id nobody > /dev/null 2>&1 && command -v setpriv > /dev/null; then
  # As in the image: a user that owns the data folder and nothing else.
  chmod 755 "$work"
  chown nobody "$work/data"
  run=(setpriv --reuid nobody --clear-groups)
fi
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
token=rehearsal-token
env NODE_ENV=production BUCKETQL_DATA_DIR="$work/data" BUCKETQL_PORT="$port" BUCKETQL_HOST=127.0.0.1 \
  BUCKETQL_API_TOKENS="$token" "${run[@]}" node dist/index.cjs > "$work/log" 2>&1 < /dev/null &
service=$!
ready=
for _ in $(seq 150); do
  # The image's HEALTHCHECK.
  if BUCKETQL_PORT=$port node -e 'fetch(`http://127.0.0.1:${process.env.BUCKETQL_PORT}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'; then
    ready=1
    break
  fi
  kill -0 "$service" 2> /dev/null || break
  sleep 0.1
done
[ -n "$ready" ] || { cat "$work/log" >&2; echo 'the service is not ready' >&2; exit 1; }
step '/readyz answers; one query'
TOKEN=$token URL="http://127.0.0.1:$port/graphql" node -e '
  const ask = (headers) => fetch(process.env.URL, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query: "{ __typename datasets { name } }" }),
  });
  (async () => {
    const refused = await ask({});
    if (refused.status !== 401) throw new Error(`without a token the answer is ${refused.status}`);
    const text = await (await ask({ authorization: `Bearer ${process.env.TOKEN}` })).text();
    console.log(text);
    if (text.trim() !== `{"data":{"__typename":"Query","datasets":[]}}`) process.exit(1);
  })().catch((error) => { console.error(error); process.exit(1); });
'
step 'stop'
kill -TERM "$service"
if wait "$service"; then service=; else
  cat "$work/log" >&2
  echo 'the service did not stop in order' >&2
  exit 1
fi
step 'done'
