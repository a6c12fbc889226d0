/** What a script can rely on. Source: the command line's contract in ARCHITECTURE.md. */
export const EXIT = {
  /** Done, or nothing found. */
  done: 0,
  /** A finding: a difference, drift, something unreachable. */
  finding: 1,
  /** Input or arguments that cannot be used. */
  unusable: 2,
  /** Not permitted, or missing on this system. */
  notPermitted: 3,
  /** A defect of Sidestep itself (EX_SOFTWARE of sysexits.h). */
  defect: 70,
  /** What istio-iptables answers when its validation fails. */
  validationFailed: 126,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
