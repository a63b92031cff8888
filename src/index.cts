#!/usr/bin/env node
// CommonJS, because it must run before anything else: loading an ES module already starts libuv's thread pool, which
// reads its size once. Four long queries would fill the default pool of four threads and stop every file read.
process.env['UV_THREADPOOL_SIZE'] ??= '16';
void import('./main.js');
