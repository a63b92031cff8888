/**
 * What the text says as a URL; undefined if it is none. `URL.canParse` is not asked: Node 20 and 22 have it deny texts with
 * letters such as ü after some thousand calls (seen on 20.20.2; https://github.com/AikidoSec/firewall-node/pull/1086).
 */
export function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
