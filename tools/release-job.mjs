/** Run by tools/release-check.mjs where the tarballs are installed: a first job, as the README has it. */
import assert from 'node:assert/strict'
import { initJobQueue } from 'millrace'

/** @type {import('millrace').JobQueue<{ greet: { name: string } }>} */
const queue = initJobQueue()
queue.createProcessor({ greet: ({ name }) => Promise.resolve(`Hello, ${name}!`) }).startInBackground()
const done = new Promise((resolve) => queue.once('job:completed', resolve))
const id = await queue.addJob({ jobType: 'greet', payload: { name: 'Ada' } })
await done
assert.equal((await queue.getJob(id))?.output, 'Hello, Ada!')
await queue.close()
