import type { RecognisedName } from './interception.ts';

/** A product whose rules are recognised by the names of its chains. */
export interface Product {
  readonly name: RecognisedName;
  readonly title: string;
  /** The names of the chains that it makes. */
  readonly chains: RegExp;
  /** Chains that it must have made for the rules to be its: another product may use the same prefix. */
  readonly proof?: RegExp;
  /** Rules that it writes into built-in chains without jumping to its own, by their comment. */
  readonly comment?: RegExp;
}

/** Products that Sidestep recognises and does not write. Source: interception-rules 2 (ambient), 3, 4 and 5. */
export const PRODUCTS: readonly Product[] = [
  { name: 'istio-ambient', title: 'Istio (ambient)', chains: /^ISTIO_/, proof: /^ISTIO_PRERT$/ },
  { name: 'linkerd', title: 'Linkerd', chains: /^PROXY_INIT_/, comment: /^proxy-init\// },
  { name: 'kuma', title: 'Kuma', chains: /^(?:KUMA|MESH)_/, proof: /^KUMA_/, comment: /^kuma\// },
  { name: 'consul', title: 'Consul', chains: /^CONSUL_/ },
  { name: 'osm', title: 'Open Service Mesh', chains: /^OSM_PROXY_/ },
  { name: 'app-mesh', title: 'AWS App Mesh', chains: /^APPMESH_/ },
];
