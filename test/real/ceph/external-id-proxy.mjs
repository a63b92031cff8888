// external-id-proxy.mjs LISTEN_PORT GATEWAY_PORT
// The gateway never fills sts:ExternalId, but it does judge aws:Referer in trust policies. So AssumeRole's ExternalId goes into
// the Referer header (which is not signed), and a role that is to ask for the id has a condition on aws:Referer.
// Objects below a folder named slow/ are held back for a while, so that an import takes longer than its sessions live.
// Host is handed on as it came, so that signatures still hold.
import { createServer, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const slowMilliseconds = 2_100;
const [listenPort, gatewayPort] = process.argv.slice(2).map(Number);

createServer(async (incoming, outgoing) => {
  const headers = { ...incoming.headers };
  delete headers.referer;
  let form;
  if (incoming.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    form = await buffer(incoming);
    const fields = new URLSearchParams(form.toString());
    const externalId = fields.get('ExternalId');
    if (fields.get('Action') === 'AssumeRole' && externalId !== null) headers.referer = externalId;
  }
  const slow = incoming.method === 'GET' && /^[^?]*\/slow\/[^?]/.test(incoming.url);
  const forwarded = request(
    {
      host: '127.0.0.1',
      port: gatewayPort,
      method: incoming.method,
      path: incoming.url,
      headers,
    },
    async (answer) => {
      outgoing.writeHead(answer.statusCode, answer.rawHeaders);
      // The request itself must not wait: its signature would outlive the session.
      if (slow) await sleep(slowMilliseconds);
      answer.on('error', () => outgoing.destroy());
      answer.pipe(outgoing);
    },
  );
  forwarded.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end();
  });
  // A client that goes away takes its request along.
  outgoing.on('close', () => forwarded.destroy());
  if (form) forwarded.end(form);
  else incoming.pipe(forwarded);
}).listen(listenPort, '127.0.0.1', () => console.log('listening'));
