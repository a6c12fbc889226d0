/** The kernel counts whole seconds, and takes 0 for its own two hours: a second is the least. 0 where it is not to ask at all. */
export const keepAliveSeconds = (milliseconds: number): number =>
  milliseconds > 0 ? Math.max(1, Math.round(milliseconds / 1000)) : 0;
