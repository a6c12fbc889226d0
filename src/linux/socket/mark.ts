import { SOL_SOCKET, setOption } from './calls.ts';

export const SO_MARK = 36;

/**
 * Puts a mark on every packet that a socket sends: how rules know the proxy's own traffic where they cannot know its uid.
 * Needs CAP_NET_ADMIN (or, since Linux 5.17, CAP_NET_RAW): throws SystemCallFailed EPERM. Source: socket(7), SO_MARK.
 */
export const setMark = (fd: number, mark: number): void =>
  setOption(fd, SOL_SOCKET, SO_MARK, mark | 0, 'setsockopt SO_MARK');
