/** What every refusal of this layer carries: what is wrong (its message), the way out, and the exit status it leads to. */
abstract class Refusal extends Error {
  readonly what: string;
  readonly hint: string;
  abstract readonly exitStatus: 1 | 2 | 3;

  constructor(what: string, hint: string) {
    super(what);
    this.what = what;
    this.hint = hint;
  }
}

/** The namespace that was asked for is not there, or more than one is meant. */
export class NoSuchNamespace extends Refusal {
  override readonly name = 'NoSuchNamespace';
  readonly exitStatus = 2;
}

/** Capabilities that this layer can find missing. Source: capabilities(7). */
export type Capability = 'CAP_NET_ADMIN' | 'CAP_SYS_ADMIN' | 'CAP_SYS_PTRACE';

const GRANT: Readonly<Record<Capability, string>> = {
  CAP_NET_ADMIN: [
    'Run it with sudo;',
    'in a container, add it to the spec: securityContext: { capabilities: { add: [NET_ADMIN] } };',
    'or try it without root in namespaces of your own: unshare --user --map-root-user --net',
  ].join('\n'),
  CAP_SYS_ADMIN: [
    'Run it with sudo;',
    'in a container, add it to the spec: securityContext: { capabilities: { add: [SYS_ADMIN] } };',
    'or run it inside that namespace, where it need not be entered.',
  ].join('\n'),
  CAP_SYS_PTRACE: [
    'Run it with sudo;',
    'in a container, add it to the spec: hostPID: true, securityContext: { capabilities: { add: [SYS_PTRACE, SYS_ADMIN] } }.',
  ].join('\n'),
};

/** A capability is missing. */
export class NotPermitted extends Refusal {
  override readonly name = 'NotPermitted';
  readonly exitStatus = 3;
  readonly capability: Capability;

  constructor(doing: string, capability: Capability, hint: string = GRANT[capability]) {
    super(`${doing} needs ${capability}, which this process does not have`, hint);
    this.capability = capability;
  }
}

/** A command that belongs to a system package is not installed. `hint` is the command that installs it. */
export class MissingPackage extends Refusal {
  override readonly name = 'MissingPackage';
  readonly exitStatus = 3;
}

/** An ordinary user may make no namespaces here: a switch of the kernel or a container's profile forbids it. */
export class NamespaceRefused extends Refusal {
  override readonly name = 'NamespaceRefused';
  readonly exitStatus = 3;
}

/** The kernel lacks a feature or has not loaded a module. */
export class MissingKernelFeature extends Refusal {
  override readonly name = 'MissingKernelFeature';
  readonly exitStatus = 3;
}

/** Somebody held the xtables lock for longer than the bound. Nothing was changed. */
export class LockHeld extends Refusal {
  override readonly name = 'LockHeld';
  readonly exitStatus = 3;
}

/** The kernel or its tool refused a change. All that was done before it has been undone. */
export class ChangeRefused extends Refusal {
  override readonly name = 'ChangeRefused';
  readonly exitStatus = 2;
}

/** A change that cannot be brought to rest: others change the same rules, or what was begun could not be undone. */
export class ChangeUnsettled extends Refusal {
  override readonly name = 'ChangeUnsettled';
  readonly exitStatus = 1;
}
