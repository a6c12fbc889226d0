export { NoSuchCommand, type RunningApp } from './app.ts';
export type { Call, Log } from './calls.ts';
export { type Inherited, inheritedHere } from './inherited.ts';
export type { Answered, NameServer } from './names.ts';
export { GATEWAY, HOST_NAME, POD } from './plan.ts';
export { type PublishedPort, prepareRun, type Ready, type RunOptions } from './run.ts';
