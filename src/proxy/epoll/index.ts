export { whyNoEpoll } from '../../linux/epoll/index.ts';
export { type EpollOptions, epollEngine } from './engine.ts';
