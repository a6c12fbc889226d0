import { checked, socketCalls } from '../socket/calls.ts';
import { requireKoffi } from '../socket/installed.ts';

/** A network card of this process's own: what is written to it has arrived by it. Nobody reads what is sent by it. */
export interface Card {
  readonly fd: number;
  /** A packet comes in. The kernel has done all with it when this returns, but for what goes over loopback. */
  arrive(bytes: Uint8Array, length: number): void;
  /** Its number. Source: netdevice(7), SIOCGIFINDEX. */
  index(): number;
  close(): void;
}

/** Numbers of linux/if_tun.h and linux/sockios.h. */
const O_RDWR_NONBLOCK = 0o4002;
const TUNSETIFF = 0x4004_54ca;
const TUNSETPERSIST = 0x4004_54cb;
const SIOCGIFINDEX = 0x8933;
const IFF_TUN_NO_PI = 0x1001;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;

let bound: ReturnType<typeof bind> | undefined;

function bind() {
  const libc = requireKoffi().load(null);
  const call = (prototype: string) => libc.func(prototype) as (...args: unknown[]) => number;
  return {
    open: call('int open(const char *, int)'),
    ioctl: call('int ioctl(int, unsigned long, void *)'),
    persist: call('int ioctl(int, unsigned long, unsigned long)'),
    write: call('intptr_t write(int, const void *, size_t)'),
  };
}

/**
 * Makes a TUN device in this process's own network namespace. It goes with the process, however that ends; `stays`: with its
 * namespace. Throws SystemCallFailed: ENOENT where there is no /dev/net/tun, EPERM without CAP_NET_ADMIN, EBUSY where the name is
 * taken. Source: Documentation/networking/tuntap.rst.
 *
 * @example const card = openCard('probe0'); card.arrive(bytes, writePacket(packet, 1, bytes)); card.close();
 */
export function openCard(name: string, { stays = false }: { readonly stays?: boolean } = {}): Card {
  bound ??= bind();
  const { open, ioctl, persist, write } = bound;
  const { socket, close } = socketCalls();
  const fd = checked('open /dev/net/tun', open('/dev/net/tun', O_RDWR_NONBLOCK));
  const request = (flags: number): Uint8Array => {
    const bytes = new Uint8Array(40);
    bytes.set(new TextEncoder().encode(name));
    new DataView(bytes.buffer).setUint16(16, flags, true);
    return bytes;
  };
  try {
    checked('TUNSETIFF', ioctl(fd, TUNSETIFF, request(IFF_TUN_NO_PI)));
    if (stays) checked('TUNSETPERSIST', persist(fd, TUNSETPERSIST, 1));
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    arrive: (bytes, length) => void write(fd, bytes, length),
    index() {
      const any = checked('socket', socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0));
      const asked = request(0);
      try {
        checked('SIOCGIFINDEX', ioctl(any, SIOCGIFINDEX, asked));
      } finally {
        close(any);
      }
      return new DataView(asked.buffer).getInt32(16, true);
    },
    close: () => void close(fd),
  };
}
