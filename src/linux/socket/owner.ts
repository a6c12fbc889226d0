import { openSocket, SystemCallFailed, socketCalls } from './calls.ts';

/** Whose a socket is, as `-m owner` sees it. */
export interface Owner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** What setfsuid(2) takes to change nothing and say the present id. */
const ASK = 0xffff_ffff;

/**
 * Opens a TCP socket that belongs to somebody else, for a probe that speaks as the proxy's user. `-m owner` reads the
 * file system uid and gid of whoever made the socket; those two can be changed for this thread alone and back, with
 * CAP_SETUID and CAP_SETGID. Throws SystemCallFailed EPERM where they cannot, and where the user namespace does not know
 * the id.
 */
export const openSocketAs = (family: number, owner: Owner): number => asOwner(owner, () => openSocket(family));

/** Opens whatever socket in an owner's name. Throws SystemCallFailed EPERM as `openSocketAs` does. */
export function asOwner<T>({ uid, gid }: Owner, open: () => T): T {
  const calls = socketCalls();
  const before = { uid: calls.setfsuid(ASK) >>> 0, gid: calls.setfsgid(ASK) >>> 0 };
  try {
    // The gid first: giving up uid 0 may give up the right to change it.
    become('setfsgid', calls.setfsgid, gid);
    become('setfsuid', calls.setfsuid, uid);
    return open();
  } finally {
    calls.setfsuid(before.uid);
    calls.setfsgid(before.gid);
  }
}

/** These calls return the previous id and no error, so the change is checked by asking again. */
function become(call: string, set: (id: number) => number, id: number | undefined): void {
  if (id === undefined) return;
  set(id);
  if (set(ASK) >>> 0 !== id) throw new SystemCallFailed(call, 'EPERM');
}
