// node .ci/complete-lock.mjs: run after `npm install` against a registry mirror that lacks other platforms' packages.
// npm then leaves their optional packages (such as @swc/core-darwin-arm64) out of the lock, and `npm ci` refuses it.
// This adds them by name and exact version, as npm would have; they carry no integrity hash.
import { readFileSync, writeFileSync } from 'node:fs';

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

const path = 'package-lock.json';
const lock = JSON.parse(readFileSync(path, 'utf8'));
const known = (name) =>
  Object.keys(lock.packages).some((key) => key.endsWith(`node_modules/${name}`));

for (const entry of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (known(name)) continue;
    const words = name.split(/[/.-]/);
    const os = systems.filter((word) => words.includes(word));
    const cpu = processors.filter((word) => words.includes(word));
    const libc = { musl: 'musl', gnu: 'glibc' }[
      words.find((word) => word === 'musl' || word === 'gnu')
    ];
    lock.packages[`node_modules/${name}`] = {
      version: range.replace(/^[\^~]/, ''),
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(entry.dev ? { dev: true } : {}),
      ...(libc && os.includes('linux') ? { libc: [libc] } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
    };
    console.log(`added ${name}`);
  }
}

const byName = ([a], [b]) => a.localeCompare(b, 'en');
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(byName));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
