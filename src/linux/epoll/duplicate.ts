import { accepted, loopCalls } from './calls.ts';

const F_DUPFD_CLOEXEC = 1030;

/** Another number for what a descriptor stands for, which is closed by itself. Throws SystemCallFailed. Source: fcntl(2). */
export const duplicate = (fd: number): number => accepted('fcntl', loopCalls().fcntl(fd, F_DUPFD_CLOEXEC, 3));
