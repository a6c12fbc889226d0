export { type Audit, audit } from './audit.ts';
export { auditDocument } from './document.ts';
export { isAtLeast, LEVELS, type Level } from './finding.ts';
export { sarif } from './sarif.ts';
export { auditScreen } from './screen.ts';
