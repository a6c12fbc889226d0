import { endianness } from 'node:os';
import { requireKoffi } from './socket/installed.ts';

/** One netlink message. Source: linux/netlink.h. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** A netlink socket to the kernel. It speaks for the network namespace in which it was opened. */
export interface Netlink {
  /** The socket itself, for its options. */
  readonly fd: number;
  /** Sends messages in one datagram, and gives back all that the kernel answers. */
  exchange(messages: readonly Message[]): readonly Message[];
  close(): void;
}

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x8_0003;
const MSG_DONTWAIT = 0x40;
const HEADER = 16;
const LITTLE = endianness() === 'LE';
/** The largest part of a dump that the kernel hands out at once. */
const RECEIVED = 1 << 16;

/** Opens a socket of one of netlink's protocols (12: netfilter). */
export function openNetlink(protocol: number): Netlink {
  const koffi = requireKoffi();
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int, int, int)');
  const send = libc.func('intptr_t send(int, const void *, size_t, int)');
  const recv = libc.func('intptr_t recv(int, _Out_ void *, size_t, int)');
  const close = libc.func('int close(int)');
  const fd = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol) as number;
  if (fd < 0) throw new Error('no netlink socket can be opened');
  return {
    fd,
    exchange(messages) {
      const bytes = joined(messages.map(encode));
      if (Number(send(fd, bytes, bytes.length, 0)) !== bytes.length)
        throw new Error('the kernel takes no netlink message');
      // The kernel answers before send returns; a dump goes on while its parts are fetched.
      const answers: Message[] = [];
      for (;;) {
        const part = new Uint8Array(RECEIVED);
        const length = Number(recv(fd, part, part.length, MSG_DONTWAIT));
        if (length <= 0) return answers;
        answers.push(...decode(part.subarray(0, length)));
      }
    },
    close() {
      close(fd);
    },
  };
}

/** An attribute: its type and its bytes, padded. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, LITTLE);
  view.setUint16(2, type, LITTLE);
  bytes.set(value, 4);
  return bytes;
}

/** A string attribute, with its closing zero. */
export const stringAttribute = (type: number, text: string): Uint8Array =>
  attribute(type, new TextEncoder().encode(`${text}\0`));

/** The attributes in a message, from `from` on, by type. */
export function attributesOf(payload: Uint8Array, from: number): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  for (let at = from; at + 4 <= payload.length; ) {
    const length = view.getUint16(at, LITTLE);
    if (length < 4) break;
    // The two highest bits of a type say how its value is kept.
    found.set(view.getUint16(at + 2, LITTLE) & 0x3fff, payload.subarray(at + 4, at + length));
    at += padded(length);
  }
  return found;
}

/** The error number of an NLMSG_ERROR message: 0 is an acknowledgement. */
export const errorIn = ({ payload }: Message): number =>
  -new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getInt32(0, LITTLE);

/** Puts byte strings behind each other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function encode({ type, flags, payload }: Message, index: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + padded(payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HEADER + payload.length, LITTLE);
  view.setUint16(4, type, LITTLE);
  view.setUint16(6, flags, LITTLE);
  view.setUint32(8, index + 1, LITTLE);
  bytes.set(payload, HEADER);
  return bytes;
}

function decode(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, LITTLE);
    if (length < HEADER) break;
    const payload = bytes.subarray(at + HEADER, at + length);
    messages.push({ type: view.getUint16(at + 4, LITTLE), flags: view.getUint16(at + 6, LITTLE), payload });
    at += padded(length);
  }
  return messages;
}

const padded = (length: number): number => (length + 3) & ~3;
