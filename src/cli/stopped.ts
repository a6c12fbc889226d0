/** The signals that end a command, and the status that a shell expects then. */
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * While a change is under way: a command that is told to stop says what became of it. What carries the change out is a process of
 * its own and goes on, so whoever only saw the prompt come back would not know. Returns what ends that.
 */
export function sayWhenStopped(): () => void {
  const listeners = Object.entries(STATUS).map(([signal, status]) => {
    const listener = (): void => {
      process.stderr.write(
        `sidestep: stopped (${signal}). The rules are as they were or as asked for, nothing in between; list shows which.\n`,
      );
      process.exit(status);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const end of listeners) end();
  };
}
