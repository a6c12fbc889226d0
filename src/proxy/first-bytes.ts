import { handshakeMessage, mayBeClientHello, readClientHello } from './client-hello.ts';

/** What a client speaks; `other` is anything else. */
export type Protocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2' | 'TLS' | 'other';

/** What the first bytes of a client say. The names are a stranger's, in printable ASCII. */
export interface Spoken {
  readonly protocol: Protocol;
  /** TLS: the server's name that the client asks for (SNI). */
  readonly serverName?: string;
  /** TLS: what the client would speak inside (ALPN), the best first. */
  readonly applicationProtocols?: readonly string[];
}

/** So many bytes are looked at. A ClientHello with a key of after quantum computers has less than 2000; servers take request lines of 8000. */
export const LOOKED_AT = 8192;

const OTHER: Spoken = { protocol: 'other' };
const HTTP_1_0: Spoken = { protocol: 'HTTP/1.0' };
const HTTP_1_1: Spoken = { protocol: 'HTTP/1.1' };
const HTTP_2: Spoken = { protocol: 'HTTP/2' };

/** Source: RFC 9113, 3.4. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const [LINE_FEED, RETURN] = [10, 13];
/** The longest method there is has 17 letters (UPDATEREDIRECTREF, RFC 4437). */
const LONGEST_METHOD = 24;

/**
 * What the bytes are that a client has sent first; undefined where they may yet become this or that. Whatever it says holds however many
 * bytes follow. Never throws.
 *
 * @example recognise(Buffer.from('GET / HTTP/1.1\r\n')) // { protocol: 'HTTP/1.1' }
 */
export function recognise(bytes: Buffer): Spoken | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length > LOOKED_AT) return recognise(bytes.subarray(0, LOOKED_AT));
  const spoken = mayBeClientHello(bytes) ? tls(bytes) : http(bytes);
  return spoken ?? (bytes.length < LOOKED_AT ? undefined : OTHER);
}

function tls(bytes: Buffer): Spoken | undefined {
  const message = handshakeMessage(bytes) ?? (bytes.length < LOOKED_AT ? undefined : bytes.subarray(5));
  return message && { protocol: 'TLS', ...readClientHello(message) };
}

function http(bytes: Buffer): Spoken | undefined {
  const compared = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, compared, 0, compared) === 0) return compared === PREFACE.length ? HTTP_2 : undefined;
  // A server skips one empty line before a request (RFC 9112, 2.2).
  const start = bytes[0] === LINE_FEED ? 1 : bytes[0] === RETURN && (bytes[1] ?? LINE_FEED) === LINE_FEED ? 2 : 0;
  const end = bytes.indexOf(LINE_FEED, start);
  if (end >= 0) return requestLine(bytes.toString('latin1', start, end));
  return /^(?:$|[A-Z-]+(?: |$))/.test(bytes.toString('latin1', start, start + LONGEST_METHOD + 1)) ? undefined : OTHER;
}

/** Source: RFC 9112, 3. Targets hold no space, and neither do methods that anybody has heard of hold small letters. */
function requestLine(line: string): Spoken {
  const [, minor] = /^[A-Z-]{1,24} [^ ]+ HTTP\/1\.([01])\r?$/.exec(line) ?? [];
  return minor === undefined ? OTHER : minor === '0' ? HTTP_1_0 : HTTP_1_1;
}

/**
 * Looks at a client's first bytes as they pass. Nothing waits for it: a server that speaks first is not kept, and what is not
 * recognised by the end never is.
 */
export class FirstBytes {
  /** Undefined as long as it is not known. */
  spoken: Spoken | undefined;
  /** What passed and did not say enough. */
  #kept: Buffer | undefined;

  /** More bytes passed; they may be overwritten after the call. */
  passed(bytes: Buffer): void {
    if (this.spoken) return;
    const looked = bytes.subarray(0, LOOKED_AT - (this.#kept?.length ?? 0));
    const all = this.#kept ? Buffer.concat([this.#kept, looked]) : looked;
    this.spoken = recognise(all);
    // A copy: the buffer is the engine's.
    this.#kept = this.spoken ? undefined : this.#kept ? all : Buffer.from(all);
  }
}
