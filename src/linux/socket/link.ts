import { AF_INET } from './address.ts';
import { checked, closeDescriptor, openSocket, socketCalls } from './calls.ts';

/** SIOCGIFFLAGS. Source: linux/sockios.h. */
const GET_FLAGS = 0x8913;
/** IFF_RUNNING. Source: linux/if.h. */
const RUNNING = 0x40;
/** A `struct ifreq`: the name, with a zero behind it, then what is asked for. */
const REQUEST = 40;
const NAME = 16;

/**
 * Whether a link of the network namespace that this thread is in carries packets: after it is set up, the kernel takes a while to
 * see that its other end is, too, and drops what is sent until then. Throws SystemCallFailed where there is no such link. Source:
 * netdevice(7).
 *
 * @example isRunning('eth0')
 */
export function isRunning(link: string): boolean {
  const fd = openSocket(AF_INET);
  try {
    const request = new Uint8Array(REQUEST);
    request.set(Buffer.from(link).subarray(0, NAME - 1));
    checked('ioctl SIOCGIFFLAGS', socketCalls().ioctl(fd, GET_FLAGS, request));
    return (new Uint16Array(request.buffer, NAME, 1)[0]! & RUNNING) !== 0;
  } finally {
    closeDescriptor(fd);
  }
}
