import type { XPathToken } from './xpath-tokens.js';
import { tokenizeXPath } from './xpath-tokens.js';

/** An XPath has a part that whoever parses it does not know. */
export class UnknownPart extends Error {
  constructor(readonly part: string) {
    super(part);
  }
}

/** The tokens of an XPath, one after the other. */
export class XPathCursor {
  private readonly tokens: readonly XPathToken[];
  /** Index of the next token. */
  at = 0;

  constructor(private readonly xpath: string) {
    this.tokens = tokenizeXPath(xpath);
  }

  peek(ahead = 0): XPathToken | undefined {
    return this.tokens[this.at + ahead];
  }

  /** Whether the next token is this symbol, or this name as an operator. */
  is(text: string): boolean {
    const token = this.peek();
    return token?.text === text && (token.role === null || token.role === 'operator');
  }

  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.unknown();
  }

  /** The part that begins with a token is not known. */
  unknown(from = this.at): UnknownPart {
    const begin = this.tokens[from]?.at ?? 0;
    return new UnknownPart(this.xpath.slice(begin).trim().slice(0, 60) || this.xpath.slice(0, 60));
  }
}
