// The shapes of every `-o json` document. The code that makes the documents takes its types from here (types only, so
// no command loads zod); scripts/schema.js writes docs/schema from it; tests check real documents with it.
export { auditDocument } from './audit.ts';
export { changeDocument } from './change.ts';
export { connectionDocument } from './connection.ts';
export { demoDocument } from './demo.ts';
export { differenceDocument } from './difference.ts';
export { listingDocument } from './listing.ts';
export { liveDocument } from './live.ts';
export { planDocument } from './plan.ts';
export { programDocument } from './program.ts';
export { snapshotDocument } from './snapshot.ts';
export { traceDocument } from './trace.ts';
export { verificationDocument } from './verification.ts';
