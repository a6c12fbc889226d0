export { type Credentials, connectAbstract, credentialsOf, listenAbstract } from './abstract.ts';
export { type Endpoint, endpointOf, formatEndpoint, isLinkLocal, sameEndpoint } from './address.ts';
export { closeDescriptor, SystemCallFailed } from './calls.ts';
export { connectFrom, type Departure, tryDeparture } from './connect.ts';
export { descriptorOf } from './descriptor.ts';
export { type Holder, holderOf } from './holder.ts';
export { builtModule, requireInstalled } from './installed.ts';
export { isRunning } from './link.ts';
export { openListeners, openTransparentListener, type SharedListeners } from './listener.ts';
export { readLocalAddresses } from './local-addresses.ts';
export { setMark as setSocketMark } from './mark.ts';
export { originalDestination } from './original-destination.ts';
export type { Owner } from './owner.ts';
export {
  limitQueue,
  limitWaiting,
  openChannel,
  type Passed,
  receiveDescriptors,
  type SocketSource,
  sendAtOnce,
  sendDescriptors,
  takeSocket,
} from './passing.ts';
export { resetOnClose, takeReset } from './reset.ts';
export { openSocketFor, openUdpSocket, setNetworkNamespace, whichWritable } from './switching.ts';
export { parseSocketTable, readSocketTable, type SocketEntry, TCP_ESTABLISHED, TCP_LISTEN } from './table.ts';
