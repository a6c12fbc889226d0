import type { Family } from '../address/index.ts';

/** The pod's two ends of its link. Private networks of two addresses: nothing else is hidden from the app by them. */
export const POD = { ipv4: '10.77.0.2', ipv6: 'fd00:51de:57e9::2' } as const;
export const GATEWAY = { ipv4: '10.77.0.1', ipv6: 'fd00:51de:57e9::1' } as const;
export const LINK = { ipv4: 30, ipv6: 126 } as const;

/** What the app calls this host, whose loopback is not its own. */
export const HOST_NAME = 'host.sidestep.internal';

/** As in Istio; in a namespace of the app's own nobody else wants them. */
export const PORTS = { outbound: 15001, inbound: 15006, names: 15053 } as const;

/** The sidecar's own packets in the pod. There is only one user there, so rules cannot know it by uid. */
export const MARK = 1337;

/** The descriptors that the program inside is started with. */
export interface Channels {
  /** Listening sockets go here; its end is the sidecar's end. */
  readonly control: number;
  readonly 'pod ipv4': number;
  readonly 'gateway ipv4': number;
  readonly 'pod ipv6': number;
  readonly 'gateway ipv6': number;
}

/** What the program inside is told. */
export interface Inside {
  readonly channels: Channels;
  readonly families: readonly Family[];
  /** The file of the namespace at the other end of the link. */
  readonly gateway: string;
  readonly mark: number;
  readonly listeners: readonly {
    readonly purpose: 'outbound' | 'inbound' | 'names';
    readonly address: string;
    readonly port: number;
  }[];
}
