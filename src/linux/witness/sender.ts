import type { AddressValue, Family } from '../../address/index.ts';
import { toSockaddr } from '../socket/address.ts';
import { checked, SOL_IP, SOL_SOCKET, setOption, socketCalls } from '../socket/calls.ts';
import { requireKoffi } from '../socket/installed.ts';
import { setMark } from '../socket/mark.ts';
import { asOwner, type Owner } from '../socket/owner.ts';

/** A socket that sends packets as they are made, in somebody's name. */
export interface Sender {
  readonly fd: number;
  /** Puts a mark on what it sends from now on. */
  mark(value: number): void;
  /** `to` is a struct sockaddr. False: the kernel refused it, or a rule dropped it. */
  send(bytes: Uint8Array, length: number, to: Uint8Array): boolean;
  close(): void;
}

/** Numbers of linux/in.h and the C library. */
const FAMILY = { ipv4: 2, ipv6: 10 } as const;
const SOCK_RAW_CLOEXEC = 0x8_0003;
const IPPROTO_RAW = 255;
const IP_HDRINCL = 3;
const SO_PRIORITY = 12;

const SENDTO = 'intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)';
type SendTo = (...args: unknown[]) => number;
let sendto: SendTo | undefined;

/**
 * Opens a raw socket that `-m owner` takes for that owner's. `priority` (SO_PRIORITY) is on all that it sends, and on nothing that
 * the kernel sends by itself. Needs CAP_NET_RAW, and CAP_SETUID for other owners: throws SystemCallFailed EPERM. Source: raw(7).
 */
export function openSender(family: Family, owner: Owner, priority: number): Sender {
  sendto ??= requireKoffi().load(null).func(SENDTO) as SendTo;
  const calls = socketCalls();
  const fd = asOwner(owner, () => checked('socket', calls.socket(FAMILY[family], SOCK_RAW_CLOEXEC, IPPROTO_RAW)));
  // IPv6's raw sockets of this protocol take whole packets without being told.
  if (family === 'ipv4') setOption(fd, SOL_IP, IP_HDRINCL, 1, 'IP_HDRINCL');
  setOption(fd, SOL_SOCKET, SO_PRIORITY, priority, 'SO_PRIORITY');
  return {
    fd,
    mark: (value) => setMark(fd, value),
    send: (bytes, length, to) => Number(sendto?.(fd, bytes, length, 0, to, to.length)) === length,
    close: () => void calls.close(fd),
  };
}

const SOCKADDR = {
  ipv4: toSockaddr({ family: 'ipv4', address: '0.0.0.0', port: 0 }),
  ipv6: toSockaddr({ family: 'ipv6', address: '::', port: 0 }),
};

/** A struct sockaddr: good until the next one is asked for. */
export function sockaddrOf(address: AddressValue): Uint8Array {
  const bytes = typeof address === 'number' ? SOCKADDR.ipv4 : SOCKADDR.ipv6;
  const view = new DataView(bytes.buffer);
  if (typeof address === 'number') view.setUint32(4, address);
  else {
    view.setBigUint64(8, address >> 64n);
    view.setBigUint64(16, BigInt.asUintN(64, address));
  }
  return bytes;
}
