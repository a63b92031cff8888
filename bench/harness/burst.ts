import { Agent, request } from 'node:http';

/**
 * Asks a service so many queries over so many connections, each as soon as its last is answered.
 * @returns milliseconds until the last answer
 */
export async function burst(
  url: string,
  options: {
    readonly connections: number;
    readonly requests: number;
    readonly ask: (n: number) => { readonly query: string; readonly variables?: object };
  },
): Promise<number> {
  const { connections, requests, ask } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let asked = 0;
  const began = performance.now();
  const asker = async () => {
    while (asked < requests) {
      const answer = await post(url, agent, JSON.stringify(ask(asked++)));
      if (answer.includes('"errors"')) throw new Error(answer.toString());
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, asker));
    return performance.now() - began;
  } finally {
    agent.destroy();
  }
}

// fetch would take more of the processors than the service that it asks.
function post(url: string, agent: Agent, body: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => resolve(Buffer.concat(chunks)));
        response.once('error', reject);
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
}
