import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

// Everything comes from installed packages: the page works without a network and tells no CDN who looks at it.
const packageFile = createRequire(import.meta.url);
const assets: Readonly<Record<string, { package: string; file: string; type: string }>> = {
  '/graphiql/react.js': {
    package: 'react',
    file: 'umd/react.production.min.js',
    type: 'text/javascript',
  },
  '/graphiql/react-dom.js': {
    package: 'react-dom',
    file: 'umd/react-dom.production.min.js',
    type: 'text/javascript',
  },
  '/graphiql/graphiql.js': {
    package: 'graphiql',
    file: 'graphiql.min.js',
    type: 'text/javascript',
  },
  '/graphiql/graphiql.css': { package: 'graphiql', file: 'graphiql.min.css', type: 'text/css' },
};

const script = `
  const fetcher = GraphiQL.createFetcher({
    url: '/graphql',
    subscriptionUrl: location.origin.replace('http', 'ws') + '/graphql',
  });
  ReactDOM.createRoot(document.getElementById('graphiql')).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: '{\\n  datasets {\\n    name\\n    rowCount\\n    importedAt\\n    columns { name type description }\\n  }\\n}\\n',
      shouldPersistHeaders: false,
      defaultEditorToolsVisibility: 'headers',
    }),
  );
`;

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>bucketql</title>
    <style>html, body, #graphiql { height: 100%; margin: 0; }</style>
    <link rel="stylesheet" href="/graphiql/graphiql.css" />
  </head>
  <body>
    <div id="graphiql">Loading …</div>
    <script src="/graphiql/react.js"></script>
    <script src="/graphiql/react-dom.js"></script>
    <script src="/graphiql/graphiql.js"></script>
    <script src="/graphiql/start.js"></script>
  </body>
</html>
`;

/** Whether a request is a browser that opens the address, not a client that asks a query. */
export function wantsPage(request: IncomingMessage, url: URL): boolean {
  return (
    request.method === 'GET' &&
    !url.searchParams.has('query') &&
    !url.searchParams.has('extensions') &&
    (request.headers.accept ?? '').includes('text/html')
  );
}

/** Sends the GraphiQL page. */
export function graphiqlPage(response: ServerResponse): void {
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    })
    .end(page);
}

/** Sends one of the page's files. @returns false when the path is none of them */
export async function graphiqlAsset(path: string, response: ServerResponse): Promise<boolean> {
  if (path === '/graphiql/start.js') {
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    return true;
  }
  const asset = Object.hasOwn(assets, path) ? assets[path] : undefined;
  if (!asset) return false;
  const root = dirname(packageFile.resolve(`${asset.package}/package.json`));
  response.writeHead(200, {
    'content-type': `${asset.type}; charset=utf-8`,
    'cache-control': 'public, max-age=86400',
  });
  await pipeline(createReadStream(join(root, asset.file)), response);
  return true;
}
