import type { AddressValue } from '../../../src/address/index.ts';
import { toSockaddr } from '../../../src/linux/socket/address.ts';
import type { Machine } from './machine.ts';
import { type Probe, writePacket } from './probe.ts';

/** Longer than any packet. */
const bytes = new Uint8Array(256);

/** Sends a packet: through the interface by which it is to come in, or by its owner's socket. `id` is what tells it apart. */
export function sendProbe(machine: Machine, probe: Probe, id: number): void {
  const length = writePacket(probe, id, bytes);
  if (probe.on !== undefined) machine.arrive(probe.on, bytes, length);
  else {
    const { family, owner, mark, destination } = probe;
    machine.depart(family, owner, mark, sockaddrOf(destination), bytes, length);
  }
}

const SOCKADDR = {
  ipv4: toSockaddr({ family: 'ipv4', address: '0.0.0.0', port: 0 }),
  ipv6: toSockaddr({ family: 'ipv6', address: '::', port: 0 }),
};

/** A struct sockaddr: good until the next one is asked for. */
function sockaddrOf(address: AddressValue): Uint8Array {
  const bytes = typeof address === 'number' ? SOCKADDR.ipv4 : SOCKADDR.ipv6;
  const view = new DataView(bytes.buffer);
  if (typeof address === 'number') view.setUint32(4, address);
  else {
    view.setBigUint64(8, address >> 64n);
    view.setBigUint64(16, BigInt.asUintN(64, address));
  }
  return bytes;
}
