/** What a TLS client asks for in the clear. With an encrypted ClientHello (ECH) this is the outer one. */
export interface ClientHello {
  /** The name of the server, in printable ASCII: see `printable`. */
  readonly serverName?: string;
  /** What the client would speak inside: `h2`, `http/1.1`. */
  readonly applicationProtocols?: readonly string[];
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** A record's type, version and length; a handshake message's type and length. */
const RECORD = 5;
const MESSAGE = 4;
/** The version that is no longer looked at, and 32 random bytes. */
const BEFORE_SESSION = 2 + 32;
const SERVER_NAME = 0;
const APPLICATION_PROTOCOLS = 16;
const HOST_NAME = 0;
const LONGEST_NAME = 255;
/** So many protocols are told: nobody offers more, and a log line is not the client's to fill. */
const MOST_PROTOCOLS = 8;

/** Whether bytes are, or may yet become, a record with a ClientHello in it. Source: RFC 8446, 5.1 and 4. */
export function mayBeClientHello(bytes: Uint8Array): boolean {
  const [type = HANDSHAKE, major = 3, minor = 0, , , message = CLIENT_HELLO] = bytes;
  return type === HANDSHAKE && major === 3 && minor <= 4 && message === CLIENT_HELLO;
}

/**
 * The bytes of the first handshake message, which may come in several records; undefined where more are to come. What is not
 * made as it should be ends it there.
 */
export function handshakeMessage(bytes: Uint8Array): Uint8Array | undefined {
  const pieces: Uint8Array[] = [];
  let have = 0;
  let whole = MESSAGE;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE) return joined(pieces);
    const size = numberAt(bytes, at + 3, 2);
    if (size === 0 && at + RECORD <= bytes.length) return joined(pieces);
    const piece = bytes.subarray(at + RECORD, at + RECORD + size);
    pieces.push(piece);
    have += piece.length;
    // Its length may itself be cut in two.
    if (have >= MESSAGE) whole = MESSAGE + numberAt(joined(pieces), 1, 3);
    if (have >= MESSAGE && have >= whole) return joined(pieces).subarray(0, whole);
    at += RECORD + size;
  }
  return undefined;
}

/** Reads a ClientHello as far as it goes; what is not there, or is not as it should be, is left out. Never throws. Source: RFC 8446, 4.1.2. */
export function readClientHello(message: Uint8Array): ClientHello {
  const body = message.subarray(MESSAGE);
  let at = BEFORE_SESSION;
  // The session, the cipher suites, the compression methods.
  for (const size of [1, 2, 1] as const) at += size + vector(body, at, size).length;
  let hello: ClientHello = {};
  for (const [type, data] of extensions(vector(body, at, 2))) {
    if (type === SERVER_NAME) hello = { ...hello, ...nameIn(data) };
    else if (type === APPLICATION_PROTOCOLS) hello = { ...hello, ...protocolsIn(data) };
  }
  return hello;
}

function* extensions(bytes: Uint8Array): Generator<readonly [number, Uint8Array]> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const data = vector(bytes, at + 2, 2);
    yield [numberAt(bytes, at, 2), data];
    at += 4 + data.length;
  }
}

/** Source: RFC 6066, 3. */
function nameIn(data: Uint8Array): ClientHello {
  const list = vector(data, 0, 2);
  const name = list[0] === HOST_NAME ? vector(list, 1, 2) : list.subarray(0, 0);
  return name.length === 0 || name.length > LONGEST_NAME ? {} : { serverName: printable(name) };
}

/** Source: RFC 7301, 3.1. */
function protocolsIn(data: Uint8Array): ClientHello {
  const list = vector(data, 0, 2);
  const names: string[] = [];
  for (let at = 0; at < list.length && names.length < MOST_PROTOCOLS; ) {
    const name = vector(list, at, 1);
    names.push(printable(name));
    at += 1 + name.length;
  }
  return names.length === 0 ? {} : { applicationProtocols: names };
}

/**
 * Bytes that a stranger has sent, as text that does nothing to a terminal and is one word of a log line: what is not printable ASCII
 * is written `\x1b`, and so are the space, the quote and the backslash.
 */
export const printable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');

/** A number of so many bytes; those that are not there count as 0. */
function numberAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = at; index < at + size; index += 1) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

/** What stands behind its own length of `size` bytes, as far as it is there. */
const vector = (bytes: Uint8Array, at: number, size: 1 | 2): Uint8Array =>
  bytes.subarray(at + size, at + size + numberAt(bytes, at, size));

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first, ...rest] = pieces;
  return first && rest.length === 0 ? first : Buffer.concat(pieces);
}
