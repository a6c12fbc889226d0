/** What the kernel takes at most. Source: net/tcp.h, MAX_TCP_KEEPIDLE. */
const MOST = 32_767;

/**
 * The silence after which the kernel asks a peer, in seconds, which is how it counts: one at least, since it takes 0 for its own
 * two hours. 0 where it is not to ask at all.
 */
export const keepAliveSeconds = (milliseconds: number): number =>
  milliseconds > 0 ? Math.min(MOST, Math.max(1, Math.round(milliseconds / 1000))) : 0;
