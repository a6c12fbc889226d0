import type { Server, Socket } from 'node:net';

/**
 * The file descriptor of a socket that Node made; undefined once it is closed.
 *
 * `_handle.fd` is undocumented and the same on Node 20, 24 and 26; a kernel test checks it. Nothing else reads it.
 */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
