import { writePacket } from '../../../src/linux/witness/bytes.ts';
import { sockaddrOf } from '../../../src/linux/witness/sender.ts';
/** Longer than any packet. */
const bytes = new Uint8Array(256);
/** Sends a packet: through the interface by which it is to come in, or by its owner's socket. `id` is what tells it apart. */
export function sendProbe(machine, probe, id) {
    const length = writePacket(probe, id, bytes);
    if (probe.on !== undefined)
        machine.arrive(probe.on, bytes, length);
    else {
        const { family, owner, mark, destination } = probe;
        machine.depart(family, owner, mark, sockaddrOf(destination), bytes, length);
    }
}
