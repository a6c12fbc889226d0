import { type Endpoint, formatEndpoint, type Owner, sameEndpoint } from '../linux/socket/index.ts';

/** One connection that the rules ought to redirect. */
export interface ProbeRequest {
  /** Where it goes, as far as it knows. */
  readonly destination: Endpoint;
  /** The port on which it ought to arrive. */
  readonly expected: number;
  /** Whose it is: rules treat the proxy's own user and mark apart. */
  readonly owner?: Owner | undefined;
  readonly mark?: number | undefined;
  /** The address it leaves from; the kernel's choice when undefined. */
  readonly from?: string | undefined;
  /** Milliseconds; default 5000. */
  readonly timeout?: number;
}

/**
 * What became of a probe.
 *
 * - `redirected`: it arrived on the expected port. `witness` says how that is known: `listener`, we took it there ourselves
 *   and conntrack named the original address and port; `socket table`, a proxy that runs there took it.
 * - `altered`: it arrived, but elsewhere or with another original destination.
 * - `missed`: nothing redirected it.
 * - `taken`: somebody took it, and it cannot be seen who (the connection was over before it could be looked at).
 * - `impossible`: it could not be made as asked; that says nothing of the rules.
 */
export interface ProbeResult {
  readonly request: ProbeRequest;
  readonly outcome: 'redirected' | 'altered' | 'missed' | 'taken' | 'impossible';
  readonly witness?: 'listener' | 'socket table';
  /** The socket that it reached, where that is known. */
  readonly reached?: Endpoint;
  /** Its original destination as conntrack names it; not known where a proxy took the connection. */
  readonly original?: Endpoint;
  /** In one clause: `127.0.0.6:15002 arrived on port 15006 with its original destination`. */
  readonly explanation: string;
}

/** Connected, but not to the expected port. */
export function elsewhere(request: ProbeRequest, reached: Endpoint | undefined): ProbeResult {
  const { destination, expected } = request;
  const name = formatEndpoint(destination);
  if (!reached) {
    return { request, outcome: 'taken', explanation: `${name} was answered, but it cannot be seen by whom` };
  }
  const known = { request, witness: 'socket table', reached } as const;
  return sameEndpoint(reached, destination)
    ? { ...known, outcome: 'missed', explanation: `${name} was reached directly` }
    : { ...known, outcome: 'altered', explanation: `${name} arrived on port ${reached.port} instead of ${expected}` };
}
