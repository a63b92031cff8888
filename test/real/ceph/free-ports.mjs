// Prints three ports that are free now: for the gateway, for the proxy, and for the monitor, which lies low enough for 60 more above it.
import { createServer } from 'node:net';

const listen = (port) =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

const servers = [await listen(0), await listen(0)];
while (servers.length < 3) {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  await listen(port).then(
    (server) => servers.push(server),
    () => undefined,
  );
}
console.log(servers.map((server) => server.address().port).join(' '));
for (const server of servers) server.close();
