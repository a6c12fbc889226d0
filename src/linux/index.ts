export { rulesOf } from './backend.ts';
export { type Change, type ChangeReport, changeRules, chooseBackend, describeStep } from './change.ts';
export { type Container, containers, findContainer } from './container.ts';
export { type Namespace, type NamespaceSelector, openNamespace } from './namespace.ts';
export * from './nftrace/index.ts';
export {
  type Capability,
  ChangeRefused,
  ChangeUnsettled,
  LockHeld,
  MissingKernelFeature,
  MissingPackage,
  NamespaceRefused,
  NoSuchNamespace,
  NotPermitted,
} from './refusal.ts';
export type { RoutingChange } from './routing-change.ts';
export { type Finished, openScratch, type RunOptions, type Scratch } from './scratch.ts';
export { readSnapshot, type SnapshotOptions } from './snapshot.ts';
export * from './socket/index.ts';
export type { Desired, Step, TableWish } from './step.ts';
export { demandTool, demandTools, type Tool } from './tool.ts';
export type { SentPacket } from './witness/send.ts';
export { NothingSent, throughKernel } from './witness/through-kernel.ts';
