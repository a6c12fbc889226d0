import { openNetlink } from '../netlink.ts';
import { NETLINK_NETFILTER, nftablesType } from '../nftables.ts';
import { checked, SOL_SOCKET, setOption, socketCalls } from '../socket/calls.ts';
import { requireKoffi } from '../socket/installed.ts';
import { readTraceMessage, type TraceMessage } from './message.ts';

/** What the kernel tells of traced packets in the network namespace in which this was opened. */
export interface TraceReceiver {
  /**
   * Hands every message that has come so far to `take`, and returns how many these were; it never waits. The headers in a
   * message are good only until `take` returns. Throws TraceOverrun where some were lost.
   */
  receive(take: (message: TraceMessage) => void): number;
  /** Resolves once something has come, or after so many milliseconds. */
  wait(milliseconds: number): Promise<void>;
  close(): void;
}

/** The kernel had more to tell than the socket's buffer holds. */
export class TraceOverrun extends Error {
  override readonly name = 'TraceOverrun';
  constructor() {
    super('the kernel traced more packets than were read in time: some messages are lost');
  }
}

/** Numbers of linux/netlink.h, linux/netfilter/nfnetlink.h, nf_tables.h and the C library. */
const AF_NETLINK = 16;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NFNLGRP_NFTRACE = 9;
const NFT_MSG_TRACE = 17;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const ENOBUFS = 105;
const POLLIN = 1;

/** Messages to fetch with one call, and the most bytes of one: 40 of names, headers of at most 20, 40 and 20, and numbers. */
const BATCH = 128;
const LARGEST = 1024;
/** struct mmsghdr and struct iovec on 64-bit machines. */
const MMSGHDR = { size: 64, iov: 16, iovlen: 24, length: 56 } as const;
const IOVEC = { size: 16, length: 8 } as const;

/**
 * Opens a socket on which the kernel tells what becomes of packets for which some rule has said `meta nftrace set 1`
 * (`openTraceTable` makes one). Needs CAP_NET_ADMIN. `buffer` is in bytes.
 *
 * @example
 * const receiver = openTraceReceiver();
 * receiver.receive(({ table, chain, handle, verdict }) => console.log(table, chain, handle, verdict));
 */
export function openTraceReceiver({ buffer = 32 << 20 }: { readonly buffer?: number } = {}): TraceReceiver {
  const koffi = requireKoffi();
  const libc = koffi.load(null);
  const recvmmsg = libc.func('int recvmmsg(int, void *, uint32_t, int, void *)');
  const poll = libc.func('int poll(_Inout_ void *, uint64_t, int)');
  const netlink = openNetlink(NETLINK_NETFILTER);
  // Only a socket with a number of its own is told anything: the kernel's own is 0.
  const anyNumber = Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  checked('bind', socketCalls().bind(netlink.fd, anyNumber, anyNumber.length));
  makeRoom(netlink.fd, buffer);
  setOption(netlink.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE, 'NETLINK_ADD_MEMBERSHIP');
  const places = batch(koffi);
  const traced = nftablesType(NFT_MSG_TRACE);
  // Another thread writes into it while it waits: it lives as long as the receiver does.
  const asked = new Uint8Array(8);
  new DataView(asked.buffer).setInt32(0, netlink.fd, true);
  asked[4] = POLLIN;
  return {
    receive(take) {
      let received = 0;
      for (;;) {
        const count = recvmmsg(netlink.fd, places.headers, BATCH, MSG_DONTWAIT, null) as number;
        if (count < 0 && koffi.errno() === ENOBUFS) throw new TraceOverrun();
        for (let index = 0; index < count; index += 1) {
          const part = places.parts[index]!;
          const length = places.lengths.getUint32(index * MMSGHDR.size + MMSGHDR.length, true);
          if ((part[4]! | (part[5]! << 8)) !== traced) continue;
          received += 1;
          take(readTraceMessage(part.subarray(0, length)));
        }
        if (count < BATCH) return received;
      }
    },
    wait: (milliseconds) =>
      new Promise((resolve) => {
        poll.async(asked, 1, milliseconds, () => resolve());
      }),
    close: () => netlink.close(),
  };
}

/** Root of a user namespace of its own gets no more than net.core.rmem_max. Source: socket(7). */
function makeRoom(fd: number, buffer: number): void {
  try {
    setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer, 'SO_RCVBUFFORCE');
  } catch {
    setOption(fd, SOL_SOCKET, SO_RCVBUF, buffer, 'SO_RCVBUF');
  }
}

/** Places for a batch of messages, laid out as recvmmsg(2) wants them. Little-endian, as all that koffi's Linux runs on. */
function batch(koffi: typeof import('koffi')) {
  const headers = new Uint8Array(BATCH * MMSGHDR.size);
  const vectors = new Uint8Array(BATCH * IOVEC.size);
  const bytes = new Uint8Array(BATCH * LARGEST);
  const lengths = new DataView(headers.buffer);
  const places = new DataView(vectors.buffer);
  // Buffers of this size lie outside the heap: the collector does not move them.
  const [vectorsAt, bytesAt] = [koffi.address(vectors), koffi.address(bytes)];
  for (let index = 0; index < BATCH; index += 1) {
    places.setBigUint64(index * IOVEC.size, bytesAt + BigInt(index * LARGEST), true);
    places.setBigUint64(index * IOVEC.size + IOVEC.length, BigInt(LARGEST), true);
    lengths.setBigUint64(index * MMSGHDR.size + MMSGHDR.iov, vectorsAt + BigInt(index * IOVEC.size), true);
    lengths.setBigUint64(index * MMSGHDR.size + MMSGHDR.iovlen, 1n, true);
  }
  const parts = Array.from({ length: BATCH }, (_, index) => bytes.subarray(index * LARGEST, (index + 1) * LARGEST));
  // `vectors` is pointed to only by addresses: whoever holds this keeps it.
  return { headers, lengths, parts, vectors };
}
