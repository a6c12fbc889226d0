export { rulesOf } from './backend.ts';
export { type Change, type ChangeReport, changeRules, chooseBackend, describeStep } from './change.ts';
export { type Container, containers, findContainer } from './container.ts';
export { readLocalAddresses } from './local-addresses.ts';
export { type Namespace, type NamespaceSelector, openNamespace } from './namespace.ts';
export {
  type Capability,
  ChangeRefused,
  ChangeUnsettled,
  LockHeld,
  MissingKernelFeature,
  MissingPackage,
  NoSuchNamespace,
  NotPermitted,
} from './refusal.ts';
export type { RoutingChange } from './routing-change.ts';
export { type Finished, openScratch, type RunOptions, type Scratch } from './scratch.ts';
export { readSnapshot, type SnapshotOptions } from './snapshot.ts';
export { type Endpoint, endpointOf, formatEndpoint, isLinkLocal, sameEndpoint } from './socket-address.ts';
export { connectFrom, type Departure, tryDeparture } from './socket-connect.ts';
export { descriptorOf } from './socket-descriptor.ts';
export { type Holder, holderOf } from './socket-holder.ts';
export { closeDescriptor, SystemCallFailed } from './socket-libc.ts';
export { originalDestination } from './socket-original-destination.ts';
export type { Owner } from './socket-owner.ts';
export { resetOnClose, takeReset } from './socket-reset.ts';
export { parseSocketTable, readSocketTable, type SocketEntry, TCP_ESTABLISHED, TCP_LISTEN } from './socket-table.ts';
export { openTransparentListener } from './socket-transparent.ts';
export type { Desired, Step } from './step.ts';
export { type Missing, missingPackages, type Tool } from './tool.ts';
export { type UserNamespaces, userNamespaces } from './user-namespaces.ts';
