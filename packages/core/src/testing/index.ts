export { createTestQueue } from './test-queue.ts'
export type { TestQueue, TestQueueOptions } from './test-queue.ts'
